/* Where an allocation's entry belongs in the big-pool table: open addressing, linear probing
 * upwards, wrapping to slot 0. */
#ifndef PS_SCAN_BIGPOOL_HASH_H
#define PS_SCAN_BIGPOOL_HASH_H

#include <stddef.h>
#include <stdint.h>

enum ps_bigpool_hash {
    PS_BIGPOOL_FOLD,  /* XP, 2003: the bytes of the page number folded with XOR */
    PS_BIGPOOL_MUL32, /* Windows 10: 40543 times the low 32 bits of the page number, folded */
    PS_BIGPOOL_MUL64, /* 24H2: the same with all bits of the page number */
    PS_BIGPOOL_N_HASHES,
    PS_BIGPOOL_NO_HASH = PS_BIGPOOL_N_HASHES, /* none of these is obeyed */
};

/* "xor-fold", "mul32", "mul64", "none". */
const char *ps_bigpool_hash_name(enum ps_bigpool_hash hash);

/* Hash of an address, not yet cut to a table. */
uint32_t ps_bigpool_hash(enum ps_bigpool_hash hash, uint64_t va);

/* Home slot in a table of n_slots, a power of two. */
uint32_t ps_bigpool_home(enum ps_bigpool_hash hash, uint64_t va, uint32_t n_slots);

/* Probes from 'home' to 'slot'. */
uint32_t ps_bigpool_distance(uint32_t home, uint32_t slot, uint32_t n_slots);

/* An entry nearer to its home than this agrees with a formula. */
#define PS_BIGPOOL_NEAR 64u

struct ps_bigpool_place {
    uint64_t va; /* bit 0 does not matter */
    uint32_t slot;
};

/* How many places agree with a formula; which formula the most agree with (the first of equals)
 * and how many those are. */
size_t ps_bigpool_agree(enum ps_bigpool_hash hash, const struct ps_bigpool_place *place, size_t n,
                        uint32_t n_slots);
enum ps_bigpool_hash ps_bigpool_vote(const struct ps_bigpool_place *place, size_t n,
                                     uint32_t n_slots, size_t *n_agree);

#endif
