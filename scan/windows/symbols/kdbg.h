/* KDDEBUGGER_DATA64: the block in which the Windows kernel tells a debugger where its variables
 * are. Plain up to Windows 7, and later on systems that were started for debugging. Sources:
 * docs/SYMBOLS.md. */
#ifndef PS_SCAN_WINDOWS_SYMBOLS_KDBG_H
#define PS_SCAN_WINDOWS_SYMBOLS_KDBG_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/kernel/pe.h"
#include "scan/windows/symbols/symbols.h"
#include "scan/windows/va_range.h"

/* No more than this of the ranges is looked at. */
#define PS_KDBG_LIMIT (UINT64_C(16) << 20)

struct ps_kdbg_search {
    struct ps_va_reader memory;
    int is_x64;
    uint64_t base;  /* of the Windows kernel, 0: not known; the block has to name it then */
    uint32_t build; /* 0: not known */
    uint64_t hint;  /* where somebody says that the block is, 0: nobody; looked at first */
    const struct ps_va_range *range;
    size_t n_ranges;
};

/* Find the block where the hint says or in the ranges; the same proof is asked of both. 1: *symbols
 * has its base and what the block names, and as guesses what stands at a known distance from that
 * on systems of its size. 0: none, *symbols as it was. */
int ps_kdbg_find(const struct ps_kdbg_search *search, struct ps_symbols *symbols);

#endif
