/* Shards of a plan into the output that the options ask for. */
#ifndef PS_HOST_COMMANDS_FARM_MERGE_H
#define PS_HOST_COMMANDS_FARM_MERGE_H

#include "host/farm/plan.h"
#include "host/options.h"

/* As the verb merge: prove the shards in 'dir', write the output, tell the summary. 'opt' has the
 * options of the plan, and format and output. 'name': what the images are called, by number; NULL:
 * as in the plan. */
int ps_merge_shards(const struct ps_options *opt, const struct ps_farm_plan *plan, const char *dir,
                    const char *const *name, struct ps_err *err);

#endif
