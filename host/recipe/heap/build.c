#include "host/recipe/heap/heap.h"

#include <stdlib.h>

#define NODE_BYTES 0x20c0u /* of _EX_HEAP_POOL_NODE */

static int put_word(struct ps_rcp_heaps *heaps, uint64_t rva, uint64_t v)
{
    struct ps_rcp_kernel *k = &heaps->sys->kernel;

    if (rva + 8 > k->size - 0x3000)
        return ps_fail(heaps->sys->err, PS_EARG, k->line,
                       "the Windows kernel is too small for the pools; give it a size= of at "
                       "least 0x200000");
    k->word[k->n_words++] = (struct ps_rcp_kernel_word){rva, v};
    return 0;
}

/* The second heap of a pool is that of a second node, and so on. */
static uint64_t node_of(const struct ps_rcp_heaps *heaps, size_t heap)
{
    uint64_t node = 0;

    for (size_t i = 0; i < heap; i++)
        node += heaps->heap[i].pool == heaps->heap[heap].pool;
    return node;
}

/* ExPoolState, the globals it points to, and the cookie. */
static int put_words(struct ps_rcp_heaps *heaps)
{
    uint64_t nodes = 1;
    int rc = put_word(heaps, heaps->state, heaps->sys->kernel.va + heaps->globals);

    if (rc == 0)
        rc = put_word(heaps, heaps->globals, heaps->heap_key);
    if (rc == 0)
        rc = put_word(heaps, heaps->globals + 8, heaps->lfh_key);
    if (rc == 0)
        rc = put_word(heaps, heaps->cookie_at, heaps->cookie);
    for (size_t i = 0; rc == 0 && i < heaps->n_heaps; i++) {
        uint64_t node = node_of(heaps, i);

        nodes = node + 1 > nodes ? node + 1 : nodes;
        rc = put_word(heaps,
                      heaps->state + heaps->shape->pool_node + node * NODE_BYTES +
                          heaps->heap[i].pool * 8ull,
                      heaps->heap[i].at);
    }
    return rc < 0 ? rc : put_word(heaps, heaps->state + heaps->shape->n_pools, nodes);
}

int ps_rcp_heaps_build(struct ps_rcp_system *sys)
{
    struct ps_rcp_heaps *heaps = sys->heaps;
    int rc = 0;

    for (size_t i = 0; rc == 0 && heaps && i < heaps->n_heaps; i++) {
        rc = ps_rcp_heap_plan(heaps, &heaps->heap[i]);
        if (rc == 0)
            rc = ps_rcp_heap_write(heaps, &heaps->heap[i]);
    }
    return rc == 0 && heaps && sys->kernel.va ? put_words(heaps) : rc;
}

void ps_rcp_heaps_free(struct ps_rcp_heaps *heaps)
{
    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        struct ps_rcp_heap *h = &heaps->heap[i];

        free(h->extent_of);
        free(h->frame);
        free(h->cursor);
        free(h->is_gone);
        free(h->unit_of);
        free(h->extent);
    }
    free(heaps);
}

uint64_t ps_rcp_heaps_next(const struct ps_rcp_heaps *heaps, uint64_t page)
{
    uint64_t best = PS_RCP_NONE;

    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_range *r = &heaps->heap[i].pages;
        uint64_t next = page > r->first ? page : r->first;

        if (next <= r->last && next < best)
            best = next;
    }
    return best;
}

static void fill(struct ps_rcp_heap_page *hp, uint32_t unit)
{
    const struct ps_rcp_heap *h = hp->heap;
    const struct ps_rcp_extent *e;

    if (unit % PS_RCP_SEG_UNITS < PS_RCP_SEG_HEAD) {
        ps_rcp_heap_segment_page(hp, unit);
        return;
    }
    e = &h->extent[h->extent_of[unit] - 1];
    if (e->kind == PS_RCP_EXTENT_LFH)
        ps_rcp_lfh_fill(hp, e, unit - e->first);
    else if (e->kind == PS_RCP_EXTENT_VS)
        ps_rcp_vs_fill(hp, e, unit - e->first);
    else
        ps_rcp_large_fill(hp, e, unit - e->first);
}

int ps_rcp_heaps_page(const struct ps_rcp_heaps *heaps, struct ps_rcp_page *pg)
{
    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_heap *h = &heaps->heap[i];
        struct ps_rcp_heap_page hp = {.pg = pg, .heaps = heaps, .heap = h};
        uint32_t unit;

        if (pg->number < h->pages.first || pg->number > h->pages.last)
            continue;
        unit = h->unit_of ? h->unit_of[pg->number - h->pages.first] : 0;
        if (unit == 0)
            return 0;
        hp.va = ps_rcp_heap_va(h, unit - 1);
        hp.is_gone = h->is_gone[(unit - 1) / PS_RCP_SEG_UNITS];
        pg->stmt = &h->stmt;
        pg->rng = ps_rcp_mix64(h->seed + unit);
        fill(&hp, unit - 1);
        return 1;
    }
    return 0;
}

/* --- the truth --- */

void ps_rcp_heaps_truth_system(const struct ps_rcp_heaps *heaps, FILE *out)
{
    const struct ps_rcp_kernel *k;
    unsigned long long segments = 0;

    if (!heaps || heaps->n_heaps == 0)
        return;
    k = &heaps->sys->kernel;
    for (size_t i = 0; i < heaps->n_heaps; i++)
        segments += heaps->heap[i].n_live;
    fprintf(out,
            ",\"HeapKey\":\"0x%016llx\",\"LfhKey\":\"0x%016llx\",\"QuotaCookie\":\"0x%016llx\","
            "\"Heaps\":%zu,\"Segments\":%llu",
            (unsigned long long)heaps->heap_key, (unsigned long long)heaps->lfh_key,
            (unsigned long long)heaps->cookie, heaps->n_heaps, segments);
    if (k->va)
        fprintf(out,
                ",\"ExPoolState\":\"0x%016llx\",\"RtlpHpHeapGlobals\":\"0x%016llx\","
                "\"ExpPoolQuotaCookie\":\"0x%016llx\"",
                (unsigned long long)(k->va + heaps->state),
                (unsigned long long)(k->va + heaps->globals),
                (unsigned long long)(k->va + heaps->cookie_at));
}

void ps_rcp_heaps_truth(const struct ps_rcp_heaps *heaps, FILE *out)
{
    static const char *const pools[] = {"NonPaged", "NonPagedNx", "Paged", "PagedPrototype"};

    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_heap *h = &heaps->heap[i];

        fprintf(out,
                "{\"Kind\":\"heap\",\"Heap\":\"0x%016llx\",\"Pool\":\"%s\",\"FirstSegment\":"
                "\"0x%016llx\",\"Segments\":%u,\"GoneSegments\":%u,\"LfhSubsegments\":%u,"
                "\"VsSubsegments\":%u,\"LargeRanges\":%u,\"Line\":%u}\n",
                (unsigned long long)h->at, pools[h->pool], (unsigned long long)h->va, h->n_live,
                h->n_segments - h->n_live, h->n_of[PS_RCP_EXTENT_LFH], h->n_of[PS_RCP_EXTENT_VS],
                h->n_of[PS_RCP_EXTENT_LARGE], h->stmt.line);
    }
    for (size_t i = 0; heaps && i < heaps->n_processes; i++)
        fprintf(out, "{\"Kind\":\"process\",\"EProcess\":\"0x%016llx\"}\n",
                (unsigned long long)heaps->process[i]);
}
