#include "scan/pool/era.h"

/* Sources of every row: docs/POOL.md, "Eras". The ranges of one architecture touch, so that a
 * build nobody has listed falls to the generation it belongs to. Build 0 is the unknown one. */
const struct ps_era ps_eras[] = {
    {"unknown-x86", PS_ARCH_X86, 0, 0, PS_HEAP_EITHER, PS_TYPES_ANY, 1},
    {"nt5-x86", PS_ARCH_X86, 1, 5999, PS_HEAP_CLASSIC, PS_TYPES_NT5, 1},
    {"vista-x86", PS_ARCH_X86, 6000, 9199, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 1},
    {"classic-x86", PS_ARCH_X86, 9200, 17762, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 0},
    {"either-x86", PS_ARCH_X86, 17763, 18361, PS_HEAP_EITHER, PS_TYPES_VISTA, 0},
    {"segment-x86", PS_ARCH_X86, 18362, UINT32_MAX, PS_HEAP_SEGMENT, PS_TYPES_VISTA, 0},
    {"unknown-x64", PS_ARCH_X64, 0, 0, PS_HEAP_EITHER, PS_TYPES_ANY, 1},
    {"nt5-x64", PS_ARCH_X64, 1, 5999, PS_HEAP_CLASSIC, PS_TYPES_NT5, 1},
    {"vista-x64", PS_ARCH_X64, 6000, 9199, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 1},
    {"classic-x64", PS_ARCH_X64, 9200, 17762, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 0},
    {"either-x64", PS_ARCH_X64, 17763, 18361, PS_HEAP_EITHER, PS_TYPES_VISTA, 0},
    {"segment-x64", PS_ARCH_X64, 18362, UINT32_MAX, PS_HEAP_SEGMENT, PS_TYPES_VISTA, 0},
};

const size_t ps_n_eras = sizeof ps_eras / sizeof ps_eras[0];

const struct ps_era *ps_era_pick(enum ps_arch arch, uint32_t build)
{
    size_t i = 0;

    while (i < ps_n_eras - 1 && (ps_eras[i].arch != arch || build < ps_eras[i].first_build ||
                                 build > ps_eras[i].last_build))
        i++;
    return &ps_eras[i];
}
