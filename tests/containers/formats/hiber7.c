/* Hibernation files of XP to 7: tables of page ranges, each followed by its pages in blocks of 16,
 * in plain LZ77. All tables but the last one are full: others are not followed by one. */
#include <stdlib.h>
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/containers/fail.h"
#include "tests/containers/formats/page_order.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define BLOCK_PAGES  16u
#define FIRST_TABLE  3u   /* the page of the first one */
#define RANGE_PAGES  4u   /* that one range has at most */
#define FIRST_AT     0x58 /* of FirstTablePage, where that is known */
#define BLOCK_HEADER 0x20u

struct layout {
    const char *variant;
    int n_word; /* bytes of a page number */
    int next, count;
    int table, stride, start, end;
    const char *signature;
    int has_first_table; /* does the header say where the first one is? */
};

static const struct layout layouts[] = {
    {"7-x64", 8, 0x00, 0x08, 0x10, 0x10, 0x0, 0x08, "HIBR", 0},
    {"7-x86", 4, 0x00, 0x04, 0x08, 0x08, 0x0, 0x04, "HIBR", 0},
    {"xp-x86", 4, 0x04, 0x0c, 0x10, 0x10, 0x4, 0x08, "hibr", 1},
    {"vista-sp2-x86", 4, 0x04, 0x08, 0x0c, 0x08, 0x0, 0x04, "HIBR", 0},
    {"vista-sp2-x64", 8, 0x08, 0x10, 0x18, 0x10, 0x0, 0x08, "HIBR", 0},
    {"2003-x64", 8, 0x08, 0x14, 0x20, 0x20, 0x8, 0x10, "hibr", 0},
};

static const struct layout *find_layout(const struct maker *maker)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (is_variant(maker, layouts[i].variant))
            return &layouts[i];
    fail("no layout '%s'", maker->variant);
}

static uint32_t most_ranges(const struct layout *l)
{
    return (RAM_PAGE - (uint32_t)l->table) / (uint32_t)l->stride;
}

/* Ranges of the n pages from 'pfn' on into 'table', as many as it has room for; how many pages
 * they have. */
static size_t fill_table(const struct layout *l, uint8_t *table, const uint64_t *pfn, size_t n)
{
    uint32_t n_ranges = 0;
    size_t at = 0;

    memset(table, 0, RAM_PAGE);
    while (at < n && n_ranges < most_ranges(l)) {
        uint8_t *range = table + l->table + n_ranges * (uint32_t)l->stride;
        const size_t limit = 1 + n_ranges % RANGE_PAGES;
        size_t length = 1;

        while (length < limit && at + length < n && pfn[at + length] == pfn[at] + length)
            length++;
        set_word(range + l->start, pfn[at], l->n_word);
        set_word(range + l->end, pfn[at] + length, l->n_word);
        at += length;
        n_ranges++;
    }
    set32(table + l->count, n_ranges);
    return at;
}

static size_t pack_block(const struct maker *maker, const uint64_t *pfn, size_t n, uint8_t *out)
{
    static uint8_t pages[BLOCK_PAGES * RAM_PAGE], packed[ENCODED_ROOM(BLOCK_PAGES * RAM_PAGE)];
    size_t n_packed;

    for (size_t i = 0; i < n; i++)
        ram_copy(&maker->ram, pfn[i] * RAM_PAGE, pages + i * RAM_PAGE, RAM_PAGE);
    n_packed = encode_xpress(pages, n * RAM_PAGE, packed);
    if (n_packed >= n * RAM_PAGE) {
        n_packed = n * RAM_PAGE;
        memcpy(packed, pages, n_packed);
    }
    memset(out, 0, BLOCK_HEADER);
    memcpy(out, "\x81\x81xpress", 8);
    set32(out + 8, (uint32_t)(n_packed - 1) << 10 | (uint32_t)(n - 1));
    memcpy(out + BLOCK_HEADER, packed, n_packed);
    memset(out + BLOCK_HEADER + n_packed, 0, (8 - n_packed % 8) % 8);
    return BLOCK_HEADER + (n_packed + 7) / 8 * 8;
}

/* What follows a table: its blocks, packed into 'out', rounded up to a page. */
static size_t pack_blocks(const struct maker *maker, const uint64_t *pfn, size_t n, uint8_t *out)
{
    size_t n_bytes = 0, n_last;

    for (size_t at = 0; at < n; at += BLOCK_PAGES)
        n_bytes +=
            pack_block(maker, pfn + at, n - at < BLOCK_PAGES ? n - at : BLOCK_PAGES, out + n_bytes);
    n_last = (RAM_PAGE - n_bytes % RAM_PAGE) % RAM_PAGE;
    memset(out + n_bytes, 0, n_last);
    return n_bytes + n_last;
}

static void write_header(struct out *out, const struct maker *maker, const struct layout *l)
{
    uint8_t head[FIRST_TABLE * RAM_PAGE] = {0};

    memcpy(head, l->signature, 4);
    set32(head + (l->n_word == 8 ? 0x18 : 0x14), RAM_PAGE);
    set64(head + 0x20, maker->facts.system_time);
    if (l->has_first_table)
        set32(head + FIRST_AT, FIRST_TABLE);
    out_bytes(out, head, sizeof head);
}

void write_hiber7(struct maker *maker)
{
    const struct layout *l = find_layout(maker);
    uint8_t *blocks = need_memory(2ul * most_ranges(l) * RANGE_PAGES * RAM_PAGE);
    uint8_t table[RAM_PAGE];
    uint64_t *pfn;
    size_t n, at = 0;
    struct out out;

    ram_round_to_pages(&maker->ram);
    pfn = page_order(&maker->ram, &n);
    out_open(&out, maker->out);
    write_header(&out, maker, l);
    while (at < n) {
        const size_t here = fill_table(l, table, pfn + at, n - at);
        const size_t n_blocks = pack_blocks(maker, pfn + at, here, blocks);

        at += here;
        if (at < n)
            set_word(table + l->next, out.at / RAM_PAGE + 1 + n_blocks / RAM_PAGE, l->n_word);
        out_bytes(&out, table, sizeof table);
        out_bytes(&out, blocks, n_blocks);
    }
    out_close(&out);
    free(blocks);
    free(pfn);
}
