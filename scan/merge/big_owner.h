/* Which process a big allocation is charged to. */
#ifndef PS_SCAN_MERGE_BIG_OWNER_H
#define PS_SCAN_MERGE_BIG_OWNER_H

#include "scan/bigpool/table.h"
#include "scan/quota/owners.h"

/* Does the entry say that it is charged, and keep to whom? */
int ps_big_is_charged(const struct ps_bigpool_table *table, const struct ps_bigpool_entry *entry);

/* That process; 0: none, or nobody can tell. 'owners' may be NULL. */
uint64_t ps_big_owner(const struct ps_owners *owners, const struct ps_bigpool_table *table,
                      const struct ps_bigpool_entry *entry);

#endif
