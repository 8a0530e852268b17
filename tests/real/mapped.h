/* Which physical pages the Windows kernel half of an address space maps. A walker of its own:
 * it shares nothing with the program. */
#ifndef PS_TESTS_REAL_MAPPED_H
#define PS_TESTS_REAL_MAPPED_H

#include <stddef.h>
#include <stdint.h>

struct memory {
    const uint8_t *bytes;
    uint64_t n_bytes;
};

struct mapped {
    uint8_t *is_mapped; /* one per page of the image */
    size_t n_pages;
    size_t n_mapped;
};

/* x64: four levels, upper half. Otherwise x86 without PAE, from 2 GiB on. */
void mapped_walk(struct mapped *out, const struct memory *mem, uint64_t cr3, int x64);
void mapped_free(struct mapped *mapped);

#endif
