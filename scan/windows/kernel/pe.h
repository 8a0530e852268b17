/* A PE image as the loader laid it out in virtual memory. Pages may be missing or hostile: what
 * stands on them is not found, and nothing else is lost. Sources: docs/SYMBOLS.md. */
#ifndef PS_SCAN_WINDOWS_KERNEL_PE_H
#define PS_SCAN_WINDOWS_KERNEL_PE_H

#include <stddef.h>
#include <stdint.h>

#define PS_PE_MAX_SECTIONS 96u
#define PS_PE_MAX_BYTES    (UINT32_C(256) << 20)
#define PS_PE_NAME_BYTES   64u

/* Virtual memory as a PE image sees it. */
struct ps_va_reader {
    /* Copy up to n_bytes at 'va' to buf; returns how many, from the first one on, could be read. */
    size_t (*read)(void *arg, uint64_t va, void *buf, size_t n_bytes);
    void *arg;
};

struct ps_pe_section {
    char name[9]; /* as text: unprintable characters are '?' */
    uint32_t rva;
    uint32_t n_bytes; /* in memory; ends within the image */
    uint8_t writable, executable, discardable;
};

struct ps_pe_directory {
    uint32_t rva, n_bytes; /* within the image; n_bytes 0: there is none */
};

struct ps_pe {
    uint64_t base;
    uint64_t preferred_base; /* ImageBase, which the loader of Windows sets to where it put it */
    uint32_t n_bytes;        /* SizeOfImage */
    uint32_t time_stamp;
    int is_x64;
    struct ps_pe_directory exports, debug;
    size_t n_sections; /* those whose header could be read */
    struct ps_pe_section section[PS_PE_MAX_SECTIONS];
};

/* The RSDS record: which PDB file belongs to the image. */
struct ps_pdb_id {
    uint8_t guid[16]; /* in the order in which the digits are written */
    uint32_t age;
    char name[PS_PE_NAME_BYTES]; /* without folders; unprintable characters are '?' */
};

#define PS_GUID_TEXT_BYTES 33u
/* 32 upper-case digits, as symbol servers and Volatility 3 write it. */
void ps_guid_text(const uint8_t guid[16], char text[PS_GUID_TEXT_BYTES]);

/* Read the headers at 'base'. 1 and *out, or 0 if that is no PE image for x86 or x64. */
int ps_pe_read(const struct ps_va_reader *memory, uint64_t base, struct ps_pe *out);

/* The name in the export directory; 1, or 0. */
int ps_pe_export_name(const struct ps_va_reader *memory, const struct ps_pe *pe,
                      char name[PS_PE_NAME_BYTES]);

/* Where the export 'name' is, relative to the base; 1, or 0: there is none (or it leads to another
 * image, or the pages that tell are missing). */
int ps_pe_export(const struct ps_va_reader *memory, const struct ps_pe *pe, const char *name,
                 uint32_t *rva);

/* The first RSDS record of the debug directory; 1, or 0. */
int ps_pe_pdb(const struct ps_va_reader *memory, const struct ps_pe *pe, struct ps_pdb_id *out);

#endif
