/* What poolscan is compared with: other programs and libraries on the same file. */
#ifndef PS_BENCH_OTHERS_H
#define PS_BENCH_OTHERS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

/* Hyperscan on the made-up tags. One thread. */
struct hs_job;

/* Compile the tags of the file 'fixed', or the expressions of the file 'regex', one a line.
 * PS_EDEVICE in a build without Hyperscan. */
int hs_job_new(struct hs_job **out, const char *fixed, const char *regex, struct ps_err *err);

/* Look through n_bytes and count the matches. */
int hs_job_scan(struct hs_job *job, const uint8_t *mem, size_t n_bytes, uint64_t *n_matches,
                struct ps_err *err);

void hs_job_free(struct hs_job *job); /* accepts NULL */

const char *hs_version_text(void);

#endif
