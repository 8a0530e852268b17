/* Physical memory as scan/ sees it: what there is, and a way to read it.
 * host/virtual/image_memory.h gives one for an image file; tests give one for an array. */
#ifndef PS_SCAN_PHYSMEM_H
#define PS_SCAN_PHYSMEM_H

#include <stddef.h>
#include <stdint.h>

#define PS_FRAME_BYTES 4096u

/* A stretch of memory that is there. */
struct ps_phys_run {
    uint64_t phys;    /* a multiple of PS_FRAME_BYTES */
    uint64_t n_bytes; /* a multiple of PS_FRAME_BYTES, not 0 */
    uint64_t frame;   /* number of its first frame: how many frames the runs before it have */
};

/* Looks at memory in place. A page can vanish under it, which ends it anywhere: it allocates
 * nothing, takes no lock, and can be called again from the beginning. */
typedef void ps_look_fn(void *arg, const uint8_t *bytes, size_t n_bytes);

struct ps_physmem {
    /* Copy up to n_bytes at 'phys', any address, to buf. Returns how many of them, from the first
     * one on, could be read: less than n_bytes at the end of what is there or before a place that
     * cannot be read. Never fails otherwise. */
    size_t (*read)(void *arg, uint64_t phys, void *buf, size_t n_bytes);
    /* Let fn look at all of [phys, phys + n_bytes), inside one run, without a copy. Returns 1, or 0
     * if it could not, or not to the end: read it then. May be NULL. */
    int (*look)(void *arg, uint64_t phys, size_t n_bytes, ps_look_fn *fn, void *fn_arg);
    void *arg;                     /* of both */
    const struct ps_phys_run *run; /* ascending, not overlapping */
    size_t n_runs;
    uint64_t end; /* of the addresses that the image covers, where that is behind the last run: a
                   * file may end with a hole. 0: where the last run ends */
};

/* The end of what the image covers. */
uint64_t ps_physmem_end(const struct ps_physmem *mem);

/* The frames of all runs are numbered through, so that tables over them have no holes. */

/* Frames in all runs. */
uint64_t ps_physmem_frames(const struct ps_physmem *mem);
/* Number of the frame that holds 'phys', UINT64_MAX if it is not there. */
uint64_t ps_physmem_frame(const struct ps_physmem *mem, uint64_t phys);
/* Index of the first run that ends behind 'phys'; n_runs if there is none. */
size_t ps_physmem_run_at(const struct ps_physmem *mem, uint64_t phys);

#endif
