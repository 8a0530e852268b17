/* Memory that a core of QEMU holds and no program header names. */
#ifndef PS_HOST_IMAGE_CONTAINERS_ELF_GAPS_H
#define PS_HOST_IMAGE_CONTAINERS_ELF_GAPS_H

#include <stdint.h>

#include "host/image/runs.h"
#include "scan/err.h"

/* QEMU writes its blocks of memory whole, one after the other and ascending. With paging=true
 * its program headers list what page tables map, the same memory several times over, and pages
 * between them are in the file all the same: two runs that are as far apart in the file as in
 * memory are of one block, since a hole between blocks takes no place in the file. Make one run of
 * all runs of a block, from the first to the last; and from physical address 0 on, if the place of
 * that in the file is data_off. *n_bytes: how many bytes no run had before. PS_ENOMEM. */
int ps_elf_join_blocks(struct ps_runs *runs, uint64_t data_off, uint64_t *n_bytes,
                       struct ps_err *err);

#endif
