#include "host/run/copies/page_keys.h"

#include <stdlib.h>

#include "host/hash_factor.h"
#include "scan/hash.h"

#define FIRST_BITS 12u
#define PAGE_SHIFT 12u

static size_t n_places(const struct ps_page_keys *k)
{
    return k->bits ? (size_t)1 << k->bits : 0;
}

/* The place of that frame, or the free one where it would be. */
static size_t find(const struct ps_page_keys *k, uint32_t frame_1)
{
    size_t at = ps_hash_home(frame_1, k->factor, k->bits);

    while (k->place[at].frame_1 != 0 && k->place[at].frame_1 != frame_1)
        at = (at + 1) & (n_places(k) - 1);
    return at;
}

static void grow(struct ps_page_keys *k)
{
    struct ps_page_keys larger = {
        .factor = ps_hash_factor(), .bits = k->bits ? k->bits + 1 : FIRST_BITS, .n = k->n};

    larger.place = calloc((size_t)1 << larger.bits, sizeof *larger.place);
    if (!larger.place)
        return;
    for (size_t i = 0; i < n_places(k); i++)
        if (k->place[i].frame_1 != 0)
            larger.place[find(&larger, k->place[i].frame_1)] = k->place[i];
    free(k->place);
    *k = larger;
}

void ps_page_keys_put(struct ps_page_keys *keys, uint64_t phys, uint64_t key)
{
    const uint64_t frame = phys >> PAGE_SHIFT;

    if (keys->n >= n_places(keys) / 4 * 3 && keys->bits < PS_PAGE_KEYS_MAX_BITS)
        grow(keys);
    if (keys->n >= n_places(keys) / 4 * 3 || frame >= UINT32_MAX)
        return;
    keys->place[find(keys, (uint32_t)frame + 1)] =
        (struct ps_page_key_place){(uint32_t)frame + 1, (uint32_t)key, (uint32_t)(key >> 32)};
    keys->n++;
}

int ps_page_keys_get(const struct ps_page_keys *keys, uint64_t phys, uint64_t *key)
{
    const uint64_t frame = phys >> PAGE_SHIFT;
    const struct ps_page_key_place *place;

    if (keys->n == 0 || frame >= UINT32_MAX)
        return 0;
    place = &keys->place[find(keys, (uint32_t)frame + 1)];
    if (place->frame_1 == 0)
        return 0;
    *key = place->low | (uint64_t)place->high << 32;
    return 1;
}

void ps_page_keys_free(struct ps_page_keys *keys)
{
    free(keys->place);
    *keys = (struct ps_page_keys){.bits = 0};
}
