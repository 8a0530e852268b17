/* Which process a block or a big allocation is billed to. */
#ifndef PS_SCAN_QUOTA_OWNERS_H
#define PS_SCAN_QUOTA_OWNERS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/quota/billed.h"

/* Immutable while it is asked, but for what 'settle' sets. */
struct ps_owners {
    const struct ps_era *era;
    enum ps_quota_rule rule;
    /* Called before cookie and known are looked at. Any thread. 0: nobody can tell. NULL: they are
     * known. */
    int (*settle)(void *arg);
    uint64_t cookie;       /* PS_QUOTA_MIXED only */
    const uint64_t *known; /* addresses at which there is an EPROCESS, ascending */
    size_t n_known;
    /* Is there one at another address? Any thread, and always the same answer. NULL: no. */
    int (*is_process)(void *arg, uint64_t va);
    void *arg; /* of both */
};

/* The process that 'billed' names for an allocation at 'va' (ps_quota_process); 0: none, or what it
 * names is no process. Any thread. */
uint64_t ps_owner(const struct ps_owners *owners, uint64_t billed, uint64_t va);

/* The same for the header at byte 'at' of a page which lies at virtual address 'page_va'. */
uint64_t ps_owner_of_header(const struct ps_owners *owners, const uint8_t *page, uint32_t at,
                            uint64_t page_va);

#endif
