#include "host/farm/merge/arrival.h"

#include <errno.h>
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/farm/merge/listing.h"
#include "host/farm/merge/survey.h"
#include "host/farm/task.h"
#include "host/report/status.h"

/* A look costs a microsecond here, and a question to a server elsewhere: so shards are seen late by
 * a small part of the time that was waited for them. */
#define FIRST_SLEEP_NS INT64_C(5000000)
#define LAST_SLEEP_NS  INT64_C(250000000)
/* Listing a folder costs more than asking for a name. */
#define LISTS_EACH 16

struct wait {
    const struct ps_farm_arrivals *a;
    double end;  /* when it is given up */
    double list; /* when the folder is listed next */
    size_t n;    /* shards in it */
    int64_t sleep_ns;
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What cannot be looked at is there: who opens it says why. */
static int is_there(const char *path)
{
    return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void wait_a_little(struct wait *w)
{
    const struct timespec t = {.tv_nsec = (long)w->sleep_ns};

    nanosleep(&t, NULL); /* a signal ends it, which is what signals are for */
    w->sleep_ns += w->sleep_ns / 32;
    if (w->sleep_ns > LAST_SLEEP_NS)
        w->sleep_ns = LAST_SLEEP_NS;
}

/* Whatever task comes, the farm is alive. */
static void look_around(struct wait *w, double now)
{
    struct ps_farm_listing files;

    if (now < w->list && now < w->end)
        return;
    ps_farm_list(&files, w->a->plan, w->a->dir);
    if (files.n_planned > w->n)
        w->end = now + w->a->seconds;
    w->n = files.n_planned;
    w->list = now + (double)w->a->seconds / LISTS_EACH;
}

static void begin(struct wait *w, const struct ps_farm_arrivals *a)
{
    *w = (struct wait){.a = a, .sleep_ns = FIRST_SLEEP_NS, .end = seconds_now() + a->seconds};
    w->n = SIZE_MAX;
    look_around(w, seconds_now());
}

static int await(struct ps_farm_arrivals *a, const char *path, struct ps_err *err)
{
    struct wait w;
    int rc = 0;

    if (a->gave_up || is_there(path))
        return 0;
    ps_status_target(path);
    ps_status_phase("waiting for this shard");
    begin(&w, a);
    while (rc == 0 && !is_there(path) && !a->gave_up) {
        wait_a_little(&w);
        rc = ps_cancel_check(err);
        look_around(&w, seconds_now());
        a->gave_up = seconds_now() >= w.end;
    }
    ps_status_target(a->dir);
    ps_status_phase("merging");
    return rc;
}

int ps_farm_arrivals_have(struct ps_farm_arrivals *a, const struct ps_farm_task *task,
                          struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = ps_farm_shard_path(path, sizeof path, a->dir, task, err);

    a->is_unusable = 0;
    if (rc == 0)
        rc = await(a, path, err);
    if (rc < 0)
        return rc;
    if (a->image_number != task->image_number)
        a->era = NULL;
    a->image_number = task->image_number;
    rc = ps_farm_prove(a->plan, task, a->dir, a->n_tags, &a->era, err);
    a->is_unusable = rc == -PS_ENOENT || rc == -PS_EFORMAT;
    return rc;
}
