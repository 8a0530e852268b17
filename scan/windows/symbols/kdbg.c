#include "scan/windows/symbols/kdbg.h"

#include <string.h>

#define PAGE        4096u
#define TAG_AT      0x10u
#define SIZE_AT     0x14u
#define KERNBASE_AT 0x18u
#define MIN_BYTES   0x208u /* up to the last field that is read */
#define MAX_BYTES   0x800u

/* Fields that hold the address of a variable. */
static const struct {
    uint16_t at;
    enum ps_symbol symbol;
} fields[] = {
    {0x048, PS_SYMBOL_PsLoadedModuleList}, {0x050, PS_SYMBOL_PsActiveProcessHead},
    {0x0c0, PS_SYMBOL_MmPfnDatabase},      {0x110, PS_SYMBOL_MmNonPagedPoolStart},
    {0x118, PS_SYMBOL_MmNonPagedPoolEnd},  {0x120, PS_SYMBOL_MmPagedPoolStart},
    {0x128, PS_SYMBOL_MmPagedPoolEnd},     {0x1b8, PS_SYMBOL_PoolTrackTable},
};

/* How far below PoolTrackTable two variables stand that the block does not name. The size of the
 * block tells the version; 'build' where it does not. */
static const struct distance {
    uint16_t n_bytes, is_x64, build;
    int16_t table, size;
} distances[] = {
    {0x290, 0, 0, 8, 12},     {0x318, 0, 0, 24, 28},      {0x318, 1, 0, 48, 56},
    {0x328, 0, 0, 20, 24},    {0x328, 1, 0, 40, 48},      {0x330, 0, 0, 20, 24},
    {0x330, 1, 0, 40, 48},    {0x340, 0, 0, 20, 24},      {0x340, 1, 0, 40, 48},
    {0x360, 0, 9200, 92, 88}, {0x360, 0, 9600, 116, 120}, {0x360, 1, 9200, -5200, -5224},
};

struct block {
    const struct ps_kdbg_search *search;
    uint64_t va, base;
    uint32_t n_bytes;
    uint8_t bytes[MIN_BYTES];
};

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* On x86 the upper half is zeros or the sign. */
static uint64_t pointer_at(const struct block *b, size_t at)
{
    const uint64_t low = le32(b->bytes + at);

    return b->search->is_x64 ? low | (uint64_t)le32(b->bytes + at + 4) << 32 : low;
}

static int is_kernel_address(const struct block *b, uint64_t va)
{
    return b->search->is_x64 ? va >> 47 == 0x1ffff : va >> 31 == 1;
}

static int read_block(struct block *b)
{
    const struct ps_va_reader *memory = &b->search->memory;

    if (memory->read(memory->arg, b->va, b->bytes, sizeof b->bytes) != sizeof b->bytes)
        return 0;
    b->n_bytes = le32(b->bytes + SIZE_AT);
    b->base = pointer_at(b, KERNBASE_AT);
    return b->n_bytes >= MIN_BYTES && b->n_bytes <= MAX_BYTES && b->n_bytes % 8 == 0 &&
           is_kernel_address(b, pointer_at(b, 0)) && is_kernel_address(b, pointer_at(b, 8)) &&
           is_kernel_address(b, b->base) && b->base % PAGE == 0 &&
           (b->search->base == 0 || b->base == b->search->base) && b->va > b->base &&
           b->va - b->base < PS_PE_MAX_BYTES;
}

static uint32_t rva_of(const struct block *b, uint64_t va)
{
    return va > b->base && va - b->base < PS_PE_MAX_BYTES ? (uint32_t)(va - b->base) : 0;
}

static void guess(const struct block *b, struct ps_symbols *symbols, enum ps_symbol symbol,
                  int distance)
{
    const uint64_t va = b->base + symbols->rva[PS_SYMBOL_PoolTrackTable];

    symbols->rva[symbol] = rva_of(b, va - (uint64_t)(int64_t)distance);
    symbols->guessed |= 1u << symbol;
}

static void take_symbols(const struct block *b, struct ps_symbols *symbols)
{
    *symbols = (struct ps_symbols){.source = PS_SYMBOLS_KDBG, .base = b->base};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        symbols->rva[fields[i].symbol] = rva_of(b, pointer_at(b, fields[i].at));
    symbols->rva[PS_SYMBOL_KdDebuggerDataBlock] = rva_of(b, b->va);
    if (symbols->rva[PS_SYMBOL_PoolTrackTable] == 0)
        return;
    for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
        const struct distance *d = &distances[i];

        if (d->n_bytes == b->n_bytes && d->is_x64 == (b->search->is_x64 != 0) &&
            (d->build == 0 || d->build == b->search->build)) {
            guess(b, symbols, PS_SYMBOL_PoolBigPageTable, d->table);
            guess(b, symbols, PS_SYMBOL_PoolBigPageTableSize, d->size);
        }
    }
}

/* The tag is aligned, so it never lies in two pages. */
static int look_at_page(struct block *b, uint64_t va, const uint8_t *page, size_t n_bytes)
{
    for (size_t i = 0; i + 4 <= n_bytes; i += 4) {
        if (memcmp(page + i, "KDBG", 4) != 0 || va + i < TAG_AT)
            continue;
        b->va = va + i - TAG_AT;
        if (read_block(b))
            return 1;
    }
    return 0;
}

static int look_at_range(struct block *b, struct ps_va_range range, uint64_t *bytes_left)
{
    const struct ps_va_reader *memory = &b->search->memory;
    uint8_t page[PAGE];

    for (uint64_t off = 0; *bytes_left > 0 && off < range.n_bytes;) {
        const uint64_t va = range.va + off;
        uint64_t n = PAGE - va % PAGE;
        size_t got;

        if (n > range.n_bytes - off)
            n = range.n_bytes - off;
        got = memory->read(memory->arg, va, page, (size_t)n);
        if (va % 4 == 0 && look_at_page(b, va, page, got))
            return 1;
        off += n;
        *bytes_left -= n < *bytes_left ? n : *bytes_left;
    }
    return 0;
}

static int look_at_hint(struct block *b)
{
    const struct ps_va_reader *memory = &b->search->memory;
    uint8_t tag[4];

    b->va = b->search->hint;
    return b->va != 0 && b->va % 4 == 0 && b->va < UINT64_MAX - MAX_BYTES &&
           memory->read(memory->arg, b->va + TAG_AT, tag, sizeof tag) == sizeof tag &&
           memcmp(tag, "KDBG", sizeof tag) == 0 && read_block(b);
}

int ps_kdbg_find(const struct ps_kdbg_search *search, struct ps_symbols *symbols)
{
    struct block b = {.search = search};
    uint64_t bytes_left = PS_KDBG_LIMIT;

    if (look_at_hint(&b)) {
        take_symbols(&b, symbols);
        return 1;
    }
    for (size_t i = 0; i < search->n_ranges; i++)
        if (look_at_range(&b, search->range[i], &bytes_left)) {
            take_symbols(&b, symbols);
            return 1;
        }
    return 0;
}
