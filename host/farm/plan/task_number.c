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

static int read_number(const char *text, const char *who, uint32_t first, uint64_t n_tasks,
                       uint32_t *out, struct ps_err *err)
{
    const size_t n = strspn(text, "0123456789");
    const uint64_t v = n > 0 && n <= 10 && text[n] == '\0' ? strtoull(text, NULL, 10) : UINT64_MAX;

    if (v < first || v - first >= n_tasks)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "%s %.48s: expected a number from %u to %" PRIu64 ", a task of the plan",
                       who, text, (unsigned)first, first + n_tasks - 1);
    *out = (uint32_t)(v - first);
    return 0;
}

static int from_environment(uint64_t n_tasks, uint32_t *out, struct ps_err *err)
{
    const struct variable *found = NULL;

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
    return read_number(value_of(found), found->name, found->first, n_tasks, out, err);
}

int ps_farm_task_number(const char *text, uint64_t n_tasks, uint32_t *out, struct ps_err *err)
{
    if (strcmp(text, "auto") == 0)
        return from_environment(n_tasks, out, err);
    return read_number(text, "--task", 0, n_tasks, out, err);
}
