/* One task of a plan, from its image into its shard. */
#ifndef PS_HOST_FARM_TASK_H
#define PS_HOST_FARM_TASK_H

#include "host/farm/plan.h"
#include "host/options.h"
#include "host/run/session.h"

/* Of the file that has the shard of a task, below a folder. */
#define PS_FARM_SHARD_NAME "task-%06u.shard"

struct ps_farm_opened;

struct ps_farm_task_run {
    struct ps_scan_session *session; /* with the options of the plan */
    const struct ps_farm_plan *plan;
    const struct ps_farm_task *task;
    const char *dir;                         /* made if it is not there */
    const struct ps_scan_progress *progress; /* NULL: nobody */
    /* Told of the open image before it is scanned; may be NULL. */
    void (*on_image)(void *arg, struct ps_image *image);
    void *arg;
    struct ps_image *opened; /* the image, if it is open already; taken from here when it is used */
    /* What the task before left open, and the next one may use (host/farm/opened.h); NULL: all is
     * closed again. */
    struct ps_farm_opened *kept;
    /* What became of it: */
    int was_done;     /* the shard was there, and nothing had to be done */
    int was_recorded; /* the shard is there now */
    int not_opened;   /* it failed because the image cannot be opened, or has changed */
    int not_scanned;  /* it failed by what is in the image; neither is the fault of another one */
    int no_folder;    /* it failed because nothing can be created in the folder */
    uint64_t n_bytes, n_findings;
};

/* Scan the task and put its shard in place: it appears whole, under its name, or not at all, and
 * what is there is never written over. A shard of this task is done work: 0. With 'was_recorded',
 * an error says what the image lacks of what was recorded, as ps_losses_tell does. Else nothing is
 * left behind: PS_ECREATE when another file has the name or the folder cannot be made; PS_EFORMAT
 * when the image is not the one of the plan; what ps_open_image, ps_image_scan and the writer say.
 */
int ps_farm_task_run(struct ps_farm_task_run *run, struct ps_err *err);

/* Is the file at 'path' the whole shard of that task? 0; PS_ENOENT: there is none; PS_EFORMAT: it
 * is damaged, not complete, or of something else, as *err says; PS_EIO, PS_ENOMEM. *era is what its
 * pages were judged by. */
int ps_farm_shard_check(const char *path, const struct ps_farm_plan *plan,
                        const struct ps_farm_task *task, size_t n_tags, const struct ps_era **era,
                        struct ps_err *err);

/* The name of a task's shard into path[n]; PS_ECREATE: too long. */
int ps_farm_shard_path(char *path, size_t n, const char *dir, const struct ps_farm_task *task,
                       struct ps_err *err);

#endif
