/* Bytes -> the pages of a PE image in a small address space; the readers of headers, exports, RSDS
 * and debugger data block end, and say nothing that is outside the image.
 *
 * Input: a byte of which bit 0 is x64, a byte with a bit for each page that is missing, then the
 * image. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/windows/kernel/kernel_image.h"
#include "scan/windows/symbols/kdbg.h"
#include "tests/support/small_memory.h"

#define FRAME(n)    (UINT64_C(4096) * (n))
#define VALID       0x63
#define BASE_X64    UINT64_C(0xfffff80312200000)
#define BASE_X86    UINT64_C(0x80400000)
#define FIRST_FRAME 16u
#define MAX_BYTES   (32u * 4096u)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct small_memory m;
static struct ps_paging paging;

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void map_pages(int is_x64, unsigned missing, size_t n_pages)
{
    const uint64_t base = is_x64 ? BASE_X64 : BASE_X86;

    if (is_x64) {
        small_memory_put64(&m, FRAME(1) + 8 * (base >> 39 & 511), FRAME(2) | VALID);
        small_memory_put64(&m, FRAME(2) + 8 * (base >> 30 & 511), FRAME(3) | VALID);
        small_memory_put64(&m, FRAME(3) + 8 * (base >> 21 & 511), FRAME(4) | VALID);
    } else {
        small_memory_put32(&m, FRAME(1) + 4 * (base >> 22), (uint32_t)FRAME(4) | VALID);
    }
    for (size_t i = 0; i < n_pages; i++) {
        const uint32_t entry = (uint32_t)FRAME(FIRST_FRAME + i) | VALID;

        if (missing >> (i & 7) & 1)
            continue;
        if (is_x64)
            small_memory_put64(&m, FRAME(4) + 8 * i, entry);
        else
            small_memory_put32(&m, FRAME(4) + 4 * i, entry);
    }
}

static size_t read_paging(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    return ps_paging_read(arg, va, buf, n_bytes);
}

static void check_image(const struct ps_va_reader *memory, uint64_t base)
{
    char name[PS_PE_NAME_BYTES];
    struct ps_pdb_id pdb;
    struct ps_pe pe;
    uint32_t rva;

    if (!ps_pe_read(memory, base, &pe))
        return;
    if (pe.n_bytes > PS_PE_MAX_BYTES || pe.n_sections > PS_PE_MAX_SECTIONS)
        die("sizes");
    for (size_t i = 0; i < pe.n_sections; i++)
        if (pe.section[i].rva >= pe.n_bytes ||
            pe.section[i].n_bytes > pe.n_bytes - pe.section[i].rva ||
            strlen(pe.section[i].name) > 8)
            die("section outside the image");
    if (ps_pe_export_name(memory, &pe, name) && strlen(name) >= sizeof name)
        die("export name");
    if (ps_pe_export(memory, &pe, "NtBuildNumber", &rva) && rva >= pe.n_bytes)
        die("export outside the image");
    if (ps_pe_pdb(memory, &pe, &pdb) && strlen(pdb.name) >= sizeof pdb.name)
        die("PDB name");
}

static void check_kdbg(const struct ps_va_reader *memory, int is_x64, uint64_t base, size_t n_bytes)
{
    const struct ps_va_range range = {base, n_bytes};
    const struct ps_kdbg_search search = {
        .memory = *memory, .is_x64 = is_x64, .range = &range, .n_ranges = 1};
    struct ps_symbols symbols = {.source = PS_SYMBOLS_NONE};

    if (!ps_kdbg_find(&search, &symbols))
        return;
    for (unsigned i = 0; i < PS_N_SYMBOLS; i++)
        if (symbols.rva[i] >= PS_PE_MAX_BYTES)
            die("symbol far away");
}

static void check_search(uint64_t base)
{
    struct ps_kernel_image found;

    if (ps_kernel_image_find(&paging, base, &found) && found.base != found.pe.base)
        die("two bases");
    for (size_t i = 0; i < found.n_ranges; i++)
        if (found.range[i].n_bytes == 0)
            die("empty range");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ps_va_reader memory = {.read = read_paging, .arg = &paging};
    const int is_x64 = size > 0 && (data[0] & 1);
    const uint64_t base = is_x64 ? BASE_X64 : BASE_X86;
    size_t n;

    if (size < 3)
        return 0;
    n = size - 2 < MAX_BYTES ? size - 2 : MAX_BYTES;
    small_memory_init(&m);
    memcpy(m.bytes + FRAME(FIRST_FRAME), data + 2, n);
    map_pages(is_x64, data[1], (n + 4095) / 4096 + 2);
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(is_x64 ? PS_PAGING_X64 : PS_PAGING_X86, 0),
                   FRAME(1));
    check_image(&memory, base);
    check_kdbg(&memory, is_x64, base, n);
    check_search(data[0] & 2 ? base : 0);
    return 0;
}
