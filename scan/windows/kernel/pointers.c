#include "scan/windows/kernel/pointers.h"

#include <string.h>

#include "scan/word.h"

#define PAGE_BYTES ((uint64_t)PS_FRAME_BYTES)

/* Offset of the next word from 'off' on that may be an address, n or more if there is none. One
 * compare for each word: there are millions. */
static size_t next_address(const uint8_t *page, size_t n, size_t width, size_t off)
{
    const uint64_t mask64 = UINT64_C(0xffff800000000fff), kernel64 = UINT64_C(0xffff800000000000);
    const uint32_t mask32 = 0x80000fff, kernel32 = 0x80000000;
    uint64_t va64;
    uint32_t va32;

    if (width == sizeof va64) {
        for (; off + sizeof va64 <= n; off += sizeof va64) {
            memcpy(&va64, page + off, sizeof va64);
            if ((va64 & mask64) == kernel64)
                return off;
        }
        return n;
    }
    for (; off + sizeof va32 <= n; off += sizeof va32) {
        memcpy(&va32, page + off, sizeof va32);
        if ((va32 & mask32) == kernel32)
            return off;
    }
    return n;
}

static int visit_page(const struct ps_pointer_walk *walk, uint64_t va)
{
    const size_t width = walk->is_x64 ? 8 : 4;
    uint8_t page[PS_FRAME_BYTES];
    const size_t n =
        ps_paging_read(walk->paging, va, page, sizeof page - (size_t)(va % PAGE_BYTES));
    int rc = 0;

    for (size_t off = next_address(page, n, width, 0); off < n && rc == 0;
         off = next_address(page, n, width, off + width))
        rc = walk->pointer(walk->arg, va + off, ps_word(page + off, width));
    return rc;
}

int ps_pointers_visit(const struct ps_pointer_walk *walk)
{
    uint64_t left = walk->max_bytes;
    int rc = 0;

    for (size_t i = 0; i < walk->n_ranges; i++) {
        const struct ps_va_range *range = &walk->range[i];
        uint64_t n_bytes = range->n_bytes < left ? range->n_bytes : left;
        uint64_t va = range->va + 7 - (range->va + 7) % 8;

        if (n_bytes < 16 || n_bytes - 8 > UINT64_MAX - va)
            continue;
        left -= n_bytes;
        /* Up to the last whole page or what is left of it; the data behind it does not hurt. */
        for (uint64_t end = va + (n_bytes - 8); va < end && rc == 0;) {
            rc = visit_page(walk, va);
            va += PAGE_BYTES - va % PAGE_BYTES;
            if (va == 0)
                break;
        }
    }
    return rc;
}
