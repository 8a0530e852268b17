#include "scan/heap/subsegments/headers.h"

#include <string.h>

#include "scan/heap/vs_chunk.h"
#include "scan/windows/kernel/mapped_pages.h"

#define VS_SAMPLES 64u

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

const struct ps_vs_layout *ps_heap_vs_layout(enum ps_arch arch, const uint8_t *header)
{
    for (size_t i = 0; i < ps_n_vs_layouts; i++) {
        const struct ps_vs_layout *l = &ps_vs_layouts[i];

        if (l->arch == arch &&
            ps_vs_subsegment_holds(le16(header + l->size), le16(header + l->signature)))
            return l;
    }
    return NULL;
}

static uint32_t vs_first_chunk(enum ps_arch arch)
{
    for (size_t i = 0; i < ps_n_vs_layouts; i++)
        if (ps_vs_layouts[i].arch == arch)
            return ps_vs_layouts[i].first_chunk;
    return 0;
}

static uint32_t count(const struct ps_heap_map *map, enum ps_heap_unit unit)
{
    uint32_t n = 0;

    for (size_t i = 0; i < map->n_ranges; i++)
        n += map->range[i].unit == unit;
    return n;
}

void ps_heap_read_vs(const struct ps_heap_source *source, struct ps_heap_map *map)
{
    const uint32_t first = vs_first_chunk(map->arch);
    const uint32_t step = count(map, PS_HEAP_VS) / VS_SAMPLES + 1;

    for (size_t i = 0; i < map->n_ranges; i++) {
        struct ps_heap_range *r = &map->range[i];
        const struct ps_vs_layout *l = NULL;
        uint8_t header[PS_VS_HEADER_BYTES];

        if (r->unit != PS_HEAP_VS)
            continue;
        r->first = first;
        if (map->info.n_vs++ % step != 0)
            continue;
        if (ps_paging_read(source->paging, r->va, header, sizeof header) == sizeof header)
            l = ps_heap_vs_layout(map->arch, header);
        map->info.n_vs_bad += l == NULL;
        if (l)
            map->info.vs_layout = l->name;
    }
}

static uint32_t frame_number(uint64_t number)
{
    return number == 0 || number >= PS_HEAP_FAR ? PS_HEAP_FAR : (uint32_t)number;
}

static void note_frames(struct ps_mapped_pages *pages, const struct ps_heap_range *r,
                        uint32_t *frame)
{
    const uint64_t last = r->va + (r->n_bytes - 1);
    uint32_t budget = 2 * (r->n_bytes / PS_FRAME_BYTES) + 64;
    struct ps_mapped_page page;

    for (uint64_t va = r->va; ps_mapped_pages_next(pages, va, last, &budget, &page);) {
        for (uint64_t off = 0; off <= page.last - page.va; off += PS_FRAME_BYTES)
            frame[(page.va + off - r->va) / PS_FRAME_BYTES] =
                frame_number((page.phys + off) / PS_FRAME_BYTES);
        if (page.last >= last)
            break;
        va = page.last + 1;
    }
}

int ps_heap_read_frames(const struct ps_heap_source *source, struct ps_heap_map *map,
                        struct ps_err *err)
{
    struct ps_mapped_pages pages;

    ps_mapped_pages_init(&pages, source->paging);
    for (size_t i = 0; i < map->n_ranges; i++) {
        struct ps_heap_range *r = &map->range[i];
        uint32_t at;
        int rc;

        if (r->unit != PS_HEAP_VS)
            continue;
        rc = ps_heap_map_add_frames(map, r->n_bytes / PS_FRAME_BYTES, &at, err);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            map->info.n_over++;
            continue;
        }
        r->data = at;
        note_frames(&pages, r, map->frames + at);
    }
    return 0;
}

#define READ_BYTES 0x400u /* header and bitmap of most subsegments, in one read */

static int read_bitmap(const struct ps_heap_source *source, const struct ps_heap_range *r,
                       uint32_t header_bytes, const uint8_t read[READ_BYTES], uint8_t *out,
                       uint32_t n_bytes)
{
    if (n_bytes > READ_BYTES - header_bytes)
        return ps_paging_read(source->paging, r->va + header_bytes, out, n_bytes) == n_bytes;
    memcpy(out, read + header_bytes, n_bytes);
    return 1;
}

/* 1: read; 0: it does not fit; negative: out of memory. */
static int read_one(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                    const struct ps_lfh_variant *v, struct ps_heap_map *map,
                    struct ps_heap_range *r, struct ps_err *err)
{
    uint8_t header[READ_BYTES];
    struct ps_lfh_header h;
    uint32_t n_bytes, at;
    int rc;

    if (ps_paging_read(source->paging, r->va, header, sizeof header) != sizeof header ||
        !ps_lfh_read_header(v, heaps, r, header, &h))
        return 0;
    n_bytes = ps_lfh_bitmap_bytes(map->arch, h.shape.n_blocks);
    rc = ps_heap_map_add_bitmap(map, n_bytes, &at, err);
    map->info.n_over += rc == 0;
    if (rc <= 0)
        return rc;
    if (!read_bitmap(source, r, h.shape.header_bytes, header, map->bitmaps + at, n_bytes))
        return 0;
    r->first = h.offsets.first;
    r->block_bytes = (uint16_t)h.offsets.block_bytes;
    r->n_blocks = (uint16_t)h.shape.n_blocks;
    r->form = (uint8_t)ps_lfh_form_of(&h, map->bitmaps + at);
    r->data = at;
    return 1;
}

static void note_variant(const struct ps_lfh_variant *v, struct ps_heap_info *info)
{
    info->lfh_layout = v->layout->name;
    info->lfh_key = v->of_heap ? 0 : v->key;
    info->lfh_key_source = v->source;
    info->lfh_shift_full = v->shift_full;
}

int ps_heap_read_lfh(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                     const struct ps_lfh_variant *variant, struct ps_heap_map *map,
                     struct ps_err *err)
{
    struct ps_heap_info *info = &map->info;
    int rc;

    info->n_lfh = info->n_lfh_bad = count(map, PS_HEAP_LFH);
    if (!variant)
        return 0;
    note_variant(variant, info);
    for (size_t i = 0; i < map->n_ranges; i++) {
        if (map->range[i].unit != PS_HEAP_LFH)
            continue;
        rc = read_one(source, heaps, variant, map, &map->range[i], err);
        if (rc < 0)
            return rc;
        info->n_lfh_bad -= (uint32_t)rc;
    }
    return 0;
}
