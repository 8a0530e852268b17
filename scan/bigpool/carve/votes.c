#include "scan/bigpool/carve/votes.h"

#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/entry.h"

#define PAGE_BYTES 4096u
#define SLOT_MASK  ((UINT32_C(1) << PS_BIGPOOL_MAX_LOG2) - 1)

static uint32_t reverse(uint32_t v)
{
    uint32_t r = 0;

    for (uint32_t i = 0; i < PS_BIGPOOL_MAX_LOG2; i++)
        r |= (v >> i & 1) << (PS_BIGPOOL_MAX_LOG2 - 1 - i);
    return r;
}

static int compare(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static uint64_t load_va(const struct ps_bigpool_geometry *g, const uint8_t *at)
{
    uint64_t va = 0;

    memcpy(&va, at, g->arch == PS_ARCH_X64 ? 8 : 4);
    return va;
}

/* The first slot, in a period, of a page with this phase. */
static uint32_t first_of_phase(const struct ps_bigpool_geometry *g, uint32_t phase)
{
    uint32_t index = 0;

    while (index + 1 < g->n_phases && ps_bigpool_phase(g, index) != phase)
        index++;
    return (uint32_t)ps_bigpool_first_slot(g, index);
}

/* Whole entries, and a cut one at the end whose Va is still in the page. */
static uint32_t n_begun(const struct ps_bigpool_geometry *g, const struct ps_bigpool_look *look)
{
    uint32_t tail = PAGE_BYTES - look->phase - look->n_whole * g->entry_bytes;

    return look->n_whole + (tail >= (g->arch == PS_ARCH_X64 ? 8u : 4u));
}

void ps_bigpool_votes_take(struct ps_bigpool_votes *votes, const uint8_t *page,
                           const struct ps_bigpool_look *look, enum ps_bigpool_hash hash)
{
    const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[look->geometry];
    const uint32_t first = first_of_phase(g, look->phase);
    const uint32_t n = n_begun(g, look);
    uint32_t run = 0; /* slots without an empty one in front of this */

    votes->n_votes = 0;
    votes->n_used = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t va = load_va(g, page + look->phase + i * g->entry_bytes);
        enum ps_bigpool_state state = ps_bigpool_va_state(g->arch, va);
        uint32_t h = ps_bigpool_hash(hash, va);
        /* Pages of this phase begin at these slots only, so the distance follows. */
        uint32_t distance = (first + i - h) & (g->period_entries - 1);

        if (state == PS_BIGPOOL_FREED || state == PS_BIGPOOL_ALLOCATED) {
            votes->n_used++;
            if (distance <= run || run == i)
                votes->vote[votes->n_votes++] = reverse((h + distance - i) & SLOT_MASK);
        }
        run = state == PS_BIGPOOL_EMPTY ? 0 : run + 1;
    }
    qsort(votes->vote, votes->n_votes, sizeof *votes->vote, compare);
}

struct ps_bigpool_count ps_bigpool_votes_count(const struct ps_bigpool_votes *votes, uint32_t log2)
{
    const uint32_t shift = PS_BIGPOOL_MAX_LOG2 - log2;
    struct ps_bigpool_count c = {0};

    for (uint32_t i = 0, end; i < votes->n_votes; i = end) {
        for (end = i + 1; end < votes->n_votes; end++)
            if (votes->vote[end] >> shift != votes->vote[i] >> shift)
                break;
        c.pairs += (double)(end - i) * (end - i - 1);
        if (end - i > c.n_top) {
            c.n_top = end - i;
            c.slot = reverse(votes->vote[i]) & ((UINT32_C(1) << log2) - 1);
        }
    }
    if (votes->n_votes > 1)
        c.pairs /= votes->n_votes - 1;
    return c;
}

int ps_bigpool_votes_agree(const struct ps_bigpool_votes *votes,
                           const struct ps_bigpool_count *count)
{
    /* Of a few none may differ; of many, the torn and those of another table's page. */
    return count->n_top != 0 && count->n_top >= votes->n_used - votes->n_used * 15 / 100;
}
