#include "scan/windows/symbols/symbols.h"

#include <string.h>

#define NAME(symbol) [PS_SYMBOL_##symbol] = #symbol

static const char *const names[PS_N_SYMBOLS] = {
    NAME(PoolBigPageTable),
    NAME(PoolBigPageTableSize),
    NAME(PoolTrackTable),
    NAME(PoolTrackTableSize),
    NAME(PoolTrackTableMask),
    NAME(PoolTrackTableExpansion),
    NAME(PoolTrackTableExpansionSize),
    NAME(ExPoolTagTables),
    NAME(ExPoolState),
    NAME(RtlpHpHeapGlobals),
    NAME(ExpPoolQuotaCookie),
    NAME(PsActiveProcessHead),
    NAME(PsInitialSystemProcess),
    NAME(MmPfnDatabase),
    NAME(MmPteBase),
    NAME(KdDebuggerDataBlock),
    NAME(PsLoadedModuleList),
    NAME(MmNonPagedPoolStart),
    NAME(MmNonPagedPoolEnd),
    NAME(MmPagedPoolStart),
    NAME(MmPagedPoolEnd),
};

const char *ps_symbol_name(enum ps_symbol symbol)
{
    return names[symbol];
}

enum ps_symbol ps_symbol_named(const char *name)
{
    unsigned i = 0;

    while (i < PS_N_SYMBOLS && strcmp(names[i], name) != 0)
        i++;
    return (enum ps_symbol)i;
}

const char *ps_symbol_source_name(enum ps_symbol_source source)
{
    static const char *const sources[] = {"none", "exports", "kdbg", "built-in", "file"};

    return sources[source];
}

int ps_symbols_find(const struct ps_symbols *symbols, enum ps_symbol symbol, uint64_t *va)
{
    if (symbols->rva[symbol] == 0 || symbols->base > UINT64_MAX - symbols->rva[symbol])
        return 0;
    *va = symbols->base + symbols->rva[symbol];
    return 1;
}
