/* Raw images that were written without their PCI hole: their own page tables say where it was. */
#ifndef PS_HOST_VIRTUAL_PCI_HOLE_H
#define PS_HOST_VIRTUAL_PCI_HOLE_H

#include "host/options.h"
#include "host/virtual/address_space.h"
#include "scan/err.h"

/* After the search for page tables, which returned 'found' (1: as->dtb, else none). 1: the image
 * has its hole now, so that extents, as->memory and what was found are of yesterday; 0: it is as it
 * was, which with --pci-hole other than auto it always is. Costs nothing where page tables were
 * found that lead to no memory behind the end of the image. PS_ENOMEM. */
int ps_pci_hole_restore(struct ps_address_space *as, const struct ps_options *opt, int found,
                        struct ps_err *err);

#endif
