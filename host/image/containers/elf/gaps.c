#include "host/image/containers/elf/gaps.h"

#include <stdlib.h>
#include <string.h>

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

/* Numbers of a hostile file, which runs.h would cut. */
static int is_sane(const struct ps_run *run)
{
    return run->phys < PS_PHYS_END && run->n_bytes < PS_PHYS_END - run->phys &&
           run->file_off < PS_PHYS_END;
}

/* The runs of one block, which begins at 'block' in the sorted list; returns how many there are. */
static size_t fill_block(struct ps_runs *runs, const struct ps_run *block, size_t n,
                         uint64_t data_off, uint64_t *n_bytes, int *rc, struct ps_err *err)
{
    struct ps_run whole = block[0];
    uint64_t end = block[0].phys;
    uint64_t gaps = 0;
    size_t i;

    if (whole.file_off > data_off && whole.phys == whole.file_off - data_off) {
        whole = (struct ps_run){0, 0, data_off};
        end = 0;
    }
    for (i = 0; i < n && shift_of(&block[i]) == shift_of(&block[0]); i++) {
        gaps += block[i].phys > end ? block[i].phys - end : 0;
        if (block[i].phys + block[i].n_bytes > end)
            end = block[i].phys + block[i].n_bytes;
    }
    if (gaps)
        *rc = ps_runs_add(runs, whole.phys, end - whole.phys, whole.file_off, err);
    *n_bytes += gaps;
    return i;
}

int ps_elf_fill_gaps(struct ps_runs *runs, uint64_t data_off, uint64_t *n_bytes, struct ps_err *err)
{
    struct ps_run *sorted = malloc((runs->n ? runs->n : 1) * sizeof *sorted);
    size_t n = 0;
    int rc = 0;

    *n_bytes = 0;
    if (!sorted)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu runs", runs->n);
    for (size_t i = 0; i < runs->n; i++)
        if (is_sane(&runs->run[i]))
            sorted[n++] = runs->run[i];
    qsort(sorted, n, sizeof *sorted, by_shift);
    for (size_t i = 0; rc == 0 && i < n;)
        i += fill_block(runs, &sorted[i], n - i, data_off, n_bytes, &rc, err);
    free(sorted);
    return rc;
}
