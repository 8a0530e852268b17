/* What a compression library reaches by itself: each of these unpacks a whole file and throws the
 * bytes away. Nothing of host/image is included. A failure ends the program. */
#ifndef PS_BENCH_DECODERS_DECODERS_H
#define PS_BENCH_DECODERS_DECODERS_H

#include <stddef.h>
#include <stdint.h>

struct packed_file {
    const char *path;
    const uint8_t *bytes; /* mapped, and in memory */
    size_t n_bytes;
    unsigned n_threads; /* that unpack, where the file can be entered at several places */
};

/* How many bytes came out. */
typedef uint64_t decode_fn(const struct packed_file *file);
decode_fn decode_gzip, decode_zstd, decode_lz4, decode_xz, decode_ewf;
/* Nothing is unpacked: as much memory as the file has bytes is new, and written to. */
decode_fn decode_memory;

/* Unpack piece 'number'; returns its bytes. *state: begins as NULL in each thread, kept for it. */
typedef uint64_t piece_fn(void *arg, void **state, size_t number);
/* All pieces on so many threads, in order of their numbers; what came out of all. */
uint64_t decode_pieces(piece_fn *fn, void *arg, size_t n_pieces, unsigned n_threads);

_Noreturn void die(const char *what);

#endif
