/* poolscan farm: how to run a plan, as command lines. Nothing is started. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/absolute.h"
#include "host/farm/plan.h"

/* Slurm's MaxArraySize is 1001 unless an administrator raised it: the largest number is 1000. */
#define ARRAY_SIZE 1000u

struct farm {
    const struct ps_options *opt;
    size_t n_tasks;
    size_t n_elements; /* of arrays: groups of tasks */
    char *plan, *hits, *out; /* absolute */
};

/* As one word of a shell. */
static void print_quoted(const char *s)
{
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*s);
    }
    putchar('\'');
}

static void print_variable(const char *name, const char *value)
{
    printf("export %s=", name);
    print_quoted(value);
    putchar('\n');
}

static void print_variables(const struct farm *f)
{
    const char *format = f->opt->format;

    print_variable("PLAN", f->plan);
    print_variable("HITS", f->hits);
    print_variable("OUT", f->out);
    print_variable("FORMAT", strcmp(format, "auto") == 0 ? "jsonl" : format);
    printf("export TASKS_EACH=%" PRIu32 "\n", f->opt->tasks_each);
    print_variable("OPTIONS", !f->opt->gpu         ? ""
                              : f->opt->any_device ? "--gpu --any-device"
                                                   : "--gpu");
}

static void print_slurm(const struct farm *f)
{
    const char *gres = f->opt->gpu ? " --gres=gpu:1" : "";

    puts("\n# Slurm: all tasks, and the merge when all of them are done.");
    puts("jobs=");
    if (f->n_elements <= ARRAY_SIZE) {
        printf("jobs=$jobs:$(sbatch --parsable --array=0-%zu%s \"$FARM/farm.sbatch\")\n",
               f->n_elements - 1, gres);
    } else {
        printf("for first in $(seq 0 %u %zu); do # no array may be larger than MaxArraySize\n",
               ARRAY_SIZE, f->n_elements - 1);
        printf("    last=$((%zu - first))\n    [ $last -lt %u ] || last=%u\n", f->n_elements - 1,
               ARRAY_SIZE, ARRAY_SIZE - 1);
        printf("    jobs=$jobs:$(FIRST=$first sbatch --parsable --array=0-$last%s "
               "\"$FARM/farm.sbatch\")\ndone\n",
               gres);
    }
    puts("sbatch --dependency=\"afterok$jobs\" --kill-on-invalid-dep=yes \"$FARM/merge.sbatch\"");
}

static void print_all(const struct farm *f, uint32_t n_images)
{
    printf("# %zu tasks of %u images. This starts nothing: run what follows in a shell.\n",
           f->n_tasks, (unsigned)n_images);
    puts("FARM=${FARM:-" PS_FARM_DIR "} # where farm.sbatch is");
    print_variables(f);
    print_slurm(f);
    puts("\n# Or on this machine, by GNU parallel:");
    puts("# \"$FARM/parallel.sh\" \"$PLAN\" \"$HITS\" \"$OUT\"");
}

static int name_places(struct farm *f, struct ps_err *err)
{
    const struct ps_options *opt = f->opt;
    int rc = ps_absolute_path(&f->plan, opt->args.item[0], err);

    if (rc == 0)
        rc = ps_absolute_path(&f->hits, opt->out_dir ? opt->out_dir : "hits", err);
    if (rc == 0)
        rc = ps_absolute_path(&f->out, opt->output ? opt->output : "hits.out", err);
    return rc;
}

int ps_cmd_farm(const struct ps_options *opt, struct ps_err *err)
{
    struct farm f = {.opt = opt};
    struct ps_farm_plan plan = {0};
    int rc = ps_farm_plan_read(&plan, opt->args.item[0], err);

    if (rc == 0)
        rc = name_places(&f, err);
    if (rc == 0) {
        f.n_tasks = plan.n_tasks;
        f.n_elements = (plan.n_tasks + opt->tasks_each - 1) / opt->tasks_each;
        print_all(&f, plan.n_images);
    }
    ps_farm_plan_free(&plan);
    free(f.plan);
    free(f.hits);
    free(f.out);
    return rc;
}
