#include "scan/windows/kernel/pe.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/pe_image.h"

#define BASE UINT64_C(0xfffff80312200000)

static uint8_t image[PE_IMAGE_BYTES];
static uint8_t missing[PE_IMAGE_BYTES / 4096]; /* pages that cannot be read */
static uint64_t base;

/* Up to the first page that is missing. */
static size_t read_image(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    size_t done = 0;

    (void)arg;
    while (done < n_bytes && va - base + done < PE_IMAGE_BYTES && va >= base &&
           !missing[(va - base + done) / 4096]) {
        ((uint8_t *)buf)[done] = image[va - base + done];
        done++;
    }
    return done;
}

static const struct ps_va_reader memory = {.read = read_image};

static void make(int is_x64)
{
    const struct pe_image_options o = {.is_x64 = is_x64,
                                       .base = is_x64 ? BASE : 0x80400000,
                                       .export_name = "ntoskrnl.exe",
                                       .pdb_name = "d:\\build/out\\ntkrnlmp.pdb",
                                       .build = 7601};

    base = o.base;
    pe_image_write(image, &o);
    memset(missing, 0, sizeof missing);
}

static void set32(size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++)
        image[at + i] = (uint8_t)(value >> 8 * i);
}

static struct ps_pe read_pe(void)
{
    struct ps_pe pe;

    cr_assert_eq(ps_pe_read(&memory, base, &pe), 1);
    return pe;
}

static void check_all(int is_x64)
{
    struct ps_pe pe;
    struct ps_pdb_id pdb;
    char name[PS_PE_NAME_BYTES], guid[PS_GUID_TEXT_BYTES];
    uint32_t rva;

    make(is_x64);
    pe = read_pe();
    cr_assert_eq(pe.is_x64, is_x64);
    cr_assert_eq(pe.n_bytes, PE_IMAGE_BYTES);
    cr_assert_eq(pe.time_stamp, 0x5e8ef60f);
    cr_assert_eq(pe.preferred_base, base);
    cr_assert_eq(pe.n_sections, 6);
    cr_assert_str_eq(pe.section[3].name, "ALMOSTRO");
    cr_assert_eq(pe.section[3].rva, PE_ALMOSTRO);
    cr_assert_eq(pe.section[3].n_bytes, 0xff0);
    cr_assert(pe.section[3].writable && !pe.section[3].executable && !pe.section[3].discardable);
    cr_assert(pe.section[0].executable && !pe.section[0].writable);
    cr_assert(pe.section[4].discardable);
    cr_assert_eq(pe.section[5].n_bytes, 0x100, "ends with the image");
    cr_assert(ps_pe_export_name(&memory, &pe, name));
    cr_assert_str_eq(name, "ntoskrnl.exe");
    cr_assert(ps_pe_export(&memory, &pe, "NtBuildNumber", &rva));
    cr_assert_eq(rva, PE_NT_BUILD_NUMBER);
    cr_assert(ps_pe_export(&memory, &pe, "ExFreePool", &rva));
    cr_assert_eq(rva, 0x1010);
    cr_assert(ps_pe_export(&memory, &pe, "PsLoadedModuleList", &rva));
    cr_assert_eq(rva, PE_LOADED_MODULE_LIST);
    cr_assert_not(ps_pe_export(&memory, &pe, "ZwForwarded", &rva), "a forwarder is no address");
    cr_assert_not(ps_pe_export(&memory, &pe, "PsLoadedModule", &rva));
    cr_assert_not(ps_pe_export(&memory, &pe, "", &rva));
    cr_assert(ps_pe_pdb(&memory, &pe, &pdb));
    ps_guid_text(pdb.guid, guid);
    cr_assert_str_eq(guid, PE_GUID_TEXT);
    cr_assert_eq(pdb.age, PE_AGE);
    cr_assert_str_eq(pdb.name, "ntkrnlmp.pdb");
}

Test(pe, x64)
{
    check_all(1);
}

Test(pe, x86)
{
    check_all(0);
}

Test(pe, a_missing_page_costs_what_stands_on_it)
{
    char name[PS_PE_NAME_BYTES];
    struct ps_pdb_id pdb;
    struct ps_pe pe;
    uint32_t rva;

    make(1);
    missing[PE_EXPORT_PAGE / 4096] = 1;
    pe = read_pe();
    cr_assert_not(ps_pe_export_name(&memory, &pe, name));
    cr_assert_not(ps_pe_export(&memory, &pe, "NtBuildNumber", &rva));
    cr_assert(ps_pe_pdb(&memory, &pe, &pdb));
    missing[PE_EXPORT_PAGE / 4096] = 0;
    missing[PE_DEBUG_PAGE / 4096] = 1;
    cr_assert(ps_pe_export(&memory, &pe, "NtBuildNumber", &rva));
    cr_assert_not(ps_pe_pdb(&memory, &pe, &pdb));
    missing[0] = 1;
    cr_assert_not(ps_pe_read(&memory, base, &pe));
}

/* The name in the middle, where a search by halves begins, is on a page that is missing. */
Test(pe, a_missing_name_does_not_hide_the_others)
{
    const uint32_t names = PE_EXPORT_PAGE + 0x80;
    struct ps_pe pe;
    uint32_t rva;

    make(1);
    set32(names + 8, 0x7000);
    missing[7] = 1;
    pe = read_pe();
    cr_assert(ps_pe_export(&memory, &pe, "ExFreePool", &rva));
    cr_assert_eq(rva, 0x1010);
    cr_assert(ps_pe_export(&memory, &pe, "PsLoadedModuleList", &rva));
    cr_assert_not(ps_pe_export(&memory, &pe, "PsInitialSystemProcess", &rva));
}

Test(pe, what_is_no_header)
{
    const size_t nt = PE_NT_HEADERS;
    struct ps_pe pe;

    make(1);
    set32(60, 0x7000);
    cr_assert_not(ps_pe_read(&memory, base, &pe), "headers far away");
    make(1);
    set32(60, 0xffffffff);
    cr_assert_not(ps_pe_read(&memory, base, &pe), "headers outside");
    make(1);
    image[nt + 4] = 0;
    cr_assert_not(ps_pe_read(&memory, base, &pe), "machine");
    make(1);
    image[nt + 24] = 0x0b, image[nt + 25] = 1;
    cr_assert_not(ps_pe_read(&memory, base, &pe), "PE32 for x64");
    make(1);
    set32(nt + 24 + 56, 0);
    cr_assert_not(ps_pe_read(&memory, base, &pe), "no size");
    make(1);
    set32(nt + 24 + 56, 0xffffffff);
    cr_assert_not(ps_pe_read(&memory, base, &pe), "too large");
    make(1);
    image[nt + 20] = 16, image[nt + 21] = 0;
    cr_assert_not(ps_pe_read(&memory, base, &pe), "optional header too short");
    make(1);
    cr_assert_not(ps_pe_read(&memory, base + 1, &pe), "no MZ");
    cr_assert_not(ps_pe_read(&memory, UINT64_MAX, &pe));
}

Test(pe, hostile_counts)
{
    const uint32_t d = PE_EXPORT_PAGE;
    char name[PS_PE_NAME_BYTES];
    struct ps_pdb_id pdb;
    struct ps_pe pe;
    uint32_t rva;

    make(1);
    image[PE_NT_HEADERS + 6] = 0xff, image[PE_NT_HEADERS + 7] = 0xff;
    pe = read_pe();
    cr_assert_leq(pe.n_sections, PS_PE_MAX_SECTIONS);
    set32(d + 24, 0xffffffff);
    cr_assert_not(ps_pe_export(&memory, &pe, "zzz", &rva));
    set32(d + 32, 0xfffffff0);
    cr_assert_not(ps_pe_export(&memory, &pe, "ExFreePool", &rva));
    set32(d + 12, 0xffffffff);
    cr_assert_not(ps_pe_export_name(&memory, &pe, name));
    make(1);
    set32(d + 36, 0xffffffff);
    pe = read_pe();
    cr_assert_not(ps_pe_export(&memory, &pe, "ExFreePool", &rva), "ordinals outside");
    make(1);
    set32(d + 20, 2);
    cr_assert_not(ps_pe_export(&memory, &pe, "ExFreePool", &rva), "ordinal beyond the functions");
    make(1);
    set32(PE_DEBUG_PAGE + 28 + 20, PE_IMAGE_BYTES - 8);
    cr_assert_not(ps_pe_pdb(&memory, &pe, &pdb), "RSDS cut off");
    make(1);
    set32(PE_NT_HEADERS + 24 + 112 + 4, 0xffffffff);
    pe = read_pe();
    cr_assert_eq(pe.exports.n_bytes, 0, "a directory outside is none");
    make(1);
    set32(PE_NT_HEADERS + 24 + 108, 0);
    pe = read_pe();
    cr_assert(pe.exports.n_bytes == 0 && pe.debug.n_bytes == 0, "no directories at all");
}

Test(pe, text_is_printable)
{
    struct ps_pdb_id pdb;
    struct ps_pe pe;

    make(1);
    image[PE_DEBUG_PAGE + 0x118] = 0x1b;
    memset(image + PE_DEBUG_PAGE + 0x119, 'x', 300);
    pe = read_pe();
    cr_assert(ps_pe_pdb(&memory, &pe, &pdb));
    cr_assert_eq(pdb.name[0], '?');
    cr_assert_eq(strlen(pdb.name), PS_PE_NAME_BYTES - 1);
}
