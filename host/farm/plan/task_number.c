#include "host/farm/plan/task_number.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variable {
    const char *name;
    uint32_t first; /* number of the first task */
    int is_weak;    /* there in jobs that are no arrays too: counts where no other one is there */
};

static const struct variable variables[] = {
    {"SLURM_ARRAY_TASK_ID", 0, 0}, {"JOB_COMPLETION_INDEX", 0, 0},
    {"PBS_ARRAY_INDEX", 0, 0},     {"SGE_TASK_ID", 1, 0},
    {"LSB_JOBINDEX", 1, 0},        {"AWS_BATCH_JOB_ARRAY_INDEX", 0, 0},
    {"PARALLEL_SEQ", 1, 0},        {"SLURM_PROCID", 0, 1},
};

#define N_VARIABLES (sizeof variables / sizeof *variables)

/* What this engine says in a job that is no array is as good as nothing. */
static const char *value_of(const struct variable *v)
{
    const char *text = getenv(v->name);

    if (!text || !*text || strcmp(text, "undefined") == 0)
        return NULL;
    return v->first == 1 && strcmp(text, "0") == 0 ? NULL : text;
}

static int none_set(struct ps_err *err)
{
    char names[200];
    size_t n = 0;

    for (size_t i = 0; i < N_VARIABLES && n < sizeof names; i++)
        n +=
            (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", variables[i].name);
    return ps_fail(err, PS_EARG, PS_AT_NONE, "--task auto: none of these is set: %s", names);
}

/* What K may be, and what it counts. */
struct counting {
    uint64_t n;
    uint32_t each;
};

/* The number that ends before 'end'. 0: there is none below n. */
static int read_number(const char *text, const char *end, uint32_t first, uint64_t n, uint32_t *out)
{
    const size_t digits = strspn(text, "0123456789");
    const int is_number = digits > 0 && digits <= 10 && text + digits == end;
    const uint64_t v = is_number ? strtoull(text, NULL, 10) : UINT64_MAX;

    if (v < first || v - first >= n)
        return 0;
    *out = (uint32_t)(v - first);
    return 1;
}

static int wrong_number(const struct counting *c, const char *who, const char *text, uint32_t first,
                        struct ps_err *err)
{
    const uint64_t last = first + c->n - 1;

    if (c->each > 1)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "%s %.48s: expected a number from %u to %" PRIu64
                       ", which counts groups of %u tasks of the plan",
                       who, text, (unsigned)first, last, (unsigned)c->each);
    return ps_fail(err, PS_EARG, PS_AT_NONE,
                   "%s %.48s: expected a number from %u to %" PRIu64 ", a task of the plan", who,
                   text, (unsigned)first, last);
}

static int from_environment(const struct counting *c, uint32_t *out, struct ps_err *err)
{
    const struct variable *found = NULL;
    const char *text;

    for (size_t i = 0; i < N_VARIABLES; i++) {
        const struct variable *v = &variables[i];

        if (!value_of(v) || (found && v->is_weak))
            continue;
        if (found)
            return ps_fail(err, PS_EARG, PS_AT_NONE,
                           "--task auto: %s and %s are both set: give the number itself",
                           found->name, v->name);
        found = v;
    }
    if (!found)
        return none_set(err);
    text = value_of(found);
    if (!read_number(text, text + strlen(text), found->first, c->n, out))
        return wrong_number(c, found->name, text, found->first, err);
    return 0;
}

static int read_range(const char *text, uint64_t n_tasks, struct ps_farm_task_range *out,
                      struct ps_err *err)
{
    const char *dash = strchr(text, '-');
    struct ps_farm_task_range r = {0, (uint32_t)(n_tasks - 1)};

    if (strcmp(text, "all") != 0 &&
        (!read_number(text, dash, 0, n_tasks, &r.first) ||
         !read_number(dash + 1, dash + strlen(dash), 0, n_tasks, &r.last)))
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--task %.48s: expected two numbers from 0 to %" PRIu64
                       ", tasks of the plan",
                       text, n_tasks - 1);
    if (r.last < r.first)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--task %.48s: it ends before it begins", text);
    *out = r;
    return 0;
}

static int read_group(const char *text, uint32_t each, uint64_t n_tasks,
                      struct ps_farm_task_range *out, struct ps_err *err)
{
    const struct counting c = {(n_tasks + each - 1) / each, each};
    uint32_t group = 0;
    uint64_t end;
    int rc = 0;

    if (strcmp(text, "auto") == 0)
        rc = from_environment(&c, &group, err);
    else if (!read_number(text, text + strlen(text), 0, c.n, &group))
        rc = wrong_number(&c, "--task", text, 0, err);
    if (rc < 0)
        return rc;
    end = ((uint64_t)group + 1) * each;
    out->first = group * each;
    out->last = (uint32_t)((end < n_tasks ? end : n_tasks) - 1);
    return 0;
}

int ps_farm_task_range(const char *text, uint32_t each, uint64_t n_tasks,
                       struct ps_farm_task_range *out, struct ps_err *err)
{
    if (strcmp(text, "all") != 0 && !strchr(text, '-'))
        return read_group(text, each, n_tasks, out, err);
    if (each > 1)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--task %.48s says which tasks they are: --tasks-each is of --task K and "
                       "--task auto",
                       text);
    return read_range(text, n_tasks, out, err);
}
