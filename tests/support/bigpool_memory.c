#include "tests/support/bigpool_memory.h"

#include <stdlib.h>
#include <string.h>

#define FRAME(n)   ((uint64_t)(n)*PS_FRAME_BYTES)
#define WINDOW64   UINT64_C(0xfffff80012000000)
#define WINDOW32   UINT64_C(0x80800000)
#define DATA_FRAME 6u
#define VALID      0x63u

uint64_t made_va(int is_x64, uint32_t page)
{
    return (is_x64 ? WINDOW64 : WINDOW32) + FRAME(page);
}

static void put_entry(struct small_memory *m, int is_x64, uint64_t table, uint64_t index,
                      uint64_t entry)
{
    if (is_x64)
        small_memory_put64(m, table + 8 * index, entry);
    else
        small_memory_put32(m, table + 4 * index, (uint32_t)entry);
}

/* The last table is in frame 4 (x64) or 2. */
void made_map(struct small_memory *m, int is_x64, uint32_t page, uint64_t frame)
{
    put_entry(m, is_x64, FRAME(is_x64 ? 4 : 2), page, FRAME(frame) | VALID);
}

void made_unmap(struct small_memory *m, int is_x64, uint32_t page)
{
    put_entry(m, is_x64, FRAME(is_x64 ? 4 : 2), page, 0);
}

void made_memory(struct small_memory *m, int is_x64)
{
    small_memory_init(m);
    if (is_x64) {
        put_entry(m, 1, FRAME(1), WINDOW64 >> 39 & 511, FRAME(2) | VALID);
        put_entry(m, 1, FRAME(2), WINDOW64 >> 30 & 511, FRAME(3) | VALID);
        put_entry(m, 1, FRAME(3), WINDOW64 >> 21 & 511, FRAME(4) | VALID);
    } else {
        put_entry(m, 0, FRAME(1), WINDOW32 >> 22, FRAME(2) | VALID);
    }
    made_map(m, is_x64, MADE_DATA_PAGE, DATA_FRAME);
}

void made_pointer(struct small_memory *m, int is_x64, uint32_t off, uint64_t value)
{
    put_entry(m, is_x64, FRAME(DATA_FRAME) + off, 0, value);
}

static uint32_t home(const struct made_table *t, uint64_t va)
{
    uint64_t p = va / 4096, product;

    if (t->hash == MADE_FOLD) {
        uint32_t h = (uint32_t)p;

        h = (h >> 24) ^ (h >> 16) ^ (h >> 8) ^ h;
        return h % t->n_slots;
    }
    product = (t->hash == MADE_MUL32 ? p % (UINT64_C(1) << 32) : p) * 40543;
    return ((uint32_t)product ^ (uint32_t)(product / (UINT64_C(1) << 32))) % t->n_slots;
}

static void put_bytes(uint8_t *at, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> 8 * i);
}

static void add(struct made_table *t, struct made_row row, uint32_t type)
{
    const size_t pointer = t->is_x64 ? 8 : 4;
    const size_t word = pointer + 4;
    uint8_t *at;

    row.slot = home(t, row.va);
    while (t->bytes[row.slot * t->entry_bytes] != 1 ||
           t->bytes[row.slot * t->entry_bytes + pointer])
        row.slot = (row.slot + 1) % t->n_slots;
    at = t->bytes + (size_t)row.slot * t->entry_bytes;
    put_bytes(at, row.va + (row.is_free ? 1u : 0u), pointer);
    put_bytes(at + pointer, row.tag, 4);
    if (t->word == MADE_PAGES) {
        put_bytes(at + word, row.n_bytes / 4096, 4);
    } else {
        put_bytes(at + word, t->word == MADE_PACKED ? type << 8 : type, 4);
        put_bytes(at + word + 4, row.n_bytes, pointer);
    }
    t->row[t->n_rows++] = row;
}

void made_table(struct made_table *t, struct rng *rng, uint32_t page, uint32_t n_rows,
                int with_self)
{
    const uint64_t first = t->is_x64 ? UINT64_C(0xffffa50000000000) : 0x90000000;
    const uint32_t span = t->is_x64 ? 1u << 24 : 1u << 16;

    if (t->n_slots * t->entry_bytes > sizeof t->bytes || n_rows >= MADE_MAX_ROWS)
        abort();
    memset(t->bytes, 0, sizeof t->bytes);
    for (uint32_t i = 0; i < t->n_slots; i++)
        t->bytes[i * t->entry_bytes] = 1;
    t->n_rows = 0;
    t->va = made_va(t->is_x64, page);
    if (with_self)
        add(t,
            (struct made_row){
                .va = t->va, .n_bytes = t->n_slots * t->entry_bytes, .tag = 0x6c6f6f50},
            0x200);
    /* One address each: the high part counts. */
    for (uint32_t i = 0; i < n_rows; i++)
        add(t,
            (struct made_row){.va = first + 4096 * (uint64_t)(rng_below(rng, span / MADE_MAX_ROWS) +
                                                              i * (span / MADE_MAX_ROWS)),
                              .n_bytes = 4096 * (uint64_t)(1 + rng_below(rng, 9)),
                              .tag = 0x41414141 + (rng_below(rng, 26) << 16),
                              .is_free = rng_below(rng, 6) == 0},
            1 + (rng_below(rng, 2) << 9));
}

uint32_t made_pages(const struct made_table *t)
{
    return t->n_slots * t->entry_bytes / PS_FRAME_BYTES;
}

void made_put(struct small_memory *m, const struct made_table *t, uint32_t page, uint64_t frame)
{
    const uint32_t n = made_pages(t);

    for (uint32_t i = 0; i < n; i++) {
        memcpy(m->bytes + FRAME(frame + n - 1 - i), t->bytes + FRAME(i), PS_FRAME_BYTES);
        made_map(m, t->is_x64, page + i, frame + n - 1 - i);
    }
}
