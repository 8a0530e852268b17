/* A pool page block by block, in the manner of the debugger's !pool: every byte of the page is in
 * one row, a block with its header or what stands between blocks. */
#ifndef PS_SCAN_POOL_LISTING_PAGE_LIST_H
#define PS_SCAN_POOL_LISTING_PAGE_LIST_H

#include <stdint.h>

#include "kernels/plan.h"
#include "scan/finding.h"
#include "scan/heap/heap_map.h"
#include "scan/pool/era.h"
#include "scan/pool/page_view.h"
#include "scan/tags/ruleset.h"

/* What headers mean and which tags are known. All headers are wanted, free blocks too: rules with
 * any_tag, and a plan of era and rules with with_free. */
struct ps_page_list_spec {
    const struct ps_era *era;
    const struct ps_ruleset *rules;
    const struct ps_plan *plan;
    const struct ps_heap_map *heap; /* NULL: not known, or no address */
    uint64_t va;                    /* of the page's first byte, with heap */
};

enum ps_page_row_kind {
    PS_PAGE_GAP,          /* no header is known to stand here */
    PS_PAGE_BLOCK,        /* a block with its POOL_HEADER */
    PS_PAGE_FREE_CHUNK,   /* a free VS chunk, or the part of one that is in the page */
    PS_PAGE_CHUNK_HEADER, /* in front of a VS chunk in use */
    PS_PAGE_FREE_BLOCK,   /* an LFH block that is free and has no header; needs the heap */
};

struct ps_page_row {
    uint32_t at; /* first byte in the page */
    uint32_t n_bytes;
    enum ps_page_row_kind kind;
    uint32_t tag; /* of a free chunk or block: what stands where a POOL_HEADER there had its tag; 0
                   * when its begin is not on the page */
    /* Of a block: */
    int is_freed; /* the segment heap says so; its header does not */
    uint32_t block_size, previous_size, pool_index, pool_type; /* header fields as stored */
    uint32_t previous_bytes;
    struct ps_finding finding; /* phys and file_off are the caller's */
};

/* Which pool the page belongs to, by the PoolType of its blocks in use. */
enum ps_page_region { PS_REGION_UNKNOWN, PS_REGION_NONPAGED, PS_REGION_PAGED };

struct ps_page_list {
    enum ps_heap_unit unit; /* what the segment heap has the page for */
    enum ps_heap_pool pool; /* with unit: which pool its heap is */
    int closed;             /* the classic chain goes from the first byte to the last one */
    enum ps_page_region region;
    uint32_t n_in_use, n_agree; /* blocks in use; of them, those that say 'region' */
    uint32_t n;
    struct ps_page_row row[PS_MAX_SLOTS]; /* ascending, the first at 0, without holes between */
};

/* List the page of 4096 bytes, which may hold anything. Where headers contradict each other the
 * one that more headers vouch for wins, then the one with the better evidence, then the one that
 * stands first; the blocks of a classic chain that goes through the whole page win over all
 * others. A header that nothing vouches for makes a block only when its PoolType is in use
 * and its evidence is worth something. Where the segment heap decides, there are blocks where it
 * has them and nowhere else; findings are still those of the page alone. Pure but for the heap's
 * reader; safe from any thread. */
void ps_pool_page_list(const struct ps_page_list_spec *spec, const uint8_t *page,
                       struct ps_page_list *out);

/* Number of the row that holds byte 'at' of the page. */
uint32_t ps_pool_page_row_at(const struct ps_page_list *list, uint32_t at);

#endif
