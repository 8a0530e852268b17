#include "host/run/tag_usage.h"

#include <criterion/criterion.h>
#include <string.h>

#include "host/hash_factor.h"

static struct ps_tag_usages usages;

static void forget(void)
{
    ps_tag_usages_free(&usages);
}

TestSuite(tag_usage, .fini = forget);

static struct ps_tag_usage *at(uint32_t tag)
{
    int out_of_memory = 1;
    struct ps_tag_usage *s = ps_tag_usages_at(&usages, tag, &out_of_memory);

    cr_assert_eq(out_of_memory, 0);
    return s;
}

#define IS(s, c, a) .status = PS_STATUS_##s, .confidence = (c), .allocator = PS_ALLOCATOR_##a

/* clang-format off */
static const struct {
    struct ps_finding f;
    int counts;
    const char *what;
} rows[] = {
    {{IS(ALLOCATED, 50, CLASSIC)}, 1, "allocated"},
    {{IS(ALLOCATED, 49, CLASSIC)}, 0, "not sure"},
    {{IS(FREE, 99, CLASSIC)}, 0, "free"},
    {{IS(STALE, 99, CLASSIC)}, 0, "stale"},
    {{IS(UNKNOWN, 99, CLASSIC)}, 0, "classic"},
    {{IS(UNKNOWN, 99, UNKNOWN)}, 0, "none"},
    {{IS(UNKNOWN, 60, LFH)}, 1, "lfh"},
    {{IS(UNKNOWN, 60, VS)}, 1, "vs"},
    {{IS(UNKNOWN, 60, VS), .evidence = PS_EV_OVERLAP}, 0, "inside another block"},
    {{IS(UNKNOWN, 99, VS), .word0 = 0x06100003}, 0, "second header of a block"},
    {{IS(STALE, 60, VS)}, 0, "stale vs"},
    {{IS(ALLOCATED, 99, CLASSIC), .in_big = 0x1000}, 0, "content of a big allocation"},
    {{IS(ALLOCATED, 99, BIG), .source = PS_SOURCE_BIGPOOL}, 0, "big"},
};
/* clang-format on */

Test(tag_usage, what_counts_as_a_block)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        cr_expect_eq(ps_tag_usage_counts(&rows[i].f), rows[i].counts, "%s", rows[i].what);
}

Test(tag_usage, the_protected_bit_is_folded)
{
    at(0x41424344)->header_blocks = 7;
    cr_assert_eq(at(0xc1424344)->header_blocks, 7);
    cr_assert_eq(at(0xc1424344)->tag, 0x41424344);
    cr_assert_eq(usages.n, 1);
    cr_assert_eq(at(0)->header_blocks, 0, "the tag 0 is one too");
    cr_assert_eq(usages.n, 2);
}

/* Growing keeps what was counted; beyond the limit only known tags have a place. */
Test(tag_usage, as_many_tags_as_there_may_be)
{
    for (uint32_t i = 0; i < PS_TAG_USAGE_MAX; i++)
        at(i * 8191)->header_bytes += i + 1;
    cr_assert_eq(usages.n, PS_TAG_USAGE_MAX);
    cr_assert_eq(usages.map.factor, ps_hash_factor());
    cr_assert_eq(usages.n_over, 0);
    cr_assert_null(at(8190));
    cr_assert_eq(usages.n_over, 1);
    for (uint32_t i = 0; i < PS_TAG_USAGE_MAX; i++)
        cr_assert_eq(at(i * 8191)->header_bytes, i + 1, "tag number %u", i);
}

Test(tag_usage, live_big_allocations_are_added)
{
    const struct ps_finding f[] = {
        {.tag = 0x31676174,
         .n_bytes = 0x2000,
         .status = PS_STATUS_ALLOCATED,
         .source = PS_SOURCE_BIGPOOL},
        {.tag = 0x31676174,
         .n_bytes = 0x9000,
         .status = PS_STATUS_FREE,
         .source = PS_SOURCE_BIGPOOL},
        {.tag = 0xb1676174,
         .n_bytes = 0x1000,
         .status = PS_STATUS_ALLOCATED,
         .source = PS_SOURCE_BIGPOOL},
        {.tag = 0x31676174, .n_bytes = 0x40, .status = PS_STATUS_ALLOCATED, .confidence = 90},
        {.tag = 0x31676174, .n_bytes = 0x50, .status = PS_STATUS_ALLOCATED, .confidence = 49},
    };
    struct ps_err err;

    cr_assert_eq(ps_tag_usages_add(&usages, f, 5, &err), 0);
    cr_assert_eq(usages.n, 1);
    cr_assert_eq(at(0x31676174)->big_allocations, 2);
    cr_assert_eq(at(0x31676174)->big_bytes, 0x3000);
    cr_assert_eq(at(0x31676174)->header_blocks, 1);
    cr_assert_eq(at(0x31676174)->header_bytes, 0x40);
}
