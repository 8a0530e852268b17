#include "host/digest.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

/* What xxhsum -H2 (0.8.1) prints for these inputs. */
static const struct {
    const char *text;
    const char *hex;
} known[] = {
    {"", "99aa06d3014798d86001c324468d497f"},
    {"a", "a96faf705af16834e6c632b61e964e1f"},
    {"poolscan", "35c36ab4bcb943a6add0883e3850a48f"},
    {"The quick brown fox jumps over the lazy dog", "ddd650205ca3e7fa24a1cc2e3a8a7651"},
};

Test(digest, known_values)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct ps_digest *digest = ps_digest_new();
        char hex[PS_DIGEST_HEX_BYTES];

        ps_digest_update(digest, known[i].text, strlen(known[i].text));
        ps_digest_hex(digest, hex);
        cr_assert_str_eq(hex, known[i].hex, "'%s': %s, xxhsum says %s", known[i].text, hex,
                         known[i].hex);
        ps_digest_free(digest);
    }
}

/* One million bytes 0, 1 .. 250, 0 ..., in pieces of every kind of length. */
Test(digest, pieces_make_the_whole)
{
    static uint8_t data[1000000];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i % 251);
    for (size_t step = 1; step < sizeof data; step = step * 7 + 1) {
        struct ps_digest *digest = ps_digest_new();
        char hex[PS_DIGEST_HEX_BYTES];

        for (size_t at = 0; at < sizeof data; at += step)
            ps_digest_update(digest, data + at, step < sizeof data - at ? step : sizeof data - at);
        ps_digest_hex(digest, hex);
        cr_assert_str_eq(hex, "00d4a9d9f77c7d2ddf99c4163891c544", "in pieces of %zu: %s", step,
                         hex);
        ps_digest_free(digest);
    }
}

Test(digest, numbers_are_little_endian)
{
    static const uint8_t bytes[8] = {0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11};
    struct ps_digest *number = ps_digest_new();
    struct ps_digest *text = ps_digest_new();
    char got[PS_DIGEST_HEX_BYTES];
    char want[PS_DIGEST_HEX_BYTES];

    ps_digest_update_u64(number, 0x1122334455667788u);
    ps_digest_update(text, bytes, sizeof bytes);
    ps_digest_hex(number, got);
    ps_digest_hex(text, want);
    cr_assert_str_eq(got, want);
    ps_digest_free(number);
    ps_digest_free(text);
}

Test(digest, reading_it_does_not_end_it)
{
    struct ps_digest *digest = ps_digest_new();
    char hex[PS_DIGEST_HEX_BYTES];

    ps_digest_update(digest, "pool", 4);
    ps_digest_hex(digest, hex);
    cr_assert_str_neq(hex, "35c36ab4bcb943a6add0883e3850a48f");
    ps_digest_update(digest, "scan", 4);
    ps_digest_hex(digest, hex);
    cr_assert_str_eq(hex, "35c36ab4bcb943a6add0883e3850a48f");
    ps_digest_free(digest);
    ps_digest_free(NULL);
}
