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
};

struct ps_heap_list {
    struct ps_heap_listed *segment;
    size_t n;
    uint32_t n_unread; /* links that led to no memory */
    uint32_t n_over;
};

/* Follow the lists of all contexts, forward and, from where that breaks, backward. No segment is
 * visited twice, so what does not end does not hurt. Free out->segment with free(). PS_ENOMEM. */
int ps_heap_list_segments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                          struct ps_heap_list *out, struct ps_err *err);

/* The residue that most segments agree on, and how many do. */
uint64_t ps_heap_vote_residue(const struct ps_heap_list *list, uint32_t *n_agree);

/* Read the descriptors of one segment: adds it and its LFH and VS subsegments to the map, without
 * what their own headers say. Units that cannot be believed stay PS_HEAP_UNREAD. PS_ENOMEM. */
int ps_heap_add_segment(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_listed *segment, struct ps_heap_map *map,
                        struct ps_err *err);

#endif
