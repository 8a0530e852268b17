/* Memory that a core of QEMU holds and no program header names. */
#ifndef PS_HOST_IMAGE_CONTAINERS_ELF_GAPS_H
#define PS_HOST_IMAGE_CONTAINERS_ELF_GAPS_H

#include <stdint.h>

#include "host/image/runs.h"
#include "scan/err.h"

/* QEMU writes its blocks of memory whole, one after the other and ascending. With paging=true
 * its program headers list what page tables map, and pages between them are in the file all the
 * same: two runs that are as far apart in the file as in memory are of one block, since a hole
 * between blocks takes no place in the file. Add a run for each such stretch, behind all others, so
 * that it has only what they leave out; and one from physical address 0 if its place in the file
 * is data_off. *n_bytes: how many bytes were added so. PS_ENOMEM. */
int ps_elf_fill_gaps(struct ps_runs *runs, uint64_t data_off, uint64_t *n_bytes,
                     struct ps_err *err);

#endif
