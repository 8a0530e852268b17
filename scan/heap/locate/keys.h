/* The heap key: what the Windows kernel stores, what segments agree on, and which of them decodes
 * the chunks of the VS heap. */
#ifndef PS_SCAN_HEAP_LOCATE_KEYS_H
#define PS_SCAN_HEAP_LOCATE_KEYS_H

#include "scan/heap/locate/heaps.h"

/* What most segments' signatures say. */
struct ps_heap_residue {
    uint64_t value;
    uint32_t n_agree; /* 0: there is none */
};

/* Settle the heap key of a map whose ranges are known, and the constant in the signatures. The key
 * is taken when it decodes chunks of VS subsegments; of several the one that decodes the most. */
void ps_heap_settle_key(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_residue *residue, struct ps_heap_map *map);

/* HeapKey and LfhKey where the Windows kernel has them, at 'va'; 1, or 0. */
int ps_heap_read_globals(const struct ps_heap_source *source, uint64_t va, uint64_t *heap_key,
                         uint64_t *lfh_key);

/* The value in the data of the Windows kernel, as an aligned pointer: its address, 0 if it is not
 * there. */
uint64_t ps_heap_find_value(const struct ps_heap_source *source, uint64_t value);

#endif
