#include "host/run/virtual_side.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/report/status.h"
#include "host/virtual/pool/bigpool.h"
#include "host/virtual/pool/heap.h"
#include "kernels/pool_header.h"
#include "scan/merge/heap_verdict.h"

/* Carved rows most of which disobey the hash may be anybody's: they are listed, with less
 * confidence, but take no header's place. */
static int is_trusted(const struct ps_bigpool_table *t)
{
    if (ps_bigpool_method_is_virtual(t->method))
        return 1;
    return t->method != PS_BIGPOOL_NOT_FOUND && t->hash != PS_BIGPOOL_NO_HASH &&
           t->n_obey >= t->n_rows - t->n_rows / 10;
}

static int open_index(struct ps_virtual_side *v, struct ps_err *err)
{
    if (!is_trusted(&v->table))
        return 0;
    return ps_bigpool_index_build(&v->table, &v->index, err);
}

static int open_map(struct ps_virtual_side *v, struct ps_err *err)
{
    return ps_inverse_map_build(&v->map, &v->space.memory.mem, v->space.dtb.mode, v->space.dtb.root,
                                err);
}

static int open_quota(struct ps_virtual_side *v, struct ps_err *err)
{
    const struct ps_quota_source source = {.space = &v->space,
                                           .map = v->map,
                                           .regions = &v->regions,
                                           .table = &v->table,
                                           .lock = &v->late};

    return ps_quota_open(&v->quota, &source, err);
}

static int set_locator(struct ps_virtual_side *v, struct ps_err *err)
{
    const int has_table = v->table.method != PS_BIGPOOL_NOT_FOUND;
    const int is_x86 = ps_address_space_arch(&v->space) == PS_ARCH_X86;
    int rc;

    ps_regions_init(&v->regions, ps_address_space_arch(&v->space), v->space.build,
                    has_table ? &v->table : NULL);
    rc = open_quota(v, err);
    v->locator = (struct ps_locator){
        .map = v->map,
        .big = v->index,
        .regions = &v->regions,
        .heap = v->heap,
        .pfn = ps_pfn_source_ask,
        .pfn_arg = &v->pfn,
        .heap_is_whole = v->heap && v->space.build >= PS_SEGMENT_ONLY_BUILD && v->index &&
                         ps_heap_is_whole(v->heap, &v->table),
        .owners = v->quota.owners,
        .header_bytes = is_x86 ? 1u << PS_SLOT_SHIFT_X86 : 1u << PS_SLOT_SHIFT_X64,
        .session_apart = v->space.build <= PS_SESSION_APART_BUILD,
    };
    return rc;
}

int ps_virtual_side_open(struct ps_virtual_side *v, const struct ps_options *opt,
                         struct ps_image *image, struct ps_err *err)
{
    int rc;

    memset(v, 0, sizeof *v);
    pthread_mutex_init(&v->late, NULL);
    rc = ps_address_space_attach(&v->space, opt, image, err);
    if (rc < 0 || opt->physical_only)
        return rc;
    if (!v->space.has_dtb) {
        /* A part of the image has a part of the table at best, and its entries no place in it. */
        v->carve_arches = opt->has_range ? 0 : ps_address_space_bigpool_arches(&v->space, opt);
        return 0;
    }
    ps_status_phase("reading page tables and tables of the pools");
    rc = open_map(v, err);
    if (rc == 0)
        rc = ps_address_space_bigpool(&v->space, opt, v->map, &v->table, &v->n_unreadable, err);
    if (rc == 0)
        rc = open_index(v, err);
    if (rc == 0)
        ps_address_space_pfn_late(&v->space, opt, v->map, &v->late, &v->pfn);
    if (rc == 0)
        rc = ps_address_space_heap(&v->space, opt, &v->heap, err);
    if (rc >= 0)
        rc = set_locator(v, err);
    return ps_cancel_requested() ? ps_cancel_check(err) : rc;
}

int ps_virtual_side_check(struct ps_virtual_side *v, struct ps_err *err)
{
    int rc = ps_late_error(&v->pfn.late, err);

    if (rc == 0)
        rc = ps_late_error(&v->quota.late, err);
    return rc < 0 || !ps_cancel_requested() ? rc : ps_cancel_check(err);
}

void ps_virtual_side_close(struct ps_virtual_side *v)
{
    ps_quota_close(&v->quota);
    ps_heap_map_free(v->heap);
    ps_bigpool_index_free(v->index);
    ps_bigpool_table_free(&v->table);
    ps_inverse_map_free(v->map);
    ps_pfn_source_close(&v->pfn);
    ps_address_space_close(&v->space);
    pthread_mutex_destroy(&v->late);
}

int ps_virtual_side_findings(struct ps_virtual_side *v, const struct ps_options *opt,
                             const struct ps_tagdb *tags, const struct ps_tag_pattern *pattern,
                             size_t n_patterns, struct ps_finding **out, size_t *n,
                             struct ps_err *err)
{
    const struct ps_big_findings_spec spec = {
        .table = &v->table,
        .paging = v->space.paging,
        .owners = v->quota.owners,
        .tags = tags,
        .pattern = pattern,
        .n_patterns = n_patterns,
        .show_free = opt->show_free,
        .min_confidence = opt->min_confidence,
        .n_below = &v->n_big_below,
        .start = opt->has_range ? opt->range_start : 0,
        .end = opt->has_range ? opt->range_end : UINT64_MAX,
    };
    int rc;

    *out = NULL;
    *n = 0;
    v->n_big_below = 0;
    if (v->table.method == PS_BIGPOOL_NOT_FOUND)
        return 0;
    rc = ps_big_findings(out, n, &spec, err);
    for (size_t i = 0; rc == 0 && i < *n; i++)
        if ((*out)[i].phys != PS_NOWHERE)
            ps_address_space_file_offset(&v->space, (*out)[i].phys, &(*out)[i].file_off);
    return rc;
}

static void describe_map(const struct ps_virtual_side *v, char *text, size_t n)
{
    if (!v->map)
        snprintf(text, n, "no page tables found: physical addresses only (--dtb ADDRESS says CR3)");
    else
        snprintf(text, n, "DTB 0x%" PRIx64 " by %s, %" PRIu64 " frames with an address%s",
                 v->space.dtb.root, ps_dtb_method_name(v->space.dtb.method),
                 ps_inverse_map_frames(v->map),
                 ps_inverse_map_full(v->map) ? " (there are more than are kept)" : "");
}

static void describe_heap(const struct ps_virtual_side *v, char *text, size_t n)
{
    const struct ps_heap_info *info = v->heap ? ps_heap_map_info(v->heap) : NULL;

    text[0] = '\0';
    if (info)
        snprintf(text, n,
                 "; %" PRIu32 " segment heap%s by %s, %" PRIu32 " segments, %" PRIu32
                 " LFH and %" PRIu32 " VS subsegments, HeapKey by %s",
                 info->n_heaps, info->n_heaps == 1 ? "" : "s", ps_heap_method_name(info->method),
                 info->n_segments, info->n_lfh, info->n_vs,
                 ps_heap_key_source_name(info->heap_key_source));
}

void ps_virtual_side_describe_table(const struct ps_bigpool_table *t, char *text, size_t n)
{
    snprintf(text, n,
             "big-pool table by %s, %zu allocated and %zu freed entries, %zu of %zu obey the hash "
             "(%s)",
             ps_bigpool_method_name(t->method), t->n_allocated, t->n_freed, t->n_obey, t->n_rows,
             ps_bigpool_hash_name(t->hash));
}

void ps_virtual_side_describe(const struct ps_virtual_side *v, char *text, size_t n)
{
    char map[160], heap[200], table[200];

    describe_map(v, map, sizeof map);
    describe_heap(v, heap, sizeof heap);
    if (v->table.method != PS_BIGPOOL_NOT_FOUND)
        ps_virtual_side_describe_table(&v->table, table, sizeof table);
    else
        snprintf(table, sizeof table, "no big-pool table");
    if (!v->map && v->table.method == PS_BIGPOOL_NOT_FOUND)
        snprintf(text, n, "%s%s", map, heap);
    else
        snprintf(text, n, "%s%s; %s", map, heap, table);
}
