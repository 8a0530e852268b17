/* What a plan says of the options, and whether that still holds where a task of it runs. */
#ifndef PS_HOST_FARM_PLAN_OPTIONS_H
#define PS_HOST_FARM_PLAN_OPTIONS_H

#include "host/farm/plan.h"
#include "host/options.h"
#include "scan/tags/tagdb.h"

/* Put version, words and digests of 'opt' and of the tag database that they ask for into a plan
 * that is all zero. PS_ENOENT, PS_EIO: a file that they name; PS_ENOMEM. */
int ps_farm_plan_set_options(struct ps_farm_plan *plan, const struct ps_options *opt,
                             const struct ps_tagdb *tags, struct ps_err *err);

/* Give *opt, which has no options that shape results, those of the plan. PS_EFORMAT when the plan
 * is of another version of the program, or a file that they name is not what it was; PS_ENOENT,
 * PS_EIO, PS_ENOMEM. After a failure *opt is only good for ps_options_free. */
int ps_farm_plan_use_options(const struct ps_farm_plan *plan, struct ps_options *opt,
                             struct ps_err *err);

/* Is this the tag database that the plan was made with? PS_EFORMAT when not. */
int ps_farm_plan_check_tags(const struct ps_farm_plan *plan, const struct ps_tagdb *tags,
                            struct ps_err *err);

/* Digest of all that tags say in results, in their order. PS_ENOMEM. */
int ps_farm_tags_id(const struct ps_tagdb *tags, char hex[PS_DIGEST_HEX_BYTES], struct ps_err *err);

#endif
