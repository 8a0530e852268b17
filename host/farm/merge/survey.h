/* Which shards of a plan can be merged. */
#ifndef PS_HOST_FARM_MERGE_SURVEY_H
#define PS_HOST_FARM_MERGE_SURVEY_H

#include <stddef.h>
#include <stdint.h>

#include "host/farm/plan.h"
#include "scan/pool/era.h"

/* What a look at all shards of a plan says. */
struct ps_farm_survey {
    uint8_t *failed;  /* by number of the image: a shard of it cannot be used */
    size_t n_missing; /* shards that are not there */
    size_t n_bad;     /* damaged, not complete, or of something else */
    size_t n_failed;  /* images */
};

/* Is the shard of the task there, whole, and of the same generation of Windows as those of its
 * image that were proved before? *era is theirs, NULL: there are none, and becomes its own.
 * PS_ENOENT: there is none; PS_EFORMAT: it cannot be used, as *err says; PS_EIO, PS_ENOMEM,
 * PS_ECREATE: the name of 'dir' is too long. */
int ps_farm_prove(const struct ps_farm_plan *plan, const struct ps_farm_task *task, const char *dir,
                  size_t n_tags, const struct ps_era **era, struct ps_err *err);

/* Prove the shard of every task in 'dir', which reads all of them, but for those of images that
 * left_out[number] names (NULL: none): they count as failed, and nobody is told. 'tell' gets one
 * sentence for each that cannot be used. That there are such is no error; PS_EIO, PS_ENOMEM, and
 * what ps_cancel_check says. Release with ps_farm_survey_free in any case. */
int ps_farm_survey(struct ps_farm_survey *out, const struct ps_farm_plan *plan, const char *dir,
                   size_t n_tags, const uint8_t *left_out,
                   void (*tell)(void *arg, const char *text), void *arg, struct ps_err *err);
void ps_farm_survey_free(struct ps_farm_survey *s);

#endif
