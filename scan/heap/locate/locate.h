/* The segment heaps of the Windows kernel through page tables: found, read and made into a map. */
#ifndef PS_SCAN_HEAP_LOCATE_LOCATE_H
#define PS_SCAN_HEAP_LOCATE_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/heap/heap_map.h"
#include "scan/heap/map_parts.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

/* Data of the Windows kernel that is looked at for pointers and for the key. */
#define PS_HEAP_MAX_DATA_BYTES (UINT64_C(64) << 20)

struct ps_heap_source {
    struct ps_paging *paging; /* used while the map is made only */
    enum ps_arch arch;
    uint32_t build; /* settles what could be either; 0: not known */
    /* Virtual addresses of ExPoolState and RtlpHpHeapGlobals; 0: not known. */
    uint64_t pool_state, heap_globals;
    const struct ps_va_range *data; /* writable data of the Windows kernel */
    size_t n_data;
    struct ps_heap_memory memory; /* kept by the map */
};

/* Find the heaps (by ExPoolState, else by the pointers in 'data'), their segments and subsegments,
 * and the keys. 1: *out is the map, to be freed with ps_heap_map_free; 0: there is no segment heap,
 * *out is NULL. What is torn or hostile is left out and counted in ps_heap_map_info. Reads the
 * descriptors of segments and the headers of LFH subsegments, no other page of the pool but a few
 * samples. PS_ENOMEM. One thread per 'paging'. */
int ps_heap_find(const struct ps_heap_source *source, struct ps_heap_map **out, struct ps_err *err);

#endif
