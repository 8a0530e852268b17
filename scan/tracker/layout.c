#include "scan/tracker/layout.h"

#define X86 PS_ARCH_X86
#define X64 PS_ARCH_X64

/* clang-format off */
const struct ps_tracker_layout ps_tracker_layouts[] = {
    /*            arch first  last        entry cnt byt  nonpaged: a f b       paged: a f b */
    {"nt5-x86",   X86, 2600,  16298,      0x1c, 4,  4,  {0x04, 0x08, 0x0c}, {0x10, 0x14, 0x18}},
    {"nt5-x64",   X64, 3790,  16298,      0x28, 4,  8,  {0x04, 0x08, 0x10}, {0x18, 0x1c, 0x20}},
    {"1709-x86",  X86, 16299, 20347,      0x30, 8,  4,  {0x08, 0x10, 0x04}, {0x20, 0x28, 0x18}},
    {"1709-x64",  X64, 16299, 20347,      0x38, 8,  8,  {0x10, 0x18, 0x08}, {0x28, 0x30, 0x20}},
    {"21292-x86", X86, 20348, UINT32_MAX, 0x40, 8,  4,  {0x08, 0x10, 0x04}, {0x20, 0x28, 0x18}},
    {"2022-x64",  X64, 20348, UINT32_MAX, 0x50, 8,  8,  {0x10, 0x18, 0x08}, {0x28, 0x30, 0x20}},
};
/* clang-format on */

const size_t ps_n_tracker_layouts = sizeof ps_tracker_layouts / sizeof *ps_tracker_layouts;

const struct ps_tracker_layout *ps_tracker_layout_pick(enum ps_arch arch, uint32_t build)
{
    for (size_t i = 0; i < ps_n_tracker_layouts; i++) {
        const struct ps_tracker_layout *l = &ps_tracker_layouts[i];

        if (l->arch == arch && build >= l->first_build && build <= l->last_build)
            return l;
    }
    return NULL;
}
