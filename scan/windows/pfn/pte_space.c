#include "scan/windows/pfn/pte_space.h"

#define X86_BASE   UINT64_C(0xc0000000)
#define PAGE_SHIFT 12u

/* Bits of a virtual address. */
static unsigned va_bits(enum ps_paging_mode mode)
{
    if (mode == PS_PAGING_X64_LA57)
        return 57;
    return mode == PS_PAGING_X64 ? 48 : 32;
}

static unsigned entry_shift(enum ps_paging_mode mode)
{
    return ps_paging_entry_bytes(mode) == 8 ? 3 : 2;
}

/* As the processor sees an address of so many bits. */
static uint64_t canonical(enum ps_paging_mode mode, uint64_t va)
{
    uint64_t out = va;

    return ps_paging_canonical(mode, va, &out) ? out : va;
}

static uint64_t sign_extended(enum ps_paging_mode mode, uint64_t low)
{
    const unsigned bits = va_bits(mode);

    if (bits == 32 || !(low >> (bits - 1) & 1))
        return low;
    return low | UINT64_MAX << bits;
}

int ps_pte_space_find(const struct ps_physmem *mem, enum ps_paging_mode mode, uint64_t root,
                      struct ps_pte_space *out)
{
    const uint64_t top = ps_paging_root(mode, root);
    const unsigned levels = ps_paging_levels(mode);
    uint8_t bytes[PS_FRAME_BYTES];

    *out = (struct ps_pte_space){.mode = mode, .base = X86_BASE};
    if (!ps_paging_is_x64(mode))
        return 1;
    if (mem->read(mem->arg, top, bytes, sizeof bytes) != sizeof bytes)
        return 0;
    for (uint64_t i = 256; i < 512; i++) {
        uint64_t entry = 0;

        for (unsigned k = 8; k-- > 0;)
            entry = entry << 8 | bytes[8 * i + k];
        if ((entry & 1) && (entry & PS_PTE_FRAME_MASK) == top) {
            out->base = sign_extended(mode, i << ps_paging_shift(mode, levels));
            return 1;
        }
    }
    return 0;
}

uint64_t ps_pte_space_entry(const struct ps_pte_space *s, uint64_t va)
{
    const uint64_t mask = (UINT64_C(1) << va_bits(s->mode)) - 1;

    return s->base + ((va & mask) >> PAGE_SHIFT << entry_shift(s->mode));
}

int ps_pte_space_va(const struct ps_pte_space *s, uint64_t entry, uint64_t *va)
{
    const unsigned shift = entry_shift(s->mode);
    const uint64_t at = canonical(s->mode, entry) - s->base;
    const uint64_t number = at >> shift;

    if (number >> (va_bits(s->mode) - PAGE_SHIFT) != 0)
        return 0;
    *va = sign_extended(s->mode, number << PAGE_SHIFT);
    return 1;
}
