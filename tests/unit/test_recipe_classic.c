/* Classic pages of a recipe that are damaged or hold what an earlier layout left. Walked by the
 * rules of the format; nothing of the scanner is used. */
#include "tests/support/recipe_page.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define N_PAGES 64u

static const struct {
    const char *text;
    unsigned unit, prev_mask, size_mask, type_shift;
} eras[] = {
    {"arch x86\nbuild 2600", 8, 0x1ff, 0x1ff, 25},
    {"arch x64\nbuild 3790", 16, 0xff, 0xff, 24},
    {"arch x86\nbuild 7601", 8, 0x1ff, 0x1ff, 25},
    {"arch x64\nbuild 16299", 16, 0xff, 0xff, 24},
};
#define N_ERAS (sizeof eras / sizeof eras[0])

static void build_hard(size_t era, const char *words, uint64_t number)
{
    char text[300];

    snprintf(text, sizeof text,
             "size 256k\nseed 5\n%s\ntags t Proc:0x280 Thre:0x40-0x90*5 Symb:0x30-0x400*2/Paged\n"
             "pages 0- classic tags=t %s\n",
             eras[era].text, words);
    build(text, number);
}

/* The planted header at byte 'at', or NULL. Each one stands in the page as it is listed. */
static const struct ps_planted *planted_at(size_t at)
{
    for (size_t i = 0; i < planted.n; i++)
        if (planted.header[i].offset == at)
            return &planted.header[i];
    return NULL;
}

static void check_bytes(void)
{
    for (size_t i = 0; i < planted.n; i++) {
        cr_assert_eq(le32(planted.header[i].offset), planted.header[i].word0);
        cr_assert_eq(le32(planted.header[i].offset + 4), planted.header[i].tag);
        cr_assert_not(planted.header[i].is_copy);
        cr_assert(i == 0 || planted.header[i].offset > planted.header[i - 1].offset);
    }
}

/* How far the walk from 0 gets, and over how many blocks. */
static size_t walk(size_t e, size_t *n)
{
    size_t at = 0;
    uint32_t prev = 0;

    for (*n = 0; at < 4096; ++*n) {
        uint32_t word = le32(at);
        uint32_t size = word >> 16 & eras[e].size_mask;

        if ((word & eras[e].prev_mask) != prev || size == 0 || size * eras[e].unit > 4096 - at)
            break;
        prev = size;
        at += (size_t)size * eras[e].unit;
    }
    return at;
}

static int is_in_use(size_t e, uint32_t word)
{
    return (int)(word >> eras[e].type_shift >> (e < 2 ? 2 : 1) & 1);
}

Test(recipe_classic, leftovers_lie_inside_blocks_of_a_closed_page)
{
    size_t inside = 0, stale = 0;

    for (size_t e = 0; e < N_ERAS; e++)
        for (uint64_t number = 0; number < N_PAGES; number++) {
            size_t n, at = 0, on_walk = 0;

            build_hard(e, "leftovers=60 free=30", number);
            check_bytes();
            cr_assert_eq(walk(e, &n), 4096);
            while (at < 4096) {
                const struct ps_planted *h = planted_at(at);

                cr_assert_not_null(h);
                cr_assert_eq(h->state,
                             is_in_use(e, le32(at)) ? PS_PLANTED_ALLOCATED : PS_PLANTED_FREE);
                at += h->n_bytes;
                on_walk++;
            }
            cr_assert_eq(on_walk, n);
            for (size_t i = 0; i < planted.n; i++)
                stale += planted.header[i].state == PS_PLANTED_STALE;
            inside += planted.n - n;
        }
    cr_assert_gt(stale, 300, "%zu", stale);
    cr_assert_gt(inside, stale);
}

Test(recipe_classic, torn_pages_are_two_chains)
{
    size_t open = 0;

    for (size_t e = 0; e < N_ERAS; e++)
        for (uint64_t number = 0; number < N_PAGES; number++) {
            const struct ps_planted *last;
            size_t n, end;

            build_hard(e, "torn=100", number);
            check_bytes();
            end = walk(e, &n);
            open += end < 4096;
            for (size_t at = 0, i = 0; i < n; i++) {
                cr_assert_not_null(planted_at(at));
                at += planted_at(at)->n_bytes;
            }
            /* The block that ends the page is of the second half, or reaches into it. */
            last = &planted.header[planted.n - 1];
            cr_assert(last->offset + last->n_bytes == 4096 || planted.n == n);
        }
    cr_assert_gt(open, N_ERAS * N_PAGES * 9 / 10, "%zu", open);
}

Test(recipe_classic, smashed_pages_lack_a_header)
{
    for (size_t e = 0; e < N_ERAS; e++)
        for (uint64_t number = 0; number < N_PAGES; number++) {
            size_t n, gaps = 0, at = 0;

            build_hard(e, "smashed=100", number);
            check_bytes();
            for (size_t i = 0; i < planted.n; i++) {
                gaps += planted.header[i].offset != at;
                at = planted.header[i].offset + planted.header[i].n_bytes;
            }
            gaps += at != 4096;
            cr_assert_eq(gaps, 1);
            cr_assert_lt(walk(e, &n), 4096);
        }
}

Test(recipe_classic, words_of_the_type)
{
    static const struct {
        size_t era;
        const char *words;
        uint32_t bit;
    } cases[] = {
        {0, "session=100", 0x20}, {1, "session=100", 0x20},  {2, "session=100", 0x20},
        {3, "session=100", 0x20}, {0, "verifier=100", 0x40}, {3, "verifier=100", 0x40},
        {2, "aligned=100", 0x04}, {3, "aligned=100", 0x04},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (uint64_t number = 0; number < 8; number++) {
            size_t e = cases[i].era, n, in_use = 0;

            build_hard(e, cases[i].words, number);
            cr_assert_eq(walk(e, &n), 4096);
            for (size_t k = 0; k < planted.n; k++) {
                uint32_t type = le32(planted.header[k].offset) >> eras[e].type_shift;

                if (planted.header[k].state != PS_PLANTED_ALLOCATED)
                    continue;
                cr_assert_neq(type & cases[i].bit, 0, "%s: %#x", cases[i].words, type);
                cr_assert_neq(type & (e < 2 ? 4u : 2u), 0);
                in_use++;
            }
            cr_assert_gt(in_use, 0);
        }
}

/* NT 5 marks a block in use with the bit that asks for alignment, and does not keep the request. */
Test(recipe_classic, nt5_keeps_no_alignment)
{
    build_hard(0, "aligned=100 quota=0", 3);
    for (size_t k = 0; k < planted.n; k++) {
        uint32_t type = le32(planted.header[k].offset) >> 25;

        cr_assert(type == 0 || type == 5 || type == 6, "%#x", type);
    }
}

Test(recipe_classic, lookaside_blocks_begin_with_a_link)
{
    size_t n = 0;

    build_hard(3, "lookaside=100 body=zero free=0", 7);
    for (size_t k = 0; k < planted.n; k++) {
        if (planted.header[k].state != PS_PLANTED_ALLOCATED)
            continue;
        cr_assert_eq(le64(planted.header[k].offset + 16) >> 47, 0x1ffff, "a kernel address");
        cr_assert_eq(le64(planted.header[k].offset + 24), 0);
        n++;
    }
    cr_assert_gt(n, 3);
}

/* The same page, whether its headers are asked for or not. */
Test(recipe_classic, bytes_do_not_depend_on_the_list)
{
    static const char text[] = "size 256k\ntags t Proc:0x280 Thre:0x40-0x90*5\n"
                               "arch x64\nbuild 7601\n"
                               "pages 0- classic tags=t leftovers=50 torn=40 smashed=60\n";
    uint8_t alone[PS_RECIPE_PAGE];
    struct ps_recipe *r = parse(text);
    struct ps_err err = {.msg = ""};

    for (uint64_t number = 0; number < N_PAGES; number++) {
        cr_assert_eq(ps_recipe_page(r, number, alone, NULL, &err), 1);
        cr_assert_eq(ps_recipe_page(r, number, page, &planted, &err), 1);
        cr_assert_eq(memcmp(alone, page, sizeof alone), 0, "page %llu", (unsigned long long)number);
    }
    ps_recipe_free(r);
}
