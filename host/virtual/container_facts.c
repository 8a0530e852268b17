#include "host/virtual/container_facts.h"

#include "scan/windows/kernel/pe.h"

/* Windows 2000, and what no build number has reached. */
#define FIRST_BUILD 2195u
#define END_BUILD   0x10000u

const char *ps_container_source(const struct ps_image_facts *facts)
{
    return facts->source ? facts->source : "container";
}

int ps_container_arch(const struct ps_image_facts *facts, enum ps_arch *arch)
{
    if (facts->machine == PS_MACHINE_UNKNOWN)
        return 0;
    *arch = facts->machine == PS_MACHINE_X86 ? PS_ARCH_X86 : PS_ARCH_X64;
    return 1;
}

uint32_t ps_container_build(const struct ps_image_facts *facts, enum ps_arch arch)
{
    enum ps_arch said = arch;

    (void)ps_container_arch(facts, &said);
    if (said != arch || facts->build < FIRST_BUILD || facts->build >= END_BUILD)
        return 0;
    return facts->build;
}

static void add(struct ps_symbols *symbols, enum ps_symbol symbol, uint64_t va)
{
    if (symbols->rva[symbol] != 0 || va <= symbols->base || va - symbols->base >= PS_PE_MAX_BYTES)
        return;
    symbols->rva[symbol] = (uint32_t)(va - symbols->base);
    symbols->guessed |= 1u << symbol;
}

void ps_container_symbols(const struct ps_image_facts *facts, struct ps_symbols *symbols)
{
    if (symbols->base == 0)
        return;
    add(symbols, PS_SYMBOL_PsLoadedModuleList, facts->ps_loaded_module_list);
    add(symbols, PS_SYMBOL_PsActiveProcessHead, facts->ps_active_process_head);
}
