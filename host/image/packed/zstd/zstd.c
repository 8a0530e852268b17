#include "host/image/packed/packing.h"

#include "host/image/le.h"
#include "host/image/packed/zstd/frames.h"

#if PS_WITH_ZSTD
#include <inttypes.h>
#include <stdlib.h>
#include <zstd.h>

#include "host/image/packed/whole.h"
#include "host/image/packed/zstd/stream.h"
#endif

#define SKIPPABLE_SMALL 24u

/* Frames to be skipped may come first, small ones: what is in them may be anybody's. */
static int zstd_probe(const uint8_t *head, size_t n_head)
{
    size_t at = 0;

    while (n_head - at >= PS_ZSTD_SKIPPABLE_HEAD && ps_zstd_is_skippable(head + at)) {
        const uint32_t n = ps_le32(head + at + 4);

        if (n > SKIPPABLE_SMALL || n > n_head - at - PS_ZSTD_SKIPPABLE_HEAD)
            return 0;
        at += PS_ZSTD_SKIPPABLE_HEAD + n;
    }
    return n_head - at >= 4 && ps_le32(head + at) == PS_ZSTD_MAGIC;
}

#if PS_WITH_ZSTD

static int zstd_worker_new(void *arg, void **worker, struct ps_err *err)
{
    (void)arg;
    *worker = ZSTD_createDCtx();
    return *worker ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static void zstd_worker_free(void *arg, void *worker)
{
    (void)arg;
    ZSTD_freeDCtx(worker);
}

static int zstd_unpack(void *arg, void *worker, const struct ps_block *block, size_t number,
                       const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    const size_t n = ZSTD_decompressDCtx(worker, out, block->n_bytes, in, block->packed_bytes);

    (void)arg;
    (void)number;
    if (ZSTD_isError(n))
        return ps_zstd_bad_frame(n, block->packed_off, err);
    if (n != block->n_bytes)
        return ps_fail(err, PS_EFORMAT, block->packed_off,
                       "zstd: the frame at offset 0x%" PRIx64 " has %zu bytes and says %" PRIu32,
                       block->packed_off, n, block->n_bytes);
    return 0;
}

static const struct ps_blocks_codec zstd_codec = {
    .prefix = "",
    .worker_new = zstd_worker_new,
    .worker_free = zstd_worker_free,
    .unpack = zstd_unpack,
};

/* 'end': behind the last frame of the list. */
static int open_blocks(struct ps_bytes **out, const struct ps_packed *packed,
                       const struct ps_block_list *list, uint64_t end, struct ps_err *err)
{
    struct ps_blocks_spec spec = {
        .codec = &zstd_codec,
        .block = list->block,
        .n_blocks = list->n,
    };

    ps_rest_note(packed, &ps_zstd_parts, end);
    return ps_whole_blocks(out, packed, "zstd", &spec, err);
}

static int zstd_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct ps_block_list list = {0};
    uint64_t end = 0;
    int rc = ps_zstd_list(packed->bytes, &list, &end, err);

    if (rc > 0) {
        rc = open_blocks(out, packed, &list, end, err);
        if (rc >= 0)
            return rc; /* which took the list */
    } else if (rc == 0) {
        rc = ps_zstd_stream_open(out, packed, err);
    }
    ps_block_list_free(&list);
    return rc;
}

static const char *zstd_version(void)
{
    return ZSTD_versionString();
}

#endif

const struct ps_packing ps_packing_zstd = {
    .name = "zstd",
    .library = "libzstd",
    .probe = zstd_probe,
#if PS_WITH_ZSTD
    .open = zstd_open,
    .version = zstd_version,
#endif
};
