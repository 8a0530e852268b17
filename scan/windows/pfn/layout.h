/* Entries of the PFN database (MMPFN), as far as they say what a frame is used for. */
#ifndef PS_SCAN_WINDOWS_PFN_LAYOUT_H
#define PS_SCAN_WINDOWS_PFN_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

struct ps_pfn_layout {
    const char *name;
    enum ps_arch arch;
    uint32_t first_build, last_build;
    uint8_t entry_bytes;
    uint8_t pte_at;      /* PteAddress */
    uint8_t location_at; /* the byte whose low three bits are PageLocation */
};

/* The longest of all layouts. */
#define PS_PFN_MAX_ENTRY_BYTES 0x30u

/* docs/PAGING.md, "The PFN database". Several may fit one build: the database tells. */
extern const struct ps_pfn_layout ps_pfn_layouts[];
extern const size_t ps_n_pfn_layouts;

/* May a Windows of this build (0: not known) have that layout? */
int ps_pfn_layout_fits(const struct ps_pfn_layout *layout, enum ps_arch arch, uint32_t build);

/* One entry. */
struct ps_pfn {
    uint64_t pte;     /* PteAddress, with the low bits as they are */
    uint8_t location; /* PageLocation */
};

/* PageLocation. */
enum ps_pfn_location {
    PS_PFN_ZEROED,
    PS_PFN_FREE,
    PS_PFN_STANDBY,
    PS_PFN_MODIFIED,
    PS_PFN_MODIFIED_NO_WRITE,
    PS_PFN_BAD,
    PS_PFN_ACTIVE,
    PS_PFN_IN_TRANSITION,
};

/* layout->entry_bytes bytes. */
struct ps_pfn ps_pfn_decode(const struct ps_pfn_layout *layout, const uint8_t *bytes);

#endif
