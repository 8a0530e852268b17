/* The PFN database of an image with page tables. */
#ifndef PS_HOST_VIRTUAL_PFN_H
#define PS_HOST_VIRTUAL_PFN_H

#include "host/threads/late.h"
#include "host/virtual/address_space.h"
#include "scan/windows/pfn/database.h"

/* Find it: 1 and *place; 0: there is none, or no page tables. PS_ENOMEM. */
int ps_address_space_pfn_find(struct ps_address_space *as, const struct ps_options *opt,
                              const struct ps_inverse_map *map, struct ps_pfn_place *place,
                              struct ps_err *err);

/* The database, and the pages of it that were read last: entries of neighbours are in one page. */
struct ps_pfn_source {
    struct ps_pfn_database *db; /* NULL: there is none. May be asked by any thread */
    struct ps_pfn_pages *pages; /* 128 KiB */
    struct ps_late late;        /* of ps_address_space_pfn_late, as what it is given */
    struct ps_address_space *space;
    const struct ps_options *opt;
    const struct ps_inverse_map *map;
};

/* Find it and open it. Close with ps_pfn_source_close in any case, before *as is closed. PS_ENOMEM.
 */
int ps_address_space_pfn(struct ps_address_space *as, const struct ps_options *opt,
                         const struct ps_inverse_map *map, struct ps_pfn_source *out,
                         struct ps_err *err);
void ps_pfn_source_close(struct ps_pfn_source *source); /* accepts one that is all zero */

/* The same, but it is looked for when ps_pfn_source_ask is called first, if ever: the search may
 * take longer than that for all other tables, and the pages of many images raise no question for
 * it. From then on, and until *out is closed, as->paging and as->memory are used only under 'lock'.
 * All arguments outlive *out, which must not move. ps_late_error(&out->late) tells of PS_ENOMEM. */
void ps_address_space_pfn_late(struct ps_address_space *as, const struct ps_options *opt,
                               const struct ps_inverse_map *map, pthread_mutex_t *lock,
                               struct ps_pfn_source *out);

/* Its db. 'arg' is a struct ps_pfn_source. Any thread. */
const struct ps_pfn_database *ps_pfn_source_ask(void *arg);

#endif
