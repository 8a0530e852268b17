#include "host/farm/session/resume.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "host/farm/task_parts.h"
#include "host/log.h"
#include "host/open_image.h"
#include "scan/tags/tagdb.h"

/* The shard on disk. */
struct growing {
    char path[PATH_MAX];
    struct ps_shard_writer *writer;
    struct ps_shard_head head;
    struct ps_shard_state state; /* all zero: it is new */
};

static int start_over(struct ps_farm_task_run *run, struct growing *g, struct ps_err *err)
{
    int rc;

    ps_shard_writer_free(g->writer);
    g->writer = NULL;
    memset(&g->state, 0, sizeof g->state);
    if (unlink(g->path) < 0 && errno != ENOENT)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.120s: cannot be removed: %s", g->path,
                       strerror(errno));
    ps_farm_fill_head(&g->head, run);
    rc = ps_shard_create(&g->writer, g->path, err);
    return rc < 0 ? rc : ps_farm_sync_dir(run->dir, err);
}

/* Without a HEAD and a SIDE nothing is lost that is worth to be kept. */
static int open_shard(struct ps_farm_task_run *run, struct growing *g, struct ps_err *err)
{
    int rc = ps_shard_resume(&g->writer, g->path, ps_tagdb_count(run->session->tags), &g->head,
                             &g->state, err);

    if (rc == -PS_ENOENT || rc == -PS_EFORMAT)
        return start_over(run, g, err);
    if (rc < 0)
        return rc;
    if (!g->state.is_complete && (!g->writer || !g->state.has_side))
        return start_over(run, g, err);
    return ps_farm_check_head(&g->head, run->plan, run->task, err);
}

static int record(struct ps_farm_task_run *run, struct growing *g, struct ps_image *image,
                  const struct ps_farm_notes *notes, struct ps_err *err)
{
    const int has_begun = g->state.has_side;
    struct ps_err ignored;
    struct ps_recorder recorder = {.writer = g->writer,
                                   .head = &g->head,
                                   .notes = notes,
                                   .with_side = 1,
                                   .has_begun = has_begun,
                                   .sync = 1,
                                   .progress = run->progress,
                                   .losses = g->state.losses,
                                   .n_bytes = g->state.n_bytes};
    const uint64_t end = g->state.end;
    int rc = ps_farm_scan(run, image, NULL, end > run->task->start ? end : run->task->start,
                          &recorder, err);

    run->not_scanned = rc == -PS_EARG || rc == -PS_EFORMAT;
    if (rc == 0)
        rc = ps_shard_finish(g->writer, err);
    else if (rc != -PS_EIO)
        (void)ps_shard_sync(g->writer, &ignored);
    run->was_recorded = rc == 0;
    run->n_bytes = recorder.n_bytes;
    run->n_findings = recorder.n_findings;
    return rc;
}

static int scan_image(struct ps_farm_task_run *run, struct growing *g, struct ps_err *err)
{
    struct ps_farm_notes notes;
    struct ps_image *image = NULL;
    int rc;

    ps_farm_notes_begin(&notes, 1);
    rc = ps_farm_open_image(run, &image, err);
    if (rc == 0)
        rc = record(run, g, image, &notes, err);
    ps_farm_notes_end();
    ps_farm_notes_free(&notes);
    ps_image_close(image);
    return rc;
}

int ps_farm_task_resume(struct ps_farm_task_run *run, struct ps_err *err)
{
    struct growing g = {.writer = NULL};
    int rc = ps_farm_shard_path(g.path, sizeof g.path, run->dir, run->task, err);

    if (rc == 0)
        rc = open_shard(run, &g, err);
    run->was_done = rc == 0 && g.state.is_complete;
    if (rc == 0 && !run->was_done)
        rc = scan_image(run, &g, err);
    ps_shard_writer_free(g.writer);
    return rc;
}
