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

#endif
