#include "host/image/packed/packing.h"

#include <string.h>

#define PROBE_BYTES 12u

#if PS_WITH_LZMA
#include <inttypes.h>
#include <lzma.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/image/packed/input.h"
#include "host/image/packed/whole.h"
#endif

static int xz_probe(const uint8_t *head, size_t n_head)
{
    /* The magic, and stream flags of which only four bits are in use. */
    return n_head >= PROBE_BYTES &&
           !memcmp(head,
                   "\xfd"
                   "7zXZ\0\0",
                   7) &&
           head[7] < 16;
}

#if PS_WITH_LZMA

/* For the indexes of half a million blocks, or of some 20,000 streams: to join them takes the
 * square of their number. */
#define INDEX_MEMORY ((uint64_t)8 << 20)
/* LZMA makes some 7,000 zeros of one byte. */
#define MAX_RATIO     16384u
#define STREAM_MEMORY ((uint64_t)4 << 30)
#define LITTLE_MEMORY ((uint64_t)256 << 20)
#define ONE_BLOCK_MAX ((uint64_t)4 << 20)
#define FILTERS       (LZMA_FILTERS_MAX + 1)

static int bad_data(lzma_ret code, uint64_t at, struct ps_err *err)
{
    const char *what = "damaged data";

    if (code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR)
        return ps_fail(err, PS_ENOMEM, at, "xz: out of memory at offset 0x%" PRIx64, at);
    if (code == LZMA_BUF_ERROR)
        what = "the file ends too early, it is cut short";
    if (code == LZMA_OPTIONS_ERROR || code == LZMA_UNSUPPORTED_CHECK)
        what = "a filter or check that the library does not know";
    return ps_fail(err, PS_EFORMAT, at, "xz: %s at offset 0x%" PRIx64, what, at);
}

/* Read from the beginning on. */
struct xz_stream {
    struct ps_input in;
    lzma_stream lzma;
    unsigned n_threads;
    uint64_t memory;
    uint64_t end; /* behind the last stream, with is_ended */
    int is_ended;
};

static unsigned differ(const uint8_t *head)
{
    return (unsigned)(head[0] != 0xfd) + (head[1] != '7') + (head[2] != 'z') + (head[3] != 'X');
}

static const struct ps_parts streams = {"xz", "stream", differ};

static lzma_ret start_decoder(lzma_stream *lzma, unsigned n_threads, uint64_t memory)
{
    const lzma_mt mt = {
        .threads = n_threads,
        .memlimit_threading = memory,
        .memlimit_stop = memory,
    };

    if (n_threads == 1)
        return lzma_stream_decoder(lzma, memory, 0);
    return lzma_stream_decoder_mt(lzma, &mt);
}

/* Zeros, between streams and behind the last one. */
static int skip_padding(struct ps_input *in, struct ps_err *err)
{
    int rc;

    do {
        rc = ps_input_fill(in, err);
        while (rc == 0 && in->at < in->n && in->buf[in->at] == 0)
            in->at++;
    } while (rc == 0 && in->n && in->at == in->n);
    return rc;
}

/* The library knows how streams follow each other, too, but not where the last one ended. */
static int next_stream(struct xz_stream *s, struct ps_err *err)
{
    int rc;

    s->end = ps_input_off(&s->in);
    rc = skip_padding(&s->in, err);
    if (rc == 0)
        rc = ps_input_peek(&s->in, PROBE_BYTES, err);
    if (rc < 0)
        return rc;
    s->is_ended = !xz_probe(s->in.buf + s->in.at, s->in.n - s->in.at);
    if (!s->is_ended && start_decoder(&s->lzma, s->n_threads, s->memory) != LZMA_OK)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    return rc;
}

static uint64_t xz_end(const void *arg)
{
    const struct xz_stream *s = arg;

    return s->is_ended ? s->end : UINT64_MAX;
}

static int xz_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct xz_stream *s = arg;
    int rc = 0;

    s->lzma.next_out = out;
    s->lzma.avail_out = n_bytes;
    while (rc == 0 && s->lzma.avail_out && !s->is_ended) {
        lzma_ret code;

        rc = ps_input_fill(&s->in, err);
        if (rc < 0)
            break;
        s->lzma.next_in = s->in.buf + s->in.at;
        s->lzma.avail_in = s->in.n - s->in.at;
        code = lzma_code(&s->lzma, s->lzma.avail_in ? LZMA_RUN : LZMA_FINISH);
        s->in.at = s->in.n - s->lzma.avail_in;
        if (code == LZMA_STREAM_END)
            rc = next_stream(s, err);
        else if (code != LZMA_OK)
            rc = bad_data(code, ps_input_off(&s->in), err);
    }
    *n = n_bytes - s->lzma.avail_out;
    return rc;
}

static unsigned count_threads(const struct ps_image_spec *spec)
{
    const long n = spec->n_threads ? (long)spec->n_threads : sysconf(_SC_NPROCESSORS_ONLN);

    return n < 1 ? 1 : n > 256 ? 256 : (unsigned)n;
}

static int open_stream(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct xz_stream s = {
        .lzma = LZMA_STREAM_INIT,
        .n_threads = count_threads(packed->spec),
        .memory = packed->spec->max_unpacked ? LITTLE_MEMORY : STREAM_MEMORY,
    };
    const struct ps_unpack_stream stream = {
        .name = "xz",
        .n_packed = packed->bytes->n_bytes,
        .arg = &s,
        .next = xz_next,
    };
    int rc = ps_input_init(&s.in, packed->bytes, 0, err);

    if (rc >= 0 && start_decoder(&s.lzma, s.n_threads, s.memory) != LZMA_OK)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (rc >= 0)
        rc = ps_whole_stream(out, packed, &stream, &(struct ps_stream_end){&streams, xz_end}, err);
    lzma_end(&s.lzma);
    ps_input_fini(&s.in);
    return rc;
}

/* The index of all streams of a file; *index is NULL if it has none that is whole. */
static int read_index(struct ps_bytes *bytes, lzma_index **index, struct ps_err *err)
{
    lzma_stream lzma = LZMA_STREAM_INIT;
    struct ps_input in;
    lzma_ret code;
    int rc = ps_input_init(&in, bytes, 0, err);

    *index = NULL;
    code = rc < 0 ? LZMA_MEM_ERROR
                  : lzma_file_info_decoder(&lzma, index, INDEX_MEMORY, bytes->n_bytes);
    while (rc >= 0 && code == LZMA_OK) {
        rc = ps_cancel_check(err);
        if (rc >= 0)
            rc = ps_input_fill(&in, err);
        if (rc < 0)
            break;
        lzma.next_in = in.buf + in.at;
        lzma.avail_in = in.n - in.at;
        code = lzma_code(&lzma, LZMA_RUN);
        in.at = in.n - lzma.avail_in;
        if (code == LZMA_SEEK_NEEDED && lzma.seek_pos <= bytes->n_bytes) {
            in.off = lzma.seek_pos;
            in.at = in.n = 0;
            code = LZMA_OK;
        } else if (code == LZMA_OK && in.n == 0) {
            break;
        }
    }
    lzma_end(&lzma);
    ps_input_fini(&in);
    return rc;
}

/* What the blocks' own headers do not say: the check of the stream that each is in. */
struct xz_blocks {
    lzma_check *check;
};

static void blocks_free(void *arg)
{
    struct xz_blocks *x = arg;

    free(x->check);
    free(x);
}

/* A dictionary larger than the block is of no use, and takes memory. */
static void limit_dictionary(lzma_filter *filters, uint32_t n_bytes)
{
    for (size_t i = 0; filters[i].id != LZMA_VLI_UNKNOWN; i++) {
        lzma_options_lzma *options = filters[i].options;

        if (filters[i].id == LZMA_FILTER_LZMA2 && options->dict_size > n_bytes)
            options->dict_size = n_bytes < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : n_bytes;
    }
}

static lzma_ret unpack_block(lzma_block *block, const struct ps_block *b, const uint8_t *in,
                             uint8_t *out)
{
    size_t at_in = block->header_size, at_out = 0;
    lzma_ret code = lzma_block_header_decode(block, NULL, in);

    if (code != LZMA_OK)
        return code;
    limit_dictionary(block->filters, b->n_bytes);
    code = lzma_block_buffer_decode(block, NULL, in, &at_in, b->packed_bytes, out, &at_out,
                                    b->n_bytes);
    lzma_filters_free(block->filters, NULL);
    return code == LZMA_OK && at_out != b->n_bytes ? LZMA_DATA_ERROR : code;
}

static int xz_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                     const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    const struct xz_blocks *x = arg;
    lzma_filter filters[FILTERS];
    lzma_block b = {.version = 1, .check = x->check[number], .filters = filters};
    lzma_ret code = LZMA_DATA_ERROR;

    (void)worker;
    b.header_size = lzma_block_header_size_decode(in[0]);
    if (in[0] && b.header_size <= block->packed_bytes)
        code = unpack_block(&b, block, in, out);
    return code == LZMA_OK
               ? 0
               : bad_data(code == LZMA_BUF_ERROR ? LZMA_DATA_ERROR : code, block->packed_off, err);
}

static const struct ps_blocks_codec xz_codec = {
    .prefix = "",
    .unpack = xz_unpack,
    .free = blocks_free,
};

/* Are the blocks of the index such that each can be unpacked by itself? */
static int list_blocks(const lzma_index *index, struct ps_block_list *list, struct xz_blocks *x,
                       struct ps_err *err)
{
    lzma_index_iter i;
    int rc = 0;

    x->check = calloc(lzma_index_block_count(index) + 1, sizeof *x->check);
    if (!x->check)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    lzma_index_iter_init(&i, index);
    while (rc >= 0 && !lzma_index_iter_next(&i, LZMA_INDEX_ITER_NONEMPTY_BLOCK)) {
        const struct ps_block block = {
            .packed_off = i.block.compressed_file_offset,
            .packed_bytes = (uint32_t)i.block.total_size,
            .n_bytes = (uint32_t)i.block.uncompressed_size,
        };

        if (i.block.uncompressed_size > PS_BLOCK_MAX_BYTES || i.block.total_size > UINT32_MAX ||
            !ps_block_can_be(&block, MAX_RATIO))
            return 0;
        if (!i.block.uncompressed_size)
            continue;
        x->check[list->n] = i.stream.flags ? i.stream.flags->check : LZMA_CHECK_NONE;
        rc = ps_block_list_add(list, &block, err);
    }
    return rc < 0 ? rc : list->n > 1 || (list->n == 1 && list->block[0].n_bytes <= ONE_BLOCK_MAX);
}

/* 0: it has to be read from the beginning on. */
static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed,
                       const lzma_index *index, struct ps_err *err)
{
    struct xz_blocks *x = calloc(1, sizeof *x);
    struct ps_block_list list = {0};
    int rc = x ? list_blocks(index, &list, x, err)
               : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    if (rc > 0) {
        struct ps_blocks_spec spec = {
            .codec = &xz_codec,
            .arg = x,
            .block = list.block,
            .n_blocks = list.n,
        };

        rc = ps_whole_blocks(out, packed, "xz", &spec, err);
        if (rc >= 0)
            return 1;
    }
    ps_block_list_free(&list);
    if (x)
        blocks_free(x);
    return rc;
}

static int xz_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    lzma_index *index;
    int rc = read_index(packed->bytes, &index, err);

    if (rc >= 0 && index)
        rc = open_blocks(out, packed, index, err);
    lzma_index_end(index, NULL);
    if (rc == 0)
        rc = open_stream(out, packed, err);
    return rc < 0 ? rc : 0;
}

static const char *xz_version(void)
{
    return lzma_version_string();
}

#endif

const struct ps_packing ps_packing_xz = {
    .name = "xz",
    .library = "liblzma",
    .probe = xz_probe,
#if PS_WITH_LZMA
    .open = xz_open,
    .version = xz_version,
#endif
};
