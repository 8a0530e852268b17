#include "host/image/memory/arena_bytes.h"

#include <stdlib.h>
#include <string.h>

struct arena_bytes {
    struct ps_bytes bytes;
    struct ps_arena arena;
};

static int arena_read(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                      struct ps_err *err)
{
    (void)err;
    memcpy(buf, ((struct arena_bytes *)bytes)->arena.mem + off, n_bytes);
    return 0;
}

static const uint8_t *arena_map(struct ps_bytes *bytes, uint64_t off, size_t n_bytes)
{
    if (off % 8 || off > bytes->n_bytes || n_bytes > bytes->n_bytes - off)
        return NULL;
    return ((struct arena_bytes *)bytes)->arena.mem + off;
}

static void arena_close(struct ps_bytes *bytes)
{
    ps_arena_fini(&((struct arena_bytes *)bytes)->arena);
    free(bytes);
}

static const struct ps_bytes_ops ops = {
    .stays = 1,
    .prefix = "",
    .read = arena_read,
    .map = arena_map,
    .close = arena_close,
};

int ps_arena_bytes_open(struct ps_bytes **out, struct ps_arena *arena, uint64_t n_bytes,
                        struct ps_err *err)
{
    struct arena_bytes *a = calloc(1, sizeof *a);

    if (!a)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    ps_arena_cut(arena, n_bytes);
    /* Whoever filled it may have used more than it took: a last page ends in zeros. */
    memset(arena->mem + n_bytes, 0, arena->n_bytes - (size_t)n_bytes);
    a->bytes = (struct ps_bytes){&ops, n_bytes};
    a->arena = *arena;
    *arena = (struct ps_arena){0};
    *out = &a->bytes;
    return 0;
}
