/* What a VMware saved state (.vmss, .vmsn) says about the memory of its machine. */
#ifndef PS_HOST_IMAGE_CONTAINERS_VMWARE_STATE_H
#define PS_HOST_IMAGE_CONTAINERS_VMWARE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/facts.h"
#include "scan/err.h"

/* More regions than any machine has; VMware writes two or three. */
#define PS_VMWARE_REGIONS 64u

/* In pages of 4096 bytes. */
struct ps_vmware_region {
    uint64_t ppn;  /* where it is in physical memory */
    uint64_t page; /* where it is in the .vmem, or in the embedded memory */
    uint64_t n_pages;
    unsigned said; /* which of the three, by bit; 7: all */
};

struct ps_vmware_state {
    uint64_t n_regions; /* as stored: may be more than there is room for */
    struct ps_vmware_region region[PS_VMWARE_REGIONS];
    unsigned n_memory_blocks; /* 0: the memory is in another file */
    uint64_t memory_off;      /* of the first such block */
    uint64_t memory_bytes;
    int is_compressed;             /* it is */
    uint64_t cr3[2][PS_FACTS_CR3]; /* by processor: of 64 bits, else of 32; 0: not said */
    uint32_t n_processors;         /* 0: not said */
    int is_damaged;                /* the list of a group does not end inside the file */
};

/* Is this the beginning of one? */
int ps_vmware_is_state(const uint8_t *head, size_t n_head);

/* Read all of it; what is damaged costs what follows it in its group. PS_EFORMAT for one that is
 * too short, PS_EIO. */
int ps_vmware_state_read(struct ps_vmware_state *state, struct ps_bytes *bytes, struct ps_err *err);

/* Regions that are whole. */
unsigned ps_vmware_regions(const struct ps_vmware_state *state);

/* Where the last region ends in the bytes that hold the memory, in bytes; 0 without regions. */
uint64_t ps_vmware_regions_end(const struct ps_vmware_state *state);

#endif
