#include "scan/bigpool/carve/group.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096u

static int belongs(const struct ps_bigpool_kept *k, uint32_t geometry,
                   enum ps_bigpool_family family)
{
    return k->look.geometry == geometry && (k->look.families & 1u << family);
}

/* By address; the order in which pages came must not matter. */
static int compare_phys(const void *a, const void *b)
{
    const struct ps_bigpool_kept *x = *(const struct ps_bigpool_kept *const *)a;
    const struct ps_bigpool_kept *y = *(const struct ps_bigpool_kept *const *)b;

    return (x->phys > y->phys) - (x->phys < y->phys);
}

int ps_bigpool_group_make(struct ps_bigpool_group *group, const struct ps_bigpool_kept *kept,
                          size_t n, uint32_t geometry, enum ps_bigpool_family family)
{
    size_t n_bytes_pages = 0;

    *group = (struct ps_bigpool_group){.g = &ps_bigpool_geometries[geometry], .family = family};
    for (size_t i = 0; i < n; i++) {
        group->n += (size_t)belongs(&kept[i], geometry, family);
        n_bytes_pages += belongs(&kept[i], geometry, family) && kept[i].bytes;
    }
    group->kept = calloc(group->n + 1, sizeof *group->kept);
    group->votes = calloc(group->n + 1, sizeof *group->votes);
    group->vote = calloc(n_bytes_pages + 1, PS_BIGPOOL_PAGE_ENTRIES * sizeof *group->vote);
    if (!group->kept || !group->votes || !group->vote)
        return -PS_ENOMEM;
    group->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (!belongs(&kept[i], geometry, family))
            continue;
        group->kept[group->n++] = &kept[i];
        group->n_used += kept[i].look.n_used;
    }
    qsort(group->kept, group->n, sizeof *group->kept, compare_phys);
    return 0;
}

void ps_bigpool_group_free(struct ps_bigpool_group *group)
{
    free(group->kept);
    free(group->votes);
    free(group->vote);
    free(group->placed);
    *group = (struct ps_bigpool_group){0};
}

static int next_of_run(const struct ps_bigpool_group *group, size_t i)
{
    const struct ps_bigpool_kept *a = group->kept[i];
    const struct ps_bigpool_kept *b = group->kept[i + 1];
    const uint32_t size = group->g->entry_bytes;

    return b->phys - a->phys == PAGE_BYTES &&
           (a->look.phase + size * PAGE_BYTES - PAGE_BYTES) % size == b->look.phase;
}

/* A table begins with a whole entry. */
static size_t skip_to_start(const struct ps_bigpool_group *group, size_t i, size_t end)
{
    while (i < end && group->kept[i]->look.phase != 0)
        i++;
    return i;
}

#define MIN_RUN_USED 16u

int ps_bigpool_group_run(struct ps_bigpool_group *group)
{
    size_t best = 0, best_n = 0, best_used = 0;

    for (size_t i = 0, end; i < group->n; i = end) {
        size_t start, used = 0;

        for (end = i + 1; end < group->n && next_of_run(group, end - 1);)
            end++;
        start = skip_to_start(group, i, end);
        for (size_t k = start; k < end; k++)
            used += group->kept[k]->look.n_used;
        if (used > best_used) {
            best = start;
            best_n = end - start;
            best_used = used;
        }
    }
    if (best_used < MIN_RUN_USED)
        return 0;
    group->hash = PS_BIGPOOL_NO_HASH;
    group->log2 = PS_BIGPOOL_MIN_LOG2;
    while (group->log2 < PS_BIGPOOL_MAX_LOG2 &&
           ((uint64_t)group->g->entry_bytes << group->log2) / PAGE_BYTES < best_n)
        group->log2++;
    group->n_pages = (size_t)(((uint64_t)group->g->entry_bytes << group->log2) / PAGE_BYTES);
    group->placed = calloc(group->n_pages, sizeof *group->placed);
    if (!group->placed)
        return -PS_ENOMEM;
    if (best_n > group->n_pages)
        best_n = group->n_pages;
    memcpy(group->placed, group->kept + best, best_n * sizeof *group->placed);
    return 1;
}
