#include "host/recipe/modules/pe.h"

#include <string.h>

#include "host/recipe/model.h"

#define OPTIONAL_X64 0xf0u /* bytes */
#define OPTIONAL_X86 0xe0u

uint8_t *ps_rcp_pe_directories(uint8_t *optional, int is_x64)
{
    return optional + (is_x64 ? 112 : 96);
}

uint8_t *ps_rcp_pe_sections(uint8_t *optional, int is_x64)
{
    return optional + (is_x64 ? OPTIONAL_X64 : OPTIONAL_X86);
}

uint8_t *ps_rcp_pe_put(uint8_t *b, const struct ps_rcp_pe *pe)
{
    uint8_t *at = b + pe->pe_at;
    uint8_t *optional = at + 24;

    memcpy(b, "MZ\x90", 3);
    ps_rcp_put32(b + 0x3c, pe->pe_at);
    memcpy(at, "PE\0\0", 4);
    ps_rcp_put16(at + 4, pe->is_x64 ? 0x8664 : 0x14c);
    ps_rcp_put16(at + 6, pe->n_sections);
    ps_rcp_put16(at + 20, pe->is_x64 ? OPTIONAL_X64 : OPTIONAL_X86);
    ps_rcp_put16(at + 22, pe->is_x64 ? 0x22 : 0x10e);
    ps_rcp_put16(optional, pe->is_x64 ? 0x20b : 0x10b);
    ps_rcp_put32(optional + 16, pe->entry_rva);
    if (pe->is_x64)
        ps_rcp_put64(optional + 24, pe->va);
    else
        ps_rcp_put32(optional + 28, (uint32_t)pe->va);
    ps_rcp_put32(optional + 32, PS_RECIPE_PAGE);
    ps_rcp_put32(optional + 36, 0x200);
    ps_rcp_put32(optional + 56, (uint32_t)pe->size);
    ps_rcp_put32(optional + 60, pe->header_bytes);
    ps_rcp_put32(ps_rcp_pe_directories(optional, pe->is_x64) - 4, 16);
    return optional;
}

void ps_rcp_pe_put_section(uint8_t *at, const char *name, uint64_t rva, uint64_t n_bytes,
                           uint32_t flags)
{
    memcpy(at, name, strlen(name));
    ps_rcp_put32(at + 8, (uint32_t)n_bytes);
    ps_rcp_put32(at + 12, (uint32_t)rva);
    ps_rcp_put32(at + 16, (uint32_t)n_bytes);
    ps_rcp_put32(at + 20, (uint32_t)rva);
    ps_rcp_put32(at + 36, flags);
}
