/* A large piece of memory of its own, which is filled little by little. */
#ifndef PS_HOST_IMAGE_MEMORY_ARENA_H
#define PS_HOST_IMAGE_MEMORY_ARENA_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Begin with all zero; private but for the first two. */
struct ps_arena {
    uint8_t *mem;   /* zeros, where nothing was written; aligned to 2 MiB */
    size_t n_bytes; /* rounded up to pages */

    atomic_uchar *is_there; /* by number of its 2 MiB */
    atomic_uint n_there;
    atomic_ullong ns;     /* that it took to have those */
    atomic_int has_small; /* pages from now on */
};

/* Takes addresses only: memory is taken when it is written to. 0: it cannot be had. */
int ps_arena_init(struct ps_arena *arena, uint64_t n_bytes);
/* The n_bytes at 'off', which lie inside, are about to be written: have the memory for it, at less
 * cost than the first touch of each page. Any thread. */
void ps_arena_prepare(struct ps_arena *arena, size_t off, size_t n_bytes);
/* Give back what lies behind the first n_bytes. */
void ps_arena_cut(struct ps_arena *arena, uint64_t n_bytes);
/* Give back the memory of whole pages whose content is not wanted any more. */
void ps_arena_forget(struct ps_arena *arena, size_t off, size_t n_bytes);
void ps_arena_fini(struct ps_arena *arena); /* accepts one that is all zero */

#endif
