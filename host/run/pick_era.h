/* Which generation of pool headers an image has. */
#ifndef PS_HOST_RUN_PICK_ERA_H
#define PS_HOST_RUN_PICK_ERA_H

#include "host/options.h"
#include "host/virtual/address_space.h"
#include "scan/pool/era.h"

/* --arch and --build win. What they leave open: the architecture is that of the page tables, else
 * of the KUSER_SHARED_DATA page, else what the container says, else x64; the build is what the
 * Windows kernel says, else such a page of the same architecture, else the container. What was
 * found and what is not known is logged with the path of the image. Never NULL. */
const struct ps_era *ps_pick_era(const struct ps_address_space *as, const struct ps_options *opt);

#endif
