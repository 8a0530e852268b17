/* Physical to virtual: all addresses at which the Windows kernel half shows a frame. */
#ifndef PS_SCAN_WINDOWS_PAGING_INVERSE_MAP_H
#define PS_SCAN_WINDOWS_PAGING_INVERSE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/physmem.h"
#include "scan/windows/paging/kernel_walk.h"

enum ps_mapping_flags {
    PS_MAPPING_WRITABLE = 1u << 0,
    PS_MAPPING_NO_EXECUTE = 1u << 1,
    PS_MAPPING_TRANSITION = 1u << 2, /* not valid, but still this frame */
    PS_MAPPING_LARGE = 1u << 3,      /* part of a large page */
};

struct ps_mapping {
    uint64_t va; /* of the frame's first byte */
    uint32_t flags;
};

struct ps_inverse_map;

/* Walk the kernel half and note each mapping of each frame that the image has. Takes 4 bytes per
 * frame of memory and 16 per mapping, of which there are PS_INVERSE_PER_FRAME times the frames at
 * most (so 65 MiB per GiB of memory at worst, 5 where each frame has one address); what is beyond
 * that is left out and ps_inverse_map_full says so. PS_ENOMEM. *mem must outlive it. */
#define PS_INVERSE_PER_FRAME 16u
int ps_inverse_map_build(struct ps_inverse_map **out, const struct ps_physmem *mem,
                         enum ps_paging_mode mode, uint64_t root, struct ps_err *err);
void ps_inverse_map_free(struct ps_inverse_map *map); /* accepts NULL */

const struct ps_kernel_counts *ps_inverse_map_counts(const struct ps_inverse_map *map);
int ps_inverse_map_full(const struct ps_inverse_map *map);
/* Frames that have an address. */
uint64_t ps_inverse_map_frames(const struct ps_inverse_map *map);

/* The addresses of the frame that holds 'phys', the lowest 'cap' of them ascending, into out.
 * Returns how many there are. Any thread. */
size_t ps_inverse_map_find(const struct ps_inverse_map *map, uint64_t phys, struct ps_mapping *out,
                           size_t cap);

#endif
