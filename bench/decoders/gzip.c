#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#include "bench/decoders/decoders.h"

#define OUT_BYTES (1u << 20)

/* A gzip file can be entered at its beginning only, so one thread does all of it. */
uint64_t decode_gzip(const struct packed_file *file)
{
    uint8_t *out = malloc(OUT_BYTES);
    z_stream z = {0};
    uint64_t n_bytes = 0;
    size_t at = 0;

    if (!out || inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        die("no memory for zlib");
    for (;;) {
        const size_t left = file->n_bytes - at;
        int rc;

        z.next_in = (Bytef *)(uintptr_t)(file->bytes + at);
        z.avail_in = left < INT_MAX ? (uInt)left : INT_MAX;
        z.next_out = out;
        z.avail_out = OUT_BYTES;
        rc = inflate(&z, Z_NO_FLUSH);
        n_bytes += OUT_BYTES - z.avail_out;
        at = (size_t)(z.next_in - file->bytes);
        if (rc == Z_STREAM_END && at < file->n_bytes)
            rc = inflateReset(&z);
        else if (rc == Z_STREAM_END)
            break;
        if (rc != Z_OK)
            die("zlib: damaged");
    }
    inflateEnd(&z);
    free(out);
    return n_bytes;
}
