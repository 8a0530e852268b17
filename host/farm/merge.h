/* Shards of a plan -> what one scan of its images would have reported. */
#ifndef PS_HOST_FARM_MERGE_H
#define PS_HOST_FARM_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "host/farm/plan.h"
#include "host/run/collector.h"

/* What a look at all shards of a plan says. */
struct ps_farm_survey {
    uint8_t *failed;  /* by number of the image: a shard of it cannot be used */
    size_t n_missing; /* shards that are not there */
    size_t n_bad;     /* damaged, not complete, or of something else */
    size_t n_failed;  /* images */
    size_t n_extra;   /* files that are called as a shard, and are of no task of the plan */
    char extra[256];  /* the first of them by name */
};

/* Prove the shard of every task in 'dir', which reads all of them, but for those of images that
 * left_out[number] names (NULL: none): they count as failed, and nobody is told. 'tell' gets one
 * sentence for each that cannot be used. That there are such is no error; PS_EIO, PS_ENOMEM, and
 * what ps_cancel_check says. Release with ps_farm_survey_free in any case. */
int ps_farm_survey(struct ps_farm_survey *out, const struct ps_farm_plan *plan, const char *dir,
                   size_t n_tags, const uint8_t *left_out,
                   void (*tell)(void *arg, const char *text), void *arg, struct ps_err *err);
void ps_farm_survey_free(struct ps_farm_survey *s);

/* Give what the shards of one image hold to a receiver, in the order of a scan. 'first' is the
 * number of the image's first task, 'name' what the image is called, NULL: as in the plan. What was
 * said about it is said again. The shards were surveyed: PS_EFORMAT when one has changed since. No
 * more than a record of each of three shards is in memory. */
int ps_farm_replay(const struct ps_farm_plan *plan, uint32_t first, const char *dir,
                   const char *name, size_t n_tags, const struct ps_receiver *to,
                   struct ps_err *err);

/* The number behind the last task of the image that task 'first' begins. */
uint32_t ps_farm_image_end(const struct ps_farm_plan *plan, uint32_t first);

#endif
