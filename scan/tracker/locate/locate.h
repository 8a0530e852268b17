/* Find the pool tracker table and sum it up, with symbols or without. */
#ifndef PS_SCAN_TRACKER_LOCATE_LOCATE_H
#define PS_SCAN_TRACKER_LOCATE_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/pool/era.h"
#include "scan/tracker/table.h"
#include "scan/windows/va_range.h"

/* Before this build there is one table for all processors. */
#define PS_TRACKER_PER_CPU_BUILD 7600u

/* Before this build the slots follow another hash than that of scan/tracker/hash.h. */
#define PS_TRACKER_HASH_BUILD 3790u

/* Virtual addresses of the variables; 0: not known. */
struct ps_tracker_symbols {
    uint64_t table;                     /* PoolTrackTable */
    uint64_t size;                      /* PoolTrackTableSize */
    uint64_t cpus;                      /* ExPoolTagTables */
    uint64_t expansion, expansion_size; /* PoolTrackTableExpansion, ...Size */
};

struct ps_tracker_spec {
    enum ps_arch arch;
    uint32_t build;  /* 0: not known */
    uint32_t n_cpus; /* active processors; 0: not known */
    struct ps_tracker_symbols symbols;
    const struct ps_va_range *data; /* where the Windows kernel has its variables */
    size_t n_data;
};

/* By the symbols, if they lead to a table; else by the data, where what does not obey the hash is
 * taken for a table only if the build is unknown or before PS_TRACKER_HASH_BUILD. 1: *out is it;
 * 0: none was found, with the counts of candidates in *out. Free *out with ps_tracker_table_free in
 * any case. PS_ENOMEM. */
int ps_tracker_find(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                    struct ps_tracker_table *out, struct ps_err *err);

#endif
