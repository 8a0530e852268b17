/* The inputs of every test of the kernel contract: rules, eras and pages, CPU and device alike. */
#ifndef PS_TESTS_SUPPORT_KERNEL_CASES_H
#define PS_TESTS_SUPPORT_KERNEL_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel.h"
#include "kernels/plan.h"
#include "scan/tags/ruleset.h"
#include "tests/support/oracle.h"
#include "tests/support/rng.h"

enum kernel_rules {
    RULES_15,   /* exact tags */
    RULES_500,  /* some of them wildcards */
    RULES_4600, /* likewise */
    RULES_ANY,  /* every printable tag, and a few exact ones */
    RULES_ODD,  /* every shape of mask, bytes of any value, duplicates */
    N_KERNEL_RULES,
};

/* One plan, and the same in the oracle's words. */
struct kernel_case {
    struct oracle_era era;
    struct oracle_rule *rules;
    size_t n_rules;
    struct ps_plan *plan;
    char name[96]; /* for messages */
};

/* era: index in ps_eras[]. Failure ends the program: the inputs are known to compile. */
void kernel_case_make(struct kernel_case *c, size_t era, enum kernel_rules rules, int with_free,
                      struct rng *r);
/* From a list of rules as it is; 0, or a negative ps_plan_compile result with nothing to free. */
int kernel_case_from_rules(struct kernel_case *c, size_t era, const struct oracle_rule *rules,
                           size_t n_rules, int with_free);
void kernel_case_free(struct kernel_case *c);

struct page_fill {
    const char *name;
    void (*fill)(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages);
    int must_hit; /* at least one hit when there is a page */
};

extern const struct page_fill page_fills[];
extern const size_t n_page_fills;

/* Would the oracle need seconds for this? Tests leave such inputs out: fewer pages, or noise, try
 * the same rules. */
int oracle_is_slow(const struct kernel_case *c, const struct page_fill *fill, size_t n_pages);

/* Do 'n' hits equal what the oracle says? Otherwise 0, and the first difference in 'why'. */
int same_hits(const struct ps_hit *got, size_t n, const struct oracle_hit *want, size_t n_want,
              char *why, size_t why_bytes);

#endif
