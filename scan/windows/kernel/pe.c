#include "scan/windows/kernel/pe.h"

#include <string.h>

#define DOS_HEADER_BYTES       64u
#define MAX_NT_OFFSET          0x1000u
#define NT_HEADER_BYTES        24u  /* signature and file header */
#define MAX_OPTIONAL_BYTES     240u /* of PE32+ with its 16 directories */
#define SECTION_HEADER_BYTES   40u

#define MACHINE_X86            0x014cu
#define MACHINE_X64            0x8664u
#define MAGIC_PE32             0x010bu
#define MAGIC_PE64             0x020bu

#define SECTION_DISCARDABLE    UINT32_C(0x02000000)
#define SECTION_EXECUTE        UINT32_C(0x20000000)
#define SECTION_WRITE          UINT32_C(0x80000000)

#define EXPORT_DIRECTORY_BYTES 40u
#define MAX_EXPORT_NAMES       UINT32_C(8192) /* the Windows kernel has some thousands */

#define DEBUG_ENTRY_BYTES      28u
#define MAX_DEBUG_ENTRIES      32u
#define DEBUG_CODEVIEW         2u
#define RSDS_HEADER_BYTES      24u

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static int read_all(const struct ps_va_reader *memory, uint64_t va, void *buf, size_t n_bytes)
{
    return memory->read(memory->arg, va, buf, n_bytes) == n_bytes;
}

/* The same inside the image. */
static int read_rva(const struct ps_va_reader *memory, const struct ps_pe *pe, uint32_t rva,
                    void *buf, uint32_t n_bytes)
{
    return rva < pe->n_bytes && n_bytes <= pe->n_bytes - rva &&
           read_all(memory, pe->base + rva, buf, n_bytes);
}

/* Text that ends with a zero within n bytes or is cut there; unprintable characters become '?'. */
static void copy_text(char *to, const uint8_t *from, size_t n)
{
    size_t i;

    for (i = 0; i < n && from[i] != 0; i++)
        to[i] = from[i] >= 0x20 && from[i] < 0x7f ? (char)from[i] : '?';
    to[i] = '\0';
}

/* As much of the text as can be read; 0 if that is none. */
static int read_text(const struct ps_va_reader *memory, const struct ps_pe *pe, uint32_t rva,
                     char text[PS_PE_NAME_BYTES])
{
    uint8_t raw[PS_PE_NAME_BYTES - 1] = {0};
    uint32_t n = sizeof raw;

    if (rva >= pe->n_bytes)
        return 0;
    if (n > pe->n_bytes - rva)
        n = pe->n_bytes - rva;
    if (memory->read(memory->arg, pe->base + rva, raw, n) == 0)
        return 0;
    copy_text(text, raw, sizeof raw);
    return text[0] != '\0';
}

void ps_guid_text(const uint8_t guid[16], char text[PS_GUID_TEXT_BYTES])
{
    static const char digit[] = "0123456789ABCDEF";

    for (size_t i = 0; i < 16; i++) {
        text[2 * i] = digit[guid[i] >> 4];
        text[2 * i + 1] = digit[guid[i] & 15];
    }
    text[32] = '\0';
}

static struct ps_pe_directory directory(const struct ps_pe *pe, const uint8_t *optional,
                                        uint32_t n_bytes, unsigned index)
{
    const uint32_t count_at = pe->is_x64 ? 108 : 92;
    const uint32_t at = count_at + 4 + 8 * index;
    struct ps_pe_directory d = {0, 0};

    if (n_bytes < at + 8 || le32(optional + count_at) <= index)
        return d;
    d = (struct ps_pe_directory){le32(optional + at), le32(optional + at + 4)};
    if (d.rva >= pe->n_bytes || d.n_bytes > pe->n_bytes - d.rva)
        d.n_bytes = 0;
    return d;
}

/* 'n_bytes' of the optional header are there. */
static int read_optional(const uint8_t *optional, uint32_t n_bytes, uint32_t machine,
                         struct ps_pe *pe)
{
    const uint32_t magic = le16(optional);

    if (!(machine == MACHINE_X64 && magic == MAGIC_PE64) &&
        !(machine == MACHINE_X86 && magic == MAGIC_PE32))
        return 0;
    pe->is_x64 = magic == MAGIC_PE64;
    pe->preferred_base = pe->is_x64 ? le64(optional + 24) : le32(optional + 28);
    pe->n_bytes = le32(optional + 56);
    if (pe->n_bytes == 0 || pe->n_bytes > PS_PE_MAX_BYTES || pe->base > UINT64_MAX - pe->n_bytes)
        return 0;
    pe->exports = directory(pe, optional, n_bytes, 0);
    pe->debug = directory(pe, optional, n_bytes, 6);
    return 1;
}

static void add_section(const uint8_t *header, struct ps_pe *pe)
{
    struct ps_pe_section *s = &pe->section[pe->n_sections];
    const uint32_t flags = le32(header + 36);
    uint32_t n_bytes = le32(header + 8);

    copy_text(s->name, header, 8);
    s->rva = le32(header + 12);
    if (n_bytes == 0)
        n_bytes = le32(header + 16);
    if (s->rva >= pe->n_bytes)
        return;
    s->n_bytes = n_bytes < pe->n_bytes - s->rva ? n_bytes : pe->n_bytes - s->rva;
    s->writable = (flags & SECTION_WRITE) != 0;
    s->executable = (flags & SECTION_EXECUTE) != 0;
    s->discardable = (flags & SECTION_DISCARDABLE) != 0;
    pe->n_sections++;
}

static void read_sections(const struct ps_va_reader *memory, uint64_t va, uint32_t n,
                          struct ps_pe *pe)
{
    uint8_t header[SECTION_HEADER_BYTES];

    for (uint32_t i = 0; i < n && i < PS_PE_MAX_SECTIONS; i++)
        if (read_all(memory, va + (uint64_t)i * sizeof header, header, sizeof header))
            add_section(header, pe);
}

int ps_pe_read(const struct ps_va_reader *memory, uint64_t base, struct ps_pe *out)
{
    uint8_t dos[DOS_HEADER_BYTES];
    uint8_t nt[NT_HEADER_BYTES + MAX_OPTIONAL_BYTES];
    uint32_t at, n_optional;
    size_t got;

    if (base > UINT64_MAX - 2 * MAX_NT_OFFSET || !read_all(memory, base, dos, sizeof dos) ||
        dos[0] != 'M' || dos[1] != 'Z')
        return 0;
    at = le32(dos + 60);
    if (at < 4 || at > MAX_NT_OFFSET)
        return 0;
    got = memory->read(memory->arg, base + at, nt, sizeof nt);
    if (got < NT_HEADER_BYTES || memcmp(nt, "PE\0", 4) != 0)
        return 0;
    n_optional = le16(nt + 20);
    got -= NT_HEADER_BYTES;
    if (got > n_optional)
        got = n_optional;
    *out = (struct ps_pe){.base = base, .time_stamp = le32(nt + 8)};
    if (got < 96 || !read_optional(nt + NT_HEADER_BYTES, (uint32_t)got, le16(nt + 4), out))
        return 0;
    read_sections(memory, base + at + NT_HEADER_BYTES + n_optional, le16(nt + 6), out);
    return 1;
}

static int read_export_directory(const struct ps_va_reader *memory, const struct ps_pe *pe,
                                 uint8_t directory[EXPORT_DIRECTORY_BYTES])
{
    return pe->exports.n_bytes >= EXPORT_DIRECTORY_BYTES &&
           read_rva(memory, pe, pe->exports.rva, directory, EXPORT_DIRECTORY_BYTES);
}

int ps_pe_export_name(const struct ps_va_reader *memory, const struct ps_pe *pe,
                      char name[PS_PE_NAME_BYTES])
{
    uint8_t directory[EXPORT_DIRECTORY_BYTES];

    return read_export_directory(memory, pe, directory) &&
           read_text(memory, pe, le32(directory + 12), name);
}

/* An element of an array of 2 or 4 bytes each; 0 if it cannot be read. */
static int read_element(const struct ps_va_reader *memory, const struct ps_pe *pe, uint32_t array,
                        uint32_t i, uint32_t n_bytes, uint32_t *value)
{
    uint8_t raw[4] = {0};

    if (i > (PS_PE_MAX_BYTES - 4) / n_bytes || array > UINT32_MAX - i * n_bytes ||
        !read_rva(memory, pe, array + i * n_bytes, raw, n_bytes))
        return 0;
    *value = le32(raw);
    return 1;
}

struct export_names {
    uint32_t array; /* rva */
    uint32_t n;
    const char *wanted;
};

/* How the name 'i' compares with the wanted one; 0 if it cannot be read. */
static int compare_name(const struct ps_va_reader *memory, const struct ps_pe *pe,
                        const struct export_names *names, uint32_t i, int *order)
{
    char text[PS_PE_NAME_BYTES];
    uint32_t rva;

    if (!read_element(memory, pe, names->array, i, 4, &rva) || !read_text(memory, pe, rva, text))
        return 0;
    *order = strcmp(text, names->wanted);
    return 1;
}

/* Names are sorted; only when a page is missing on the way are all of them looked at. */
static int find_name(const struct ps_va_reader *memory, const struct ps_pe *pe,
                     const struct export_names *names, uint32_t *index)
{
    uint32_t from = 0, to = names->n;
    int order = 0, is_whole = 1;

    while (from < to && is_whole) {
        *index = from + (to - from) / 2;
        is_whole = compare_name(memory, pe, names, *index, &order);
        if (is_whole && order == 0)
            return 1;
        if (order < 0)
            from = *index + 1;
        else
            to = *index;
    }
    for (*index = 0; !is_whole && *index < names->n; ++*index)
        if (compare_name(memory, pe, names, *index, &order) && order == 0)
            return 1;
    return 0;
}

int ps_pe_export(const struct ps_va_reader *memory, const struct ps_pe *pe, const char *name,
                 uint32_t *rva)
{
    uint8_t directory[EXPORT_DIRECTORY_BYTES];
    struct export_names names = {.wanted = name};
    uint32_t index, ordinal, at;

    if (!read_export_directory(memory, pe, directory))
        return 0;
    names.n = le32(directory + 24);
    names.array = le32(directory + 32);
    if (names.n > MAX_EXPORT_NAMES)
        names.n = MAX_EXPORT_NAMES;
    if (!find_name(memory, pe, &names, &index) ||
        !read_element(memory, pe, le32(directory + 36), index, 2, &ordinal) ||
        ordinal >= le32(directory + 20) ||
        !read_element(memory, pe, le32(directory + 28), ordinal, 4, &at))
        return 0;
    /* An address inside the directory is a text that names another image. */
    if (at == 0 || at >= pe->n_bytes ||
        (at >= pe->exports.rva && at - pe->exports.rva < pe->exports.n_bytes))
        return 0;
    *rva = at;
    return 1;
}

/* The first three groups of a GUID are stored as little-endian numbers. */
static void copy_guid(uint8_t to[16], const uint8_t *from)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

    for (size_t i = 0; i < 16; i++)
        to[i] = from[order[i]];
}

static int read_rsds(const struct ps_va_reader *memory, const struct ps_pe *pe, uint32_t rva,
                     struct ps_pdb_id *out)
{
    uint8_t raw[RSDS_HEADER_BYTES];
    char path[PS_PE_NAME_BYTES] = "";
    const char *name = path;

    if (!read_rva(memory, pe, rva, raw, sizeof raw) || memcmp(raw, "RSDS", 4) != 0)
        return 0;
    *out = (struct ps_pdb_id){.age = le32(raw + 20)};
    copy_guid(out->guid, raw + 4);
    if (rva < UINT32_MAX - RSDS_HEADER_BYTES)
        read_text(memory, pe, rva + RSDS_HEADER_BYTES, path);
    for (const char *p = path; *p; p++)
        if (*p == '\\' || *p == '/')
            name = p + 1;
    memcpy(out->name, name, strlen(name) + 1);
    return 1;
}

int ps_pe_pdb(const struct ps_va_reader *memory, const struct ps_pe *pe, struct ps_pdb_id *out)
{
    const uint32_t n = pe->debug.n_bytes / DEBUG_ENTRY_BYTES;
    uint8_t entry[DEBUG_ENTRY_BYTES];

    for (uint32_t i = 0; i < n && i < MAX_DEBUG_ENTRIES; i++)
        if (read_rva(memory, pe, pe->debug.rva + i * DEBUG_ENTRY_BYTES, entry, sizeof entry) &&
            le32(entry + 12) == DEBUG_CODEVIEW && read_rsds(memory, pe, le32(entry + 20), out))
            return 1;
    return 0;
}
