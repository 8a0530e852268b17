/* A plan: images cut into tasks, as JSON Lines; docs/FARM.md has the form.
 *
 * The first line says what all tasks share, each further one is a task. Tasks are numbered from 0,
 * image after image. An image is either one task (PS_FARM_WHOLE) or ranges of physical addresses,
 * ascending, each beginning where the one before ended, and behind them one task for its virtual
 * side (PS_FARM_VIRTUAL). The same image may be there more than once.
 *
 * A plan that was read or sealed is immutable and may be used from any thread. */
#ifndef PS_HOST_FARM_PLAN_H
#define PS_HOST_FARM_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "host/digest.h"
#include "scan/err.h"

/* Limits of what is read: a hostile plan takes no more memory than a few times its size. */
#define PS_FARM_PLAN_MAX_BYTES (UINT64_C(1) << 30)
#define PS_FARM_PLAN_MAX_TASKS (UINT32_C(1) << 24)
#define PS_FARM_PLAN_MAX_WORDS (UINT32_C(1) << 18)

enum ps_farm_part {
    PS_FARM_RANGE,   /* headers of [start, end) */
    PS_FARM_VIRTUAL, /* the rest: big allocations, processes, pages that are paged out */
    PS_FARM_WHOLE,   /* both */
};

struct ps_farm_task {
    uint32_t number;                    /* its index in the plan */
    uint32_t image_number;              /* index of its image among those of the plan */
    const char *image;                  /* absolute path; owned by the plan */
    uint64_t image_bytes;               /* ps_image_file_bytes */
    char identity[PS_DIGEST_HEX_BYTES]; /* ps_image_id */
    uint64_t start, end; /* physical, multiples of 4096, start < end <= 2^52; of PS_FARM_VIRTUAL all
                          * that the ranges of its image cover */
    enum ps_farm_part part;
};

struct ps_farm_plan {
    char id[PS_DIGEST_HEX_BYTES]; /* digest of all the rest; empty: not sealed */
    const char *version;          /* of the program that made it */
    const char **word;            /* command-line words that shape results, in their one order */
    size_t n_words;
    char options_id[PS_DIGEST_HEX_BYTES]; /* of these words and the files that they name */
    char tags_id[PS_DIGEST_HEX_BYTES];    /* of the tag database */
    uint64_t task_bytes;                  /* memory that a task was meant to have */
    struct ps_farm_task *task;
    size_t n_tasks;
    uint32_t n_images;
    char **owned; /* the texts of all of this */
    size_t n_owned;
};

const char *ps_farm_part_name(enum ps_farm_part part);
/* The number behind the last task of the image that task 'first' begins. */
uint32_t ps_farm_image_end(const struct ps_farm_plan *plan, uint32_t first);

/* Making one: begin with all zero, set 'version' with ps_farm_plan_text and words with
 * ps_farm_plan_word, and the digests and task_bytes directly; then add tasks in order and seal.
 *
 * Copy a text into the plan; *out is the copy. PS_ENOMEM. */
int ps_farm_plan_text(struct ps_farm_plan *plan, const char *text, const char **out,
                      struct ps_err *err);
int ps_farm_plan_word(struct ps_farm_plan *plan, const char *word, struct ps_err *err);
/* Append a task. 'number' and 'image_number' are set here, 'image' is copied. PS_EFORMAT when it
 * cannot follow what is there: nothing was added then. PS_ENOMEM. */
int ps_farm_plan_add(struct ps_farm_plan *plan, const struct ps_farm_task *task,
                     struct ps_err *err);
/* Compute 'id'. PS_EFORMAT when the plan has no task or its last image is not complete; PS_ENOMEM.
 * It is the XXH3-128 of the text that ps_farm_plan_write writes, with nothing between the quotes of
 * "id". */
int ps_farm_plan_seal(struct ps_farm_plan *plan, struct ps_err *err);

/* Write a sealed plan to 'path' (NULL or "-": standard output). As ps_sink_open, ps_sink_write. */
int ps_farm_plan_write(const struct ps_farm_plan *plan, const char *path, struct ps_err *err);

/* Read a plan and prove it by its id. On success *out is to be freed with ps_farm_plan_free. After
 * a failure it is untouched: PS_ENOENT when there is no such file, PS_EIO, PS_EFORMAT with err->at
 * = line number when it is no plan, damaged, cut off or was changed, PS_ENOMEM. The messages of
 * ps_farm_plan_read name the file. */
int ps_farm_plan_read(struct ps_farm_plan *out, const char *path, struct ps_err *err);
int ps_farm_plan_parse(struct ps_farm_plan *out, const char *text, size_t n, struct ps_err *err);
void ps_farm_plan_free(struct ps_farm_plan *plan); /* accepts one that is all zero */

#endif
