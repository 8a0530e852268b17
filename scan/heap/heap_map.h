/* What the segment heap of Windows 10 1809 to 11 25H2 says about its own pages: which allocator a
 * page of virtual memory belongs to, and whether a block that begins on it is in use. Layouts and
 * sources: docs/HEAP.md. */
#ifndef PS_SCAN_HEAP_HEAP_MAP_H
#define PS_SCAN_HEAP_HEAP_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"

/* What a page of a segment is for. */
enum ps_heap_unit {
    PS_HEAP_OUTSIDE, /* of all segments that were found: the heap says nothing */
    PS_HEAP_META,    /* the segment's own descriptors */
    PS_HEAP_LFH,     /* of an LFH subsegment, its header included */
    PS_HEAP_VS,      /* of a VS subsegment, its header included */
    PS_HEAP_LARGE,   /* of an allocation of whole pages, which has no POOL_HEADER */
    PS_HEAP_UNUSED,  /* of no allocation and no subsegment */
    PS_HEAP_UNREAD,  /* in a segment, but what its descriptor says could not be read or believed */
};

/* The pool that a heap serves, by its place among the heaps of its node. */
enum ps_heap_pool {
    PS_HEAP_POOL_UNKNOWN,
    PS_HEAP_POOL_NONPAGED, /* executable */
    PS_HEAP_POOL_NONPAGED_NX,
    PS_HEAP_POOL_PAGED,
    PS_HEAP_POOL_PAGED_PROTOTYPE,
};

/* Of a POOL_HEADER. */
enum ps_heap_block {
    PS_HEAP_BLOCK_NONE,      /* no block with a header begins here */
    PS_HEAP_BLOCK_LIVE,      /* one begins here and is in use */
    PS_HEAP_BLOCK_FREED,     /* one was here and was freed: the header is a leftover */
    PS_HEAP_BLOCK_UNDECIDED, /* what would tell is missing, torn or of an unknown form */
};

struct ps_heap_map;

#define PS_HEAP_MAX_SLOTS 512u /* of a page: 256 of 16 bytes on x64, 512 of 8 on x86 */

/* What is known of one page. 'va', 'unit' and 'pool' are for the caller, the rest is private: the
 * first question about a VS page decodes its chunk headers and keeps where they are. */
struct ps_heap_page {
    uint64_t va;
    uint8_t unit; /* enum ps_heap_unit */
    uint8_t pool; /* enum ps_heap_pool */
    uint8_t is_decoded;
    uint8_t lead_state; /* of what fills the page up to the first chunk header: see vs_page.h */
    uint16_t lead_slots;
    uint32_t lead_before;
    uint32_t range;
    uint64_t reciprocal;                     /* LFH: of the blocks' size */
    uint64_t begins[PS_HEAP_MAX_SLOTS / 64]; /* a bit per slot: a chunk header */
};

/* What the heap knows of the page that holds 'va', in *page. Returns page->unit. Takes O(log
 * segments). The map is immutable: any thread may ask. */
enum ps_heap_unit ps_heap_map_page(const struct ps_heap_map *map, uint64_t va,
                                   struct ps_heap_page *page);

/* Is the POOL_HEADER at byte 'at' of the page that of a block? 'bytes' are the page's
 * PS_FRAME_BYTES bytes, the same ones in every call for this *page; n_bytes is the size that the
 * header gives its block, itself included. Of a cache-aligned allocation both headers are the
 * block's. A block whose header was moved to the begin of a page is decided by the chunk header in
 * the page before, which is read with the map's own reader; so is, once for a VS page, the chunk
 * that reaches into it.
 *
 * A block that its owner freed but that waits in a look-aside list or in the VS heap's list of
 * delayed frees is in use by all that is stored: it is LIVE here.
 *
 * UNDECIDED for pages that are neither LFH nor VS and not known to have no blocks. Several threads
 * may ask with one map, each with its own *page. */
enum ps_heap_block ps_heap_block_at(const struct ps_heap_map *map, struct ps_heap_page *page,
                                    const uint8_t *bytes, uint32_t at, uint32_t n_bytes);

/* A block of an LFH page, or a chunk of a VS page without its header of a slot. */
struct ps_heap_span {
    uint32_t at;              /* in the page */
    uint32_t n_bytes;         /* may reach beyond the page */
    enum ps_heap_block state; /* LIVE, FREED, UNDECIDED; NONE: withheld */
};

/* The blocks that begin on the page, ascending; with 'bytes' as above. Those that are in use have a
 * POOL_HEADER at 'at' unless it was moved to the next page's begin. Copies at most 'cap', returns
 * how many there are. */
size_t ps_heap_page_spans(const struct ps_heap_map *map, struct ps_heap_page *page,
                          const uint8_t *bytes, struct ps_heap_span *out, size_t cap);

void ps_heap_map_free(struct ps_heap_map *map); /* accepts NULL */

enum ps_heap_method {
    PS_HEAP_NOT_FOUND,
    PS_HEAP_BY_SYMBOLS,  /* ExPoolState */
    PS_HEAP_BY_POINTERS, /* among what the data of the Windows kernel points to */
};

enum ps_heap_key_source {
    PS_HEAP_KEY_NONE,
    PS_HEAP_KEY_GLOBALS,  /* RtlpHpHeapGlobals, by symbol or by the pointer in ExPoolState */
    PS_HEAP_KEY_DATA,     /* the same, found in the data of the Windows kernel by its value */
    PS_HEAP_KEY_SEGMENTS, /* what the signatures of segments agree on */
    PS_HEAP_KEY_LFH,      /* what LFH subsegments agree on */
    PS_HEAP_KEY_CONTEXT,  /* EncodeKey of the LFH context: each heap has its own, lfh_key is 0 */
};

const char *ps_heap_unit_name(enum ps_heap_unit unit);    /* "LFH" ... */
const char *ps_heap_pool_name(enum ps_heap_pool pool);    /* "NonPagedNx" ...; NULL: unknown */
const char *ps_heap_block_name(enum ps_heap_block state); /* "live" ... */
const char *ps_heap_method_name(enum ps_heap_method m);   /* "symbols" ... */
const char *ps_heap_key_source_name(enum ps_heap_key_source s);

/* One heap that was found. */
struct ps_heap_summary {
    uint64_t va;         /* of its _SEGMENT_HEAP */
    uint32_t n_segments; /* of it in the map */
    uint8_t pool;        /* enum ps_heap_pool */
};

/* How the map was made, for people. */
struct ps_heap_info {
    enum ps_heap_method method;
    enum ps_arch arch;
    const char *layout;     /* of _SEGMENT_HEAP, "19041" ...: the first build known to have it */
    const char *lfh_layout; /* of LFH subsegments; NULL: none was seen */
    const char *vs_layout;  /* of VS subsegments; NULL: none was seen */
    uint64_t heap_key, lfh_key;
    enum ps_heap_key_source heap_key_source, lfh_key_source;
    uint64_t signature_constant; /* in the signatures of segments */
    int has_constant;            /* is it known? */
    int lfh_shift_full;          /* LFH offsets are encoded as from 26100 on */
    uint32_t n_heaps;
    const struct ps_heap_summary *heap; /* n_heaps of them, the map's; NULL: not told */
    uint32_t n_segments;
    uint32_t n_segments_bad;   /* left out: signature or descriptors do not hold, or not readable */
    uint32_t n_lfh, n_lfh_bad; /* subsegments; bad: whose blocks can not be decided */
    uint32_t n_vs, n_vs_bad;   /* bad: of a sample, whose own header does not hold */
    uint32_t n_large;          /* allocations of whole pages */
    uint32_t n_over;           /* segments and subsegments beyond the bounds below */
};

const struct ps_heap_info *ps_heap_map_info(const struct ps_heap_map *map);

/* What bounds memory and work, whatever the image says: together 64 MiB, and 2 MiB of index. */
#define PS_HEAP_MAX_HEAPS    512u
#define PS_HEAP_MAX_SEGMENTS 16384u               /* a word for each of 256 units: 16 MiB */
#define PS_HEAP_MAX_RANGES   (UINT32_C(1) << 19)  /* subsegments, of 32 bytes: 16 MiB */
#define PS_HEAP_MAX_BITMAPS  (UINT32_C(16) << 20) /* bytes of LFH bitmaps */
#define PS_HEAP_MAX_FRAMES   (UINT32_C(2) << 20)  /* VS pages, with a word for each twice: 16 MiB */

#endif
