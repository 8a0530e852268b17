/* Streams put together by hand from MS-XCA, and those of the encoders in tests/containers/. */
#include "host/image/xpress/xpress.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/support/rng.h"

/* A buffer of exactly n bytes, so that AddressSanitizer sees what goes beyond it. */
static uint8_t *exactly(const void *data, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);

    if (n)
        memcpy(copy, data, n);
    return copy;
}

static uint64_t seed; /* of random data; 0: none are in use */

typedef int unpack_fn(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out,
                      struct ps_err *err);

static int lznt1_all(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out, struct ps_err *err)
{
    size_t n;
    int rc = ps_lznt1_unpack(in, n_in, out, n_out, &n, err);

    return rc == 0 && n != n_out ? ps_fail(err, PS_EFORMAT, n, "short") : rc;
}

/* Unpacks to the n_out bytes at 'expected', from buffers without slack. */
static void check(unpack_fn *unpack, const void *in, size_t n_in, const void *expected,
                  size_t n_out)
{
    uint8_t *from = exactly(in, n_in);
    uint8_t *out = malloc(n_out);
    struct ps_err err = {0};

    cr_assert_eq(unpack(from, n_in, out, n_out, &err), 0, "%s at %llu, PS_SEED=%llu", err.msg,
                 (unsigned long long)err.at, (unsigned long long)seed);
    cr_assert(memcmp(out, expected, n_out) == 0, "%zu bytes, PS_SEED=%llu", n_out,
              (unsigned long long)seed);
    free(out);
    free(from);
}

static void check_damaged(unpack_fn *unpack, const void *in, size_t n_in, size_t n_out)
{
    uint8_t *from = exactly(in, n_in);
    uint8_t *out = malloc(n_out);
    struct ps_err err = {0};

    cr_assert_eq(unpack(from, n_in, out, n_out, &err), -PS_EFORMAT, "%zu of %zu", n_in, n_out);
    cr_assert(err.msg[0]);
    cr_assert_leq(err.at, n_in);
    free(out);
    free(from);
}

/* Cut anywhere, it is damaged: no shorter stream gives as much. */
static void check_cuts(unpack_fn *unpack, const void *in, size_t n_in, size_t n_out)
{
    for (size_t n = 0; n < n_in; n++)
        check_damaged(unpack, in, n, n_out);
}

Test(xpress, literals)
{
    static const uint8_t in[] = "\x3f\0\0\0abcdefghijklmnopqrstuvwxyz";

    check(ps_xpress_unpack, in, sizeof in - 1, "abcdefghijklmnopqrstuvwxyz", 26);
    check_cuts(ps_xpress_unpack, in, sizeof in - 1, 26);
}

Test(xpress, a_match_that_repeats_what_it_writes)
{
    static const uint8_t in[] = "\xff\xff\xff\x1f"
                                "abc\x17\x00\x0f\xff\x26\x01";
    uint8_t expected[300];

    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)("abc"[i % 3]);
    check(ps_xpress_unpack, in, sizeof in - 1, expected, sizeof expected);
    check_cuts(ps_xpress_unpack, in, sizeof in - 1, sizeof expected);
}

/* Two lengths share one byte, the first one its lower half. */
Test(xpress, half_bytes)
{
    static const uint8_t in[] = "\xff\xff\xff\x5f"
                                "a\x07\x00\x42"
                                "b\x07\x00";

    check(ps_xpress_unpack, in, sizeof in - 1, "aaaaaaaaaaaaabbbbbbbbbbbbbbb", 28);
    check_cuts(ps_xpress_unpack, in, sizeof in - 1, 28);
}

Test(xpress, a_length_of_four_bytes)
{
    static const uint8_t in[] = "\xff\xff\xff\x7f"
                                "a\x07\x00\x0f\xff\x00\x00\x6d\x11\x01\x00";
    static uint8_t expected[70001];

    memset(expected, 'a', sizeof expected);
    check(ps_xpress_unpack, in, sizeof in - 1, expected, sizeof expected);
    check_cuts(ps_xpress_unpack, in, sizeof in - 1, sizeof expected);
}

Test(xpress, what_follows_the_output_is_not_looked_at)
{
    check(ps_xpress_unpack, "\x3f\0\0\0abc\xff\xff", 9, "ab", 2);
}

Test(xpress, damaged)
{
    check_damaged(ps_xpress_unpack, "\xff\xff\xff\xff\x00\x00", 6, 4); /* before the begin */
    check_damaged(ps_xpress_unpack,
                  "\xff\xff\xff\x7f"
                  "a\x08\x00",
                  7, 4); /* two back */
    check_damaged(ps_xpress_unpack,
                  "\xff\xff\xff\x7f"
                  "a\x01\x00",
                  7, 4); /* past the end */
    check_damaged(ps_xpress_unpack,
                  "\xff\xff\xff\x7f"
                  "a\x07\x00\x0f\xff\x15\x00",
                  11, 22); /* 21: not so written */
}

struct table {
    uint8_t bytes[300];
    size_t n;
};

static void set_length(struct table *t, unsigned symbol, unsigned length)
{
    t->bytes[symbol / 2] |= (uint8_t)(length << (symbol % 2 * 4));
}

static void add(struct table *t, const char *bytes, size_t n)
{
    if (t->n < 256)
        t->n = 256;
    memcpy(t->bytes + t->n, bytes, n);
    t->n += n;
}

/* a: 0, b: 10, the match of two or three back and a long length: 11. */
static struct table three_codes(void)
{
    struct table t = {0};

    set_length(&t, 'a', 1);
    set_length(&t, 'b', 2);
    set_length(&t, 256 + 16 * 1 + 15, 2);
    return t;
}

/* 0 10 11 and a bit of the distance; the byte of the length lies behind both words of bits. */
Test(xpress_huffman, a_match)
{
    struct table t = three_codes();

    add(&t, "\x00\x58\x00\x00\x05", 5);
    check(ps_xpress_huffman_unpack, t.bytes, t.n, &"abababababababababababababa"[2], 25);
    check_cuts(ps_xpress_huffman_unpack, t.bytes, t.n, 25);
}

/* The same with the distance 3 and aab before it: 0 0 10 11 1. */
Test(xpress_huffman, a_length_of_two_bytes)
{
    struct table t = three_codes();
    uint8_t expected[3 + 1000];

    add(&t, "\x00\x2e\x00\x00\xff\xe5\x03", 7);
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (uint8_t)("aab"[i % 3]);
    check(ps_xpress_huffman_unpack, t.bytes, t.n, expected, sizeof expected);
    check_cuts(ps_xpress_huffman_unpack, t.bytes, t.n, sizeof expected);
}

Test(xpress_huffman, long_codes)
{
    struct table t = {0};

    for (unsigned i = 0; i < 16; i++)
        set_length(&t, 'a' + i, i < 15 ? i + 1 : 15);
    add(&t, "\xff\xff\xf8\xff\x00\x00", 6);
    check(ps_xpress_huffman_unpack, t.bytes, t.n, "po", 2);
    /* a twelve-bit code: eleven ones and a zero, twice */
    t.n = 256;
    add(&t, "\xef\xff\x00\xfe\x00\x00", 6);
    check(ps_xpress_huffman_unpack, t.bytes, t.n, "ll", 2);
}

Test(xpress_huffman, damaged)
{
    struct table t = three_codes();

    add(&t, "\x00\xc0\x00\x00\x05", 5); /* a match at the very begin */
    check_damaged(ps_xpress_huffman_unpack, t.bytes, t.n, 25);
    check_damaged(ps_xpress_huffman_unpack, t.bytes, t.n, 65537);
    set_length(&t, 'c', 1); /* more codes than there are */
    check_damaged(ps_xpress_huffman_unpack, t.bytes, t.n, 1);
    memset(&t, 0, sizeof t);
    set_length(&t, 'a', 1);
    add(&t, "\x00\x80\x00\x00", 4); /* a code that is none */
    check_damaged(ps_xpress_huffman_unpack, t.bytes, t.n, 1);
}

Test(lznt1, a_match)
{
    static const uint8_t in[] = "\x05\xb0\x08"
                                "abc\x06\x20";

    check(lznt1_all, in, sizeof in - 1, "abcabcabcabc", 12);
    check_cuts(lznt1_all, in, sizeof in - 1, 12);
}

/* The bits that say how far back grow with the place in the chunk: 4 up to 16, then 5. */
Test(lznt1, wider_distances)
{
    check(lznt1_all, "\x14\xb0\0abcdefgh\0ijklmnop\1\x00\xf0", 23, "abcdefghijklmnopabc", 19);
    check(lznt1_all, "\x15\xb0\0abcdefgh\0ijklmnop\2q\x00\x80", 24, "abcdefghijklmnopqabc", 20);
}

Test(lznt1, chunks)
{
    static const uint8_t in[] = "\x05\xb0\x08"
                                "abc\x06\x20\x02\x30xyz\0\0rest";
    uint8_t expected[4096 + 3] = "abcabcabcabc";

    memcpy(expected + 4096, "xyz", 3);
    check(lznt1_all, in, sizeof in - 1, expected, sizeof expected);
}

Test(lznt1, fewer_than_there_is_room_for)
{
    uint8_t out[100];
    struct ps_err err;
    size_t n;

    cr_assert_eq(ps_lznt1_unpack((const uint8_t *)"\x02\x30xyz", 5, out, sizeof out, &n, &err), 0);
    cr_assert_eq(n, 3);
    cr_assert_eq(ps_lznt1_unpack(out, 0, out, sizeof out, &n, &err), 0);
    cr_assert_eq(n, 0);
}

Test(lznt1, damaged)
{
    check_damaged(lznt1_all, "\x02\x30xyz", 5, 2);          /* more than fits */
    check_damaged(lznt1_all, "\x02\x50xyz", 5, 3);          /* no chunk's header */
    check_damaged(lznt1_all, "\x02\xb0\x01\x00\x00", 5, 3); /* a match at the very begin */
    check_damaged(lznt1_all,
                  "\x03\xb0\x02"
                  "a\x00\x10",
                  6, 4); /* two back */
    check_damaged(lznt1_all,
                  "\x02\xb0\x02"
                  "a\x00",
                  5, 4); /* half a match */
}

#define MOST 65536u

/* Words of one to 64 bytes, most of them seen before; every eighth time all is one word. */
static void fill(struct rng *rng, uint8_t *to, size_t n)
{
    const int is_one = rng_below(rng, 8) == 0;

    for (size_t at = 0; at < n;) {
        size_t length = is_one ? n : 1 + rng_below(rng, 64);
        const size_t back = 1 + rng_below(rng, at < 9000 ? (uint32_t)at + 1 : 9000);
        const int is_copy = at >= back && rng_below(rng, 3) != 0;

        for (; length && at < n; length--, at++)
            to[at] = is_copy ? to[at - back] : is_one ? 7 : (uint8_t)rng_below(rng, 256);
    }
}

/* The encoders are those of make_container, which libfwnt witnesses (tests/unit/encoders.c). */
Test(encoders, what_they_pack_is_unpacked)
{
    static uint8_t plain[MOST], packed[ENCODED_ROOM(MOST)];
    struct rng rng;

    seed = rng_seed();
    rng = rng_make(seed);
    for (unsigned i = 0; i < 90; i++) {
        const size_t n = i % 3 == 0   ? MOST
                         : i % 3 == 1 ? 4096u * (1 + rng_below(&rng, 16))
                                      : 1 + rng_below(&rng, MOST);

        fill(&rng, plain, n);
        check(lznt1_all, packed, encode_lznt1(plain, n, packed), plain, n);
        check(ps_xpress_unpack, packed, encode_xpress(plain, n, packed), plain, n);
        check(ps_xpress_huffman_unpack, packed, encode_xpress_huffman(plain, n, packed), plain, n);
    }
}
