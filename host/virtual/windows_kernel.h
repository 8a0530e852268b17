/* The Windows kernel of an address space: its image, and where its variables are. */
#ifndef PS_HOST_VIRTUAL_WINDOWS_KERNEL_H
#define PS_HOST_VIRTUAL_WINDOWS_KERNEL_H

#include "host/virtual/address_space.h"

/* Fill as->kernel and as->symbols, the first time; later calls do nothing. Symbols come from the
 * first of these that knows the image: --symbols, the built-in table, the debugger data block, the
 * exports. That nothing is found is no error. Before Windows 10 as->build becomes what the kernel
 * says, unless --build is given. */
int ps_address_space_kernel(struct ps_address_space *as, const struct ps_options *opt,
                            struct ps_err *err);

/* The address of a variable; 1, or 0: not known. After ps_address_space_kernel. Says nothing about
 * whether that address is in memory; as->symbols.guessed names those that are only a guess. */
int ps_address_space_symbol(const struct ps_address_space *as, enum ps_symbol symbol, uint64_t *va);

/* The same, but 0 for a guess too: it proves nothing, and what it leads to is found among the data
 * as well. */
uint64_t ps_address_space_sure_symbol(const struct ps_address_space *as, enum ps_symbol symbol);

/* Where the variables are, into range[PS_KERNEL_MAX_RANGES]; returns how many ranges there are.
 * After ps_address_space_kernel. */
size_t ps_address_space_kernel_data(const struct ps_address_space *as, struct ps_va_range *range);

#endif
