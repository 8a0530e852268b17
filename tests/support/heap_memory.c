#include "tests/support/heap_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE         4096u
#define OLD_CONSTANT UINT64_C(0xa2e64eada2e64ead)
#define TYPE_IN_USE  2u
#define TAG          0x636f7250u /* "Proc" */

const struct heap_shape heap_shapes[N_HEAP_SHAPES] = {
    {"17763", 1, 17763, 0x100, 0x30c8, 0x3100, 0x30, OLD_CONSTANT, 0, 0, 0},
    {"19041", 1, 19041, 0x100, 0x38d0, 0x3900, 0x30, OLD_CONSTANT, 0, 0, 0},
    {"22000", 1, 22000, 0x140, 0x38e0, 0x3900, 0x30, OLD_CONSTANT, 0, 0, 0},
    {"22631", 1, 22631, 0x140, 0x3910, 0x3940, 0x30, OLD_CONSTANT, 0, 0, 0},
    {"26100", 1, 26100, 0x140, 0x3910, 0x3940, 0x40, 0, 1, 0, 0},
    {"26200", 1, 26200, 0x140, 0x3974, 0x3980, 0x40, 0, 1, 1, 0x390},
    {"19041-x86", 0, 19041, 0x100, 0x1000, 0x1040, 0x20, OLD_CONSTANT &UINT32_MAX, 0, 0, 0},
};

static uint32_t next_random(struct heap_memory *m, uint32_t n)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % n;
}

static void need(int ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "heap_memory: %s\n", what);
        abort();
    }
}

static size_t read_memory(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct heap_memory *m = arg;

    if (phys >= sizeof m->bytes)
        return 0;
    if (n_bytes > sizeof m->bytes - phys)
        n_bytes = (size_t)(sizeof m->bytes - phys);
    memcpy(buf, m->bytes + phys, n_bytes);
    return n_bytes;
}

static uint64_t get(const uint8_t *p, unsigned width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | p[width];
    return value;
}

static void put(uint8_t *p, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t take_frame(struct heap_memory *m)
{
    need(m->n_frames < HEAP_FRAMES, "too many frames");
    return (uint64_t)m->n_frames++ * PAGE;
}

/* The entry of the last level for 'va'; NULL if a table is missing and 'make' is not set. */
static uint8_t *entry_of(struct heap_memory *m, uint64_t va, int make)
{
    const unsigned width = m->shape->is_x64 ? 8 : 4, bits = m->shape->is_x64 ? 9 : 10;
    uint64_t table = PAGE;

    for (unsigned shift = m->shape->is_x64 ? 39 : 22;; shift -= bits) {
        uint8_t *e = m->bytes + table + (va >> shift & ((1u << bits) - 1)) * width;

        if (shift == 12)
            return e;
        if (get(e, width) == 0) {
            if (!make)
                return NULL;
            put(e, take_frame(m) | 0x63, width);
        }
        table = get(e, width) & ~UINT64_C(0xfff);
    }
}

static void map(struct heap_memory *m, uint64_t va, uint32_t n_bytes)
{
    const unsigned width = m->shape->is_x64 ? 8 : 4;

    for (uint64_t at = va; at < va + n_bytes; at += PAGE) {
        uint8_t *e = entry_of(m, at, 1);

        if (get(e, width) == 0)
            put(e, take_frame(m) | 0x63, width);
    }
}

uint8_t *heap_memory_at(struct heap_memory *m, uint64_t va)
{
    uint8_t *e = entry_of(m, va, 0);
    const uint64_t entry = e ? get(e, m->shape->is_x64 ? 8 : 4) : 0;

    return entry & 1 ? m->bytes + (entry & ~UINT64_C(0xfff)) + va % PAGE : NULL;
}

void heap_memory_unmap(struct heap_memory *m, uint64_t va)
{
    put(entry_of(m, va, 1), 0, m->shape->is_x64 ? 8 : 4);
}

void heap_memory_put(struct heap_memory *m, uint64_t va, uint64_t value, unsigned width)
{
    uint8_t *at = heap_memory_at(m, va);

    need(at != NULL && va % PAGE + width <= PAGE, "a value where there is no memory");
    put(at, value, width);
}

static void put_pointer(struct heap_memory *m, uint64_t va, uint64_t value)
{
    heap_memory_put(m, va, value, m->shape->is_x64 ? 8 : 4);
}

uint64_t heap_memory_data(const struct heap_memory *m)
{
    return m->shape->is_x64 ? UINT64_C(0xfffff80012200000) : UINT64_C(0x81200000);
}

uint64_t heap_memory_globals(const struct heap_memory *m)
{
    return heap_memory_data(m) + 0x4800;
}

uint64_t heap_memory_heap(const struct heap_memory *m, unsigned i)
{
    return (m->shape->is_x64 ? UINT64_C(0xffffdc0150000000) : UINT64_C(0x85000000)) +
           i * UINT64_C(0x10000);
}

uint64_t heap_memory_segment(const struct heap_memory *m, unsigned i)
{
    static const uint64_t x64[HEAP_N_SEGMENTS] = {
        UINT64_C(0xffffdc0155e00000), UINT64_C(0xffffdc0155f00000), UINT64_C(0xffff9c8211300000),
        UINT64_C(0xffff9c8311700000)};
    static const uint64_t x86[HEAP_N_SEGMENTS] = {0x85e00000, 0x85f00000, 0x91300000, 0x91700000};

    return m->shape->is_x64 ? x64[i] : x86[i];
}

static uint32_t slot_bytes(const struct heap_memory *m)
{
    return m->shape->is_x64 ? 16 : 8;
}

static void plant(struct heap_memory *m, uint64_t va, uint32_t n_bytes, enum heap_truth truth)
{
    const uint32_t units = n_bytes / slot_bytes(m);
    uint8_t *p = heap_memory_at(m, va);

    need(m->n_blocks < HEAP_MAX_BLOCKS, "too many blocks");
    m->block[m->n_blocks++] = (struct heap_planted){va, n_bytes, truth};
    put(p, m->shape->is_x64 ? units << 16 | TYPE_IN_USE << 24 : units << 16 | TYPE_IN_USE << 25, 4);
    put(p + 4, TAG, 4);
}

/* --- VS --- */

static void put_chunk(struct heap_memory *m, uint64_t va, uint32_t size, uint32_t prev, int in_use)
{
    const uint64_t slots = size / slot_bytes(m), before = prev / slot_bytes(m);

    if (m->shape->is_x64)
        heap_memory_put(m, va,
                        (slots << 16 | before << 32 | (uint64_t)in_use << 48) ^ va ^ HEAP_KEY, 8);
    else
        heap_memory_put(m, va,
                        (uint32_t)((slots << 1 | before << 16 | (uint64_t)in_use << 31) ^ va ^
                                   (HEAP_KEY & UINT32_MAX)),
                        4);
}

/* A block whose header would cross into another page has it at the begin of that page. */
static uint64_t header_of(const struct heap_memory *m, uint64_t chunk, uint32_t size)
{
    const uint64_t va = chunk + slot_bytes(m), end = chunk + size;

    return va / PAGE == (end - 1) / PAGE ? va : end / PAGE * PAGE;
}

/* Chunks of a size that leaves room for a header wherever it goes; what was coalesced keeps the old
 * headers inside. */
static void put_vs_chunks(struct heap_memory *m, uint64_t first, uint64_t end)
{
    const uint32_t slot = slot_bytes(m);
    uint32_t prev = 0;
    int was_free = 0;

    for (uint64_t va = first; va < end;) {
        uint32_t size = slot * (4 + next_random(m, 100));
        int in_use = was_free || next_random(m, 4) != 0;
        uint64_t header;

        /* Room for another one behind it, and none that ends with the first bytes of a page. */
        if ((va + size) % PAGE < 2 * slot)
            size += 2 * slot;
        if (end - va < size + 8 * slot)
            size = (uint32_t)(end - va), in_use = size / slot < 0x80 ? in_use : 0;
        put_chunk(m, va, size, prev, in_use);
        header = header_of(m, va, size);
        if (in_use) {
            plant(m, header, (uint32_t)(va + size - header), TRUTH_LIVE);
        } else if (header % PAGE == 0) {
            plant(m, header, (uint32_t)(va + size - header), TRUTH_FREED);
        } else if (size >= 24 * slot) {
            /* What was merged into this one: its header has the sizes of its own time. */
            put_chunk(m, va + 8 * slot, 10 * slot, 8 * slot, next_random(m, 2) != 0);
            if ((va + 9 * slot) / PAGE == (va + 18 * slot - 1) / PAGE)
                plant(m, va + 9 * slot, 9 * slot, TRUTH_FREED);
        }
        if (in_use && size >= 16 * slot && header % PAGE != 0)
            plant(m, header + 4 * slot, 4 * slot, TRUTH_NONE);
        was_free = !in_use;
        prev = size;
        va += size;
    }
}

static void put_vs(struct heap_memory *m, uint64_t va, uint32_t n_bytes)
{
    const uint32_t first = m->shape->is_x64 ? 0x30 : 0x18, at = m->shape->is_x64 ? 0x20 : 0x14;
    const uint32_t size = (n_bytes - first) / slot_bytes(m);

    put_pointer(m, va, va);
    put_pointer(m, va + (m->shape->is_x64 ? 8 : 4), va);
    heap_memory_put(m, va + at, size, 2);
    heap_memory_put(m, va + at + 2, 5, 2);
    heap_memory_put(m, va + at + (m->shape->has_slot_ref ? 4 : 2), (0x2bed ^ size) & 0x7fff, 2);
    put_vs_chunks(m, va + first, va + n_bytes);
}

/* --- LFH --- */

static void put_lfh_blocks(struct heap_memory *m, uint64_t va, uint32_t first, uint32_t size,
                           uint32_t n)
{
    const uint64_t bitmap = va + m->shape->lfh_bitmap;
    const uint32_t withheld_at = !m->shape->is_x64              ? 0x17
                                 : m->shape->lfh_bitmap == 0x40 ? 0x25
                                                                : 0x27;
    uint32_t n_free = 0, n_withheld = 0;

    for (uint32_t i = 0; i < n; i++) {
        const uint64_t at = va + first + (uint64_t)i * size;
        const int crosses = at / PAGE != (at + size - 1) / PAGE;
        const unsigned in_use = next_random(m, 3) != 0;
        uint8_t *bits = heap_memory_at(m, bitmap + i / 4);

        *bits |= (uint8_t)((crosses ? 3 : in_use) << i % 4 * 2);
        n_free += !crosses && !in_use;
        n_withheld += (uint32_t)crosses;
        if (crosses)
            continue;
        plant(m, at, size, in_use ? TRUTH_LIVE : TRUTH_FREED);
        if (size >= 12 * slot_bytes(m))
            plant(m, at + 4 * slot_bytes(m), 4 * slot_bytes(m), TRUTH_NONE);
    }
    heap_memory_put(m, va + (m->shape->is_x64 ? 0x20 : 0x10), n_free, 2);
    heap_memory_put(m, va + withheld_at, n_withheld, 1);
}

static uint32_t lfh_key(const struct heap_memory *m, unsigned heap)
{
    return m->shape->encode_key ? (uint32_t)(LFH_KEY >> 16) + heap * 0x11111111u
                                : (uint32_t)LFH_KEY;
}

static void put_lfh(struct heap_memory *m, unsigned heap, uint64_t va, uint32_t n_bytes,
                    uint32_t size)
{
    uint32_t first = (m->shape->lfh_bitmap + (n_bytes / size * 2 + 63) / 64 * 8 + 0x1f) & ~0xfu;
    const uint32_t n = (n_bytes - first) / size;
    const uint32_t term = m->shape->shift_full ? (uint32_t)(va >> 12) : (uint32_t)va >> 12;
    const uint32_t at = m->shape->is_x64 ? 0x20 : 0x10;

    put_pointer(m, va, va);
    put_pointer(m, va + (m->shape->is_x64 ? 8 : 4), va);
    heap_memory_put(m, va + at + 2, n, 2);
    heap_memory_put(m, va + at + 8, (size | first << 16) ^ lfh_key(m, heap) ^ term, 4);
    put_lfh_blocks(m, va, first, size, n);
}

/* --- segments and heaps --- */

static void put_range(struct heap_memory *m, uint64_t segment, uint32_t unit, uint32_t n,
                      uint8_t flags)
{
    const uint32_t bytes = m->shape->is_x64 ? 0x20 : 0x10, at = m->shape->is_x64 ? 0x18 : 0xc;
    const uint32_t size_at = m->shape->is_x64 ? 0x1f : 0xf;

    for (uint32_t i = 0; i < n; i++) {
        const uint64_t d = segment + (uint64_t)(unit + i) * bytes;

        heap_memory_put(m, d + at, i == 0 ? flags : 1, 1);
        heap_memory_put(m, d + size_at, i == 0 ? n : i, 1);
    }
    heap_memory_put(m, segment + (uint64_t)unit * bytes, 0xccddccdd, 4);
}

static void put_segment(struct heap_memory *m, unsigned i)
{
    const uint64_t va = heap_memory_segment(m, i), unit = PAGE;
    const unsigned heap = i / 2;
    const uint64_t context = heap_memory_heap(m, heap) + m->shape->contexts;

    map(m, va, UNIT_UNUSED * PAGE);
    put_range(m, va, UNIT_LFH_SMALL, 2, 0xb);
    put_range(m, va, UNIT_VS, UNITS_VS, 0xf);
    put_range(m, va, UNIT_LARGE, 3, 3);
    put_range(m, va, UNIT_LFH_BIG, 4, 0xb);
    put_range(m, va, UNIT_UNUSED, 256 - UNIT_UNUSED, 2);
    put_pointer(m, va + (m->shape->is_x64 ? 0x10 : 8),
                va ^ context ^ HEAP_KEY ^ m->shape->constant);
    put_lfh(m, heap, va + UNIT_LFH_SMALL * unit, 2 * PAGE, 0x30);
    put_vs(m, va + UNIT_VS * unit, UNITS_VS * PAGE);
    put_lfh(m, heap, va + UNIT_LFH_BIG * unit, 4 * PAGE, 0x200);
}

static void link_list(struct heap_memory *m, const uint64_t *va, unsigned n)
{
    const unsigned width = m->shape->is_x64 ? 8 : 4;

    for (unsigned i = 0; i < n; i++) {
        put_pointer(m, va[i], va[(i + 1) % n]);
        put_pointer(m, va[(i + 1) % n] + width, va[i]);
    }
}

static void put_context(struct heap_memory *m, uint64_t va, unsigned shift, const uint64_t *segment,
                        unsigned n)
{
    const int x64 = m->shape->is_x64;
    uint64_t list[1 + HEAP_N_SEGMENTS] = {va + (x64 ? 0x48 : 0x44)};

    put_pointer(m, va, ~((UINT64_C(256) << shift) - 1));
    heap_memory_put(m, va + (x64 ? 8 : 4), shift, 1);
    heap_memory_put(m, va + (x64 ? 0xa : 6), shift == 12 && x64 ? 2 : 1, 1);
    for (unsigned i = 0; i < n; i++)
        list[i + 1] = segment[i];
    link_list(m, list, n + 1);
}

static void put_heap(struct heap_memory *m, unsigned i)
{
    const uint64_t va = heap_memory_heap(m, i), second = m->shape->is_x64 ? 0xc0 : 0x80;
    const uint64_t segment[2] = {heap_memory_segment(m, 2 * i), heap_memory_segment(m, 2 * i + 1)};

    map(m, va, PAGE);
    heap_memory_put(m, va + (m->shape->is_x64 ? 0x10 : 8), 0xddeeddee, 4);
    put_segment(m, 2 * i);
    put_segment(m, 2 * i + 1);
    put_context(m, va + m->shape->contexts, 12, segment, 2);
    put_context(m, va + m->shape->contexts + second, 16, NULL, 0);
    if (m->shape->encode_key)
        heap_memory_put(m, va + m->shape->encode_key, lfh_key(m, i), 8);
}

void heap_memory_init(struct heap_memory *m, const struct heap_shape *shape, uint32_t seed)
{
    const unsigned width = shape->is_x64 ? 8 : 4;

    memset(m, 0, sizeof *m);
    m->shape = shape;
    m->seed = seed;
    m->n_frames = 2;
    m->run = (struct ps_phys_run){0, sizeof m->bytes, 0};
    m->mem = (struct ps_physmem){.read = read_memory, .arg = m, .run = &m->run, .n_runs = 1};
    map(m, heap_memory_data(m), HEAP_DATA_BYTES);
    for (unsigned i = 0; i < HEAP_N_HEAPS; i++)
        put_heap(m, i);
    put_pointer(m, heap_memory_data(m), heap_memory_globals(m));
    put_pointer(m, heap_memory_globals(m), HEAP_KEY);
    put_pointer(m, heap_memory_globals(m) + width, LFH_KEY);
    heap_memory_put(m, heap_memory_data(m) + shape->n_pools, 1, 4);
    /* Nonpaged is what nonpaged NX is; there is no heap for prototypes. */
    for (unsigned i = 0; i < 3; i++)
        put_pointer(m, heap_memory_data(m) + shape->nodes + (uint64_t)i * width,
                    heap_memory_heap(m, i / 2));
    heap_memory_reset(m);
}

void heap_memory_reset(struct heap_memory *m)
{
    ps_paging_init(&m->paging, &m->mem,
                   ps_pte_format_of(m->shape->is_x64 ? PS_PAGING_X64 : PS_PAGING_X86, 0), PAGE);
}
