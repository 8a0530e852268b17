/* Which of the known ways to read LFH subsegments is that of this image. */
#ifndef PS_SCAN_HEAP_SUBSEGMENTS_LFH_VARIANT_H
#define PS_SCAN_HEAP_SUBSEGMENTS_LFH_VARIANT_H

#include "scan/heap/lfh.h"
#include "scan/heap/locate/heaps.h"

struct ps_lfh_variant {
    const struct ps_lfh_layout *layout;
    uint32_t key;
    unsigned of_heap; /* not 0: instead of 'key' each heap has its own, lfh_key[of_heap - 1] */
    int shift_full;   /* see ps_lfh_va_term */
    enum ps_heap_key_source source;
};

/* What a header says, before and after it is decoded. */
struct ps_lfh_header {
    struct ps_lfh_shape shape;
    struct ps_lfh_offsets offsets;
    uint32_t n_free, n_withheld;
    int is_private; /* of 26100 on: the bitmap may have one bit for each block */
};

#define PS_LFH_HEADER_BYTES 0x48u

/* Read the header of a subsegment, of which PS_LFH_HEADER_BYTES are given. 1: it fits. */
int ps_lfh_read_header(const struct ps_lfh_variant *v, const struct ps_heaps *heaps,
                       const struct ps_heap_range *range, const uint8_t *header,
                       struct ps_lfh_header *out);

/* How a bitmap is to be read, by the blocks that it has busy and the header's counts. */
enum ps_lfh_form ps_lfh_form_of(const struct ps_lfh_header *h, const uint8_t *bitmap);

/* Try all variants on a sample of the subsegments of a map: with the keys that the Windows kernel
 * stores, with what stands behind the heap key in its data, and at last with the one key that lets
 * the offsets of all samples be possible. 1 and *out, when most samples fit; 0. PS_ENOMEM. */
int ps_lfh_choose(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                  const struct ps_heap_map *map, struct ps_lfh_variant *out, struct ps_err *err);

#endif
