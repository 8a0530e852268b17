#include <stdlib.h>
#include <zstd.h>

#include "bench/decoders/decoders.h"

struct frames {
    const uint8_t *at[1u << 16];
    size_t n_packed[1u << 16];
    size_t n;
    size_t largest; /* 0: some frame does not say */
};

#define OUT_BYTES ((size_t)1 << 20)

struct state {
    ZSTD_DCtx *context;
    uint8_t *out;
};

static uint64_t decode_frame(void *arg, void **state, size_t number)
{
    const struct frames *f = arg;
    struct state *s = *state;
    size_t n;

    if (!s) {
        *state = s = malloc(sizeof *s);
        if (!s)
            die("no memory");
        *s = (struct state){ZSTD_createDCtx(), malloc(f->largest)};
        if (!s->context || !s->out)
            die("no memory for zstd");
    }
    n = ZSTD_decompressDCtx(s->context, s->out, f->largest, f->at[number], f->n_packed[number]);
    if (ZSTD_isError(n))
        die("zstd: damaged");
    return n;
}

/* Of a frame that does not say how much is in it. */
static uint64_t stream_frame(void *arg, void **state, size_t number)
{
    const struct frames *f = arg;
    struct state *s = *state;
    ZSTD_inBuffer in = {f->at[number], f->n_packed[number], 0};
    uint64_t n_bytes = 0;
    size_t rc = 1;

    if (!s) {
        *state = s = malloc(sizeof *s);
        if (!s)
            die("no memory");
        *s = (struct state){ZSTD_createDCtx(), malloc(OUT_BYTES)};
        if (!s->context || !s->out)
            die("no memory for zstd");
    }
    while (rc != 0) {
        ZSTD_outBuffer out = {s->out, OUT_BYTES, 0};

        rc = ZSTD_decompressStream(s->context, &out, &in);
        if (ZSTD_isError(rc) || (rc != 0 && in.pos == in.size && out.pos == 0))
            die("zstd: damaged");
        n_bytes += out.pos;
    }
    return n_bytes;
}

static void list_frames(const struct packed_file *file, struct frames *f)
{
    size_t at = 0;
    int is_open = 0;

    while (at < file->n_bytes && f->n < sizeof f->at / sizeof *f->at) {
        const uint8_t *p = file->bytes + at;
        const size_t n = ZSTD_findFrameCompressedSize(p, file->n_bytes - at);
        const unsigned long long size = ZSTD_getFrameContentSize(p, file->n_bytes - at);

        if (ZSTD_isError(n))
            die("zstd: no frame");
        is_open |= size == ZSTD_CONTENTSIZE_UNKNOWN;
        if (size != 0 && size < ZSTD_CONTENTSIZE_ERROR && size > f->largest)
            f->largest = (size_t)size;
        f->at[f->n] = p;
        f->n_packed[f->n++] = n;
        at += n;
    }
    if (is_open)
        f->largest = 0;
}

static uint64_t decode_stream(const struct packed_file *file)
{
    const size_t n_out = ZSTD_DStreamOutSize();
    ZSTD_DCtx *context = ZSTD_createDCtx();
    uint8_t *out = malloc(n_out);
    ZSTD_inBuffer in = {file->bytes, file->n_bytes, 0};
    uint64_t n_bytes = 0;
    size_t rc = 0;

    if (!context || !out)
        die("no memory for zstd");
    while (in.pos < in.size || rc != 0) {
        ZSTD_outBuffer buffer = {out, n_out, 0};

        rc = ZSTD_decompressStream(context, &buffer, &in);
        if (ZSTD_isError(rc) || (in.pos == in.size && buffer.pos == 0 && rc != 0))
            die("zstd: damaged");
        n_bytes += buffer.pos;
    }
    ZSTD_freeDCtx(context);
    free(out);
    return n_bytes;
}

/* Frames by themselves if there are several. */
uint64_t decode_zstd(const struct packed_file *file)
{
    static struct frames frames;

    list_frames(file, &frames);
    if (frames.n < 2)
        return decode_stream(file);
    if (frames.largest == 0)
        return decode_pieces(stream_frame, &frames, frames.n, file->n_threads);
    return decode_pieces(decode_frame, &frames, frames.n, file->n_threads);
}
