/* Shards of a plan into the output that the options ask for. */
#ifndef PS_HOST_COMMANDS_FARM_MERGE_H
#define PS_HOST_COMMANDS_FARM_MERGE_H

#include "host/farm/plan.h"
#include "host/options.h"

/* Images that give nothing, where that is no reason to merge nothing. */
struct ps_merge_gaps {
    const uint8_t *left_out; /* by number of the image: its shards are not looked at */
    /* The first image that gives nothing, in the plan or not: so many images of the plan stand
     * before it, and PS_E... that a scan would end with; 0: there is none. */
    uint32_t before;
    int code;
};

/* As the verb merge: prove the shards in 'dir', write the output, tell the summary. 'opt' has the
 * options of the plan, and format and output. 'name': what the images are called, by number; NULL:
 * as in the plan. With gaps the status is that of the first image that fails, as after a scan. */
int ps_merge_shards(const struct ps_options *opt, const struct ps_farm_plan *plan, const char *dir,
                    const char *const *name, const struct ps_merge_gaps *gaps,
                    struct ps_err *err);

#endif
