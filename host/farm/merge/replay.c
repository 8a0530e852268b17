#include "host/farm/merge/replay.h"

#include <limits.h>

#include "host/cancel.h"
#include "host/farm/shard/shard.h"
#include "host/farm/task.h"
#include "host/log.h"

#define KIND(kind) (1u << PS_SHARD_##kind)

struct replay {
    const struct ps_farm_replay *what;
    const struct ps_receiver *to;
    struct ps_shard_reader *side; /* NOTE, SIDE, and the BIGs that have not been asked for */
    size_t n_big;                 /* big allocations in these */
};

static int changed(struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a shard has changed while it was merged");
}

static int open_shard(const struct replay *p, const struct ps_farm_task *task,
                      struct ps_shard_reader **out, struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = ps_farm_shard_path(path, sizeof path, p->what->dir, task, err);

    return rc < 0 ? rc : ps_shard_open(out, path, p->what->n_tags, err);
}

/* The next window of big allocations. */
static int more_big(void *arg, const struct ps_finding **big, size_t *n, struct ps_err *err)
{
    struct replay *p = arg;
    struct ps_shard_record rec;
    int rc;

    *n = 0;
    if (p->n_big == 0)
        return 0;
    rc = ps_shard_next(p->side, KIND(BIG), &rec, err);
    if (rc < 0)
        return rc;
    if (rc == 0 || rec.n > p->n_big)
        return changed(err);
    p->n_big -= rec.n;
    *big = rec.finding;
    *n = rec.n;
    return 0;
}

/* Notes and what belongs to the image as a whole. */
static int begin(struct replay *p, const struct ps_farm_task *task, struct ps_err *err)
{
    struct ps_shard_record rec;
    int rc = open_shard(p, task, &p->side, err);

    if (rc < 0)
        return rc;
    while ((rc = ps_shard_next(p->side, KIND(NOTE) | KIND(SIDE), &rec, err)) > 0) {
        if (rec.kind == PS_SHARD_SIDE)
            break;
        ps_log((enum ps_log_level)rec.note.level, "%s", rec.note.text);
    }
    if (rc <= 0)
        return rc < 0 ? rc : changed(err);
    p->n_big = rec.side.n_big;
    rec.side.n_big = 0;
    rec.side.more_big = more_big;
    rec.side.more_arg = p;
    if (p->what->name)
        rec.side.about.path = p->what->name;
    return p->to->begin(p->to->arg, &rec.side, err);
}

static int give(const struct replay *p, struct ps_shard_record *rec, struct ps_err *err)
{
    if (rec->kind == PS_SHARD_CHUNK)
        return p->to->chunk(p->to->arg, &rec->chunk, err);
    if (rec->kind == PS_SHARD_PAGED)
        return p->to->paged_out(p->to->arg, rec->finding, rec->n, err);
    return p->to->end(p->to->arg, &rec->rest, err);
}

/* What is to come of a shard of that part, after what 'begin' takes. */
static unsigned kinds_of(enum ps_farm_part part)
{
    const unsigned rest = KIND(PAGED) | KIND(REST);

    if (part == PS_FARM_RANGE)
        return KIND(CHUNK);
    return part == PS_FARM_VIRTUAL ? rest : KIND(CHUNK) | rest;
}

static int play(const struct replay *p, const struct ps_farm_task *task, struct ps_err *err)
{
    const unsigned kinds = kinds_of(task->part);
    struct ps_shard_reader *r;
    struct ps_shard_record rec;
    int rc = open_shard(p, task, &r, err);

    if (rc < 0)
        return rc;
    while ((rc = ps_shard_next(r, kinds, &rec, err)) > 0) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = give(p, &rec, err);
        if (rc < 0)
            break;
    }
    ps_shard_reader_free(r);
    return rc;
}

static int have(const struct ps_farm_replay *what, const struct ps_farm_task *task,
                struct ps_err *err)
{
    return what->have ? what->have(what->arg, task, err) : 0;
}

int ps_farm_replay(const struct ps_farm_replay *what, uint32_t first, struct ps_err *err)
{
    const struct ps_farm_task *task = what->plan->task;
    const uint32_t last = ps_farm_image_end(what->plan, first) - 1;
    struct replay p = {.what = what, .to = what->to};
    int rc = have(what, &task[last], err);

    if (rc == 0)
        rc = begin(&p, &task[last], err);
    for (uint32_t i = first; rc == 0 && i <= last; i++) {
        if (i < last)
            rc = have(what, &task[i], err);
        if (rc == 0)
            rc = play(&p, &task[i], err);
    }
    ps_shard_reader_free(p.side);
    return rc;
}
