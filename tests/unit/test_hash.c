/* Tables of keys that were chosen to collide. Probes are counted from where each key came to stand;
 * with a factor that the chooser knows they are quadratic in the number of keys. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "host/hash_factor.h"
#include "scan/hash.h"
#include "scan/tags/pattern_map.h"
#include "scan/tags/tag_map.h"
#include "tests/support/rng.h"

#define N_KEYS 65536u
/* For each key, of which a table that is half full takes one or two. */
#define MAX_PROBES 3u
#define KNOWN      UINT32_C(0x9e3779b1)
#define OLD_BITS   17u
#define OLD_KEYS   8192u

/* The inverse of KNOWN, so that KNOWN times a key is what is wanted. */
static uint32_t inverse(void)
{
    uint32_t x = 1;

    for (int i = 0; i < 5; i++)
        x *= 2 - KNOWN * x;
    return x;
}

/* A product whose bits from 'low' to 'low' + 16 are all zero; the others count up. */
static uint32_t hollow(uint32_t i, unsigned low)
{
    return (i & ((UINT32_C(1) << low) - 1)) | i >> low << (low + 17);
}

#define NO_BITS 99u

struct family {
    const char *name;
    uint32_t (*key)(uint32_t i);
    unsigned from_bit; /* of KNOWN times a key, in all of which the OLD_BITS from here are equal */
};

static uint32_t top_bits(uint32_t i)
{
    return inverse() * i;
}

static uint32_t bits_from_4(uint32_t i)
{
    return inverse() * hollow(i, 4);
}

static uint32_t bits_from_7(uint32_t i)
{
    return inverse() * hollow(i, 7);
}

static uint32_t bits_from_8(uint32_t i)
{
    return inverse() * hollow(i, 8);
}

static uint32_t low_bits(uint32_t i)
{
    return inverse() * (i << 17 | i >> 15);
}

static uint32_t equal_low_half(uint32_t i)
{
    return i << 16 | 0x6167u;
}

static uint32_t equal_high_half(uint32_t i)
{
    return UINT32_C(0x50660000) | i;
}

static uint32_t equal_ends(uint32_t i)
{
    return UINT32_C(0x50000066) | i << 8;
}

static const struct family family[] = {
    {"equal top bits of the product", top_bits, 15},
    {"equal bits of the product from bit 4", bits_from_4, 4},
    {"equal bits of the product from bit 7", bits_from_7, 7},
    {"equal bits of the product from bit 8", bits_from_8, 8},
    {"equal low bits of the product", low_bits, 0},
    {"equal low half", equal_low_half, NO_BITS},
    {"equal high half", equal_high_half, NO_BITS},
    {"equal first and last byte", equal_ends, NO_BITS},
};

#define N_FAMILIES (sizeof family / sizeof *family)

static uint64_t count_probes(const struct ps_tag_map *map)
{
    const size_t mask = ((size_t)1 << map->bits) - 1;
    uint64_t n = 0;

    for (size_t at = 0; at <= mask; at++)
        if (map->place[at].number_1 != 0)
            n += ((at - ps_hash_home(map->place[at].tag, map->factor, map->bits)) & mask) + 1;
    return n;
}

/* All different keys of a family, which are n or, of those with hollow products, fewer. */
static struct ps_tag_map fill(const struct family *f, uint32_t n, uint64_t factor)
{
    struct ps_tag_map map = {.factor = factor};

    for (uint32_t i = 0; i < n; i++)
        if (ps_tag_map_find(&map, f->key(i)) == PS_TAG_NO_NUMBER)
            cr_assert_eq(ps_tag_map_add(&map, f->key(i)), 0);
    return map;
}

Test(hash, chosen_keys_do_not_collide)
{
    struct rng r = rng_make(1);

    for (size_t i = 0; i < N_FAMILIES; i++)
        for (unsigned turn = 0; turn < 8; turn++) {
            const uint64_t factor = rng_next(&r) | 1;
            struct ps_tag_map map = fill(&family[i], N_KEYS, factor);

            cr_expect_geq(map.n, N_KEYS / 4, "%s: %" PRIu32, family[i].name, map.n);
            cr_expect_leq(count_probes(&map), (uint64_t)MAX_PROBES * map.n,
                          "%s: factor %#" PRIx64 ": %" PRIu64, family[i].name, factor,
                          count_probes(&map));
            ps_tag_map_free(&map);
        }
}

/* A table that takes some bits of the product with a known factor. */
static uint64_t count_old_probes(const struct family *f)
{
    static uint8_t is_taken[1u << OLD_BITS];
    const uint32_t mask = (1u << OLD_BITS) - 1;
    uint64_t n = 0;

    memset(is_taken, 0, sizeof is_taken);
    for (uint32_t i = 0; i < OLD_KEYS; i++) {
        uint32_t at = f->key(i) * KNOWN >> f->from_bit & mask;

        for (n++; is_taken[at]; n++)
            at = (at + 1) & mask;
        is_taken[at] = 1;
    }
    return n;
}

/* What the keys and the bound are worth. */
Test(hash, a_known_factor_is_quadratic)
{
    for (size_t i = 0; i < N_FAMILIES; i++)
        if (family[i].from_bit != NO_BITS)
            cr_expect_gt(count_old_probes(&family[i]), UINT64_C(1000) * OLD_KEYS, "%s",
                         family[i].name);
}

Test(hash, numbers_of_tags)
{
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct ps_tag_map map = {.factor = rng_next(&r) | 1};
    static uint32_t tag[20000];
    uint32_t n = 0;

    cr_assert_eq(ps_tag_map_find(&map, 0), PS_TAG_NO_NUMBER);
    for (uint32_t i = 0; i < 20000; i++) {
        const uint32_t it = (uint32_t)rng_below(&r, 30000) * 0x10001u;
        const uint32_t number = ps_tag_map_find(&map, it);

        if (number != PS_TAG_NO_NUMBER) {
            cr_assert_lt(number, n, "seed %#" PRIx64, seed);
            cr_assert_eq(tag[number], it, "seed %#" PRIx64, seed);
            continue;
        }
        for (uint32_t k = 0; k < n; k++)
            cr_assert_neq(tag[k], it, "seed %#" PRIx64, seed);
        cr_assert_eq(ps_tag_map_add(&map, it), 0);
        tag[n++] = it;
    }
    cr_assert_eq(map.n, n);
    for (uint32_t k = 0; k < n; k++)
        cr_assert_eq(ps_tag_map_find(&map, tag[k]), k, "seed %#" PRIx64, seed);
    ps_tag_map_free(&map);
}

/* What SplitMix64's last steps turn into h. */
static uint64_t unmixed(uint64_t h)
{
    h ^= h >> 31 ^ h >> 62;
    h *= UINT64_C(0x319642b2d24d8ec3);
    h ^= h >> 27 ^ h >> 54;
    h *= UINT64_C(0x96de1b173f119089);
    return h ^ h >> 30 ^ h >> 60;
}

static uint64_t mixed(uint64_t h)
{
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

/* Patterns that all have one home by SplitMix64. */
Test(hash, chosen_patterns_do_not_collide)
{
    struct ps_pattern_map map = {.factor = UINT64_C(0xd1342543de82ef95)};
    struct ps_err err;
    uint64_t n_probes = 0;
    size_t mask;

    for (uint64_t i = 0; i < OLD_KEYS; i++) {
        const uint64_t key = unmixed(i << 20);

        cr_assert_eq(mixed(key), i << 20);
        cr_assert_eq(ps_pattern_map_put(
                         &map, (struct ps_tag_pattern){.value = (uint32_t)key, .mask = key >> 32},
                         (uint32_t)i, &err),
                     0);
    }
    cr_assert_eq(map.n, OLD_KEYS);
    mask = ((size_t)1 << map.bits) - 1;
    for (size_t at = 0; at <= mask; at++)
        if (map.slot[at].number != PS_PATTERN_ABSENT) {
            const uint64_t key = unmixed((uint64_t)map.slot[at].number << 20);

            n_probes += ((at - ps_hash_home(key, map.factor, map.bits)) & mask) + 1;
        }
    cr_assert_leq(n_probes, (uint64_t)MAX_PROBES * OLD_KEYS);
    ps_pattern_map_clear(&map);
}

Test(hash, the_factor_of_the_process)
{
    const uint64_t drawn = ps_hash_factor();

    cr_assert_eq(drawn & 1, 1);
    cr_assert_eq(ps_hash_factor(), drawn);
    cr_assert_neq(drawn, UINT64_C(0x9e3779b97f4a7c15), "this system has random numbers");
    ps_hash_factor_fix(12345);
    cr_assert_eq(ps_hash_factor(), 12345);
}
