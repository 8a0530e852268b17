#include <inttypes.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/pool/heap.h"

/* SegmentHeaps counts them all. */
#define MAX_HEAPS_TOLD 16u

static void add_counts(struct ps_cells *c, const struct ps_heap_info *h)
{
    ps_info_row(c, "HeapSegments");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, h->n_segments);
    ps_cells_set(c, PS_INFO_HOW,
                 "%" PRIu32 " more do not hold; %" PRIu32 " left out for their number",
                 h->n_segments_bad, h->n_over);
    ps_info_row(c, "LfhSubsegments");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, h->n_lfh);
    ps_cells_set(c, PS_INFO_HOW, "blocks of %" PRIu32 " of them cannot be decided%s%s",
                 h->n_lfh_bad, h->lfh_layout ? ", layout " : "",
                 h->lfh_layout ? h->lfh_layout : "");
    ps_info_row(c, "VsSubsegments");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, h->n_vs);
    ps_cells_set(c, PS_INFO_HOW, "headers of %" PRIu32 " of them do not hold%s%s", h->n_vs_bad,
                 h->vs_layout ? ", layout " : "", h->vs_layout ? h->vs_layout : "");
    ps_info_row(c, "LargeHeapAllocations");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, h->n_large);
}

static void add_heaps(struct ps_cells *c, const struct ps_heap_info *h)
{
    ps_info_row(c, "SegmentHeaps");
    ps_cells_set(c, PS_INFO_VALUE, "%" PRIu32, h->n_heaps);
    ps_cells_set(c, PS_INFO_HOW, "%s, layout %s", ps_heap_method_name(h->method), h->layout);
    for (uint32_t i = 0; h->heap && i < h->n_heaps && i < MAX_HEAPS_TOLD; i++) {
        const char *pool = ps_heap_pool_name((enum ps_heap_pool)h->heap[i].pool);

        ps_info_row(c, "SegmentHeap");
        ps_cells_set_address(c, PS_INFO_VALUE, h->heap[i].va);
        ps_cells_set(c, PS_INFO_HOW, "%s, %" PRIu32 " segment%s", pool ? pool : "pool not known",
                     h->heap[i].n_segments, h->heap[i].n_segments == 1 ? "" : "s");
    }
}

static void add_key(struct ps_cells *c, const char *name, uint64_t key,
                    enum ps_heap_key_source source)
{
    ps_info_row(c, name);
    if (source != PS_HEAP_KEY_NONE)
        ps_cells_set(c, PS_INFO_VALUE, "0x%016" PRIx64, key);
    ps_cells_set(c, PS_INFO_HOW, "%s", ps_heap_key_source_name(source));
}

static void add_variants(struct ps_cells *c, const struct ps_heap_info *h)
{
    ps_info_row(c, "SegmentSignature");
    if (h->has_constant)
        ps_cells_set(c, PS_INFO_VALUE, "0x%016" PRIx64, h->signature_constant);
    ps_cells_set(c, PS_INFO_HOW,
                 h->has_constant ? "constant in the signatures of segments"
                                 : "no segment tells the constant");
    if (h->lfh_layout == NULL)
        return;
    ps_info_row(c, "LfhBlockOffsets");
    ps_cells_set(c, PS_INFO_VALUE, "%s", h->lfh_shift_full ? "address >> 12" : "low dword >> 12");
    ps_cells_set(c, PS_INFO_HOW, "%" PRIu32 " of %" PRIu32 " subsegments agree",
                 h->n_lfh - h->n_lfh_bad, h->n_lfh);
}

int ps_info_heap(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                 struct ps_err *err)
{
    struct ps_heap_map *map = NULL;
    const int rc = ps_address_space_heap(as, opt, &map, err);
    const struct ps_heap_info *h = map ? ps_heap_map_info(map) : NULL;

    if (h) {
        add_heaps(c, h);
        add_counts(c, h);
        add_key(c, "HeapKey", h->heap_key, h->heap_key_source);
        add_key(c, "LfhKey", h->lfh_key, h->lfh_key_source);
        add_variants(c, h);
    }
    ps_heap_map_free(map);
    return rc < 0 ? rc : 0;
}
