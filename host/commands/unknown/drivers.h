/* Which loaded modules of an image have tags in their code. */
#ifndef PS_HOST_COMMANDS_UNKNOWN_DRIVERS_H
#define PS_HOST_COMMANDS_UNKNOWN_DRIVERS_H

#include <stddef.h>
#include <stdint.h>

#include "host/commands/unknown/tallies.h"
#include "host/options.h"
#include "scan/windows/modules/code.h"
#include "scan/windows/modules/list.h"

/* No more is searched than this many pages: 1 GiB, found or missing. */
#define PS_DRIVERS_MAX_PAGES (UINT64_C(1) << 18)
/* No more mentions of a tag in a module are kept. */
#define PS_DRIVERS_MAX_REFS (1u << 22)

/* Tag number 'tally' stands in the code of module number 'module'. */
struct ps_driver_ref {
    uint32_t tally;
    uint16_t module;
    uint16_t exact; /* as the operand of an instruction; if not, only as bytes */
};

struct ps_drivers {
    struct ps_modules *list;   /* NULL: not known */
    struct ps_driver_ref *ref; /* by tally, exact ones first, then in the order of the list */
    size_t n, cap;
    uint64_t n_left_out; /* mentions beyond PS_DRIVERS_MAX_REFS */
    struct ps_code_count code;
};

/* The image to look into. */
struct ps_drivers_image {
    const char *path;
    const char *id;     /* ImageId that it should have; "": not known */
    int is_from_result; /* nobody asked for it: that it cannot be read is no error */
};

/* Search all modules for the tags of 't' in one pass. That no module list is found is no error: one
 * line says so, and d->list stays NULL. Begin with all zero; ps_drivers_free in any case. */
int ps_drivers_find(struct ps_drivers *d, const struct ps_drivers_image *image,
                    const struct ps_tallies *t, const struct ps_options *opt, struct ps_err *err);
/* The mentions of one tag: where they begin, and how many. */
const struct ps_driver_ref *ps_drivers_of(const struct ps_drivers *d, size_t tally, size_t *n);
void ps_drivers_free(struct ps_drivers *d);

#endif
