#include "scan/bigpool/layout.h"

#define X86 PS_ARCH_X86
#define X64 PS_ARCH_X64

/* clang-format off */
const struct ps_bigpool_layout ps_bigpool_layouts[] = {
    /*             arch first   last        word               entry key word size w  billed */
    {"xp-x86",     X86, 2600,   3789,       PS_BIGPOOL_PAGES,  0x0c, 0x4, 0x8, 0x8,  4, 0},
    {"2003-x86",   X86, 3790,   5999,       PS_BIGPOOL_PAGES,  0x10, 0x4, 0x8, 0x8,  4, 0x0c},
    {"2003-x64",   X64, 3790,   5999,       PS_BIGPOOL_PAGES,  0x18, 0x8, 0xc, 0xc,  4, 0x10},
    {"vista-x86",  X86, 6000,   10239,      PS_BIGPOOL_TYPE,   0x10, 0x4, 0x8, 0xc,  4, 0},
    {"vista-x64",  X64, 6000,   10239,      PS_BIGPOOL_TYPE,   0x18, 0x8, 0xc, 0x10, 8, 0},
    {"10-x86",     X86, 10240,  20347,      PS_BIGPOOL_PACKED, 0x10, 0x4, 0x8, 0xc,  4, 0},
    {"10-x64",     X64, 10240,  20347,      PS_BIGPOOL_PACKED, 0x18, 0x8, 0xc, 0x10, 8, 0},
    {"21292-x86",  X86, 20348,  UINT32_MAX, PS_BIGPOOL_PACKED, 0x14, 0x4, 0x8, 0xc,  4, 0x10},
    {"2022-x64",   X64, 20348,  UINT32_MAX, PS_BIGPOOL_PACKED, 0x20, 0x8, 0xc, 0x10, 8, 0x18},
};
/* clang-format on */

const size_t ps_n_bigpool_layouts = sizeof ps_bigpool_layouts / sizeof *ps_bigpool_layouts;

const struct ps_bigpool_layout *ps_bigpool_layout_pick(enum ps_arch arch, uint32_t build)
{
    for (size_t i = 0; i < ps_n_bigpool_layouts; i++) {
        const struct ps_bigpool_layout *l = &ps_bigpool_layouts[i];

        if (l->arch == arch && build >= l->first_build && build <= l->last_build)
            return l;
    }
    return NULL;
}

const struct ps_bigpool_layout *ps_bigpool_layout_find(enum ps_arch arch, uint32_t entry_bytes,
                                                       enum ps_bigpool_word word)
{
    for (size_t i = 0; i < ps_n_bigpool_layouts; i++) {
        const struct ps_bigpool_layout *l = &ps_bigpool_layouts[i];

        if (l->arch == arch && l->entry_bytes == entry_bytes && l->word == word)
            return l;
    }
    return NULL;
}
