#include "host/image/packed/rest.h"

#include <inttypes.h>
#include <stddef.h>

#include "host/cancel.h"

#define PIECE_BYTES ((size_t)16 << 10)
/* Signatures and the like are smaller, and most of what a lost part is of is larger. */
#define LOSS_BYTES ((uint64_t)16 << 10)

static size_t count_zeros(const uint8_t *bytes, size_t n_bytes)
{
    size_t n = 0;

    while (n < n_bytes && bytes[n] == 0)
        n++;
    return n;
}

/* *at: the first byte from 'end' on that is not zero; the end of all if there is none. */
static int skip_zeros(struct ps_bytes *bytes, uint64_t end, uint64_t *at, struct ps_err *err)
{
    uint8_t piece[PIECE_BYTES];

    for (*at = end; *at < bytes->n_bytes;) {
        const uint64_t left = bytes->n_bytes - *at;
        const size_t n = left < sizeof piece ? (size_t)left : sizeof piece;
        size_t n_zeros;
        int rc = ps_cancel_check(err);

        if (rc == 0)
            rc = bytes->ops->read(bytes, *at, piece, n, err);
        if (rc < 0)
            return rc;
        n_zeros = count_zeros(piece, n);
        *at += n_zeros;
        if (n_zeros < n)
            return 0;
    }
    return 0;
}

/* 1 if a part begins at 'at', or what was one. */
static int is_part(struct ps_bytes *bytes, const struct ps_parts *parts, uint64_t at)
{
    const uint64_t left = bytes->n_bytes - at;
    uint8_t head[4] = {0};
    struct ps_err ignored;

    return bytes->ops->read(bytes, at, head, left < sizeof head ? (size_t)left : sizeof head,
                            &ignored) < 0 ||
           parts->differ(head) <= 1;
}

void ps_rest_note(const struct ps_packed *packed, const struct ps_parts *parts, uint64_t end)
{
    struct ps_bytes *bytes = packed->bytes;
    const uint64_t n_bytes = bytes->n_bytes;
    struct ps_err unreadable;
    uint64_t at = end;
    int rc = skip_zeros(bytes, end, &at, &unreadable);

    if (rc == -PS_ECANCEL || rc == -PS_ETEMP || at == n_bytes)
        return;
    if (is_part(bytes, parts, end)) /* of which the first byte may be a zero now */
        at = end;
    if (rc < 0 || n_bytes - at >= LOSS_BYTES || is_part(bytes, parts, at))
        ps_notes_add(packed->notes, PS_NOTE_LOSS,
                     "%s: no whole %s at offset 0x%" PRIx64 ": the last %" PRIu64 " of %" PRIu64
                     " packed bytes are lost; the file is cut short or damaged",
                     parts->packing, parts->name, at, n_bytes - at, n_bytes);
    else
        ps_notes_add(packed->notes, PS_NOTE_WARNING,
                     "%s: the last %" PRIu64 " of %" PRIu64 " packed bytes, from offset 0x%" PRIx64
                     " on, are no %s and were not unpacked",
                     parts->packing, n_bytes - at, n_bytes, at, parts->name);
}

int ps_rest_check(struct ps_bytes *bytes, const struct ps_parts *parts, uint64_t end,
                  struct ps_err *err)
{
    uint64_t at;
    int rc = skip_zeros(bytes, end, &at, err);

    if (rc < 0 || at == bytes->n_bytes)
        return rc;
    return ps_fail(err, PS_EFORMAT, at, "%s: no %s at offset 0x%" PRIx64, parts->packing,
                   parts->name, at);
}
