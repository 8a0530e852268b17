#include "scan/bigpool/index.h"

#include <stdlib.h>

/* top[] is a heap of the last addresses: node i covers nodes 2i and 2i + 1, row k is node
 * n_leaves + k. With it the last row in front of a place that reaches beyond an address is found
 * without a look at those between, however entries overlap. */
struct ps_bigpool_index {
    const struct ps_bigpool_row **row;
    uint64_t *top;
    size_t n, n_leaves;
};

static uint64_t last_byte(const struct ps_bigpool_row *row)
{
    const uint64_t va = row->entry.va;
    const uint64_t more = row->entry.n_bytes - 1;

    return more > UINT64_MAX - va ? UINT64_MAX : va + more;
}

static int is_live(const struct ps_bigpool_row *row)
{
    return row->entry.state == PS_BIGPOOL_ALLOCATED && row->entry.n_bytes != 0;
}

static int compare(const void *a, const void *b)
{
    const struct ps_bigpool_row *x = *(const struct ps_bigpool_row *const *)a;
    const struct ps_bigpool_row *y = *(const struct ps_bigpool_row *const *)b;

    if (x->entry.va != y->entry.va)
        return x->entry.va > y->entry.va ? 1 : -1;
    return (x->slot < y->slot) - (x->slot > y->slot);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void fill(struct ps_bigpool_index *index, const struct ps_bigpool_table *table)
{
    for (size_t i = 0; i < table->n_rows; i++)
        if (is_live(&table->row[i]))
            index->row[index->n++] = &table->row[i];
    qsort(index->row, index->n, sizeof *index->row, compare);
    for (size_t i = 0; i < index->n; i++)
        index->top[index->n_leaves + i] = last_byte(index->row[i]);
    for (size_t i = index->n_leaves; i-- > 1;)
        index->top[i] = larger(index->top[2 * i], index->top[2 * i + 1]);
}

int ps_bigpool_index_build(const struct ps_bigpool_table *table, struct ps_bigpool_index **out,
                           struct ps_err *err)
{
    struct ps_bigpool_index *index = calloc(1, sizeof *index);
    size_t n = 0;

    for (size_t i = 0; i < table->n_rows; i++)
        n += (size_t)is_live(&table->row[i]);
    if (index) {
        index->n_leaves = 1;
        while (index->n_leaves < n)
            index->n_leaves *= 2;
        index->row = calloc(n + 1, sizeof *index->row);
        index->top = calloc(index->n_leaves, 2 * sizeof *index->top);
    }
    if (!index || !index->row || !index->top) {
        ps_bigpool_index_free(index);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu big allocations", n);
    }
    fill(index, table);
    *out = index;
    return 0;
}

void ps_bigpool_index_free(struct ps_bigpool_index *index)
{
    if (!index)
        return;
    free(index->row);
    free(index->top);
    free(index);
}

size_t ps_bigpool_index_rows(const struct ps_bigpool_index *index)
{
    return index->n;
}

const struct ps_bigpool_row *ps_bigpool_index_at(const struct ps_bigpool_index *index, size_t i)
{
    return index->row[i];
}

/* How many rows begin at 'va' or before it. */
static size_t rows_from(const struct ps_bigpool_index *index, uint64_t va)
{
    size_t lo = 0, hi = index->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (index->row[mid]->entry.va <= va)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct ps_bigpool_row *ps_bigpool_index_find(const struct ps_bigpool_index *index,
                                                   uint64_t va)
{
    const size_t n = rows_from(index, va);
    size_t i;

    if (n == 0)
        return NULL;
    /* Up to the first node that has such a row, looking left only ... */
    for (i = index->n_leaves + n - 1; index->top[i] < va; i--) {
        while (i % 2 == 0)
            i /= 2;
        if (i == 1)
            return NULL;
    }
    /* ... and down to the last one in it. */
    while (i < index->n_leaves)
        i = 2 * i + (index->top[2 * i + 1] >= va);
    return index->row[i - index->n_leaves];
}
