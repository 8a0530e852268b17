#include "host/digest.h"

#include <xxhash.h>

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

void ps_digest_free(struct ps_digest *digest)
{
    XXH3_freeState(state_of(digest));
}
