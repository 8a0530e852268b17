/* Era and rules -> plan. */
#ifndef PS_SCAN_PLAN_COMPILE_H
#define PS_SCAN_PLAN_COMPILE_H

#include "kernels/plan.h"
#include "scan/err.h"
#include "scan/pool/era.h"
#include "scan/tags/ruleset.h"

#define PS_MAX_RULES ((size_t)1 << 20)

/* Compile a plan: headers legal in 'era' whose tag matches a rule. with_free admits the
 * PoolType of free blocks, and blocks of a single slot, too. *out is one block of memory,
 * plan->n_bytes long, to be released with free(). Of rules with the same pattern the first one
 * counts; in an era with protected tags two patterns that differ in PS_TAG_PROTECTED only are
 * the same. No rules is an error (PS_EARG), and so are more than PS_MAX_RULES. */
int ps_plan_compile(struct ps_plan **out, const struct ps_era *era, const struct ps_ruleset *rules,
                    int with_free, struct ps_err *err);

#endif
