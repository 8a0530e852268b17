#include "host/digest.h"

#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

/* Where the library has functions that take the widest vectors there are, its header makes them the
 * ones that are called; the values are the same. */
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif

/* The library wants its state aligned to 64 bytes and allocates it itself, so the public name is
 * only a name. */
static XXH3_state_t *state_of(struct ps_digest *digest)
{
    return (XXH3_state_t *)(void *)digest;
}

struct ps_digest *ps_digest_new(void)
{
    XXH3_state_t *state = XXH3_createState();

    if (state)
        XXH3_128bits_reset(state);
    return (struct ps_digest *)(void *)state;
}

void ps_digest_update(struct ps_digest *digest, const void *data, size_t n_bytes)
{
    if (n_bytes)
        XXH3_128bits_update(state_of(digest), data, n_bytes);
}

void ps_digest_update_u64(struct ps_digest *digest, uint64_t value)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    ps_digest_update(digest, bytes, sizeof bytes);
}

void ps_digest_hex(const struct ps_digest *digest, char hex[PS_DIGEST_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    const XXH3_state_t *state = (const XXH3_state_t *)(const void *)digest;
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
    for (unsigned i = 0; i < sizeof canonical.digest; i++) {
        hex[2 * i] = digits[canonical.digest[i] >> 4];
        hex[2 * i + 1] = digits[canonical.digest[i] & 15];
    }
    hex[PS_DIGEST_HEX_BYTES - 1] = '\0';
}

uint64_t ps_digest_bytes(const void *data, size_t n_bytes)
{
    return XXH3_64bits(data, n_bytes);
}

/* One word of each 256 bytes, at another place in each of them, so that blocks of one size are not
 * looked at in the same place all the time. */
#define PRINT_WORDS 16u
#define PRINT_STEP  (4096u / PRINT_WORDS)
#define PRINT_SHIFT 88u

uint32_t ps_digest_page(const uint8_t *page)
{
    uint64_t word[PRINT_WORDS];

    for (unsigned i = 0; i < PRINT_WORDS; i++)
        memcpy(&word[i], page + i * PRINT_STEP + i * PRINT_SHIFT % PRINT_STEP, sizeof word[i]);
    return (uint32_t)XXH3_64bits(word, sizeof word);
}

int ps_page_secret_draw(struct ps_page_secret *secret)
{
    const ssize_t n = getrandom(secret->bytes, sizeof secret->bytes, 0);

    return n == (ssize_t)sizeof secret->bytes ? 0 : -1;
}

void ps_page_secret_derive(struct ps_page_secret *secret, const char *text)
{
    for (size_t i = 0; i < sizeof secret->bytes; i += 8) {
        const uint64_t word = XXH3_64bits_withSeed(text, strlen(text), i);

        for (unsigned k = 0; k < 8; k++)
            secret->bytes[i + k] = (uint8_t)(word >> (8 * k));
    }
}

_Static_assert(sizeof(struct ps_page_secret) >= XXH3_SECRET_SIZE_MIN, "the library wants so many");

uint64_t ps_digest_page_key(const struct ps_page_secret *secret, const uint8_t *page)
{
    return XXH3_64bits_withSecret(page, 4096, secret->bytes, sizeof secret->bytes);
}

void ps_digest_free(struct ps_digest *digest)
{
    XXH3_freeState(state_of(digest));
}
