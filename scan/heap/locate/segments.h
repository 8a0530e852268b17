/* The segments of the heaps that were found, and what their descriptors say of each unit. */
#ifndef PS_SCAN_HEAP_LOCATE_SEGMENTS_H
#define PS_SCAN_HEAP_LOCATE_SEGMENTS_H

#include "scan/heap/locate/heaps.h"

/* A segment as the list of its context has it. */
struct ps_heap_listed {
    uint64_t va;
    uint64_t residue; /* ps_segment_residue */
    uint16_t heap;    /* its number */
    uint8_t unit_shift, first_descriptor;
    uint8_t is_headless; /* a link leads to it, but its first page is not there: no residue */
};

struct ps_heap_list {
    struct ps_heap_listed *segment;
    size_t n;
    uint32_t n_broken; /* links that led to no segment */
    uint32_t n_over;
    uint32_t n_bad;
    uint64_t residue; /* what most segments agree on ... */
    uint32_t n_agree; /* ... and how many they are */
};

/* Follow the lists of all contexts, forward and, from where that breaks, backward. No segment is
 * visited twice, so what does not end does not hurt. Then settle on the residue that most segments
 * have, and where a list is broken look for more of its segments: beside those that are known, and
 * where their links lead. Those with another residue are left out and counted in n_bad. Free
 * out->segment with free(). PS_ENOMEM. */
int ps_heap_list_segments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                          struct ps_heap_list *out, struct ps_err *err);

/* Read the descriptors of one segment: adds it and its LFH and VS subsegments to the map, without
 * what their own headers say. Units that cannot be believed stay PS_HEAP_UNREAD. PS_ENOMEM. */
int ps_heap_add_segment(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_listed *segment, struct ps_heap_map *map,
                        struct ps_err *err);

#endif
