/* Tables made here, from the layouts as docs/BIGPOOL.md tells them, scattered over physical pages
 * among decoys: the carver must give exactly what was planted. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/carve/carve.h"
#include "tests/support/rng.h"

#define PAGE   ((size_t)4096)
#define MEMORY ((size_t)2048) /* pages of a test's physical memory */

enum kind {
    XP_X86,
    NT52_X86,
    NT52_X64,
    VISTA_X86,
    VISTA_X64,
    TEN_X86,
    TEN_X64,
    X86_21292,
    X64_20348,
    X64_26100,
    N_KINDS
};

static const struct kind_info {
    const char *layout;
    size_t size;
    int x64, in_pages, packed, flags;
    int hash; /* 0: fold, 1: 32 bits, 2: 64 bits */
} kinds[N_KINDS] = {
    [XP_X86] = {"xp-x86", 12, 0, 1, 0, 0, 0},       [NT52_X86] = {"2003-x86", 16, 0, 1, 0, 0, 0},
    [NT52_X64] = {"2003-x64", 24, 1, 1, 0, 0, 0},   [VISTA_X86] = {"vista-x86", 16, 0, 0, 0, 0, 1},
    [VISTA_X64] = {"vista-x64", 24, 1, 0, 0, 0, 1}, [TEN_X86] = {"10-x86", 16, 0, 0, 1, 0, 1},
    [TEN_X64] = {"10-x64", 24, 1, 0, 1, 0, 1},      [X86_21292] = {"21292-x86", 20, 0, 0, 1, 0, 1},
    [X64_20348] = {"2022-x64", 32, 1, 0, 1, 0, 1},  [X64_26100] = {"2022-x64", 32, 1, 0, 1, 1, 2},
};

struct made {
    const struct kind_info *k;
    uint32_t n;
    uint8_t *bytes; /* n * size */
    size_t n_pages;
};

static uint32_t slot_of(int hash, uint64_t va, uint32_t n)
{
    uint64_t p = va / 4096;
    uint64_t product;

    if (hash == 0) {
        p &= 0xffffffff;
        return (uint32_t)((p / 16777216) ^ (p / 65536) ^ (p / 256) ^ p) % n;
    }
    product = (hash == 1 ? p & 0xffffffff : p) * 40543;
    return (uint32_t)((product & 0xffffffff) ^ (product >> 32)) % n;
}

static void put(uint8_t *at, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t some_type(const struct kind_info *k, struct rng *r)
{
    static const uint32_t types[] = {0x001, 0x200, 0x401, 0x600, 0x005};
    static const uint32_t old[] = {0, 1, 1, 0x200, 5};
    static const uint32_t flags[] = {0x40, 0x42, 0x100, 0x102, 0x80};
    uint32_t i = rng_below(r, 5);

    return k->flags ? flags[i] : k->packed ? types[i] : old[i];
}

static void write_entry(const struct kind_info *k, uint8_t *at, uint64_t va, const char *tag,
                        uint32_t type, uint64_t n_bytes)
{
    size_t p = k->x64 ? 8 : 4;

    memset(at, 0, k->size);
    put(at, va, p);
    memcpy(at + p, tag, 4);
    put(at + p + 4, k->in_pages ? n_bytes / 4096 : k->packed ? type << 8 : type, 4);
    if (!k->in_pages)
        put(at + p + 8, n_bytes, p);
}

static void insert(struct made *t, uint64_t va, const char *tag, uint32_t type, uint64_t n_bytes)
{
    uint32_t slot = slot_of(t->k->hash, va, t->n);

    while (t->bytes[slot * t->k->size] != 1 || t->bytes[slot * t->k->size + 1] != 0 ||
           t->bytes[slot * t->k->size + 2] != 0)
        slot = (slot + 1) % t->n;
    write_entry(t->k, t->bytes + slot * t->k->size, va, tag, type, n_bytes);
}

static struct made make(const struct kind_info *k, uint32_t n, uint32_t n_entries, struct rng *r)
{
    struct made t = {k, n, calloc(n, k->size), n * k->size / PAGE};
    uint64_t region = k->x64 ? 0xffffc70600000000 + ((uint64_t)rng_below(r, 8) << 40) : 0x80000000;

    for (uint32_t i = 0; i < n; i++)
        t.bytes[i * k->size] = 1;
    for (uint32_t i = 0; i < n_entries; i++) {
        uint64_t va = region + ((uint64_t)rng_below(r, 0x7ff00) + 1) * 4096;
        char tag[5] = {'T', (char)('a' + rng_below(r, 26)), (char)('0' + rng_below(r, 10)), 'x', 0};

        insert(&t, va, tag, some_type(k, r), ((uint64_t)rng_below(r, 30) + 1) * 4096);
    }
    /* A grown table lists itself. */
    insert(&t, region + (UINT64_C(0x7ffff) << 12), "Pool",
           k->flags    ? 0x40
           : k->packed ? 0x200
                       : 0,
           n * k->size);
    /* Some are freed again: bit 0 of the address. */
    for (uint32_t i = 0; i < n; i++)
        if (t.bytes[i * k->size + 1] != 0 && t.bytes[i * k->size] == 0 && rng_below(r, 4) == 0 &&
            memcmp(t.bytes + i * k->size + (k->x64 ? 8 : 4), "Pool", 4) != 0)
            t.bytes[i * k->size] = 1;
    return t;
}

struct memory {
    uint8_t *bytes;
    uint8_t *taken; /* by page */
};

static struct memory make_memory(struct rng *r)
{
    struct memory m = {malloc(MEMORY * PAGE), calloc(MEMORY, 1)};

    rng_fill(r, m.bytes, MEMORY * PAGE);
    for (size_t i = 0; i < MEMORY; i += 3)
        memset(m.bytes + i * PAGE, i % 2 ? 0 : ' ' + (int)(i % 90), PAGE);
    return m;
}

/* Where a page goes: any free place. */
static size_t place(struct memory *m, const uint8_t *page, struct rng *r)
{
    size_t at;

    do
        at = rng_below(r, MEMORY);
    while (m->taken[at]);
    m->taken[at] = 1;
    memcpy(m->bytes + at * PAGE, page, PAGE);
    return at;
}

static void carve(const struct memory *m, struct ps_bigpool_table *t)
{
    const struct ps_bigpool_spec spec = {.arches = PS_BIGPOOL_X86 | PS_BIGPOOL_X64};
    struct ps_bigpool_carver *c;
    struct ps_err err;

    cr_assert_eq(ps_bigpool_carver_new(&c, &spec, &err), 0);
    for (size_t i = 0; i < MEMORY; i++)
        cr_assert_eq(ps_bigpool_carver_page(c, i * PAGE, m->bytes + i * PAGE, &err), 0);
    cr_assert_eq(ps_bigpool_carver_finish(c, t, &err), 0);
    ps_bigpool_carver_free(c);
}

static uint64_t read_va(const struct made *t, uint32_t slot)
{
    uint64_t va = 0;

    memcpy(&va, t->bytes + slot * t->k->size, t->k->x64 ? 8 : 4);
    return va;
}

/* Exactly the used entries whose bytes are all on pages that were placed. */
static void expect_exact(const struct made *t, const size_t *at, const struct ps_bigpool_table *got,
                         uint64_t seed)
{
    size_t row = 0;

    cr_assert(got->layout, "seed %" PRIu64 ": %s not found", seed, t->k->layout);
    cr_assert_eq(got->n_slots, t->n, "seed %" PRIu64 ": %s: %u slots", seed, t->k->layout,
                 got->n_slots);
    cr_expect_str_eq(got->layout->name, t->k->layout, "seed %" PRIu64, seed);
    cr_expect_eq(got->method, PS_BIGPOOL_CARVED_SELF, "%s", t->k->layout);
    for (uint32_t slot = 0; slot < t->n; slot++) {
        size_t off = slot * t->k->size, first = off / PAGE, last = (off + t->k->size - 1) / PAGE;

        if (read_va(t, slot) == 1 || at[first] == SIZE_MAX || at[last] == SIZE_MAX)
            continue;
        cr_assert_lt(row, got->n_rows, "seed %" PRIu64 ": %s: slot %x is missing", seed,
                     t->k->layout, slot);
        cr_assert_eq(got->row[row].slot, slot, "seed %" PRIu64 ": %s: slot %x, not %x", seed,
                     t->k->layout, got->row[row].slot, slot);
        cr_expect_eq(got->row[row].phys, at[first] * PAGE + off % PAGE);
        cr_expect_eq(got->row[row].entry.va, read_va(t, slot) & ~UINT64_C(1));
        cr_expect_eq(got->row[row].entry.state,
                     read_va(t, slot) & 1 ? PS_BIGPOOL_FREED : PS_BIGPOOL_ALLOCATED);
        row++;
    }
    cr_expect_eq(got->n_rows, row, "seed %" PRIu64 ": %s: more than planted", seed, t->k->layout);
    cr_expect_eq(got->n_obey, got->n_rows, "seed %" PRIu64 ": %s: %zu of %zu obey", seed,
                 t->k->layout, got->n_obey, got->n_rows);
    cr_expect_eq(got->names, t->k->flags ? PS_BIGPOOL_POOL_FLAGS : PS_BIGPOOL_POOL_TYPE);
}

static int has_self(const struct made *t, size_t page)
{
    for (size_t i = 0; i + 4 <= PAGE; i++)
        if (memcmp(t->bytes + page * PAGE + i, "Pool", 4) == 0)
            return 1;
    return 0;
}

/* Table pages in any order, 'n_missing' of them absent; with 'stale' an older table of half the
 * size beside it. */
static void run(enum kind kind, uint32_t n, size_t n_missing, int stale)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed + kind * 1000 + n);
    struct made t = make(&kinds[kind], n, n / 3, &r);
    struct memory m = make_memory(&r);
    size_t *at = malloc(t.n_pages * sizeof *at);
    struct ps_bigpool_table got;

    for (size_t i = 0; i < t.n_pages; i++) {
        int skip = n_missing && i % 5 == 2 && !has_self(&t, i) && !(i && has_self(&t, i - 1)) &&
                   !(i + 1 < t.n_pages && has_self(&t, i + 1));

        n_missing -= (size_t)skip;
        at[i] = skip ? SIZE_MAX : place(&m, t.bytes + i * PAGE, &r);
    }
    if (stale) {
        struct made old = make(&kinds[kind], n / 2, n / 10, &r);

        for (size_t i = 0; i < old.n_pages; i++)
            place(&m, old.bytes + i * PAGE, &r);
        free(old.bytes);
    }
    carve(&m, &got);
    expect_exact(&t, at, &got, seed);
    ps_bigpool_table_free(&got);
    free(at);
    free(m.bytes);
    free(m.taken);
    free(t.bytes);
}

Test(bigpool_carve, every_layout_scattered)
{
    for (int k = 0; k < N_KINDS; k++)
        run((enum kind)k, 4096, 0, 0);
}

Test(bigpool_carve, larger_tables)
{
    run(TEN_X64, 16384, 0, 0);
    run(X64_20348, 8192, 0, 0);
    run(X64_26100, 16384, 0, 0);
}

Test(bigpool_carve, missing_pages_cost_their_entries_only)
{
    for (int k = 0; k < N_KINDS; k++)
        run((enum kind)k, 4096, 2, 0);
}

Test(bigpool_carve, an_older_table_is_told_apart)
{
    for (int k = VISTA_X86; k < N_KINDS; k++)
        run((enum kind)k, 8192, 0, 1);
}

Test(bigpool_carve, nothing_in_other_memory)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct memory m = make_memory(&r);
    struct ps_bigpool_table got;

    carve(&m, &got);
    cr_expect_eq(got.method, PS_BIGPOOL_NOT_FOUND);
    cr_expect_eq(got.n_rows, 0);
    ps_bigpool_table_free(&got);
    free(m.bytes);
    free(m.taken);
}
