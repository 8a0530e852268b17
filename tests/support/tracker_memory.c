#include "tests/support/tracker_memory.h"

#include <stdlib.h>
#include <string.h>

const struct tracker_shape tracker_shapes[N_TRACKER_SHAPES] = {
    {"nt5-x86", 0, 7601, 0x1c},   {"nt5-x64", 1, 9600, 0x28},    {"1709-x86", 0, 17134, 0x30},
    {"1709-x64", 1, 19041, 0x38}, {"21292-x86", 0, 21292, 0x40}, {"2022-x64", 1, 22000, 0x50},
};

/* Offset and width of the six counters of each shape. */
static const uint8_t fields[N_TRACKER_SHAPES][6][2] = {
    {{4, 4}, {8, 4}, {12, 4}, {16, 4}, {20, 4}, {24, 4}},
    {{4, 4}, {8, 4}, {16, 8}, {24, 4}, {28, 4}, {32, 8}},
    {{8, 8}, {16, 8}, {4, 4}, {32, 8}, {40, 8}, {24, 4}},
    {{16, 8}, {24, 8}, {8, 8}, {40, 8}, {48, 8}, {32, 8}},
    {{8, 8}, {16, 8}, {4, 4}, {32, 8}, {40, 8}, {24, 4}},
    {{16, 8}, {24, 8}, {8, 8}, {40, 8}, {48, 8}, {32, 8}},
};

static void put(struct tracker_memory *t, uint64_t phys, uint64_t value, unsigned width)
{
    if (width == 8)
        small_memory_put64(&t->m, phys, value);
    else
        small_memory_put32(&t->m, phys, (uint32_t)value);
}

static void map_x64(struct tracker_memory *t)
{
    small_memory_put64(&t->m, 0x1000 + 8 * ((TRACKER_VA_X64 >> 39) & 511), 0x2063);
    small_memory_put64(&t->m, 0x2000 + 8 * ((TRACKER_VA_X64 >> 30) & 511), 0x3063);
    small_memory_put64(&t->m, 0x3000 + 8 * ((TRACKER_VA_X64 >> 21) & 511), 0x4063);
    for (uint64_t i = TRACKER_FIRST_FRAME; i < SMALL_MEMORY_FRAMES; i++)
        small_memory_put64(&t->m, 0x4000 + 8 * i, i << 12 | 0x63);
}

static void map_x86(struct tracker_memory *t)
{
    small_memory_put32(&t->m, 0x1000 + 4 * (TRACKER_VA_X86 >> 22), 0x2063);
    for (uint32_t i = TRACKER_FIRST_FRAME; i < SMALL_MEMORY_FRAMES; i++)
        small_memory_put32(&t->m, 0x2000 + 4 * i, i << 12 | 0x63);
}

void tracker_memory_init(struct tracker_memory *t, int is_x64)
{
    small_memory_init(&t->m);
    t->is_x64 = is_x64;
    if (is_x64)
        map_x64(t);
    else
        map_x86(t);
    tracker_memory_reset(t);
}

void tracker_memory_reset(struct tracker_memory *t)
{
    ps_paging_init(&t->paging, &t->m.mem,
                   ps_pte_format_of(t->is_x64 ? PS_PAGING_X64 : PS_PAGING_X86, 0), 0x1000);
}

uint64_t tracker_va(const struct tracker_memory *t, uint32_t frame)
{
    return (t->is_x64 ? TRACKER_VA_X64 : TRACKER_VA_X86) + (uint64_t)frame * 4096;
}

void tracker_put_pointer(struct tracker_memory *t, uint32_t word, uint64_t value)
{
    const unsigned width = t->is_x64 ? 8 : 4;

    put(t, TRACKER_DATA_FRAME * UINT64_C(4096) + (uint64_t)word * width, value, width);
}

void tracker_put_slot(struct tracker_memory *t, int shape, uint32_t frame, uint32_t slot,
                      const struct tracker_planted *p)
{
    const uint64_t at = (uint64_t)frame * 4096 + (uint64_t)slot * tracker_shapes[shape].entry_bytes;

    put(t, at, p->tag, 4);
    for (unsigned i = 0; i < 6; i++)
        put(t, at + fields[shape][i][0], p->count[i], fields[shape][i][1]);
}

uint32_t tracker_home(uint32_t tag, uint32_t n)
{
    const uint64_t product = (uint64_t)tag * 40543;

    return (uint32_t)((product ^ product >> 32) % n);
}

uint32_t tracker_tag(uint32_t i)
{
    return 0x41414141 + i % 23 + i / 23 % 23 * 0x100 + i / 529 % 23 * 0x10000;
}

uint64_t tracker_count(uint32_t i, uint32_t cpu, unsigned column)
{
    const uint64_t allocs = 1000 + i * 7 + cpu * 100;
    const uint64_t frees = i % 3 == 0 ? allocs : i + cpu * 3;

    switch (column % 3) {
    case 0:
        return column == 0 || i % 2 ? allocs : 0;
    case 1:
        return column == 1 || i % 2 ? frees : 0;
    default:
        return column == 2 || i % 2 ? (allocs - frees) * 64 : 0;
    }
}

void tracker_put_table(struct tracker_memory *t, int shape, uint32_t frame, uint32_t n_slots,
                       uint32_t n, uint32_t cpu, uint32_t skip)
{
    uint8_t *used = calloc(n_slots, 1);

    if (!used || n > n_slots)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        struct tracker_planted p = {.tag = tracker_tag(i)};
        uint32_t slot = tracker_home(p.tag, n_slots);

        while (used[slot])
            slot = (slot + 1) % n_slots;
        used[slot] = 1;
        for (unsigned k = 0; k < 6; k++)
            p.count[k] = tracker_count(i, cpu, k);
        if (skip == 0 || (i + cpu) % skip != 0)
            tracker_put_slot(t, shape, frame, slot, &p);
    }
    free(used);
}
