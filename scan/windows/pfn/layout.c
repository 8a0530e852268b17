#include "scan/windows/pfn/layout.h"

#define ANY_LATER UINT32_MAX

/* 5 is NT 5 (XP to 2003), 6 is Vista to 8.1; PAE has longer entries, and so have ReactOS and, from
 * 8 on, all x86. For NT 5 the sources differ on where PageLocation is. */
const struct ps_pfn_layout ps_pfn_layouts[] = {
    {"5 x86", PS_ARCH_X86, 0, 5999, 0x18, 0x04, 0x0f},
    {"5 x86, location in front", PS_ARCH_X86, 0, 5999, 0x18, 0x04, 0x0d},
    {"5 x86, location behind", PS_ARCH_X86, 0, 5999, 0x18, 0x04, 0x0e},
    {"5 x86 long", PS_ARCH_X86, 0, 5999, 0x1c, 0x04, 0x0f},
    {"5 x86 long, location in front", PS_ARCH_X86, 0, 5999, 0x1c, 0x04, 0x0d},
    {"5 x86 long, location behind", PS_ARCH_X86, 0, 5999, 0x1c, 0x04, 0x0e},
    {"5 x64", PS_ARCH_X64, 0, 5999, 0x30, 0x08, 0x1b},
    {"5 x64, location behind", PS_ARCH_X64, 0, 5999, 0x30, 0x08, 0x1a},
    {"6 x86", PS_ARCH_X86, 6000, 10239, 0x18, 0x08, 0x0e},
    {"6 x86 long", PS_ARCH_X86, 6000, 10239, 0x1c, 0x08, 0x0e},
    {"6 x64", PS_ARCH_X64, 6000, 10239, 0x30, 0x10, 0x1a},
    {"10 x86", PS_ARCH_X86, 10240, ANY_LATER, 0x1c, 0x04, 0x16},
    {"10 x64", PS_ARCH_X64, 10240, ANY_LATER, 0x30, 0x08, 0x22},
};

const size_t ps_n_pfn_layouts = sizeof ps_pfn_layouts / sizeof *ps_pfn_layouts;

int ps_pfn_layout_fits(const struct ps_pfn_layout *layout, enum ps_arch arch, uint32_t build)
{
    if (layout->arch != arch)
        return 0;
    return build == 0 || (build >= layout->first_build && build <= layout->last_build);
}

struct ps_pfn ps_pfn_decode(const struct ps_pfn_layout *layout, const uint8_t *bytes)
{
    const unsigned width = layout->arch == PS_ARCH_X64 ? 8 : 4;
    struct ps_pfn pfn = {.location = bytes[layout->location_at] & 7};

    for (unsigned i = width; i-- > 0;)
        pfn.pte = pfn.pte << 8 | bytes[layout->pte_at + i];
    return pfn;
}
