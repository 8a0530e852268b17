#include <sys/mman.h>

#include "bench/decoders/decoders.h"

#define PAGE        4096u
#define PIECE_BYTES ((size_t)2 << 20)

struct memory {
    volatile uint8_t *bytes;
    size_t n_bytes;
};

static uint64_t touch_piece(void *arg, void **state, size_t number)
{
    const struct memory *m = arg;
    const size_t first = number * PIECE_BYTES;
    const size_t left = m->n_bytes - first;
    const size_t n = left < PIECE_BYTES ? left : PIECE_BYTES;

    (void)state;
    for (size_t at = 0; at < n; at += PAGE)
        m->bytes[first + at] = 1;
    return n;
}

uint64_t decode_memory(const struct packed_file *file)
{
    struct memory m = {.n_bytes = file->n_bytes};
    void *mem = mmap(NULL, m.n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (mem == MAP_FAILED)
        die("out of memory");
    m.bytes = mem;
    return decode_pieces(touch_piece, &m, (m.n_bytes + PIECE_BYTES - 1) / PIECE_BYTES,
                         file->n_threads);
}
