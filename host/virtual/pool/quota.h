/* Who charged blocks of an image are billed to (docs/QUOTA.md). */
#ifndef PS_HOST_VIRTUAL_POOL_QUOTA_H
#define PS_HOST_VIRTUAL_POOL_QUOTA_H

#include "host/threads/late.h"
#include "host/virtual/address_space.h"
#include "scan/bigpool/table.h"
#include "scan/merge/regions.h"
#include "scan/quota/cookie.h"
#include "scan/quota/owners.h"
#include "scan/quota/processes.h"
#include "scan/windows/paging/inverse_map.h"

/* What is known before; all of it outlives what is made of it. */
struct ps_quota_source {
    struct ps_address_space *space; /* with page tables, after ps_address_space_kernel */
    const struct ps_inverse_map *map;
    const struct ps_regions *regions;
    const struct ps_bigpool_table *table; /* its method may be PS_BIGPOOL_NOT_FOUND */
    pthread_mutex_t *lock; /* what uses space->paging or space->memory later has it */
};

/* Headers are looked for in so many pages at most, chosen evenly over memory; so many frames are
 * asked for their address. */
#define PS_QUOTA_MAX_PAGES  1024u
#define PS_QUOTA_MAX_FRAMES 32768u

struct ps_quota {
    enum ps_quota_rule rule;
    struct ps_cookie cookie;       /* of PS_QUOTA_MIXED; else its method is PS_COOKIE_NOT_FOUND */
    struct ps_processes processes; /* the list of Windows; may be empty */
    size_t n_samples; /* headers and big allocations that the cookie was looked for in */
    size_t n_pages;   /* that these stand in */
    /* Whom to ask, from any number of threads while *q is open. */
    const struct ps_owners *owners;
    struct ps_quota_private *own;
    struct ps_quota_source source;
    struct ps_late late; /* the search for the cookie: ps_late_error tells of PS_ENOMEM */
};

/* Find the rule and the processes. The cookie, which takes a look at many pages and is asked for by
 * few, is looked for when somebody asks for an owner, or by ps_quota_settle. That there are none is
 * no error. PS_ENOMEM. Close in any case; *q must not move. */
int ps_quota_open(struct ps_quota *q, const struct ps_quota_source *source, struct ps_err *err);
/* From now on all fields say what is known. PS_ENOMEM. */
int ps_quota_settle(struct ps_quota *q, struct ps_err *err);
void ps_quota_close(struct ps_quota *q); /* accepts one that is all zero */

/* "plain", "mixed", "tail". */
const char *ps_quota_rule_name(enum ps_quota_rule rule);

#endif
