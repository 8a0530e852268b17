#include "scan/windows/paging/pte.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

enum { VALID = 1u << 0, WRITE = 1u << 1, USER = 1u << 2, LARGE = 1u << 7 };

#define NO_EXECUTE     (UINT64_C(1) << 63)
#define FRAME_MASK     PS_PTE_FRAME_MASK
#define X86_FRAME_MASK PS_PTE_X86_FRAME_MASK

/* Transition is 1 and prototype is 0; a combined prototype entry has both. */
#define SOFT_MASK       UINT64_C(0xc01)
#define SOFT_TRANSITION UINT64_C(0x800)
#define SOFT_PROTOTYPE  UINT64_C(0x400)

/* Bit 45 is the swizzle's default mask: no frame of a Windows machine has it. */
#define TRANSITION_MASK_X64 UINT64_C(0x0000dffffffff000)
#define TRANSITION_MASK_PAE UINT64_C(0x3ffffff000)
#define SWIZZLE_BIT         UINT64_C(0x10)
#define SWIZZLE_HIGH        UINT64_C(0x2000)

#define FILE_BACKED_MASK    UINT64_C(0xffff80000000000f)
#define FILE_BACKED         UINT64_C(0xffff800000000000)
#define LOOKUP_NEEDED       UINT64_C(0xffffffff)

struct level {
    const char *name;
    unsigned shift, entries;
    uint64_t large_bytes; /* what bit 7 makes of an entry; 0: nothing, it is reserved or PAT */
};

static const struct mode {
    unsigned n_levels, entry_bytes;
    uint64_t kernel_base;
    struct level level[PS_PAGING_MAX_LEVELS];
} modes[] = {
    [PS_PAGING_X64] = {4,
                       8,
                       UINT64_C(0xffff800000000000),
                       {{"PTE", 12, 512, 0},
                        {"PDE", 21, 512, 2 * MIB},
                        {"PDPTE", 30, 512, 1024 * MIB},
                        {"PML4E", 39, 512, 0}}},
    [PS_PAGING_X64_LA57] = {5,
                            8,
                            UINT64_C(0xff00000000000000),
                            {{"PTE", 12, 512, 0},
                             {"PDE", 21, 512, 2 * MIB},
                             {"PDPTE", 30, 512, 1024 * MIB},
                             {"PML4E", 39, 512, 0},
                             {"PML5E", 48, 512, 0}}},
    [PS_PAGING_PAE] = {3,
                       8,
                       UINT64_C(0x80000000),
                       {{"PTE", 12, 512, 0}, {"PDE", 21, 512, 2 * MIB}, {"PDPTE", 30, 4, 0}}},
    [PS_PAGING_X86] = {2,
                       4,
                       UINT64_C(0x80000000),
                       {{"PTE", 12, 1024, 0}, {"PDE", 22, 1024, 4 * MIB}}},
};

enum ps_pte_generation ps_pte_generation_of(uint32_t build)
{
    return build == 0 || build >= 17134 ? PS_PTE_SWIZZLED : PS_PTE_OLD;
}

struct ps_pte_format ps_pte_format_of(enum ps_paging_mode mode, uint32_t build)
{
    return (struct ps_pte_format){mode, ps_pte_generation_of(build), build >= 22621};
}

const char *ps_pte_kind_name(enum ps_pte_kind kind)
{
    static const char *const names[] = {
        [PS_PTE_NONE] = "none",
        [PS_PTE_TABLE] = "table",
        [PS_PTE_PAGE] = "page",
        [PS_PTE_TRANSITION] = "transition",
        [PS_PTE_PROTOTYPE] = "prototype",
        [PS_PTE_VAD] = "vad",
        [PS_PTE_FILE] = "file",
        [PS_PTE_PAGEFILE] = "pagefile",
        [PS_PTE_BAD] = "bad",
        [PS_PTE_DEMAND_ZERO] = "demand-zero",
    };

    return names[kind];
}

int ps_paging_is_x64(enum ps_paging_mode mode)
{
    return mode == PS_PAGING_X64 || mode == PS_PAGING_X64_LA57;
}

unsigned ps_paging_levels(enum ps_paging_mode mode)
{
    return modes[mode].n_levels;
}

const char *ps_paging_level_name(enum ps_paging_mode mode, unsigned level)
{
    return modes[mode].level[level - 1].name;
}

unsigned ps_paging_entry_bytes(enum ps_paging_mode mode)
{
    return modes[mode].entry_bytes;
}

unsigned ps_paging_entries(enum ps_paging_mode mode, unsigned level)
{
    return modes[mode].level[level - 1].entries;
}

unsigned ps_paging_shift(enum ps_paging_mode mode, unsigned level)
{
    return modes[mode].level[level - 1].shift;
}

uint64_t ps_paging_kernel_base(enum ps_paging_mode mode)
{
    return modes[mode].kernel_base;
}

/* Bits 13-20 of a 4 MiB entry are bits 32-39 of the address (PSE-36). */
static uint64_t x86_large_base(uint64_t raw)
{
    return (raw & 0xffc00000u) | (raw >> 13 & 0xffu) << 32;
}

static uint64_t large_base(enum ps_paging_mode mode, uint64_t raw, uint64_t bytes)
{
    return mode == PS_PAGING_X86 ? x86_large_base(raw) : raw & FRAME_MASK & ~(bytes - 1);
}

static void decode_valid(enum ps_paging_mode mode, unsigned level, uint64_t raw, struct ps_pte *out)
{
    const struct level *l = &modes[mode].level[level - 1];

    /* The four entries of a PAE PDPT have no access bits: all access is allowed. */
    int has_access = !(mode == PS_PAGING_PAE && level == 3);

    out->writable = !has_access || (raw & WRITE);
    out->user = !has_access || (raw & USER);
    out->no_execute = (raw & NO_EXECUTE) != 0;
    out->phys = raw & (mode == PS_PAGING_X86 ? X86_FRAME_MASK : FRAME_MASK);
    if ((raw & LARGE) == 0) {
        out->kind = PS_PTE_TABLE;
    } else if (l->large_bytes != 0) {
        out->kind = PS_PTE_PAGE;
        out->phys = large_base(mode, raw, l->large_bytes);
    } else {
        out->kind = PS_PTE_BAD;
    }
}

static uint64_t transition_phys(enum ps_paging_mode mode, uint64_t raw)
{
    static const uint64_t mask[] = {
        [PS_PAGING_X64] = TRANSITION_MASK_X64,
        [PS_PAGING_X64_LA57] = TRANSITION_MASK_X64,
        [PS_PAGING_PAE] = TRANSITION_MASK_PAE,
        [PS_PAGING_X86] = X86_FRAME_MASK,
    };

    return raw & mask[mode];
}

/* The bits above the address are copies of its highest one: 47 to 63, or 56 to 63. */
static int is_canonical_x64(enum ps_paging_mode mode, uint64_t va)
{
    const unsigned shift = mode == PS_PAGING_X64 ? 47 : 56;

    return va >> shift == 0 || va >> shift == UINT64_MAX >> shift;
}

int ps_paging_canonical(enum ps_paging_mode mode, uint64_t va, uint64_t *out)
{
    *out = va;
    if (ps_paging_is_x64(mode))
        return is_canonical_x64(mode, va);
    *out = va & 0xffffffffu;
    return va >> 32 == 0 || va >> 31 == 0x1ffffffff;
}

uint64_t ps_paging_root(enum ps_paging_mode mode, uint64_t cr3)
{
    switch (mode) {
    case PS_PAGING_X64:
    case PS_PAGING_X64_LA57:
        return cr3 & UINT64_C(0x000ffffffffff000);
    case PS_PAGING_PAE:
        return cr3 & 0xffffffe0u;
    default:
        return cr3 & 0xfffff000u;
    }
}

static uint64_t prototype_va(enum ps_paging_mode mode, uint64_t raw)
{
    switch (mode) {
    case PS_PAGING_X64:
    case PS_PAGING_X64_LA57:
        return raw >> 16 | (raw >> 63 ? UINT64_C(0xffff000000000000) : 0);
    case PS_PAGING_PAE:
        return raw >> 32;
    default:
        return 0x80000000u | (raw >> 1 & 0x7ffffc00u) | (raw << 1 & 0x3ffu);
    }
}

/* The address is all ones: the entry was never made, the VAD knows. */
static int is_lookup(enum ps_paging_mode mode, uint64_t raw)
{
    return mode == PS_PAGING_X86 ? raw >> 12 == 0xfffffu : raw >> 32 == LOOKUP_NEEDED;
}

static void decode_pagefile(struct ps_pte_format f, uint64_t raw, struct ps_pte *out)
{
    uint64_t high = f.mode == PS_PAGING_X86 ? raw >> 12 : raw >> 32;
    int swizzled = f.mode != PS_PAGING_X86 && f.generation == PS_PTE_SWIZZLED;

    if (high == 0) {
        out->kind = PS_PTE_DEMAND_ZERO;
        return;
    }
    out->kind = PS_PTE_PAGEFILE;
    out->file = (uint8_t)(swizzled ? raw >> 12 & 15u : raw >> 1 & 15u);
    out->offset = swizzled && !(raw & SWIZZLE_BIT) ? high ^ SWIZZLE_HIGH : high;
}

static void decode_software(struct ps_pte_format f, uint64_t raw, struct ps_pte *out)
{
    out->protection = (uint8_t)(raw >> 5 & 31u);
    if ((raw & SOFT_MASK) == SOFT_TRANSITION) {
        out->kind = PS_PTE_TRANSITION;
        out->phys = transition_phys(f.mode, raw);
    } else if (raw & SOFT_PROTOTYPE) {
        out->kind = is_lookup(f.mode, raw) ? PS_PTE_VAD : PS_PTE_PROTOTYPE;
        out->proto = out->kind == PS_PTE_PROTOTYPE ? prototype_va(f.mode, raw) : 0;
    } else if (f.file_backed && (raw & FILE_BACKED_MASK) == FILE_BACKED) {
        out->kind = PS_PTE_FILE;
    } else {
        decode_pagefile(f, raw, out);
    }
}

void ps_pte_decode(struct ps_pte_format format, unsigned level, uint64_t raw, struct ps_pte *out)
{
    if (level == 1 && ps_pte_decode_page(format, raw, out))
        return;
    *out = (struct ps_pte){.page_bytes = UINT64_C(1) << modes[format.mode].level[level - 1].shift};
    if (raw == 0)
        out->kind = PS_PTE_NONE;
    else if (raw & VALID)
        decode_valid(format.mode, level, raw, out);
    else
        decode_software(format, raw, out);
}

/* In a prototype entry the prototype bit means a subsection: the page is in its file. */
void ps_pte_decode_prototype(struct ps_pte_format format, uint64_t raw, struct ps_pte *out)
{
    ps_pte_decode(format, 1, raw, out);
    if (out->kind == PS_PTE_PROTOTYPE || out->kind == PS_PTE_VAD) {
        out->kind = PS_PTE_FILE;
        out->proto = 0;
    }
}
