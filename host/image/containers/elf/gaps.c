#include "host/image/containers/elf/gaps.h"

#include <stdlib.h>

/* Memory less place in the file: the same for all runs of a block. */
static uint64_t shift_of(const struct ps_run *run)
{
    return run->phys - run->file_off;
}

static int by_shift(const void *a, const void *b)
{
    const struct ps_run *x = a;
    const struct ps_run *y = b;

    if (shift_of(x) != shift_of(y))
        return shift_of(x) < shift_of(y) ? -1 : 1;
    return x->phys < y->phys ? -1 : x->phys > y->phys;
}

/* Not so: numbers of a damaged file, which runs.h cuts. */
static int is_sane(const struct ps_run *run)
{
    return run->phys < PS_PHYS_END && run->n_bytes < PS_PHYS_END - run->phys &&
           run->file_off < PS_PHYS_END;
}

/* The n runs, sorted, begin with those of one block. Returns how many they are. */
static size_t join_block(struct ps_runs *out, const struct ps_run *run, size_t n, uint64_t data_off,
                         uint64_t *n_bytes, int *rc, struct ps_err *err)
{
    const uint64_t shift = shift_of(&run[0]);
    uint64_t begin = run[0].phys;
    uint64_t end, i;

    if (run[0].file_off > data_off && begin == run[0].file_off - data_off)
        begin = 0;
    end = begin;
    for (i = 0; i < n && shift_of(&run[i]) == shift; i++) {
        *n_bytes += run[i].phys > end ? run[i].phys - end : 0;
        if (run[i].phys + run[i].n_bytes > end)
            end = run[i].phys + run[i].n_bytes;
    }
    *rc = ps_runs_add(out, begin, end - begin, begin - shift, err);
    return (size_t)i;
}

int ps_elf_join_blocks(struct ps_runs *runs, uint64_t data_off, uint64_t *n_bytes,
                       struct ps_err *err)
{
    struct ps_runs joined = {0};
    size_t n = 0;
    int rc = 0;

    *n_bytes = 0;
    for (size_t i = 0; rc == 0 && i < runs->n; i++) {
        if (is_sane(&runs->run[i]))
            runs->run[n++] = runs->run[i];
        else
            rc = ps_runs_add(&joined, runs->run[i].phys, runs->run[i].n_bytes,
                             runs->run[i].file_off, err);
    }
    qsort(runs->run, n, sizeof *runs->run, by_shift);
    for (size_t i = 0; rc == 0 && i < n;)
        i += join_block(&joined, &runs->run[i], n - i, data_off, n_bytes, &rc, err);
    ps_runs_free(runs);
    *runs = joined;
    return rc;
}
