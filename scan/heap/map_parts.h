/* The inside of a heap map, for what builds one: scan/heap/locate and tests. */
#ifndef PS_SCAN_HEAP_MAP_PARTS_H
#define PS_SCAN_HEAP_MAP_PARTS_H

#include "scan/err.h"
#include "scan/heap/heap_map.h"

#define PS_HEAP_UNITS   256u /* of a segment */
#define PS_HEAP_NO_DATA UINT32_MAX
#define PS_HEAP_FAR     UINT32_MAX

/* How the map reads the few chunk headers that are not on the page it was asked about. */
struct ps_heap_memory {
    /* Copy n_bytes at 'phys', which lie in one frame, to buf; returns how many could be read. Any
     * number of threads call it at once. NULL: nothing can be read. */
    size_t (*read)(void *arg, uint64_t phys, void *buf, size_t n_bytes);
    void *arg;
};

/* An LFH or a VS subsegment. */
struct ps_heap_range {
    uint64_t va;
    uint32_t n_bytes;
    uint32_t data;  /* LFH: where its bitmap begins in 'bitmaps'; VS: its first one of 'frames';
                     * PS_HEAP_NO_DATA: not known */
    uint32_t first; /* offset of the first block or chunk */
    uint16_t block_bytes; /* LFH only; 0: not known */
    uint16_t n_blocks;    /* LFH only */
    uint8_t unit;         /* PS_HEAP_LFH or PS_HEAP_VS */
    uint8_t form;         /* LFH only: enum ps_lfh_form of its bitmap */
    uint16_t heap;        /* number of its heap while the map is made */
};

struct ps_heap_segment {
    uint64_t va;
    uint32_t first_unit; /* the first one of 'units' */
    uint8_t shift;       /* a unit has 1 << shift bytes: 12 or 16 */
    uint8_t pool;        /* enum ps_heap_pool */
    uint16_t heap;       /* number of its heap, for ps_heap_info */
    uint8_t has_holes;   /* some of its descriptors are not there */
};

struct ps_heap_map {
    enum ps_arch arch;
    uint64_t heap_key;
    int has_heap_key;
    struct ps_heap_memory memory;
    struct ps_heap_info info;
    struct ps_heap_summary *heap;    /* info.n_heaps, or NULL */
    struct ps_heap_segment *segment; /* ascending by va after ps_heap_map_finish */
    uint32_t *index; /* by the MiB of an address: number of the segment + 1; 0: nothing */
    uint32_t index_bits;
    struct ps_heap_range *range;
    uint32_t *units;  /* of a unit: enum ps_heap_unit, and from bit 3 on its range's number */
    uint8_t *bitmaps; /* of all LFH subsegments */
    /* Number of the frame of each page of VS subsegments; 0: not in memory, PS_HEAP_FAR: in memory,
     * but where a number does not reach, so that no other page is told about it. */
    uint32_t *frames;
    /* What was found at the end of each of these pages, ps_vs_page_tail; 0: nothing yet. All that
     * changes after the map was made: each answer that it spares a read is the one that the read
     * would give. NULL: nothing is kept. */
    _Atomic uint32_t *tails;
    size_t n_tails;
    size_t n_segments, n_ranges, n_units, n_bitmaps, n_frames;
    size_t cap_segments, cap_ranges, cap_units, cap_bitmaps, cap_frames;
};

/* An empty map. PS_ENOMEM, as of all calls here. Free it with ps_heap_map_free. */
int ps_heap_map_new(struct ps_heap_map **out, enum ps_arch arch,
                    const struct ps_heap_memory *memory, struct ps_err *err);

/* Name the n heaps whose numbers the segments have; ps_heap_map_finish counts their segments. 0. */
int ps_heap_map_set_heaps(struct ps_heap_map *map, const struct ps_heap_summary *heap, size_t n,
                          struct ps_err *err);

/* Add a segment whose units are all PS_HEAP_UNREAD, its first_unit is set. 1: added, *units are
 * its words until the next call; 0: there are too many. */
int ps_heap_map_add_segment(struct ps_heap_map *map, struct ps_heap_segment segment,
                            uint32_t **units, struct ps_err *err);

/* Add a range; its number in *number. 1, or 0: there are too many. */
int ps_heap_map_add_range(struct ps_heap_map *map, const struct ps_heap_range *range,
                          uint32_t *number, struct ps_err *err);

/* Room for n bytes of a bitmap or n frame numbers, zeros; where it begins in *at. 1, or 0: there
 * are too many. */
int ps_heap_map_add_bitmap(struct ps_heap_map *map, uint32_t n, uint32_t *at, struct ps_err *err);
int ps_heap_map_add_frames(struct ps_heap_map *map, uint32_t n, uint32_t *at, struct ps_err *err);

/* Make it ready for questions: sort, leave out segments that overlap one before, and index. */
int ps_heap_map_finish(struct ps_heap_map *map, struct ps_err *err);

#define PS_HEAP_INDEX_SHIFT 20u /* the smallest segment */
/* Places of the index that an address may have, from its own on: chance needs a few dozen at worst,
 * forged segments more. What finds all of them taken is not in the index and has to be searched. */
#define PS_HEAP_INDEX_STEPS 64u

static inline uint32_t ps_heap_index_slot(const struct ps_heap_map *map, uint64_t va)
{
    return (uint32_t)((va >> PS_HEAP_INDEX_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >>
                      (64 - map->index_bits));
}

static inline uint32_t ps_heap_unit_word(enum ps_heap_unit unit, uint32_t range)
{
    return (uint32_t)unit | range << 3;
}

#endif
