#include "host/farm/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/farm/shard/shard.h"
#include "host/farm/task_parts.h"

int ps_farm_shard_path(char *path, size_t n, const char *dir, const struct ps_farm_task *task,
                       struct ps_err *err)
{
    const int len = snprintf(path, n, "%s/" PS_FARM_SHARD_NAME, dir, (unsigned)task->number);

    if (len > 0 && (size_t)len < n)
        return 0;
    return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.100s...: the name is too long", dir);
}

static int foreign(const char *what, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a shard of %s", what);
}

int ps_farm_check_head(const struct ps_shard_head *h, const struct ps_farm_plan *plan,
                       const struct ps_farm_task *task, struct ps_err *err)
{
    if (strcmp(h->plan_id, plan->id) != 0)
        return foreign("another plan", err);
    if (h->task != task->number)
        return foreign("another task", err);
    if (strcmp(h->version, plan->version) != 0)
        return foreign("another version of the program", err);
    if (strcmp(h->tags_id, plan->tags_id) != 0)
        return foreign("other tags", err);
    if (strcmp(h->image_id, task->identity) != 0 || strcmp(h->image, task->image) != 0)
        return foreign("another image", err);
    return 0;
}

/* Has the record a place in a shard of this task? */
static int is_of_task(const struct ps_shard_record *rec, const struct ps_farm_task *task)
{
    const struct ps_chunk_result *c = &rec->chunk;

    if (rec->kind == PS_SHARD_SIDE)
        return task->part != PS_FARM_RANGE;
    if (rec->kind != PS_SHARD_CHUNK)
        return 1;
    if (task->part == PS_FARM_VIRTUAL || c->end <= task->start || c->end > task->end)
        return 0;
    return (c->n_prints == 0 || c->print[0].phys >= task->start) &&
           (c->n_kept == 0 || c->kept_phys[0] >= task->start);
}

static int check_records(struct ps_shard_reader *r, const struct ps_farm_task *task,
                         struct ps_err *err)
{
    struct ps_shard_record rec;
    int has_side = 0;
    int rc;

    while ((rc = ps_shard_next(r, PS_SHARD_ALL, &rec, err)) > 0) {
        has_side |= rec.kind == PS_SHARD_SIDE;
        if (!is_of_task(&rec, task))
            return foreign("this task, but with a record of another one", err);
    }
    if (rc == 0 && has_side != (task->part != PS_FARM_RANGE))
        return foreign("this task, but a record is missing", err);
    return rc;
}

int ps_farm_shard_check(const char *path, const struct ps_farm_plan *plan,
                        const struct ps_farm_task *task, size_t n_tags, const struct ps_era **era,
                        struct ps_err *err)
{
    struct ps_shard_reader *r;
    int rc = ps_shard_open(&r, path, n_tags, err);

    if (rc < 0)
        return rc;
    *era = ps_shard_reader_head(r)->era;
    rc = ps_farm_check_head(ps_shard_reader_head(r), plan, task, err);
    if (rc == 0)
        rc = check_records(r, task, err);
    ps_shard_reader_free(r);
    return rc;
}
