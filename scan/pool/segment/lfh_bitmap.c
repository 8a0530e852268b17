#include "scan/pool/segment/lfh_bitmap.h"

#include "scan/pool/segment/segment_page.h"

#define NO_FLAG    0xffu
#define MAX_WASTED 2u /* places between bitmap and first block that could have held one */

/* Bytes from the page's start; docs/POOL.md, "Segment-heap pages". */
struct layout {
    enum ps_arch arch;
    uint8_t free_count;
    uint8_t block_count;
    uint8_t withheld;
    uint8_t private_format; /* bit 0: the bitmap is not one of pairs */
    uint8_t bitmap;
    uint8_t bitmap_word; /* its size is a multiple of this */
};

static const struct layout layouts[] = {
    {PS_ARCH_X64, 0x20, 0x22, 0x27, NO_FLAG, 0x30, 8}, /* 17763 to 22631 */
    {PS_ARCH_X64, 0x20, 0x22, 0x25, 0x33, 0x40, 8},    /* 26100 */
    {PS_ARCH_X86, 0x10, 0x12, 0x17, NO_FLAG, 0x20, 4},
};

/* A subsegment as its header gives it. */
struct subsegment {
    const struct ps_page_view *view;
    const struct layout *layout;
    uint32_t n_blocks;
    uint32_t first; /* slot of block 0 */
};

/* Two bits a block: the lower one says busy, the upper one that bytes at its end are unused. */
enum pair { PAIR_FREE, PAIR_BUSY, PAIR_FREE_UPPER, PAIR_BOTH };

static uint32_t load16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static enum pair pair_of(const struct subsegment *s, uint32_t block)
{
    return (enum pair)(s->view->page[s->layout->bitmap + block / 4] >> (block % 4 * 2) & 3u);
}

/* Sources differ in whether a block of both bits is free, and withheld ones may be counted out. */
static int counts_agree(const struct subsegment *s)
{
    const uint32_t n_free = load16(s->view->page + s->layout->free_count);
    const uint32_t n_withheld = s->view->page[s->layout->withheld];
    uint32_t not_busy = 0, both = 0;

    for (uint32_t i = 0; i < s->n_blocks; i++) {
        not_busy += (pair_of(s, i) & PAIR_BUSY) == 0;
        both += pair_of(s, i) == PAIR_BOTH;
    }
    return n_free == not_busy || n_free == not_busy + both || n_free + n_withheld == not_busy ||
           n_free + n_withheld == not_busy + both;
}

/* Blocks fill the pages of a subsegment: what is left behind the last one holds no more. */
static int fills_pages(const struct subsegment *s, uint32_t stride)
{
    const uint32_t end = s->first + s->n_blocks * stride;
    const uint32_t left = (s->view->n_slots - end % s->view->n_slots) % s->view->n_slots;

    return left < stride;
}

/* Slot behind the bitmap; 0: no header with one begins the page. */
static uint32_t end_of_bitmap(struct subsegment *s)
{
    const struct layout *l = s->layout;
    const uint32_t slot_bytes = 1u << s->view->slot_shift;
    uint32_t n_bytes;

    s->n_blocks = load16(s->view->page + l->block_count);
    n_bytes = (2 * s->n_blocks + 8u * l->bitmap_word - 1) / (8u * l->bitmap_word) * l->bitmap_word;
    if (s->n_blocks == 0 || n_bytes > PS_PAGE_BYTES - l->bitmap ||
        (l->private_format != NO_FLAG && (s->view->page[l->private_format] & 1u) != 0))
        return 0;
    return (l->bitmap + n_bytes + slot_bytes - 1) / slot_bytes;
}

/* Blocks in use have headers; a tag that is not printable may hide a few. */
static int headers_agree(const struct subsegment *s, const struct ps_lfh_grid *grid,
                         const uint64_t *slots)
{
    uint32_t n_busy = 0, n_found = 0;

    for (uint32_t i = 0, at = s->first; i < s->n_blocks && at + grid->stride <= s->view->n_slots;
         i++, at += grid->stride)
        if (pair_of(s, i) == PAIR_BUSY) {
            n_busy++;
            n_found += (uint32_t)ps_bit(slots, at);
        }
    return n_busy > 0 && 4 * n_found >= 3 * n_busy;
}

/* Block 0 is one of the first places of the grid behind the bitmap. */
static int find_first(struct subsegment *s, const struct ps_lfh_grid *grid, const uint64_t *slots)
{
    const uint32_t begin = end_of_bitmap(s);

    if (begin == 0 || grid->first < begin || !counts_agree(s))
        return 0;
    s->first = grid->first - (grid->first - begin) / grid->stride * grid->stride;
    for (unsigned i = 0; i <= MAX_WASTED && s->first <= grid->first; i++) {
        if ((grid->last - s->first) / grid->stride < s->n_blocks && fills_pages(s, grid->stride) &&
            headers_agree(s, grid, slots))
            return 1;
        s->first += grid->stride;
    }
    return 0;
}

static void mark(const struct subsegment *s, const struct ps_lfh_grid *grid, const uint64_t *slots,
                 struct ps_page_map *map)
{
    for (uint32_t at = grid->first; at <= grid->last; at += grid->stride) {
        const enum pair pair = pair_of(s, (at - s->first) / grid->stride);
        unsigned bits = PS_SEG_BITMAP;

        if (!ps_bit(slots, at))
            continue;
        if (pair == PAIR_BUSY)
            bits |= PS_SEG_LIVE;
        else if (pair != PAIR_BOTH)
            bits |= PS_SEG_FREED;
        ps_segment_mark(map, at, bits, PS_SEG_RANK_STRIDE);
    }
}

void ps_lfh_bitmap_mark(const struct ps_page_view *view, const struct ps_lfh_grid *grid,
                        const uint64_t *slots, struct ps_page_map *map)
{
    struct subsegment s = {.view = view};

    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        s.layout = &layouts[i];
        if (s.layout->arch == view->era->arch && find_first(&s, grid, slots)) {
            mark(&s, grid, slots, map);
            return;
        }
    }
}
