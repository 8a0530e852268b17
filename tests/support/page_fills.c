/* Contents of pages: noise, extremes, and headers that are right or wrong by one. */
#include <string.h>

#include "tests/support/kernel_cases.h"

struct header {
    uint32_t previous_size;
    uint32_t pool_index;
    uint32_t block_size;
    uint32_t pool_type;
    uint32_t tag;
};

static uint32_t slots_of_page(const struct kernel_case *c)
{
    return c->era.x86 ? 512 : 256;
}

static void put_header(const struct kernel_case *c, uint8_t *page, uint32_t slot, struct header h)
{
    uint8_t *p = page + slot * (4096u / slots_of_page(c));

    if (c->era.x86) {
        p[0] = (uint8_t)h.previous_size;
        p[1] = (uint8_t)(h.pool_index << 1 | (h.previous_size >> 8 & 1));
        p[2] = (uint8_t)h.block_size;
        p[3] = (uint8_t)(h.pool_type << 1 | (h.block_size >> 8 & 1));
    } else {
        p[0] = (uint8_t)h.previous_size;
        p[1] = (uint8_t)h.pool_index;
        p[2] = (uint8_t)h.block_size;
        p[3] = (uint8_t)h.pool_type;
    }
    for (unsigned i = 0; i < 4; i++)
        p[4 + i] = (uint8_t)(h.tag >> 8 * i);
}

/* A tag that some rule matches; open bytes become characters. */
static uint32_t matching_tag(const struct kernel_case *c, struct rng *r)
{
    struct oracle_rule rule = c->rules[rng_below(r, (uint32_t)c->n_rules)];
    uint32_t tag = rule.value;

    for (unsigned i = 0; i < 4; i++)
        if ((rule.mask >> 8 * i & 0xff) == 0)
            tag |= (0x20 + rng_below(r, 0x5f)) << 8 * i;
    return tag;
}

/* Legal in the era of the case, in use, and the most usual ones among them. */
static uint32_t legal_type(const struct kernel_case *c, struct rng *r)
{
    static const uint8_t nt5[] = {0x05, 0x06, 0x0d, 0x0e, 0x26, 0x46, 0x01};
    static const uint8_t vista[] = {0x02, 0x03, 0x0a, 0x0b, 0x22, 0x23, 0x43};

    return c->era.vista ? vista[rng_below(r, sizeof vista)] : nt5[rng_below(r, sizeof nt5)];
}

static struct header legal_header(const struct kernel_case *c, struct rng *r, uint32_t slot)
{
    uint32_t prev = c->era.classic_only && slot > 0 ? 1 + rng_below(r, slot) : 0;

    return (struct header){prev, 0, 2, legal_type(c, r), matching_tag(c, r)};
}

static void fill_random(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    (void)c;
    rng_fill(r, pages, n_pages * 4096);
}

static void fill_zero(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    (void)c;
    (void)r;
    memset(pages, 0, n_pages * 4096);
}

static void fill_ones(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    (void)c;
    (void)r;
    memset(pages, 0xff, n_pages * 4096);
}

static void fill_text(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    static const char letters[] = "etaoin shrdlu\r\nETAOIN,.0123456789";

    (void)c;
    for (size_t i = 0; i < n_pages * 4096; i++)
        pages[i] = (uint8_t)letters[rng_below(r, sizeof letters - 1)];
}

/* Whole legal headers in noise, at the first and the last slots and in between. */
static void fill_planted(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    uint32_t n = slots_of_page(c);

    fill_random(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        uint32_t at[] = {0, 1, n / 2 + rng_below(r, 8), n - 4, n - 2, n - 1};

        for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
            struct header h = legal_header(c, r, at[i]);
            uint32_t room = n - at[i];

            h.block_size = room < 2 ? 1 : 2 + rng_below(r, room - 1);
            put_header(c, pages + page * 4096, at[i], h);
        }
    }
}

/* Blocks that end at the page's end, one slot before it and one beyond; too small ones. */
static void fill_page_end(const struct kernel_case *c, struct rng *r, uint8_t *pages,
                          size_t n_pages)
{
    uint32_t n = slots_of_page(c);

    fill_zero(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = page & 1; slot < n; slot += 2) {
            struct header h = legal_header(c, r, slot);

            h.block_size = rng_below(r, 8) == 0 ? rng_below(r, 3) : n - slot + rng_below(r, 3) - 1;
            if (h.block_size < n)
                put_header(c, pages + page * 4096, slot, h);
        }
    }
}

/* Each byte of a tag one up, one down, and with its top bit turned. */
static void fill_tag_near(const struct kernel_case *c, struct rng *r, uint8_t *pages,
                          size_t n_pages)
{
    uint32_t n = slots_of_page(c);
    uint32_t step = 0;

    fill_zero(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot < n; slot += 2, step++) {
            struct header h = legal_header(c, r, slot);
            uint32_t shift = 8 * (step % 4);
            uint32_t byte = h.tag >> shift & 0xff;
            uint32_t near[] = {byte, byte + 1, byte - 1, byte ^ 0x80};

            h.tag = (h.tag & ~(0xffu << shift)) | (near[step / 4 % 4] & 0xff) << shift;
            put_header(c, pages + page * 4096, slot, h);
        }
    }
}

/* The first half of one rule's tag and the second half of another's. */
static void fill_tag_halves(const struct kernel_case *c, struct rng *r, uint8_t *pages,
                            size_t n_pages)
{
    fill_zero(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot < slots_of_page(c); slot += 2) {
            struct header h = legal_header(c, r, slot);

            h.tag = (h.tag & 0xffffu) | (matching_tag(c, r) & 0xffff0000u);
            put_header(c, pages + page * 4096, slot, h);
        }
    }
}

/* A header in each pair of slots, or in each slot when blocks of one slot count. */
static void fill_dense(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    uint32_t n = slots_of_page(c);
    uint32_t step = c->era.with_free ? 1 : 2;

    fill_random(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot < n; slot += step) {
            struct header h = legal_header(c, r, slot);

            h.block_size = step;
            put_header(c, pages + page * 4096, slot, h);
        }
    }
}

/* Legal headers with one bit turned: every condition fails alone. */
static void fill_bit_flips(const struct kernel_case *c, struct rng *r, uint8_t *pages,
                           size_t n_pages)
{
    uint32_t n = slots_of_page(c);
    uint32_t slot_bytes = 4096 / n;

    fill_random(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot < n; slot++) {
            uint32_t bit = rng_below(r, 65);
            struct header h = legal_header(c, r, slot);

            h.block_size = 1 + rng_below(r, n - slot);
            put_header(c, pages + page * 4096, slot, h);
            if (bit < 64)
                pages[page * 4096 + slot * slot_bytes + bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    }
}

/* Right tags under every PoolType byte, with and without a PreviousSize. */
static void fill_types(const struct kernel_case *c, struct rng *r, uint8_t *pages, size_t n_pages)
{
    uint32_t n = slots_of_page(c);
    uint32_t type = 0;

    fill_zero(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot + 2 <= n; slot++, type++) {
            struct header h = legal_header(c, r, slot);

            h.pool_type = type & (c->era.x86 ? 0x7f : 0xff);
            h.pool_index = rng_below(r, 0x80);
            h.previous_size = rng_below(r, 2) ? 1 + rng_below(r, n - 1) : 0;
            put_header(c, pages + page * 4096, slot, h);
        }
    }
}

/* PreviousSize at its edges: nothing, back to the page's start and one slot further, the reach of a
 * cache line, anything. */
static void fill_previous(const struct kernel_case *c, struct rng *r, uint8_t *pages,
                          size_t n_pages)
{
    uint32_t n = slots_of_page(c);
    uint32_t line = 256 / (4096 / n);

    fill_zero(c, r, pages, n_pages);
    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t slot = 0; slot + 2 <= n; slot += 1 + (uint32_t)(page & 1)) {
            const uint32_t edges[] = {0, slot, slot + 1, line - 1, line, rng_below(r, n)};
            struct header h = legal_header(c, r, slot);

            h.previous_size = edges[rng_below(r, 6)] % n;
            h.pool_type = legal_type(c, r) | (rng_below(r, 2) ? 4 : 0);
            put_header(c, pages + page * 4096, slot, h);
        }
    }
}

const struct page_fill page_fills[] = {
    {"random",             fill_random,     0},
    {"zero",               fill_zero,       0},
    {"0xff",               fill_ones,       0},
    {"text",               fill_text,       0},
    {"planted",            fill_planted,    1},
    {"page end",           fill_page_end,   1},
    {"tag off by one",     fill_tag_near,   1},
    {"halves of two tags", fill_tag_halves, 0},
    {"dense",              fill_dense,      1},
    {"bit flips",          fill_bit_flips,  1},
    {"types",              fill_types,      1},
    {"previous size",      fill_previous,   1},
};

const size_t n_page_fills = sizeof page_fills / sizeof *page_fills;
