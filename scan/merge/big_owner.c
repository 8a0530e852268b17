#include "scan/merge/big_owner.h"

#define TYPE_QUOTA 8u /* POOL_TYPE */
#define FLAG_QUOTA 1u /* POOL_FLAGS */

/* Entries of XP and 2003 have neither, and name an object when they are charged. */
int ps_big_is_charged(const struct ps_bigpool_table *table, const struct ps_bigpool_entry *entry)
{
    const uint32_t quota = table->names == PS_BIGPOOL_POOL_FLAGS ? FLAG_QUOTA : TYPE_QUOTA;

    if (table->layout->billed_at == 0)
        return 0;
    if (table->layout->word == PS_BIGPOOL_PAGES)
        return entry->billed != 0;
    return (entry->type & quota) != 0;
}

uint64_t ps_big_owner(const struct ps_owners *owners, const struct ps_bigpool_table *table,
                      const struct ps_bigpool_entry *entry)
{
    if (!owners || !ps_big_is_charged(table, entry))
        return 0;
    return ps_owner(owners, entry->billed, entry->va);
}
