/* What a container says: which bytes of it are which physical memory.
 *
 * Readers add runs as they stand in the file: in any order, of any size, at any address. From them
 * ps_runs_extents makes the extents of image.h, and this is the only place that deals with
 * overlap, with ends that are no page boundaries, with runs that reach past the end of the file,
 * and with holes of sparse files. */
#ifndef PS_HOST_IMAGE_RUNS_H
#define PS_HOST_IMAGE_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/image.h"
#include "scan/err.h"

struct ps_run {
    uint64_t phys;
    uint64_t n_bytes;
    uint64_t file_off; /* in the bytes that hold the pages (ps_container.data) */
};

/* Begin with all zero. */
struct ps_runs {
    struct ps_run *run;
    size_t n;
    size_t cap;
};

/* Physical addresses that any Windows or any container can mean: 52 bits. */
#define PS_PHYS_END (UINT64_C(1) << 52)

/* Append a run; one that continues the last one in memory and in the file makes it longer. Runs
 * of no bytes are dropped. PS_ENOMEM. */
int ps_runs_add(struct ps_runs *runs, uint64_t phys, uint64_t n_bytes, uint64_t file_off,
                struct ps_err *err);
void ps_runs_free(struct ps_runs *runs);

/* A page that the file does not hold in one piece: parts of it come from several runs, or are in
 * none and read as zeros. */
struct ps_piece_run {
    uint64_t phys;    /* any */
    uint32_t n_bytes; /* up to the end of the page at most */
    uint64_t file_off;
};

/* The outcome. Free with ps_layout_free. */
struct ps_layout {
    struct ps_extent *extent; /* ascending, apart from each other */
    size_t n;
    size_t cap;
    struct ps_piece_run *piece; /* of the extents that are PS_EXTENT_PIECES, ascending */
    size_t n_pieces;
    size_t pieces_cap;
    uint64_t n_covered;  /* bytes of memory that the runs have, holes of the file among them */
    uint64_t n_torn;     /* bytes present of pages that are there only in part */
    uint64_t n_missing;  /* bytes of runs past the end of the file, or past PS_PHYS_END */
    uint64_t n_overlaps; /* bytes of runs left out since an earlier run has that memory */
};

/* Make extents: an earlier run of the list wins where runs overlap; what is not in the file is
 * left out and counted; holes of the file (ops->data) are left out. PS_ENOMEM, and what ops->data
 * says. Takes O(n log n). */
int ps_runs_extents(const struct ps_runs *runs, struct ps_bytes *data, struct ps_layout *out,
                    struct ps_err *err);
void ps_layout_free(struct ps_layout *layout);
/* The extent that holds 'phys', or NULL. */
const struct ps_extent *ps_layout_find(const struct ps_layout *layout, uint64_t phys);

#endif
