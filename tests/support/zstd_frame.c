#include "tests/support/zstd_frame.h"

#include <criterion/criterion.h>
#include <zstd.h>

size_t ps_put_zstd_frame(struct ps_packed_buffer *b, const uint8_t *data, size_t n, int says_size)
{
    ZSTD_CCtx *context = ZSTD_createCCtx();
    const size_t room = ZSTD_compressBound(n);
    size_t got;

    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, says_size);
    got = ZSTD_compress2(context, ps_packed_room(b, room), room, data, n);
    cr_assert(!ZSTD_isError(got));
    b->n += got;
    ZSTD_freeCCtx(context);
    return got;
}
