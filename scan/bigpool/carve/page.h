/* Is this page part of a big-pool table? By its bytes alone: no page tables, no neighbours. */
#ifndef PS_SCAN_BIGPOOL_CARVE_PAGE_H
#define PS_SCAN_BIGPOOL_CARVE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/layout.h"

/* Entries fill a table without gaps from the start of its first page on, and most sizes do not
 * divide a page. So a page begins with the last 'phase' bytes of an entry of the page before. Pages
 * repeat their phase after n_phases pages, in which there are period_entries entries. */
struct ps_bigpool_geometry {
    enum ps_arch arch;
    uint32_t entry_bytes;
    uint32_t n_phases;
    uint32_t period_entries;
};

extern const struct ps_bigpool_geometry ps_bigpool_geometries[];
#define PS_BIGPOOL_N_GEOMETRIES 5u

/* Sizes are counted in pages, or in bytes: what a geometry alone does not tell. */
enum ps_bigpool_family { PS_BIGPOOL_IN_PAGES, PS_BIGPOOL_IN_BYTES, PS_BIGPOOL_N_FAMILIES };

/* The layout that admits most of a family; NULL when the geometry has none. */
const struct ps_bigpool_layout *ps_bigpool_family_layout(const struct ps_bigpool_geometry *g,
                                                         enum ps_bigpool_family family);

struct ps_bigpool_look {
    uint8_t geometry; /* index */
    uint8_t phase;    /* bytes in front of the first whole entry */
    uint8_t families; /* bit 1 << enum ps_bigpool_family: legal as such */
    uint8_t pad;
    uint16_t n_whole;
    uint16_t n_used;   /* of the whole ones, allocated or freed */
    uint16_t has_ends; /* the cut entry at the start or the end may be a used one */
};

/* Architectures, as bits. */
#define PS_BIGPOOL_X86 (1u << PS_ARCH_X86)
#define PS_BIGPOOL_X64 (1u << PS_ARCH_X64)

/* 1 and *out, or 0: no page of a table. 4096 bytes; a page of anything else costs some tens of
 * loads. Pure: any thread. */
int ps_bigpool_page_look(const uint8_t *page, unsigned arches, struct ps_bigpool_look *out);

/* The same for one geometry and phase. */
int ps_bigpool_page_look_as(const uint8_t *page, uint32_t geometry, uint32_t phase,
                            struct ps_bigpool_look *out);

/* The same from the first bytes of a page: 0 only where the whole page gives 0 too. */
#define PS_BIGPOOL_PAGE_PART 1088u
int ps_bigpool_part_look_as(const uint8_t *part, uint32_t geometry, uint32_t phase);

/* First phase of page number 'index' of a table; number of the first whole entry of that page. */
uint32_t ps_bigpool_phase(const struct ps_bigpool_geometry *g, uint64_t index);
uint64_t ps_bigpool_first_slot(const struct ps_bigpool_geometry *g, uint64_t index);

#endif
