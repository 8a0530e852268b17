#include <libewf.h>
#include <stdlib.h>

#include "bench/decoders/decoders.h"

#define PIECE_BYTES ((size_t)1 << 20)

struct ewf {
    const char *path;
    size64_t n_bytes;
};

struct state {
    libewf_handle_t *handle;
    uint8_t *out;
};

static libewf_handle_t *open_handle(const char *path)
{
    libewf_handle_t *handle = NULL;
    char *name[] = {(char *)(uintptr_t)path};

    if (libewf_handle_initialize(&handle, NULL) != 1 ||
        libewf_handle_open(handle, name, 1, LIBEWF_OPEN_READ, NULL) != 1)
        die("libewf: cannot open the file");
    return handle;
}

static uint64_t decode_piece(void *arg, void **state, size_t number)
{
    const struct ewf *ewf = arg;
    const uint64_t off = (uint64_t)number * PIECE_BYTES;
    const size_t n = ewf->n_bytes - off < PIECE_BYTES ? (size_t)(ewf->n_bytes - off) : PIECE_BYTES;
    struct state *s = *state;

    if (!s) {
        *state = s = malloc(sizeof *s);
        if (!s)
            die("no memory");
        *s = (struct state){open_handle(ewf->path), malloc(PIECE_BYTES)};
        if (!s->out)
            die("no memory");
    }
    if (libewf_handle_read_random(s->handle, s->out, n, (off64_t)off, NULL) != (ssize_t)n)
        die("libewf: cannot read");
    return n;
}

/* A handle for each thread: libewf is not safe for several with one. */
uint64_t decode_ewf(const struct packed_file *file)
{
    struct ewf ewf = {.path = file->path};
    libewf_handle_t *handle = open_handle(file->path);

    if (libewf_handle_get_media_size(handle, &ewf.n_bytes, NULL) != 1)
        die("libewf: no size");
    libewf_handle_close(handle, NULL);
    libewf_handle_free(&handle, NULL);
    return decode_pieces(decode_piece, &ewf,
                         (size_t)((ewf.n_bytes + PIECE_BYTES - 1) / PIECE_BYTES), file->n_threads);
}
