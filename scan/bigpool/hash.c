#include "scan/bigpool/hash.h"

#define MULTIPLIER 40543u

const char *ps_bigpool_hash_name(enum ps_bigpool_hash hash)
{
    static const char *const names[] = {"xor-fold", "mul32", "mul64", "none"};

    return names[hash];
}

uint32_t ps_bigpool_hash(enum ps_bigpool_hash hash, uint64_t va)
{
    const uint64_t page = va >> 12;
    const uint32_t low = (uint32_t)page;
    uint64_t product;

    switch (hash) {
    case PS_BIGPOOL_FOLD:
        return low >> 24 ^ low >> 16 ^ low >> 8 ^ low;
    case PS_BIGPOOL_MUL32:
        product = (uint64_t)MULTIPLIER * low;
        break;
    case PS_BIGPOOL_MUL64:
        product = MULTIPLIER * page;
        break;
    default:
        return 0;
    }
    return (uint32_t)product ^ (uint32_t)(product >> 32);
}

uint32_t ps_bigpool_home(enum ps_bigpool_hash hash, uint64_t va, uint32_t n_slots)
{
    return ps_bigpool_hash(hash, va) & (n_slots - 1);
}

uint32_t ps_bigpool_distance(uint32_t home, uint32_t slot, uint32_t n_slots)
{
    return (slot - home) & (n_slots - 1);
}

size_t ps_bigpool_agree(enum ps_bigpool_hash hash, const struct ps_bigpool_place *place, size_t n,
                        uint32_t n_slots)
{
    size_t n_agree = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t home = ps_bigpool_home(hash, place[i].va, n_slots);

        n_agree += ps_bigpool_distance(home, place[i].slot, n_slots) < PS_BIGPOOL_NEAR;
    }
    return n_agree;
}

enum ps_bigpool_hash ps_bigpool_vote(const struct ps_bigpool_place *place, size_t n,
                                     uint32_t n_slots, size_t *n_agree)
{
    enum ps_bigpool_hash best = PS_BIGPOOL_FOLD;

    *n_agree = 0;
    for (int h = 0; h < PS_BIGPOOL_N_HASHES; h++) {
        size_t agree = ps_bigpool_agree((enum ps_bigpool_hash)h, place, n, n_slots);

        if (agree > *n_agree) {
            *n_agree = agree;
            best = (enum ps_bigpool_hash)h;
        }
    }
    return best;
}
