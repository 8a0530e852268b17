/* Digits and UTF-8. */
#include "host/output/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static void check_number(uint64_t v)
{
    char want[64];
    char got[64];

    snprintf(want, sizeof want, "0x%016" PRIx64, v);
    *ps_put_hex64(got, v) = '\0';
    cr_assert_str_eq(got, want);
    snprintf(want, sizeof want, "0x%08" PRIx32, (uint32_t)v);
    *ps_put_hex32(got, (uint32_t)v) = '\0';
    cr_assert_str_eq(got, want);
    snprintf(want, sizeof want, "%" PRIu32, (uint32_t)v);
    *ps_put_u32(got, (uint32_t)v) = '\0';
    cr_assert_str_eq(got, want);
}

Test(output_text, numbers)
{
    uint64_t v = 1;

    check_number(0);
    check_number(UINT64_MAX);
    for (unsigned i = 0; i < 64; i++) {
        check_number(UINT64_C(1) << i);
        check_number((UINT64_C(1) << i) - 1);
    }
    for (unsigned nibble = 0; nibble < 16; nibble++)
        check_number(UINT64_C(0x1111111111111111) * nibble);
    for (unsigned i = 0; i < 100000; i++) {
        v = v * UINT64_C(6364136223846793005) + 1442695040888963407u;
        check_number(v);
    }
}

/* The definition: what a code point encodes to. Returns the number of bytes, 0 for none. */
static size_t encode(uint32_t c, char *s)
{
    if (c >= 0xd800 && c <= 0xdfff)
        return 0;
    if (c < 0x80) {
        s[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        s[0] = (char)(0xc0 + c / 64);
        s[1] = (char)(0x80 + c % 64);
        return 2;
    }
    if (c < 0x10000) {
        s[0] = (char)(0xe0 + c / 4096);
        s[1] = (char)(0x80 + c / 64 % 64);
        s[2] = (char)(0x80 + c % 64);
        return 3;
    }
    s[0] = (char)(0xf0 + c / 262144);
    s[1] = (char)(0x80 + c / 4096 % 64);
    s[2] = (char)(0x80 + c / 64 % 64);
    s[3] = (char)(0x80 + c % 64);
    return 4;
}

Test(output_text, utf8_accepts_every_code_point)
{
    for (uint32_t c = 0; c < 0x110000; c++) {
        char s[4];
        size_t n = encode(c, s);

        if (n == 0)
            continue;
        cr_assert_eq(ps_utf8_sequence(s, n), n, "U+%04x", c);
        cr_assert_eq(ps_utf8_sequence(s, n - 1), 0, "U+%04x cut short", c);
    }
}

/* Exactly as many sequences of two and three bytes are valid as there are code points. */
Test(output_text, utf8_accepts_nothing_else)
{
    size_t n_two = 0;
    size_t n_three = 0;

    for (uint32_t v = 0; v < 0x1000000; v++) {
        char s[3] = {(char)(v >> 16), (char)(v >> 8), (char)v};

        n_three += ps_utf8_sequence(s, 3) == 3;
        n_two += (v & 0xff) == 0 && ps_utf8_sequence(s, 2) == 2;
    }
    cr_assert_eq(n_two, 0x800 - 0x80);
    cr_assert_eq(n_three, 0x10000 - 0x800 - 0x800);
    cr_assert_eq(ps_utf8_sequence("\xf4\x90\x80\x80", 4), 0);
    cr_assert_eq(ps_utf8_sequence("\xf0\x8f\xbf\xbf", 4), 0);
    cr_assert_eq(ps_utf8_sequence("\xf5\x80\x80\x80", 4), 0);
}

Test(output_text, grows_and_remembers)
{
    struct ps_text t = {0};

    for (unsigned i = 0; i < 100000; i++)
        ps_text_add(&t, (char[]){(char)('a' + i % 26)}, 1);
    cr_assert_eq(t.n, 100000);
    for (unsigned i = 0; i < 100000; i++)
        cr_assert_eq(t.s[i], (char)('a' + i % 26));
    cr_assert_not(t.failed);
    ps_text_free(&t);
    cr_assert_null(t.s);
}

Test(output_text, bytes_that_are_no_text_are_spelled)
{
    static const char bytes[] = "a\\\xff\xc3\xa9\xe2\x82|";
    struct ps_text exact = {0};
    struct ps_text readable = {0};

    ps_text_add_utf8(&exact, bytes, PS_TEXT_EXACT);
    ps_text_add_utf8(&readable, bytes, PS_TEXT_READABLE);
    cr_assert_str_eq(exact.s, "a\\x5c\\xff\xc3\xa9\\xe2\\x82|");
    cr_assert_str_eq(readable.s, "a\\\\xff\xc3\xa9\\xe2\\x82|");
    ps_text_free(&exact);
    ps_text_free(&readable);
}
