#include <lzma.h>
#include <stdlib.h>

#include "bench/decoders/decoders.h"

#define OUT_BYTES ((size_t)1 << 20)

/* The library's own decoder with threads: they help where the file has several blocks. */
uint64_t decode_xz(const struct packed_file *file)
{
    const lzma_mt mt = {.flags = LZMA_CONCATENATED,
                        .threads = file->n_threads,
                        .memlimit_threading = UINT64_MAX,
                        .memlimit_stop = UINT64_MAX};
    lzma_stream s = LZMA_STREAM_INIT;
    uint8_t *out = malloc(OUT_BYTES);
    uint64_t n_bytes;
    lzma_ret rc = LZMA_OK;

    if (!out || lzma_stream_decoder_mt(&s, &mt) != LZMA_OK)
        die("no memory for liblzma");
    s.next_in = file->bytes;
    s.avail_in = file->n_bytes;
    while (rc == LZMA_OK) {
        s.next_out = out;
        s.avail_out = OUT_BYTES;
        rc = lzma_code(&s, LZMA_FINISH);
    }
    if (rc != LZMA_STREAM_END)
        die("liblzma: damaged");
    n_bytes = s.total_out;
    lzma_end(&s);
    free(out);
    return n_bytes;
}
