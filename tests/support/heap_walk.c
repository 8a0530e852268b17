#include "tests/support/heap_walk.h"

#include <stddef.h>
#include <criterion/criterion.h>
#include <stdlib.h>

#define NOWHERE UINT64_MAX

static uint32_t get16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

uint64_t hw_chunk_plain(uint64_t stored, uint64_t va, uint64_t heap_key)
{
    return stored ^ va ^ heap_key;
}

uint32_t hw_lfh_plain(uint32_t stored, uint64_t va, uint64_t lfh_key, uint32_t build)
{
    uint32_t shifted = build >= 26100 ? (uint32_t)(va >> 12) : (uint32_t)va >> 12;

    return stored ^ (uint32_t)lfh_key ^ shifted;
}

uint64_t hw_segment_key(uint64_t signature, uint64_t segment, uint64_t context, uint64_t constant)
{
    return signature ^ segment ^ context ^ constant;
}

struct hw_memory hw_build(const struct ps_recipe *recipe, uint64_t dtb, int is_x64)
{
    struct hw_memory m = {.is_x64 = is_x64,
                          .dtb = dtb,
                          .n_pages = ps_recipe_pages(recipe),
                          .image_pages = ps_recipe_size(recipe) / HW_PAGE};
    struct ps_planted_page *planted = malloc(sizeof *planted);
    size_t cap = 0;

    m.b = calloc(m.n_pages, HW_PAGE);
    cr_assert(m.b && planted);
    for (uint64_t page = 0; page < m.n_pages; page++) {
        struct ps_err err = {0};

        cr_assert_geq(ps_recipe_page(recipe, page, m.b + page * HW_PAGE, planted, &err), 0);
        for (size_t i = 0; i < planted->n; i++) {
            if (m.n_heads == cap) {
                cap = cap * 2 + 1024;
                m.head = realloc(m.head, cap * sizeof *m.head);
                cr_assert(m.head);
            }
            m.head[m.n_heads++] =
                (struct hw_head){page * HW_PAGE + planted->header[i].offset, planted->header[i], 0};
        }
    }
    free(planted);
    return m;
}

void hw_drop(struct hw_memory *m)
{
    free(m->b);
    free(m->head);
}

/* What an entry that is not valid leads to. On x64 since the updates of 2018 it has bit 45 flipped
 * unless bit 4 is set. */
static uint64_t not_valid(const struct hw_memory *m, uint64_t e)
{
    if (e == 0 || e == 0x80)
        return NOWHERE;
    if (m->is_x64 && !(e & 0x10))
        e ^= 1ull << 45;
    return e & 0x800 ? e & 0xfffffffff000ull : (m->image_pages + (e >> 32)) * HW_PAGE;
}

static uint64_t phys_of(const struct hw_memory *m, uint64_t va)
{
    uint64_t table = m->dtb, e = 0;

    for (int level = m->is_x64 ? 3 : 2; level >= 0; level--) {
        uint64_t mask = m->is_x64 || level < 2 ? 511 : 3;

        e = get64(m->b + table + (va >> (12 + 9 * level) & mask) * 8);
        if (!(e & 1))
            break;
        table = e & 0xfffffffff000ull;
    }
    if (!(e & 1) && (table = not_valid(m, e)) == NOWHERE)
        return NOWHERE;
    return table + va % HW_PAGE;
}

static const uint8_t *at(const struct hw_memory *m, uint64_t va)
{
    uint64_t phys = phys_of(m, va);

    return phys == NOWHERE ? NULL : m->b + phys;
}

uint64_t hw_word(const struct hw_memory *m, uint64_t va)
{
    const uint8_t *p = at(m, va);

    cr_assert(p, "%#llx is not there", (unsigned long long)va);
    return m->is_x64 ? get64(p) : get32(p);
}

static struct hw_head *head_at(struct hw_memory *m, uint64_t va)
{
    uint64_t phys = phys_of(m, va);
    size_t lo = 0, hi = m->n_heads;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (m->head[mid].phys < phys)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == m->n_heads || m->head[lo].phys != phys)
        return NULL;
    m->head[lo].seen = 1;
    return &m->head[lo];
}

/* --- the walk --- */

struct walk {
    struct hw_memory *m;
    const struct hw_layout *l;
    const struct hw_keys *keys;
    uint32_t unit; /* bytes of a POOL_HEADER */
    uint64_t lfh_key;
    struct hw_met *met;
    int paged;
};

/* A block that the heap has live: its header, or the link of a look-aside list over it. */
static struct hw_head *live_block(struct walk *w, uint64_t va, uint8_t allocator)
{
    struct hw_head *h = head_at(w->m, va);
    const uint8_t *p = at(w->m, va);
    uint64_t billed;

    if (!h) {
        uint64_t link = w->m->is_x64 ? get64(p) : get32(p);

        cr_assert(link == 0 || link >> (w->m->is_x64 ? 48 : 31) == (w->m->is_x64 ? 0xffff : 1),
                  "%#llx: %#llx", (unsigned long long)va, (unsigned long long)link);
        return NULL;
    }
    cr_assert_eq(h->h.state, PS_PLANTED_ALLOCATED);
    cr_assert_eq(h->h.allocator, allocator);
    cr_assert_eq(h->h.prev, 0);
    cr_assert_eq((int)(h->h.type & 7), w->paged ? 3 : 2);
    if (h->h.type & 8 && w->m->is_x64) {
        billed = get64(p + 8) ^ w->keys->cookie ^ va;
        cr_assert_eq(billed, h->h.process);
        w->met->quota += billed != 0;
        w->met->released += billed == 0;
        if (billed && at(w->m, billed))
            cr_assert_eq(at(w->m, billed)[0], 3);
    }
    return h;
}

static void walk_lfh(struct walk *w, uint64_t va, uint32_t n_units)
{
    const uint8_t *b = at(w->m, va);
    uint32_t plain, size, first, n_blocks, n_free = 0;

    if (!b)
        return;
    plain = hw_lfh_plain(get32(b + w->l->lfh_offsets), va, w->lfh_key, w->l->build);
    size = plain & 0xffff;
    first = plain >> 16;
    n_blocks = get16(b + w->l->lfh_counts + 2);
    cr_assert(size % w->unit == 0 && size >= 2 * w->unit && size <= 0xff0, "%#x", plain);
    cr_assert_eq(first % w->unit, 0);
    cr_assert_geq(first, w->l->lfh_bitmap + (n_blocks * 2 + 31) / 32 * 4);
    cr_assert_leq(first + n_blocks * size, n_units * HW_PAGE);
    cr_assert_gt(first + (n_blocks + 1) * size, n_units * HW_PAGE);
    if (w->l->private_at && b[w->l->private_at] & 1) {
        w->met->private_form++;
        return;
    }
    for (uint32_t i = 0; i < n_blocks; i++) {
        uint32_t pair = (uint32_t)b[w->l->lfh_bitmap + i / 4] >> i % 4 * 2 & 3;
        uint64_t block = va + first + i * size;
        struct hw_head *h;

        n_free += pair == 0;
        cr_assert_eq(pair == 3, block % HW_PAGE + size > HW_PAGE);
        w->met->withheld += pair == 3;
        if (pair == 3 || !at(w->m, block))
            continue;
        if (pair == 0) {
            h = head_at(w->m, block);
            w->met->lfh_stale += h != NULL;
            w->met->lfh_never += h == NULL;
            cr_assert(!h || h->h.state == PS_PLANTED_STALE);
            continue;
        }
        h = live_block(w, block, PS_PLANTED_BY_LFH);
        w->met->lfh_live += h != NULL;
        w->met->lfh_lost += h == NULL;
        cr_assert(!h || h->h.n_bytes <= size);
    }
    cr_assert_eq(n_free, get16(b + w->l->lfh_counts));
}

/* The block of a chunk in use that begins at 'va'; at the start of the next page when it would have
 * crossed into that. */
static void walk_chunk(struct walk *w, uint64_t va, uint64_t n_bytes)
{
    uint64_t header = va + w->unit, end = va + n_bytes;
    int is_moved = va % HW_PAGE + n_bytes > 0x1040;
    struct hw_head *h;

    if (is_moved)
        header = va / HW_PAGE * HW_PAGE + HW_PAGE;
    if (end - header > 0x1000 - w->unit) {
        w->met->vs_big++;
        return;
    }
    if (!at(w->m, header))
        return;
    h = live_block(w, header, PS_PLANTED_BY_VS);
    w->met->vs_live += h != NULL;
    w->met->vs_lost += h == NULL;
    w->met->vs_moved += h && is_moved;
    if (!h)
        return;
    cr_assert(header + h->h.n_bytes == end || header + h->h.n_bytes + w->unit == end, "%#llx",
              (unsigned long long)va);
    w->met->left_over += header + h->h.n_bytes != end;
    cr_assert_leq(header % HW_PAGE + h->h.n_bytes, HW_PAGE);
}

struct chunk {
    uint64_t units, prev, cost, rest;
    int in_use;
};

static struct chunk decode(const struct walk *w, uint64_t va)
{
    uint64_t plain = hw_chunk_plain(hw_word(w->m, va), va, w->keys->heap);

    if (!w->m->is_x64)
        return (struct chunk){.cost = plain & 1,
                              .units = plain >> 1 & 0x7fff,
                              .prev = plain >> 16 & 0x7fff,
                              .in_use = (int)(plain >> 31 & 1)};
    return (struct chunk){.cost = plain & 0xffff,
                          .units = plain >> 16 & 0xffff,
                          .prev = plain >> 32 & 0xffff,
                          .in_use = (int)(plain >> 48 & 1),
                          .rest = plain >> 49};
}

static void walk_vs(struct walk *w, uint64_t va, uint32_t n_units)
{
    const uint8_t *b = at(w->m, va);
    uint64_t end = va + (uint64_t)n_units * HW_PAGE, prev = 0;
    uint32_t size;
    int after_free = 0;

    if (!b)
        return;
    size = get16(b + w->l->vs_size);
    cr_assert_eq((size ^ get16(b + w->l->vs_sign)) & 0x7fff, 0x2bed);
    cr_assert_eq(size, n_units * (HW_PAGE / w->unit) - 3);
    for (uint64_t at_chunk = va + 3 * w->unit; at_chunk < end;) {
        struct chunk c;

        if (!at(w->m, at_chunk))
            return;
        c = decode(w, at_chunk);
        cr_assert(c.units >= 2 && c.rest == 0 && c.prev == prev, "%#llx",
                  (unsigned long long)at_chunk);
        prev = c.units;
        if (c.in_use) {
            walk_chunk(w, at_chunk, c.units * w->unit);
        } else {
            cr_assert(!after_free, "two free chunks stand side by side");
            cr_assert_null(head_at(w->m, at_chunk + w->unit));
            w->met->vs_free++;
            w->met->vs_hollow += c.cost > 0;
        }
        after_free = !c.in_use;
        at_chunk += c.units * w->unit;
        cr_assert_leq(at_chunk, end);
    }
}

/* 'pages' are those of one unit; 'first_unit' is the one behind the descriptors. */
static void walk_segment(struct walk *w, uint64_t va, uint32_t pages, uint32_t first_unit)
{
    uint32_t flags = w->l->flags, last = w->l->descriptor - 1, mask = w->m->is_x64 ? 0xff : 0x1f;

    for (uint32_t unit = first_unit; unit < 256;) {
        const uint8_t *d = at(w->m, va + (uint64_t)unit * w->l->descriptor);
        uint64_t first = va + (uint64_t)unit * pages * HW_PAGE;
        uint32_t n, kind;

        cr_assert(d);
        kind = d[flags] & mask;
        if (kind == 0) {
            unit++;
            continue;
        }
        n = d[last];
        cr_assert_eq(get32(d), 0xccddccddu);
        cr_assert(n > 0 && unit + n <= 256);
        for (uint32_t i = 1; i < n; i++) {
            const uint8_t *later = at(w->m, va + (uint64_t)(unit + i) * w->l->descriptor);

            cr_assert(later && (later[flags] & mask) == 1 && later[last] == i);
        }
        for (uint32_t i = 0; i < n; i++)
            w->met->paged_out +=
                phys_of(w->m, first + (uint64_t)i * HW_PAGE) / HW_PAGE >= w->m->image_pages;
        cr_assert(kind == 3 || kind == 0xb || kind == 0xf, "%#x", kind);
        cr_assert(pages == 1 || kind == 3, "a unit of 64 KiB is one large allocation's");
        for (uint32_t i = 0; i < n && pages > 1; i++)
            cr_assert(at(w->m, first + (uint64_t)i * pages * HW_PAGE));
        if (kind == 0xb)
            walk_lfh(w, first, n);
        else if (kind == 0xf)
            walk_vs(w, first, n);
        else
            w->met->large++;
        unit += n;
    }
}

/* SegmentMask, UnitShift, PagesPerUnitShift and FirstDescriptorIndex. */
static void check_context(const struct walk *w, uint64_t context, uint64_t mask, uint32_t shifts)
{
    const uint8_t *b = at(w->m, context);

    cr_assert(b);
    cr_assert_eq(hw_word(w->m, context), w->m->is_x64 ? mask : (uint32_t)mask);
    cr_assert_eq(get32(b + w->l->shifts) & 0xffffff, shifts);
}

/* All segments of a context, in both directions. Their number. */
static unsigned walk_list(struct walk *w, uint64_t context, uint32_t pages, uint32_t first_unit)
{
    uint64_t list = context + w->l->list, before = list, bytes = w->m->is_x64 ? 8 : 4;
    unsigned n = 0;

    for (uint64_t s = hw_word(w->m, list); s != list; s = hw_word(w->m, s)) {
        cr_assert_eq(s % (0x100000ull * pages), 0);
        cr_assert_eq(hw_word(w->m, s + bytes), before);
        cr_assert_eq(hw_segment_key(hw_word(w->m, s + 2 * bytes), s, context, w->l->constant),
                     w->keys->heap);
        walk_segment(w, s, pages, first_unit);
        before = s;
        n++;
        cr_assert_lt(n, 100);
    }
    cr_assert_eq(hw_word(w->m, list + bytes), before);
    cr_assert_eq(hw_word(w->m, context + w->l->count), n);
    return n;
}

static void walk_heap(struct walk *w, uint64_t heap)
{
    uint64_t context = heap + w->l->contexts;

    cr_assert_eq((uint32_t)hw_word(w->m, heap + w->l->signature), 0xddeeddeeu);
    w->lfh_key = w->keys->lfh;
    if (w->l->encode_key)
        w->lfh_key = hw_word(w->m, heap + w->l->encode_key);
    check_context(w, context, ~0xfffffull, w->l->first_unit << 16 | 12);
    check_context(w, context + w->l->context_bytes, ~0xffffffull, 0x010410u);
    cr_assert_eq(hw_word(w->m, context + w->l->heap), heap);
    w->met->segments += walk_list(w, context, 1, w->l->first_unit);
    w->met->wide += walk_list(w, context + w->l->context_bytes, 16, 1);
}

void hw_walk(struct hw_memory *m, const struct hw_layout *layout, const struct hw_keys *keys,
             uint64_t state, unsigned from, struct hw_met *met)
{
    uint64_t globals = hw_word(m, state), bytes = m->is_x64 ? 8 : 4;

    cr_assert_eq(hw_word(m, globals), keys->heap);
    cr_assert_eq(hw_word(m, globals + bytes), keys->lfh);
    for (unsigned i = 0; i < 4; i++) {
        struct walk w = {.m = m, .l = layout, .keys = keys, .met = met, .paged = i >= 2};
        uint64_t heap = hw_word(m, state + layout->node + i * bytes);

        w.unit = m->is_x64 ? 16 : 8;
        cr_assert_eq(heap != 0, i >= from);
        if (heap)
            walk_heap(&w, heap);
    }
}
