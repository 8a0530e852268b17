#include "tests/real/mapped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRESENT 1u
#define LARGE   0x80u

static uint64_t entry_at(const struct memory *mem, uint64_t pa, unsigned n_bytes)
{
    uint64_t value = 0;

    if (n_bytes <= mem->n_bytes && pa <= mem->n_bytes - n_bytes)
        memcpy(&value, mem->bytes + pa, n_bytes);
    return value;
}

static void map_frames(struct mapped *out, uint64_t first, uint64_t n)
{
    for (uint64_t frame = first; frame < first + n && frame < out->n_pages; frame++) {
        out->n_mapped += !out->is_mapped[frame];
        out->is_mapped[frame] = 1;
    }
}

/* A table of 512 eight-byte entries; 'level' 1 maps pages, 2 and 3 may map large ones. An entry
 * that leads back to cr3 is the self-map. */
static void walk_x64(struct mapped *out, const struct memory *mem, uint64_t cr3, uint64_t table,
                     unsigned level, unsigned first)
{
    for (unsigned i = first; i < 512; i++) {
        uint64_t entry = entry_at(mem, table + 8 * i, 8);
        uint64_t base = entry & 0x000ffffffffff000;

        if ((entry & PRESENT) == 0 || base == cr3)
            continue;
        if (level == 1 || (level <= 3 && (entry & LARGE)))
            map_frames(out, base >> 12, (uint64_t)1 << (9 * (level - 1)));
        else
            walk_x64(out, mem, cr3, base, level - 1, 0);
    }
}

static void walk_x86(struct mapped *out, const struct memory *mem, uint64_t cr3)
{
    for (unsigned i = 512; i < 1024; i++) {
        uint64_t pde = entry_at(mem, cr3 + 4 * i, 4);

        if ((pde & PRESENT) == 0 || (pde & 0xfffff000) == cr3)
            continue;
        if (pde & LARGE) {
            map_frames(out, (pde & 0xffc00000) >> 12, 1024);
            continue;
        }
        for (unsigned k = 0; k < 1024; k++) {
            uint64_t pte = entry_at(mem, (pde & 0xfffff000) + 4 * k, 4);

            if (pte & PRESENT)
                map_frames(out, pte >> 12, 1);
        }
    }
}

void mapped_walk(struct mapped *out, const struct memory *mem, uint64_t cr3, int x64)
{
    memset(out, 0, sizeof *out);
    out->n_pages = mem->n_bytes >> 12;
    out->is_mapped = calloc(out->n_pages + 1, 1);
    if (!out->is_mapped) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    if (x64)
        walk_x64(out, mem, cr3, cr3, 4, 256);
    else
        walk_x86(out, mem, cr3);
}

void mapped_free(struct mapped *mapped)
{
    free(mapped->is_mapped);
}
