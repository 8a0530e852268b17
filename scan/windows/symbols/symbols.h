/* Where the Windows kernel keeps the variables that poolscan reads. */
#ifndef PS_SCAN_WINDOWS_SYMBOLS_SYMBOLS_H
#define PS_SCAN_WINDOWS_SYMBOLS_SYMBOLS_H

#include <stdint.h>

/* Named as Windows names them. The first PS_N_LISTED_SYMBOLS are columns of kernels.list, in its
 * order. */
enum ps_symbol {
    PS_SYMBOL_PoolBigPageTable,
    PS_SYMBOL_PoolBigPageTableSize,
    PS_SYMBOL_PoolTrackTable,
    PS_SYMBOL_PoolTrackTableSize,
    PS_SYMBOL_PoolTrackTableMask,
    PS_SYMBOL_PoolTrackTableExpansion,
    PS_SYMBOL_PoolTrackTableExpansionSize,
    PS_SYMBOL_ExPoolTagTables,
    PS_SYMBOL_ExPoolState,
    PS_SYMBOL_RtlpHpHeapGlobals,
    PS_SYMBOL_ExpPoolQuotaCookie,
    PS_SYMBOL_PsActiveProcessHead,
    PS_SYMBOL_PsInitialSystemProcess,
    PS_SYMBOL_MmPfnDatabase,
    PS_SYMBOL_MmPteBase,
    PS_SYMBOL_KdDebuggerDataBlock,
    PS_N_LISTED_SYMBOLS,
    PS_SYMBOL_PsLoadedModuleList = PS_N_LISTED_SYMBOLS,
    PS_SYMBOL_MmNonPagedPoolStart,
    PS_SYMBOL_MmNonPagedPoolEnd,
    PS_SYMBOL_MmPagedPoolStart,
    PS_SYMBOL_MmPagedPoolEnd,
    PS_N_SYMBOLS
};

const char *ps_symbol_name(enum ps_symbol symbol);
/* The symbol of that name; PS_N_SYMBOLS: none of ours. */
enum ps_symbol ps_symbol_named(const char *name);

enum ps_symbol_source {
    PS_SYMBOLS_NONE,
    PS_SYMBOLS_EXPORTS,  /* only what the image itself exports */
    PS_SYMBOLS_KDBG,     /* the debugger data block in the Windows kernel's data */
    PS_SYMBOLS_BUILT_IN, /* kernels.list, by GUID and age of the PDB */
    PS_SYMBOLS_FILE,     /* --symbols */
};

const char *ps_symbol_source_name(enum ps_symbol_source source);

struct ps_symbols {
    enum ps_symbol_source source; /* the best one; exports are always merged in */
    uint64_t base;                /* of the Windows kernel */
    uint32_t rva[PS_N_SYMBOLS];   /* 0: not known */
    /* Bit 1 << symbol: only a guess, by a distance that is not that of every build; whatever is
     * found there has to prove itself. */
    uint32_t guessed;
};

_Static_assert(PS_N_SYMBOLS <= 32, "a bit each");

/* The address of the variable; 1, or 0: not known. */
int ps_symbols_find(const struct ps_symbols *symbols, enum ps_symbol symbol, uint64_t *va);

#endif
