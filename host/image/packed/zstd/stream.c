#include "host/image/packed/zstd/stream.h"

#if PS_WITH_ZSTD

#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "host/image/le.h"
#include "host/image/packed/input.h"
#include "host/image/packed/whole.h"
#include "host/image/packed/zstd/frames.h"

/* No memory has more: 64 TiB. */
#define MOST_BYTES ((uint64_t)64 << 40)

/* "The output stays where it is": zstd.h has its name, ZSTD_d_stableOutBuffer, for static linking
 * only, and this one for all. A library that does not know it refuses it. */
#define STABLE_OUTPUT ZSTD_d_experimentalParam2

/* What one call in place unpacks at least, but at the end: who waits for it should not wait long.
 */
#define STEP_BYTES ((size_t)256 << 10)

struct zstd_stream {
    struct ps_input in;
    ZSTD_DCtx *context;
    int is_within; /* a frame */
    int is_ended;
    int is_in_place; /* the context is to unpack so */
    int is_checked;  /* what follows the last frame is an error */
};

static int cut_short(uint64_t at, struct ps_err *err)
{
    return ps_fail(err, PS_EFORMAT, at,
                   "zstd: the file ends too early, it is cut short at offset 0x%" PRIx64, at);
}

/* Padding behind the last frame, or whatever else it is, is no part of it. */
static int is_frame_next(struct zstd_stream *s, struct ps_err *err)
{
    const int rc = ps_input_peek(&s->in, PS_ZSTD_HEAD_MAX, err);
    const uint8_t *at = s->in.buf + s->in.at;

    if (rc < 0)
        return rc;
    return s->in.n - s->in.at >= 4 && (ps_le32(at) == PS_ZSTD_MAGIC || ps_zstd_is_skippable(at));
}

/* Between two frames. 1: done; 0: the library does not know how. */
static int set_in_place(struct zstd_stream *s, int in_place)
{
    if (s->is_in_place == in_place)
        return 1;
    ZSTD_DCtx_reset(s->context, ZSTD_reset_session_only);
    if (ZSTD_isError(ZSTD_DCtx_setParameter(s->context, STABLE_OUTPUT, in_place)))
        return 0;
    s->is_in_place = in_place;
    return 1;
}

/* How the next frame, if there is one, is unpacked, for which there are n_room bytes: in place if
 * it says that it has no more. */
static int begin_frame(struct zstd_stream *s, int may_be_in_place, size_t n_room,
                       struct ps_err *err)
{
    int rc = is_frame_next(s, err);
    unsigned long long n;

    s->is_ended = rc == 0;
    if (rc == 0 && s->is_checked)
        return ps_rest_check(s->in.bytes, &ps_zstd_parts, ps_input_off(&s->in), err);
    if (rc <= 0)
        return rc;
    n = ZSTD_getFrameContentSize(s->in.buf + s->in.at, s->in.n - s->in.at);
    set_in_place(s, may_be_in_place && n <= n_room);
    return 0;
}

static int decompress(struct zstd_stream *s, ZSTD_outBuffer *to, struct ps_err *err)
{
    ZSTD_inBuffer from;
    const size_t before = to->pos;
    size_t code;
    int rc = ps_input_fill(&s->in, err);

    if (rc < 0)
        return rc;
    from = (ZSTD_inBuffer){s->in.buf, s->in.n, s->in.at};
    code = ZSTD_decompressStream(s->context, to, &from);
    if (ZSTD_isError(code))
        return ps_zstd_bad_frame(code, ps_input_off(&s->in), err);
    if (code && from.pos == s->in.at && to->pos == before)
        return cut_short(ps_input_off(&s->in), err);
    s->in.at = from.pos;
    s->is_within = code != 0;
    return 0;
}

static int zstd_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct zstd_stream *s = arg;
    ZSTD_outBuffer to = {out, n_bytes, 0};
    int rc = 0;

    while (rc == 0 && to.pos < n_bytes && !s->is_ended) {
        if (!s->is_within)
            rc = begin_frame(s, 0, 0, err);
        if (rc == 0 && !s->is_ended)
            rc = decompress(s, &to, err);
    }
    *n = to.pos;
    return rc;
}

/* Is there more to do at once? A frame that is unpacked in place, and fills all there is, may still
 * have a checksum, or a block that is empty; any other needs room for whatever comes. */
static int goes_on(const struct zstd_stream *s, const ZSTD_outBuffer *to, size_t before)
{
    if (to->pos == to->size)
        return s->is_within && s->is_in_place;
    return to->pos - before < STEP_BYTES && !s->is_ended;
}

static int zstd_next_in(void *arg, uint8_t *mem, size_t n_mem, size_t *at, struct ps_err *err)
{
    struct zstd_stream *s = arg;
    const size_t before = *at;
    ZSTD_outBuffer to = {mem, n_mem, *at};
    int rc = 0;

    while (rc == 0 && goes_on(s, &to, before)) {
        if (!s->is_within)
            rc = begin_frame(s, 1, to.size - to.pos, err);
        if (rc == 0 && !s->is_ended)
            rc = decompress(s, &to, err);
    }
    *at = to.pos;
    return rc < 0 ? rc : !s->is_ended;
}

static int zstd_restart(void *arg, struct ps_err *err)
{
    struct zstd_stream *s = arg;
    struct ps_bytes *bytes = s->in.bytes;

    ps_input_fini(&s->in);
    ZSTD_DCtx_reset(s->context, ZSTD_reset_session_only);
    s->is_within = 0;
    s->is_ended = 0;
    return ps_input_init(&s->in, bytes, 0, err);
}

static uint64_t zstd_end(const void *arg)
{
    const struct zstd_stream *s = arg;

    return s->is_ended ? ps_input_off(&s->in) : UINT64_MAX;
}

static void free_stream(void *arg)
{
    struct zstd_stream *s = arg;

    ps_input_fini(&s->in);
    ZSTD_freeDCtx(s->context);
    free(s);
}

static struct zstd_stream *make_stream(const struct ps_packed *packed, struct ps_err *err)
{
    struct zstd_stream *s = calloc(1, sizeof *s);

    if (s)
        s->context = ZSTD_createDCtx();
    if (!s || !s->context || ps_input_init(&s->in, packed->bytes, 0, err) < 0) {
        if (s)
            ZSTD_freeDCtx(s->context);
        free(s);
        ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
        return NULL;
    }
    /* zstd --long writes windows that a decoder refuses unless it is told not to. */
    if (!packed->spec->max_unpacked)
        ZSTD_DCtx_setParameter(s->context, ZSTD_d_windowLogMax,
                               ZSTD_dParam_getBounds(ZSTD_d_windowLogMax).upperBound);
    return s;
}

/* What the first frame says, which is mostly the only one; 0: nothing. */
static uint64_t promised_bytes(const struct zstd_stream *s)
{
    const unsigned long long n = ZSTD_getFrameContentSize(s->in.buf + s->in.at, s->in.n - s->in.at);

    return n < MOST_BYTES ? n : 0;
}

int ps_zstd_stream_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct zstd_stream *s = make_stream(packed, err);
    struct ps_unpack_stream stream = {
        .name = "zstd",
        .n_packed = packed->bytes->n_bytes,
        .arg = s,
        .next = zstd_next,
        .next_in = zstd_next_in,
        .restart = zstd_restart,
        .free = free_stream,
    };
    int rc;

    if (!s)
        return -PS_ENOMEM;
    rc = ps_input_peek(&s->in, PS_ZSTD_HEAD_MAX, err);
    if (rc < 0) {
        free_stream(s);
        return rc;
    }
    stream.n_promised = promised_bytes(s);
    s->is_checked = ps_whole_may_flow(packed, &stream);
    return ps_whole_stream(out, packed, &stream, &(struct ps_stream_end){&ps_zstd_parts, zstd_end},
                           err);
}

#endif
