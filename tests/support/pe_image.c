#include "tests/support/pe_image.h"

#include <string.h>

#define FORWARDER "other.Function"

static void put(uint8_t *p, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static void write_section(uint8_t *header, const char *name, uint32_t rva, uint32_t n_bytes,
                          uint32_t flags)
{
    memcpy(header, name, strlen(name));
    put(header + 8, n_bytes, 4);
    put(header + 12, rva, 4);
    put(header + 16, 0x200, 4);
    put(header + 36, flags, 4);
}

static void write_headers(uint8_t *b, const struct pe_image_options *o)
{
    uint8_t *nt = b + PE_NT_HEADERS, *optional = nt + 24;
    const uint32_t n_optional = o->is_x64 ? 240 : 224;
    uint8_t *directories = optional + n_optional - 128;
    uint8_t *sections = optional + n_optional;

    memcpy(b, "MZ", 2);
    put(b + 60, PE_NT_HEADERS, 4);
    memcpy(nt, "PE\0", 4);
    put(nt + 4, o->is_x64 ? 0x8664 : 0x14c, 2);
    put(nt + 6, 6, 2);
    put(nt + 8, 0x5e8ef60f, 4);
    put(nt + 20, n_optional, 2);
    put(optional, o->is_x64 ? 0x20b : 0x10b, 2);
    put(optional + (o->is_x64 ? 24 : 28), o->base, o->is_x64 ? 8 : 4);
    put(optional + 56, PE_IMAGE_BYTES, 4);
    put(directories - 4, 16, 4);
    if (o->export_name) {
        put(directories, PE_EXPORT_PAGE, 4);
        put(directories + 4, 0x1000, 4);
    }
    if (o->pdb_name) {
        put(directories + 48, PE_DEBUG_PAGE, 4);
        put(directories + 52, 56, 4);
    }
    write_section(sections, ".text", 0x1000, 0x1000, 0x68000020);
    write_section(sections + 40, ".rdata", 0x2000, 0x2000, 0x48000040);
    write_section(sections + 80, ".data", PE_DATA, 0x2000, 0xc8000040);
    write_section(sections + 120, "ALMOSTRO", PE_ALMOSTRO, 0xff0, 0xc8000040);
    write_section(sections + 160, "INITDATA", PE_INITDATA, 0x1000, 0xc2000040);
    write_section(sections + 200, "OUTSIDE", 0x7f00, 0x5000, 0x40000040);
}

/* Sorted by name; the last one is a forwarder. */
static void write_exports(uint8_t *b, const struct pe_image_options *o)
{
    static const struct {
        const char *name;
        uint32_t rva;
    } exports[] = {
        {"ExFreePool", 0x1010},
        {"NtBuildNumber", PE_NT_BUILD_NUMBER},
        {"PsInitialSystemProcess", PE_INITIAL_SYSTEM_PROCESS},
        {"PsLoadedModuleList", PE_LOADED_MODULE_LIST},
        {"ZwForwarded", PE_EXPORT_PAGE + 0xf00},
    };
    const uint32_t n = sizeof exports / sizeof exports[0];
    uint8_t *d = b + PE_EXPORT_PAGE;
    uint32_t text = PE_EXPORT_PAGE + 0x200;

    put(d + 12, PE_EXPORT_PAGE + 0xe00, 4);
    strcpy((char *)d + 0xe00, o->export_name);
    strcpy((char *)d + 0xf00, FORWARDER);
    put(d + 20, n, 4);
    put(d + 24, n, 4);
    put(d + 28, PE_EXPORT_PAGE + 0x40, 4);
    put(d + 32, PE_EXPORT_PAGE + 0x80, 4);
    put(d + 36, PE_EXPORT_PAGE + 0xc0, 4);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t ordinal = n - 1 - i; /* not the order of the names */

        put(d + 0x40 + 4 * ordinal, exports[i].rva, 4);
        put(d + 0x80 + 4 * i, text, 4);
        put(d + 0xc0 + 2 * i, ordinal, 2);
        strcpy((char *)b + text, exports[i].name);
        text += 0x40;
    }
}

static void write_debug(uint8_t *b, const char *pdb_name)
{
    static const uint8_t guid[16] = {0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd,
                                     0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10};
    uint8_t *d = b + PE_DEBUG_PAGE;

    put(d + 12, 13, 4); /* an entry of another type first */
    put(d + 28 + 12, 2, 4);
    put(d + 28 + 16, 64, 4);
    put(d + 28 + 20, PE_DEBUG_PAGE + 0x100, 4);
    memcpy(d + 0x100, "RSDS", 4);
    memcpy(d + 0x104, guid, 16);
    put(d + 0x114, PE_AGE, 4);
    strcpy((char *)d + 0x118, pdb_name);
}

void pe_image_write(uint8_t bytes[PE_IMAGE_BYTES], const struct pe_image_options *options)
{
    memset(bytes, 0, PE_IMAGE_BYTES);
    write_headers(bytes, options);
    if (options->export_name)
        write_exports(bytes, options);
    if (options->pdb_name)
        write_debug(bytes, options->pdb_name);
    put(bytes + PE_NT_BUILD_NUMBER, UINT32_C(0xf0000000) | options->build, 4);
    put(bytes + PE_INITIAL_SYSTEM_PROCESS, options->system_process, options->is_x64 ? 8 : 4);
}
