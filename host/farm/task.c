#include "host/farm/task.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/farm/opened.h"
#include "host/farm/recorder.h"
#include "host/farm/shard/shard.h"
#include "host/farm/task_parts.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/run/image_scan.h"
#include "host/temp_files.h"
#include "scan/tags/tagdb.h"

#define MAX_TEMP_NAMES 64u

/* The files of a task. */
struct place {
    char path[PATH_MAX];
    char temp[PATH_MAX + 128];
};

int ps_farm_make_dir(const char *dir, struct ps_err *err)
{
    if (mkdir(dir, 0777) == 0 || errno == EEXIST)
        return 0;
    return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.120s: cannot make this folder: %s", dir,
                   strerror(errno));
}

/* Nodes share the folder, so the name of the machine belongs to that of the process. */
static int create_temp(struct place *p, struct ps_shard_writer **out, struct ps_err *err)
{
    char host[65] = "host";
    int rc = -PS_ECREATE;

    gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    for (unsigned i = 0; i < MAX_TEMP_NAMES && rc == -PS_ECREATE; i++) {
        snprintf(p->temp, sizeof p->temp, "%s.%s.%ld.%u.tmp", p->path, host, (long)getpid(), i);
        rc = ps_shard_create(out, p->temp, err);
        if (rc == -PS_ECREATE && access(p->temp, F_OK) != 0)
            break;
    }
    if (rc == 0)
        ps_temp_files_add(p->temp);
    return rc;
}

/* A name is on disk only once its folder is; some file systems cannot tell (EINVAL). */
int ps_farm_sync_dir(const char *dir, struct ps_err *err)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int failed = fd >= 0 && fsync(fd) < 0 && errno != EINVAL;

    if (fd >= 0)
        close(fd);
    return failed ? ps_fail(err, PS_EIO, PS_AT_NONE, "%.120s: cannot sync this folder", dir) : 0;
}

/* Done work is 0. */
static int look(const struct ps_farm_task_run *run, const char *path, struct ps_err *err)
{
    const struct ps_era *era;
    struct ps_err why;
    int rc = ps_farm_shard_check(path, run->plan, run->task, ps_tagdb_count(run->session->tags),
                                 &era, &why);

    if (rc == 0 || rc == -PS_ENOENT)
        return rc;
    if (rc == -PS_EFORMAT)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                       "%.120s: there already, and not the shard of this task: %.90s; remove it or "
                       "choose another folder",
                       path, why.msg);
    *err = why;
    return rc;
}

/* Give the shard its name, unless another process was quicker. File systems without hard links get
 * a rename, which cannot write over anything that was there a moment ago. */
static int publish(struct ps_farm_task_run *run, const struct place *p, struct ps_err *err)
{
    int rc = 0;
    int linked = link(p->temp, p->path) == 0;

    if (!linked && errno != EEXIST && access(p->path, F_OK) != 0)
        linked = rename(p->temp, p->path) == 0;
    if (!linked) {
        const char *why = strerror(errno);

        rc = look(run, p->path, err);
        if (rc == -PS_ENOENT)
            return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.120s: cannot create the shard: %s",
                           p->path, why);
    }
    return rc < 0 ? rc : ps_farm_sync_dir(run->dir, err);
}

int ps_farm_check_image(const struct ps_farm_task *task, const struct ps_image *image,
                        struct ps_err *err)
{
    if (ps_image_file_bytes(image) == task->image_bytes &&
        strcmp(ps_image_id(image), task->identity) == 0)
        return 0;
    return ps_fail(
        err, PS_EFORMAT, PS_AT_NONE,
        "this is not the image that the plan was made of: it was changed, or another one "
        "has its name");
}

void ps_farm_fill_head(struct ps_shard_head *head, const struct ps_farm_task_run *run)
{
    memset(head, 0, sizeof *head);
    head->task = run->task->number;
    snprintf(head->version, sizeof head->version, "%s", run->plan->version);
    snprintf(head->plan_id, sizeof head->plan_id, "%s", run->plan->id);
    snprintf(head->tags_id, sizeof head->tags_id, "%s", run->plan->tags_id);
    snprintf(head->image_id, sizeof head->image_id, "%s", run->task->identity);
    snprintf(head->image, sizeof head->image, "%s", run->task->image);
}

/* Keys must be the same in all tasks of an image, wherever they run. */
int ps_farm_scan(const struct ps_farm_task_run *run, struct ps_image *image,
                 struct ps_virtual_side *side, uint64_t start, struct ps_recorder *recorder,
                 struct ps_err *err)
{
    const struct ps_farm_task *task = run->task;
    const struct ps_receiver to = ps_recorder_receiver(recorder);
    struct ps_page_secret secret;
    const struct ps_image_scan what = {
        .session = run->session,
        .image = image,
        .start = task->part == PS_FARM_VIRTUAL ? 0 : start,
        .end = task->part == PS_FARM_VIRTUAL ? 0 : task->end,
        .with_side = recorder->with_side,
        .page_secret = &secret,
        .side = side,
        .to = &to,
    };

    ps_page_secret_derive(&secret, run->plan->id);
    return ps_image_scan(&what, err);
}

static int record(struct ps_farm_task_run *run, struct ps_farm_opened *o, struct place *p,
                  struct ps_losses *losses, struct ps_err *err)
{
    struct ps_shard_head head;
    struct ps_recorder recorder = {.head = &head,
                                   .notes = &o->notes,
                                   .with_side = run->task->part != PS_FARM_RANGE,
                                   .progress = run->progress};
    int rc = create_temp(p, &recorder.writer, err);

    run->no_folder = rc == -PS_ECREATE;
    if (rc < 0)
        return rc;
    ps_farm_fill_head(&head, run);
    rc = ps_farm_opened_side(o, run, err);
    if (rc == 0)
        rc = ps_farm_scan(run, o->image, &o->side, run->task->start, &recorder, err);
    if (rc == 0)
        rc = ps_shard_finish(recorder.writer, err);
    ps_shard_writer_free(recorder.writer);
    if (rc == 0)
        rc = publish(run, p, err);
    unlink(p->temp);
    ps_temp_files_forget(p->temp);
    run->was_recorded = rc == 0;
    run->n_bytes = recorder.n_bytes;
    run->n_findings = recorder.n_findings;
    *losses = recorder.losses;
    return rc;
}

static int open_or_take(struct ps_farm_task_run *run, struct ps_image **image, struct ps_err *err)
{
    if (!run->opened)
        return ps_open_image(image, run->task->image, run->session->opt, err);
    *image = run->opened;
    run->opened = NULL;
    ps_log_image_notes(*image, ps_image_path(*image));
    return 0;
}

int ps_farm_open_image(struct ps_farm_task_run *run, struct ps_image **image, struct ps_err *err)
{
    int rc = open_or_take(run, image, err);

    if (rc == 0) {
        ps_warn_if_torn(*image);
        rc = ps_farm_check_image(run->task, *image, err);
    }
    run->not_opened = rc < 0;
    if (rc == 0 && run->on_image)
        run->on_image(run->arg, *image);
    return rc;
}

/* What a failure left behind is for nobody. */
static int scan_image(struct ps_farm_task_run *run, struct place *p, struct ps_err *err)
{
    struct ps_farm_opened own = {.image = NULL};
    struct ps_farm_opened *o = run->kept ? run->kept : &own;
    struct ps_losses losses = {0};
    int rc = ps_farm_opened_use(o, run, err);

    if (rc == 0)
        rc = record(run, o, p, &losses, err);
    if (rc < 0 || !run->kept)
        ps_farm_opened_close(o);
    return rc == 0 ? ps_losses_tell(&losses, err) : rc;
}

int ps_farm_task_run(struct ps_farm_task_run *run, struct ps_err *err)
{
    struct place p;
    int rc = ps_farm_shard_path(p.path, sizeof p.path, run->dir, run->task, err);

    if (rc == 0)
        rc = ps_farm_make_dir(run->dir, err);
    run->no_folder = rc < 0;
    if (rc < 0)
        return rc;
    rc = look(run, p.path, err);
    run->was_done = rc == 0;
    return rc == -PS_ENOENT ? scan_image(run, &p, err) : rc;
}
