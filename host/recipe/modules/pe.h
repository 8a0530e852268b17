/* Headers of PE images: the Windows kernel and drivers. Shared by host/recipe/ only. */
#ifndef PS_HOST_RECIPE_MODULES_PE_H
#define PS_HOST_RECIPE_MODULES_PE_H

#include <stdint.h>

#define PS_RCP_SECTION_BYTES 40u

struct ps_rcp_pe {
    int is_x64;
    uint32_t pe_at; /* of the PE signature, in the first page */
    uint32_t n_sections;
    uint32_t entry_rva;
    uint32_t header_bytes;
    uint64_t va, size;
};

/* Write what all images have into the page b, which is zeros; the data directories, all but their
 * number, and the sections are left out. Returns where the optional header begins. */
uint8_t *ps_rcp_pe_put(uint8_t *b, const struct ps_rcp_pe *pe);
/* Where the data directories and the section headers stand. */
uint8_t *ps_rcp_pe_directories(uint8_t *optional, int is_x64);
uint8_t *ps_rcp_pe_sections(uint8_t *optional, int is_x64);

/* A section header of PS_RCP_SECTION_BYTES; in the file it is where it is in memory. 'name' has 8
 * characters at most. */
void ps_rcp_pe_put_section(uint8_t *at, const char *name, uint64_t rva, uint64_t n_bytes,
                           uint32_t flags);

#endif
