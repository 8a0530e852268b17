/* Bytes -> page tables, a PFN database and data that points to it; search and reads end, and what
 * is found is what the tables say.
 *
 * Input: mode, build, then the bytes of the database; what is left over is the Windows kernel's
 * data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/windows/pfn/locate.h"
#include "tests/support/small_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BASE     UINT64_C(0xffffb58593e00000)
#define FRAME(n) (UINT64_C(4096) * (n))
#define DB_PAGES 3u

static struct small_memory m;

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s at 0x%llx\n", what, (unsigned long long)at);
    abort();
}

/* An address and the entry for it lead to each other. */
static void check_space(const uint8_t *data)
{
    static const uint64_t base[PS_PAGING_MODES] = {
        [PS_PAGING_X64] = UINT64_C(0xfffff68000000000),
        [PS_PAGING_PAE] = 0xc0000000,
        [PS_PAGING_X86] = 0xc0000000,
        [PS_PAGING_X64_LA57] = UINT64_C(0xff40000000000000),
    };

    for (unsigned mode = 0; mode < PS_PAGING_MODES; mode++) {
        const struct ps_pte_space s = {(enum ps_paging_mode)mode, base[mode]};
        uint64_t va, back;

        memcpy(&va, data, sizeof va);
        if (!ps_paging_is_x64(s.mode))
            va &= 0xffffffff;
        if (!ps_paging_canonical(s.mode, va, &va))
            continue;
        va &= ~UINT64_C(4095);
        if (!ps_pte_space_va(&s, ps_pte_space_entry(&s, va), &back) || back != va)
            die("the entry of another address", va);
    }
}

static void put_table(uint64_t frame, uint64_t index, uint64_t to)
{
    small_memory_put64(&m, FRAME(frame) + 8 * index, FRAME(to) | 0x63);
}

/* The database is at frames 5, 6 and 7, the data at 8. */
static void make_memory(const uint8_t *data, size_t size)
{
    const size_t n_db = size < DB_PAGES * 4096 ? size : DB_PAGES * 4096;

    small_memory_init(&m);
    put_table(1, 0x1ed, 1);
    put_table(1, BASE >> 39 & 511, 2);
    put_table(2, BASE >> 30 & 511, 3);
    put_table(3, BASE >> 21 & 511, 4);
    for (uint64_t i = 10; i < SMALL_MEMORY_FRAMES; i++)
        put_table(4, i, i);
    for (uint64_t i = 0; i <= DB_PAGES; i++)
        put_table(4, 400 + i, 5 + i);
    memcpy(m.bytes + FRAME(5), data, n_db);
    if (size > n_db)
        memcpy(m.bytes + FRAME(8) + 8, data + n_db, size - n_db < 4088 ? size - n_db : 4088);
    small_memory_put64(&m, FRAME(8), BASE + FRAME(400));
}

/* Valid entries, as far as the input does not say something else. */
static void put_entries(uint32_t n)
{
    for (uint64_t i = 10; i < 10 + n; i++) {
        small_memory_put64(&m, FRAME(5) + i * 0x30 + 8,
                           UINT64_C(0xfffff68000000000) + ((BASE + FRAME(i)) << 16 >> 28 << 3));
        m.bytes[FRAME(5) + i * 0x30 + 0x22] = 6;
    }
}

static void check_database(struct ps_paging *p, const struct ps_pfn_place *place)
{
    struct ps_pfn_database *db = NULL;
    struct ps_err err;

    if (place->n_agree < PS_PFN_MIN_AGREE || place->n_agree > place->n_samples)
        die("proved by too few", place->n_agree);
    if (ps_pfn_database_open(&db, place, p, &m.mem, m.mem.read, &m, &err) < 0)
        die(err.msg, 0);
    for (uint64_t frame = 0; frame < 2 * SMALL_MEMORY_FRAMES; frame++)
        if (ps_pfn_database_use(db, FRAME(frame)) > PS_PAGE_USE_KERNEL)
            die("use", frame);
    if (ps_pfn_database_use(db, UINT64_MAX - 4095) != PS_PAGE_USE_UNKNOWN)
        die("a frame that is not there", 0);
    ps_pfn_database_free(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t builds[] = {0, 2600, 7601, 9600, 10586, 19041, 26100};
    static struct ps_paging p;
    const struct ps_va_range range = {BASE + FRAME(403), 4096};
    struct ps_pfn_spec spec = {.arch = PS_ARCH_X64, .data = &range, .n_data = 1, .mem = &m.mem};
    struct ps_inverse_map *map = NULL;
    struct ps_pfn_place place;
    struct ps_err err;
    int found;

    if (size < 12)
        return 0;
    check_space(data + 2);
    make_memory(data + 2, size - 2);
    put_entries(data[0] % 54);
    if (data[1] & 0x80)
        small_memory_hole(&m, 6, 7);
    spec.build = builds[data[1] % (sizeof builds / sizeof *builds)];
    ps_paging_init(&p, &m.mem, ps_pte_format_of(PS_PAGING_X64, spec.build), FRAME(1));
    if (ps_inverse_map_build(&map, &m.mem, PS_PAGING_X64, FRAME(1), &err) < 0)
        die(err.msg, 0);
    spec.map = map;
    found = ps_pfn_find(&p, &spec, &place, &err);
    if (found < 0)
        die(err.msg, 0);
    if (found != (place.method != PS_PFN_NOT_FOUND))
        die("found or not", 0);
    if (found)
        check_database(&p, &place);
    ps_inverse_map_free(map);
    return 0;
}
