#include "host/recipe/heap/heap.h"

#include <inttypes.h>
#include <stdlib.h>

#define NODE_BYTES 0x20c0u /* of _EX_HEAP_POOL_NODE */
#define QUOTA_BIGS 20u     /* percent */
#define TYPE_QUOTA 0x008u
#define FLAG_QUOTA 0x001u

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
    uint64_t nodes = 1, word = heaps->shape->is_x64 ? 8 : 4;
    int rc = put_word(heaps, heaps->state, heaps->sys->kernel.va + heaps->globals);

    if (rc == 0)
        rc = put_word(heaps, heaps->globals, heaps->heap_key);
    if (rc == 0)
        rc = put_word(heaps, heaps->globals + word, heaps->lfh_key);
    if (rc == 0)
        rc = put_word(heaps, heaps->cookie_at, heaps->cookie);
    for (size_t i = 0; rc == 0 && i < heaps->n_heaps; i++) {
        uint64_t node = node_of(heaps, i);

        nodes = node + 1 > nodes ? node + 1 : nodes;
        rc = put_word(
            heaps, heaps->state + heaps->pool_node + node * NODE_BYTES + heaps->heap[i].pool * word,
            heaps->heap[i].at);
    }
    return rc < 0 ? rc : put_word(heaps, heaps->state + heaps->n_pools, nodes);
}

/* Some of the large allocations that the heaps have listed are charged to a process. */
static void charge_bigs(struct ps_rcp_heaps *heaps)
{
    struct ps_rcp_bigtable *t = &heaps->sys->big;
    uint64_t rng = ps_rcp_mix64(heaps->cookie);

    for (size_t i = 0; i < t->n_rows && heaps->n_processes > 0; i++) {
        struct ps_rcp_big *row = &t->row[i];

        if (!row->is_of_heap || !ps_rcp_chance(&rng, QUOTA_BIGS))
            continue;
        row->type |= t->has_flags ? FLAG_QUOTA : TYPE_QUOTA;
        row->process = heaps->process[ps_rcp_below(&rng, (uint32_t)heaps->n_processes)];
        row->billed = row->process ^ heaps->cookie ^ row->va;
    }
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
    if (rc == 0 && heaps)
        rc = ps_rcp_heap_write_others(heaps);
    if (rc == 0 && heaps)
        charge_bigs(heaps);
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

/* The first page from 'page' on in the range when it comes before 'best', else that. */
static uint64_t first_in(const struct ps_rcp_range *r, uint64_t page, uint64_t best)
{
    uint64_t next = page > r->first ? page : r->first;

    return r->first != PS_RCP_NONE && next <= r->last && next < best ? next : best;
}

uint64_t ps_rcp_heaps_next(const struct ps_rcp_heaps *heaps, uint64_t page)
{
    uint64_t best = PS_RCP_NONE;

    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_range *r = &heaps->heap[i].pages;
        const struct ps_rcp_range *f = &heaps->heap[i].file;

        best = first_in(r, page, best);
        best = first_in(f, page, best);
    }
    return best;
}

static void fill(struct ps_rcp_heap_page *hp, uint32_t unit)
{
    const struct ps_rcp_heap *h = hp->heap;
    const struct ps_rcp_extent *e;

    uint32_t place = unit >= h->wide_unit ? unit - h->wide_unit : unit % PS_RCP_SEG_UNITS;

    if (place < hp->heaps->shape->head_pages) {
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

static int index_of(const struct ps_rcp_heap *h, uint64_t page, uint32_t *i)
{
    if (page >= h->pages.first && page <= h->pages.last) {
        *i = (uint32_t)(page - h->pages.first);
        return 1;
    }
    if (h->file.first == PS_RCP_NONE || page < h->file.first || page > h->file.last)
        return 0;
    *i = ps_rcp_heap_pages(h) + (uint32_t)(page - h->file.first);
    return 1;
}

int ps_rcp_heaps_page(const struct ps_rcp_heaps *heaps, struct ps_rcp_page *pg)
{
    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_heap *h = &heaps->heap[i];
        struct ps_rcp_heap_page hp = {.pg = pg, .heaps = heaps, .heap = h};
        uint32_t unit, i_page;

        if (!index_of(h, pg->number, &i_page))
            continue;
        unit = h->unit_of ? h->unit_of[i_page] : 0;
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
        segments += heaps->heap[i].n_live + (heaps->heap[i].wide != 0);
    fprintf(out,
            ",\"HeapKey\":\"0x%016llx\",\"LfhKey\":\"0x%016llx\",\"QuotaCookie\":\"0x%016llx\","
            "\"Heaps\":%zu,\"Segments\":%llu",
            (unsigned long long)heaps->heap_key, (unsigned long long)heaps->lfh_key,
            (unsigned long long)heaps->cookie, heaps->n_heaps, segments);
    if (k->va)
        fprintf(out,
                ",\"ExPoolState\":\"0x%016" PRIx64 "\",\"RtlpHpHeapGlobals\":\"0x%016" PRIx64
                "\",\"ExpPoolQuotaCookie\":\"0x%016" PRIx64 "\"",
                k->va + heaps->state, k->va + heaps->globals, k->va + heaps->cookie_at);
}

void ps_rcp_heaps_truth(const struct ps_rcp_heaps *heaps, FILE *out)
{
    static const char *const pools[] = {"NonPaged", "NonPagedNx", "Paged", "PagedPrototype"};

    for (size_t i = 0; heaps && i < heaps->n_heaps; i++) {
        const struct ps_rcp_heap *h = &heaps->heap[i];

        fprintf(out,
                "{\"Kind\":\"heap\",\"Heap\":\"0x%016llx\",\"Pool\":\"%s\",\"FirstSegment\":"
                "\"0x%016llx\",\"Segments\":%u,\"GoneSegments\":%u,\"WideSegments\":%u,"
                "\"LfhSubsegments\":%u,"
                "\"VsSubsegments\":%u,\"LargeRanges\":%u,\"Line\":%u}\n",
                (unsigned long long)h->at, pools[h->pool], (unsigned long long)h->va, h->n_live,
                h->n_segments - h->n_live, h->wide != 0, h->n_of[PS_RCP_EXTENT_LFH],
                h->n_of[PS_RCP_EXTENT_VS], h->n_of[PS_RCP_EXTENT_LARGE], h->stmt.line);
    }
    for (size_t i = 0; heaps && i < heaps->n_processes; i++)
        fprintf(out, "{\"Kind\":\"process\",\"EProcess\":\"0x%016llx\"}\n",
                (unsigned long long)heaps->process[i]);
}
