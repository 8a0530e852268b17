/* Whom a quota-charged block is billed to: what its bytes say. Knows no memory. Sources:
 * docs/QUOTA.md. */
#ifndef PS_SCAN_QUOTA_BILLED_H
#define PS_SCAN_QUOTA_BILLED_H

#include <stdint.h>

#include "scan/pool/page_view.h"

enum ps_quota_rule {
    PS_QUOTA_PLAIN, /* ProcessBilled is the address of the EPROCESS: x64 up to Windows 7 */
    PS_QUOTA_MIXED, /* EPROCESS ^ ExpPoolQuotaCookie ^ address of the header: x64 from 8 on */
    PS_QUOTA_TAIL,  /* the address stands in the last four bytes of the block: x86 */
};

/* Of an unknown build (0) of x64 the one that can prove itself. */
enum ps_quota_rule ps_quota_rule_of(enum ps_arch arch, uint32_t build);

/* What the header at 'slot' has stored, which must end in the page: 1, or 0 if that is no block in
 * use of two slots or more with the quota bit in its PoolType. */
int ps_quota_billed(const struct ps_page_view *view, uint32_t slot, uint64_t *billed);

/* The address that 'billed' names for an allocation whose header, or big-pool entry, has the
 * address 'va'; 0: nobody. */
uint64_t ps_quota_process(enum ps_quota_rule rule, uint64_t cookie, uint64_t billed, uint64_t va);

/* Could an EPROCESS be there: the kernel half, and aligned as pool is? */
int ps_quota_possible(enum ps_arch arch, uint64_t process);

/* Are these the first bytes of an EPROCESS: DISPATCHER_HEADER of type process (bit 7 is another
 * flag), whose list of waiters has been initialised? */
#define PS_QUOTA_HEAD_BYTES 0x18u
int ps_quota_is_process_head(enum ps_arch arch, const uint8_t bytes[PS_QUOTA_HEAD_BYTES]);

#endif
