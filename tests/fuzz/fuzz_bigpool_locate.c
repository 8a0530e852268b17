/* Bytes -> patches over a memory with a big-pool table and its page tables; the search ends, and
 * what it says is consistent.
 *
 * Input: kind of table, seed, then patches of six bytes: place (three bytes, of 4), what is put
 * there (three: how, and a number). */
#include <stdlib.h>

#include "scan/bigpool/index.h"
#include "scan/bigpool/locate/locate.h"
#include "tests/support/bigpool_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct small_memory m;
static struct made_table t;

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void make(uint8_t kind, uint8_t seed)
{
    static const uint8_t sizes[] = {0x18, 0x20, 0x10, 0x0c, 0x14};
    struct rng rng = rng_make(seed);

    t.entry_bytes = sizes[kind % 5];
    t.is_x64 = kind % 5 < 2;
    t.word = kind % 5 == 3                    ? MADE_PAGES
             : kind % 5 == 1 || kind % 5 == 4 ? MADE_PACKED
                                              : kind / 5 % 3;
    t.hash = kind / 15 % 3;
    t.n_slots = 1024;
    made_memory(&m, t.is_x64);
    made_table(&t, &rng, MADE_TABLE_PAGE, seed, kind >> 7);
    made_put(&m, &t, MADE_TABLE_PAGE, 8);
    made_pointer(&m, t.is_x64, 0x80, t.va);
    made_pointer(&m, t.is_x64, 0x88, t.n_slots);
}

static void patch(const uint8_t *p)
{
    const uint64_t at = (p[0] + 256u * p[1] + 65536u * p[2]) % (sizeof m.bytes / 4) * 4;
    const uint32_t n = p[4] + 256u * p[5];

    switch (p[3] % 4) {
    case 0:
        small_memory_put32(&m, at, n);
        break;
    case 1: /* an entry of a page table */
        small_memory_put32(&m, at, n % 80 * 4096 | 0x63);
        break;
    case 2: /* an address in the window */
        if (t.is_x64 && at % 8 == 0)
            small_memory_put64(&m, at, made_va(1, n % 512) + n / 512 % 2);
        else
            small_memory_put32(&m, at, (uint32_t)made_va(0, n % 1024));
        break;
    default:
        small_memory_put32(&m, at, UINT32_C(1) << n % 32);
    }
}

static void check(const struct ps_bigpool_table *table)
{
    struct ps_bigpool_index *index;
    struct ps_err err;

    expect((table->method == PS_BIGPOOL_NOT_FOUND) == (table->layout == NULL));
    expect(table->n_rows == table->n_allocated + table->n_freed);
    expect(table->n_obey <= table->n_rows);
    expect(table->n_pages_found + table->n_pages_empty <= SMALL_MEMORY_FRAMES);
    expect(ps_bigpool_index_build(table, &index, &err) == 0);
    for (size_t i = 0; i < table->n_rows; i++) {
        expect(table->row[i].slot < table->n_slots);
        expect(i == 0 || table->row[i - 1].slot < table->row[i].slot);
        if (table->row[i].entry.state == PS_BIGPOOL_ALLOCATED)
            expect(ps_bigpool_index_find(index, table->row[i].entry.va) != NULL);
    }
    ps_bigpool_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ps_paging paging;
    struct ps_bigpool_table table;
    struct ps_inverse_map *map = NULL;
    struct ps_va_range range;
    struct ps_bigpool_source source = {
        .paging = &paging, .data = &range, .factor = UINT64_C(0xd1342543de82ef95)};
    struct ps_err err;

    if (size < 3)
        return 0;
    make(data[0], data[1]);
    range =
        (struct ps_va_range){made_va(t.is_x64, MADE_DATA_PAGE), data[2] & 4 ? UINT64_MAX : 4096};
    for (size_t i = 3; i + 6 <= size && i < 3 + 6 * 256; i += 6)
        patch(data + i);
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(t.is_x64 ? PS_PAGING_X64 : PS_PAGING_X86, 0),
                   MADE_ROOT);
    if (data[2] & 2)
        expect(ps_inverse_map_build(&map, &m.mem, paging.format.mode, MADE_ROOT, &err) == 0);
    source.arch = t.is_x64 ? PS_ARCH_X64 : PS_ARCH_X86;
    source.map = map;
    source.n_data = data[2] & 1;
    source.pointer_symbol = data[2] & 8 ? range.va + 0x80 : 0;
    source.size_symbol = data[2] & 8 ? range.va + 0x88 : 0;
    expect(ps_bigpool_locate(&source, &table, &err) >= 0);
    check(&table);
    ps_bigpool_table_free(&table);
    ps_inverse_map_free(map);
    return 0;
}
