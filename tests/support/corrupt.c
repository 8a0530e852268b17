#include "tests/support/corrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PTE_FRAME UINT64_C(0x000ffffffffff000)
#define PTE_LARGE UINT64_C(0x80)

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "FAILED: %s\n", what);
    exit(1);
}

static uint64_t get(const uint8_t *p, unsigned n_bytes)
{
    uint64_t v = 0;

    for (unsigned i = n_bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

static void put(uint8_t *p, uint64_t v, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint8_t *page_at(struct corrupt_image *c, uint32_t page)
{
    return c->bytes + (size_t)page * CORRUPT_PAGE;
}

/* What stands where. */

static void add_place(struct corrupt_image *c, enum corrupt_kind kind, uint64_t page)
{
    struct corrupt_places *p = &c->place[kind];

    if (page >= c->n_pages || p->n == CORRUPT_MAX_PAGES)
        return;
    for (size_t i = 0; i < p->n; i++)
        if (p->page[i] == page)
            return;
    p->page[p->n++] = (uint32_t)page;
}

static uint64_t get_entry(const struct corrupt_image *c, const uint8_t *p)
{
    return get(p, c->entry_bytes);
}

/* Bits of an address that a level translates; a table has 4096 bytes but for the top one of PAE. */
static unsigned n_entries(const struct corrupt_image *c, int level)
{
    return c->top_level == 2 && level == 2 ? 4 : CORRUPT_PAGE / c->entry_bytes;
}

static unsigned level_shift(const struct corrupt_image *c, int level)
{
    return 12 + (c->entry_bytes == 4 ? 10u : 9u) * (unsigned)level;
}

static int is_large(const struct corrupt_image *c, uint64_t entry, int level)
{
    return (entry & PTE_LARGE) && (level == 1 || (level == 2 && c->top_level == 3));
}

/* The physical page of a virtual address by the undamaged tables; UINT64_MAX: none. */
static uint64_t walk(const struct corrupt_image *c, uint64_t va)
{
    uint64_t table = c->dtb;

    for (int level = c->top_level; level >= 0; level--) {
        const unsigned shift = level_shift(c, level);
        const uint64_t index = va >> shift & (n_entries(c, level) - 1);
        uint64_t e;

        if (table / CORRUPT_PAGE >= c->n_pages)
            return UINT64_MAX;
        e = get_entry(c, c->base + table + index * c->entry_bytes);
        if (!(e & 1))
            return UINT64_MAX;
        table = e & PTE_FRAME;
        if (is_large(c, e, level))
            return (table + (va & ((UINT64_C(1) << shift) - 1))) / CORRUPT_PAGE;
    }
    return table / CORRUPT_PAGE;
}

/* Tables below one of them; level 0 has no tables below. */
static void add_tables(struct corrupt_image *c, uint64_t table, int level)
{
    add_place(c, CORRUPT_TABLE, table / CORRUPT_PAGE);
    if (level == 0 || table / CORRUPT_PAGE >= c->n_pages)
        return;
    for (unsigned i = 0; i < n_entries(c, level); i++) {
        const uint64_t e = get_entry(c, c->base + table + i * c->entry_bytes);

        /* The self-map entry leads back up. */
        if ((e & 1) && !is_large(c, e, level) &&
            (e & PTE_FRAME) / CORRUPT_PAGE != table / CORRUPT_PAGE)
            add_tables(c, e & PTE_FRAME, level - 1);
    }
}

static void add_range(struct corrupt_image *c, enum corrupt_kind kind, uint64_t va, unsigned n)
{
    for (unsigned i = 0; i < n && va; i++)
        add_place(c, kind, walk(c, va + (uint64_t)i * CORRUPT_PAGE));
}

/* Pages of the Windows kernel that point to a table. */
static void add_pointers(struct corrupt_image *c)
{
    const unsigned width = c->is_x86 ? 4 : 8;
    const struct corrupt_places *kernel = &c->place[CORRUPT_KERNEL];

    for (size_t i = 0; i < kernel->n; i++)
        for (size_t at = 0; at < CORRUPT_PAGE; at += width) {
            const uint64_t v = get(c->base + (size_t)kernel->page[i] * CORRUPT_PAGE + at, width);

            if (v && (v == c->big_table || v == c->tracker))
                add_place(c, CORRUPT_POINTER, kernel->page[i]);
        }
}

/* The first subsegment follows the descriptors. */
static void add_heaps(struct corrupt_image *c)
{
    for (size_t i = 0; i < c->n_heaps; i++) {
        add_range(c, CORRUPT_HEAP, c->heap[i], 1);
        for (unsigned s = 0; s < c->n_segments[i] && s < 64; s++)
            add_range(c, CORRUPT_HEAP, c->segment[i] + s * UINT64_C(0x100000), 3);
    }
}

static uint64_t value_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? strtoull(at + strlen(key), NULL, 16) : 0;
}

/* Decimal. */
static unsigned count_of(const char *line, const char *key)
{
    const char *at = strstr(line, key);

    return at ? (unsigned)strtoul(at + strlen(key), NULL, 10) : 0;
}

static void read_heap(struct corrupt_image *c, const char *line)
{
    if (c->n_heaps == CORRUPT_MAX_HEAPS)
        return;
    c->heap[c->n_heaps] = value_of(line, "\"Heap\":\"");
    c->segment[c->n_heaps] = value_of(line, "\"FirstSegment\":\"");
    c->n_segments[c->n_heaps++] = count_of(line, "\"Segments\":");
}

static void read_truth(struct corrupt_image *c, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[2048];

    if (!file)
        die(path);
    while (fgets(line, sizeof line, file)) {
        if (strstr(line, "\"Kind\":\"system\"")) {
            const int is_pae = strstr(line, "\"Mode\":\"pae\"") != NULL;
            const int is_x64 = strstr(line, "\"Mode\":\"x64\"") != NULL;

            c->is_x86 = !is_x64;
            c->top_level = is_x64 ? 3 : is_pae ? 2 : 1;
            c->entry_bytes = is_x64 || is_pae ? 8 : 4;
            c->dtb = value_of(line, "\"DTB\":\"") & ~UINT64_C(31);
            c->big_table = value_of(line, "\"BigPoolTable\":\"");
            c->tracker = value_of(line, "\"TrackerTable\":\"");
            c->kernel = value_of(line, "\"KernelBase\":\"");
        } else if (strstr(line, "\"Kind\":\"heap\"")) {
            read_heap(c, line);
        } else if (strstr(line, "\"EntryOffset\":\"0x")) {
            add_place(c, CORRUPT_BIGPOOL, value_of(line, "\"EntryOffset\":\"") / CORRUPT_PAGE);
        }
    }
    fclose(file);
    if (!c->dtb)
        die("the recipe has no page tables");
}

static void read_image(struct corrupt_image *c, const char *path)
{
    FILE *file = fopen(path, "rb");
    long n = 0;

    if (!file || fseek(file, 0, SEEK_END) < 0 || (n = ftell(file)) <= 0)
        die(path);
    rewind(file);
    c->n_bytes = (size_t)n;
    c->n_pages = c->n_bytes / CORRUPT_PAGE;
    c->base = malloc(c->n_bytes);
    c->bytes = malloc(c->n_bytes);
    c->touched = calloc(c->n_pages, 1);
    if (!c->base || !c->bytes || !c->touched || fread(c->base, 1, c->n_bytes, file) != c->n_bytes)
        die(path);
    fclose(file);
    memcpy(c->bytes, c->base, c->n_bytes);
}

void corrupt_load(struct corrupt_image *c, const char *image, const char *truth)
{
    memset(c, 0, sizeof *c);
    read_image(c, image);
    read_truth(c, truth);
    add_tables(c, c->dtb, c->top_level);
    add_range(c, CORRUPT_TRACKER, c->tracker, 8);
    add_range(c, CORRUPT_KERNEL, c->kernel, 1024);
    add_range(c, CORRUPT_KUSER, c->is_x86 ? 0xffdf0000 : UINT64_C(0xfffff78000000000), 1);
    add_heaps(c);
    add_pointers(c);
    if (c->place[CORRUPT_TABLE].n < 4 || c->place[CORRUPT_BIGPOOL].n < 3)
        die("page tables or big-pool table not found in the image");
}

void corrupt_free(struct corrupt_image *c)
{
    free(c->base);
    free(c->bytes);
    free(c->touched);
}

/* Damage. */

/* Numbers at which sums and products overflow, and addresses that lead somewhere. */
static uint64_t draw_value(const struct corrupt_image *c, struct rng *r)
{
    static const uint64_t odd[] = {0,
                                   1,
                                   2,
                                   0x7f,
                                   0xff,
                                   0xfff,
                                   0x1000,
                                   0x1001,
                                   0x7fff,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000,
                                   0xfffff000,
                                   0xffffffff,
                                   UINT64_C(0x100000000),
                                   UINT64_C(0x7fffffffffffffff),
                                   UINT64_C(0x8000000000000000),
                                   UINT64_C(0xfffffffffffff000),
                                   UINT64_MAX};

    switch (rng_below(r, 7)) {
    case 0:
        return rng_next(r);
    case 1:
        return rng_next(r) >> rng_below(r, 64);
    case 2:
        return UINT64_C(1) << rng_below(r, 64);
    case 3:
        return c->big_table + rng_below(r, 0x100000);
    case 4:
        return c->kernel + rng_below(r, 0x400000);
    case 5:
        if (c->n_heaps)
            return c->segment[rng_below(r, (uint32_t)c->n_heaps)] + rng_below(r, 0x400000);
        return rng_next(r);
    default:
        return odd[rng_below(r, sizeof odd / sizeof *odd)];
    }
}

static uint32_t draw_page(const struct corrupt_image *c, enum corrupt_kind kind, struct rng *r)
{
    const struct corrupt_places *p = &c->place[kind];

    /* The top table and the PE header are one page among many. */
    if (p->n == 0)
        return rng_below(r, (uint32_t)c->n_pages);
    return rng_below(r, 4) == 0 ? p->page[0] : p->page[rng_below(r, (uint32_t)p->n)];
}

static uint32_t any_page(const struct corrupt_image *c, struct rng *r)
{
    uint32_t kind = rng_below(r, CORRUPT_N_KINDS + 1);

    return kind == CORRUPT_N_KINDS ? rng_below(r, (uint32_t)c->n_pages)
                                   : draw_page(c, (enum corrupt_kind)kind, r);
}

static uint8_t *touch(struct corrupt_image *c, uint32_t page)
{
    c->touched[page] = 1;
    return page_at(c, page);
}

static void flip_bytes(struct corrupt_image *c, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, CORRUPT_TABLE, r));

    for (uint32_t n = 1 + rng_below(r, 64); n > 0; n--)
        p[rng_below(r, CORRUPT_PAGE)] ^= (uint8_t)(1u << rng_below(r, 8));
    c->may_look_like_another = 1;
}

static uint32_t all_entries(const struct corrupt_image *c)
{
    return CORRUPT_PAGE / c->entry_bytes;
}

static uint8_t *entry_at(const struct corrupt_image *c, uint8_t *table, uint32_t i)
{
    return table + (size_t)i * c->entry_bytes;
}

static void put_entry(const struct corrupt_image *c, uint8_t *table, uint32_t i, uint64_t frame)
{
    put(entry_at(c, table, i), (frame << 12 & PTE_FRAME) | 0x63, c->entry_bytes);
}

/* Entries that lead to themselves, to the top, or to any other table. */
static void make_cycles(struct corrupt_image *c, struct rng *r)
{
    const uint32_t page = draw_page(c, CORRUPT_TABLE, r);
    const uint32_t to[3] = {page, c->place[CORRUPT_TABLE].page[0], draw_page(c, CORRUPT_TABLE, r)};
    const int all = rng_below(r, 3) == 0;
    uint8_t *p = touch(c, page);

    for (uint32_t i = 0; i < (all ? all_entries(c) : 8); i++)
        put_entry(c, p, all ? i : rng_below(r, all_entries(c)), to[rng_below(r, 3)]);
    c->may_look_like_another = 1;
}

/* Every entry of every table leads to one of few tables: as many paths as there can be. */
static void make_maze(struct corrupt_image *c, struct rng *r)
{
    const struct corrupt_places *tables = &c->place[CORRUPT_TABLE];
    const uint32_t few = 1 + rng_below(r, 4);
    uint32_t to[4];

    for (uint32_t i = 0; i < 4; i++)
        to[i] = draw_page(c, CORRUPT_TABLE, r);
    for (size_t t = 0; t < tables->n; t++) {
        uint8_t *p = touch(c, tables->page[t]);

        for (uint32_t i = 0; i < all_entries(c); i++)
            put_entry(c, p, i, to[rng_below(r, few)]);
    }
    c->may_look_like_another = 1;
}

static void one_frame(struct corrupt_image *c, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, CORRUPT_TABLE, r));
    const uint64_t frame = rng_below(r, (uint32_t)c->n_pages);

    for (uint32_t i = 0; i < all_entries(c); i++)
        put_entry(c, p, i, frame);
    c->may_look_like_another = 1;
}

/* Bits of entries: large pages, transition, prototype, everything software may write. */
static void set_bits(struct corrupt_image *c, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, CORRUPT_TABLE, r));
    const uint64_t bits = rng_below(r, 2) ? PTE_LARGE | 1 : draw_value(c, r);

    for (uint32_t n = 1 + rng_below(r, all_entries(c)); n > 0; n--) {
        uint8_t *e = entry_at(c, p, rng_below(r, all_entries(c)));

        put(e, get_entry(c, e) | bits, c->entry_bytes);
    }
    c->may_look_like_another = 1;
}

static void beyond_image(struct corrupt_image *c, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, CORRUPT_TABLE, r));

    for (uint32_t n = 1 + rng_below(r, 64); n > 0; n--)
        put_entry(c, p, rng_below(r, all_entries(c)),
                  c->n_pages + (rng_next(r) >> rng_below(r, 64)));
    c->may_look_like_another = 1;
}

static void write_words(struct corrupt_image *c, enum corrupt_kind kind, uint32_t first,
                        uint32_t end, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, kind, r));
    const unsigned width = rng_below(r, 2) ? 8 : 4;

    for (uint32_t n = 1 + rng_below(r, 64); n > 0; n--)
        put(p + first + (rng_below(r, end - first - 8) & ~3u), draw_value(c, r), width);
}

static void big_words(struct corrupt_image *c, struct rng *r)
{
    write_words(c, CORRUPT_BIGPOOL, 0, CORRUPT_PAGE, r);
}

static void tracker_words(struct corrupt_image *c, struct rng *r)
{
    write_words(c, CORRUPT_TRACKER, 0, CORRUPT_PAGE, r);
}

static void kernel_words(struct corrupt_image *c, struct rng *r)
{
    write_words(c, CORRUPT_KERNEL, 0, CORRUPT_PAGE, r);
}

static void heap_words(struct corrupt_image *c, struct rng *r)
{
    write_words(c, CORRUPT_HEAP, 0, CORRUPT_PAGE, r);
}

/* Bytes of descriptors: flags, sizes, offsets. */
static void heap_bytes(struct corrupt_image *c, struct rng *r)
{
    uint8_t *p = touch(c, draw_page(c, CORRUPT_HEAP, r));

    for (uint32_t n = 1 + rng_below(r, 200); n > 0; n--)
        p[rng_below(r, CORRUPT_PAGE / 8) * 8 + rng_below(r, 8)] =
            (uint8_t)(rng_below(r, 3) ? 1u << rng_below(r, 8) : rng_below(r, 256));
}

/* Links of lists that lead in circles, to other heaps and to nothing. */
static void heap_links(struct corrupt_image *c, struct rng *r)
{
    const unsigned width = c->is_x86 ? 4 : 8;

    for (uint32_t n = 1 + rng_below(r, 8); n > 0; n--) {
        uint8_t *p = touch(c, draw_page(c, CORRUPT_HEAP, r));

        for (size_t at = 0; at < CORRUPT_PAGE; at += width) {
            const uint64_t v = get(p + at, width);

            if (v >> (8 * width - 16) == 0xffff && rng_below(r, 2))
                put(p + at, rng_below(r, 4) ? draw_value(c, r) : v - v % 0x100000, width);
        }
    }
}

static void kuser_words(struct corrupt_image *c, struct rng *r)
{
    write_words(c, CORRUPT_KUSER, 0x200, 0x300, r);
    c->may_look_like_another = 1;
}

/* The headers keep their signatures, so that what comes behind them is read. */
static void pe_fields(struct corrupt_image *c, struct rng *r)
{
    const struct corrupt_places *kernel = &c->place[CORRUPT_KERNEL];
    uint8_t *p = touch(c, kernel->n ? kernel->page[0] : 0);

    for (uint32_t n = 1 + rng_below(r, 12); n > 0; n--) {
        const uint32_t at = 0x3c + (rng_below(r, 0x300) & ~1u);

        if (at < 0x40 ? rng_below(r, 8) == 0 : p[at] != 'P')
            put(p + at, draw_value(c, r), rng_below(r, 2) ? 4 : 2);
    }
}

/* Huge counts and other addresses around the pointers to the tables. */
static void near_pointers(struct corrupt_image *c, struct rng *r)
{
    const unsigned width = c->is_x86 ? 4 : 8;
    const int keep = rng_below(r, 3) != 0;
    uint8_t *p = touch(c, draw_page(c, CORRUPT_POINTER, r));

    for (size_t at = 0; at < CORRUPT_PAGE; at += width) {
        const uint64_t v = get(p + at, width);
        const int is_pointer = v == c->big_table || v == c->tracker;

        if (v && !(keep && is_pointer))
            put(p + at, draw_value(c, r), width);
    }
}

static void whole_page(struct corrupt_image *c, struct rng *r)
{
    const uint32_t from = any_page(c, r);
    uint8_t *p = touch(c, any_page(c, r));

    switch (rng_below(r, 4)) {
    case 0:
        memset(p, 0xff, CORRUPT_PAGE);
        break;
    case 1:
        memset(p, 0, CORRUPT_PAGE);
        break;
    case 2:
        rng_fill(r, p, CORRUPT_PAGE);
        break;
    default:
        memmove(p, page_at(c, from), CORRUPT_PAGE);
    }
    c->may_look_like_another = 1;
}

/* All pages of the table hold one entry, again and again. */
static void same_entry(struct corrupt_image *c, struct rng *r)
{
    const struct corrupt_places *big = &c->place[CORRUPT_BIGPOOL];
    const uint32_t bytes = 8 * (2 + rng_below(r, 3));
    uint8_t entry[32];

    memcpy(entry, page_at(c, draw_page(c, CORRUPT_BIGPOOL, r)) + bytes * rng_below(r, 100),
           sizeof entry);
    if (rng_below(r, 2))
        put(entry + 8 * rng_below(r, bytes / 8), draw_value(c, r), 8);
    for (size_t i = 0; i < big->n; i++) {
        uint8_t *p = touch(c, big->page[i]);

        for (uint32_t at = 0; at + bytes <= CORRUPT_PAGE; at += bytes)
            memcpy(p + at, entry, bytes);
    }
}

static void cut_off(struct corrupt_image *c, struct rng *r)
{
    size_t n = CORRUPT_PAGE + (size_t)(rng_next(r) % (c->n_pages * CORRUPT_PAGE - CORRUPT_PAGE));

    if (n > c->n_bytes)
        return;
    if (rng_below(r, 2))
        n -= n % CORRUPT_PAGE;
    c->n_bytes = n;
    memset(c->touched + n / CORRUPT_PAGE, 1, c->n_pages - n / CORRUPT_PAGE);
    c->may_look_like_another = 1;
}

static const struct {
    const char *name;
    void (*make)(struct corrupt_image *c, struct rng *r);
} damage[] = {
    {"flip-bytes", flip_bytes},
    {"cycles", make_cycles},
    {"maze", make_maze},
    {"one-frame", one_frame},
    {"bits", set_bits},
    {"beyond-image", beyond_image},
    {"big-words", big_words},
    {"same-entry", same_entry},
    {"tracker-words", tracker_words},
    {"kernel-words", kernel_words},
    {"heap-words", heap_words},
    {"heap-bytes", heap_bytes},
    {"heap-links", heap_links},
    {"kuser-words", kuser_words},
    {"pe-fields", pe_fields},
    {"near-pointers", near_pointers},
    {"whole-page", whole_page},
    {"cut-off", cut_off},
};

void corrupt_damage(struct corrupt_image *c, struct rng *r)
{
    const uint32_t i = rng_below(r, sizeof damage / sizeof *damage);
    const size_t n = strlen(c->story);

    damage[i].make(c, r);
    snprintf(c->story + n, sizeof c->story - n, "%s%s", n ? " " : "", damage[i].name);
}

void corrupt_restore(struct corrupt_image *c)
{
    for (size_t i = 0; i < c->n_pages; i++)
        if (c->touched[i])
            memcpy(c->bytes + i * CORRUPT_PAGE, c->base + i * CORRUPT_PAGE, CORRUPT_PAGE);
    memset(c->touched, 0, c->n_pages);
    c->n_bytes = c->n_pages * CORRUPT_PAGE;
    c->may_look_like_another = 0;
    c->story[0] = '\0';
}
