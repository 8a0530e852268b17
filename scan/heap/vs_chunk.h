/* The header in front of each chunk of the VS heap, as it is stored: encoded with its own address
 * and the heap key. Sources: docs/HEAP.md. */
#ifndef PS_SCAN_HEAP_VS_CHUNK_H
#define PS_SCAN_HEAP_VS_CHUNK_H

#include <stdint.h>
#include <string.h>

#include "scan/pool/era.h"

/* Sizes in slots: 16 bytes on x64, 8 on x86, which is the size of the header too. */
struct ps_vs_chunk {
    uint32_t size; /* header included */
    uint32_t prev; /* of the chunk in front of it; 0 of the first one */
    uint32_t cost; /* MemoryCost */
    uint8_t in_use;
    uint8_t is_sound; /* no bit is set that never is */
};

static inline uint64_t ps_vs_stored(enum ps_arch arch, const uint8_t *header)
{
    uint64_t x64;
    uint32_t x86;

    if (arch == PS_ARCH_X64) {
        memcpy(&x64, header, sizeof x64);
        return x64;
    }
    memcpy(&x86, header, sizeof x86);
    return x86;
}

/* Decode what is stored at address 'va': 8 bytes on x64, 4 on x86. */
static inline struct ps_vs_chunk ps_vs_decode(enum ps_arch arch, uint64_t stored, uint64_t va,
                                              uint64_t heap_key)
{
    const uint64_t plain = stored ^ va ^ heap_key;

    if (arch == PS_ARCH_X64)
        return (struct ps_vs_chunk){.size = (uint32_t)(plain >> 16) & 0xffff,
                                    .prev = (uint32_t)(plain >> 32) & 0xffff,
                                    .cost = (uint32_t)plain & 0xffff,
                                    .in_use = plain >> 48 & 1,
                                    .is_sound = plain >> 49 == 0};
    return (struct ps_vs_chunk){.size = (uint32_t)(plain >> 1) & 0x7fff,
                                .prev = (uint32_t)(plain >> 16) & 0x7fff,
                                .cost = (uint32_t)plain & 1,
                                .in_use = plain >> 31 & 1,
                                .is_sound = 1};
}

/* Do Size and Signature of a VS subsegment's header belong together? */
#define PS_VS_SIGNATURE 0x2bedu
static inline int ps_vs_subsegment_holds(uint32_t size, uint32_t signature)
{
    return ((size ^ signature) & 0x7fff) == PS_VS_SIGNATURE;
}

#endif
