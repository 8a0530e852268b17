/* Random findings, hostile in every byte that a finding has. */
#ifndef PS_TESTS_SUPPORT_RANDOM_FINDINGS_H
#define PS_TESTS_SUPPORT_RANDOM_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/output_run.h"

/* Two of four processes have a name, one of them an awkward one. */
extern struct ps_processes random_processes;

/* Begin with rng_seed(). Returns it, to be printed. */
uint64_t seed_random(void);

/* Fill f[n] and make it a case of image i: 0, of an x64 Windows with a plain name; 1, of an x86 one
 * whose name is hostile. */
struct output_case random_case(struct ps_finding *f, size_t n, size_t i, const struct ps_tagdb *db);

#endif
