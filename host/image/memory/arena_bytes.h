/* Bytes that are all in an arena. */
#ifndef PS_HOST_IMAGE_MEMORY_ARENA_BYTES_H
#define PS_HOST_IMAGE_MEMORY_ARENA_BYTES_H

#include "host/image/bytes/bytes.h"
#include "host/image/memory/arena.h"
#include "scan/err.h"

/* The first n_bytes of it, at least one; what lies behind is given back. *arena moves into *out,
 * whose close frees it. PS_ENOMEM; then it is still the caller's. */
int ps_arena_bytes_open(struct ps_bytes **out, struct ps_arena *arena, uint64_t n_bytes,
                        struct ps_err *err);

#endif
