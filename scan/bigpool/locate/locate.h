/* The big-pool table through page tables: where the Windows kernel has it, page by page. Needs no
 * symbols; what it finds is proved by the entries themselves. docs/BIGPOOL.md tells how. */
#ifndef PS_SCAN_BIGPOOL_LOCATE_LOCATE_H
#define PS_SCAN_BIGPOOL_LOCATE_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/bigpool/table.h"
#include "scan/err.h"
#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

/* What bounds the work, whatever the image says. */
#define PS_BIGPOOL_MAX_POINTERS   65536u /* different addresses that are looked at */
#define PS_BIGPOOL_MAX_CANDIDATES 256u   /* of those: look like a table and are examined */
#define PS_BIGPOOL_MAX_DATA_BYTES (UINT64_C(64) << 20)
#define PS_BIGPOOL_READ_PAGES     16384u /* pages of a table that are read: 64 MiB */

struct ps_bigpool_source {
    struct ps_paging *paging;
    enum ps_arch arch;
    uint32_t build; /* breaks ties between layouts; 0: not known */
    /* Virtual addresses of PoolBigPageTable and PoolBigPageTableSize; 0: not known. */
    uint64_t pointer_symbol, size_symbol;
    /* Writable data of the Windows kernel. */
    const struct ps_va_range *data;
    size_t n_data;
    uint64_t factor; /* of scan/hash.h */
    /* All frames that the kernel half maps; NULL: only pointers are followed. */
    const struct ps_inverse_map *map;
};

/* Find the table and read it: by symbols, then by a pointer in 'data', then by the table's entry
 * for itself, then by carving the frames that are mapped. 1: *out is the table, its pages read
 * where they are mapped, in transition or in a page file, n_pages_missing counting the others and
 * each live row having its first_phys; 0: no table was found, *out is empty but for
 * n_candidates. PS_ENOMEM. Free *out with ps_bigpool_table_free.
 *
 * A frame is read as one page of the table only, and no more than PS_BIGPOOL_READ_PAGES, so memory
 * is bounded by 64 MiB and by the size of the image, not by what page tables claim. One thread per
 * 'paging'. */
int ps_bigpool_locate(const struct ps_bigpool_source *source, struct ps_bigpool_table *out,
                      struct ps_err *err);

#endif
