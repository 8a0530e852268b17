#include "tests/containers/codecs/matches.h"

#include <string.h>

#include "tests/containers/fail.h"

#define TRIES 4

void matches_begin(struct matches *m, const uint8_t *bytes, size_t n_bytes)
{
    if (n_bytes > MATCHES_MAX_BYTES)
        fail("%zu bytes are too many for one piece", n_bytes);
    m->bytes = bytes;
    m->n_bytes = (uint32_t)n_bytes;
    m->max_offset = MATCHES_MAX_BYTES - 1;
    m->max_length = MATCHES_MAX_BYTES;
    memset(m->head, 0xff, sizeof m->head);
}

static uint32_t hash(const uint8_t *at)
{
    return (at[0] * 0x9e5fu ^ at[1] * 0x3b1u ^ at[2] * 0x1du) & 4095;
}

static uint32_t common(const struct matches *m, uint32_t from, uint32_t at)
{
    uint32_t n = 0;

    while (at + n < m->n_bytes && n < m->max_length && m->bytes[from + n] == m->bytes[at + n])
        n++;
    return n;
}

struct match matches_find(const struct matches *m, uint32_t at)
{
    struct match best = {0, 0};
    int32_t from;

    if (m->n_bytes - at < MATCHES_LEAST)
        return best;
    from = m->head[hash(m->bytes + at)];
    for (int i = 0; i < TRIES && from >= 0 && at - (uint32_t)from <= m->max_offset; i++) {
        const uint32_t length = common(m, (uint32_t)from, at);

        if (length >= MATCHES_LEAST && length > best.length)
            best = (struct match){at - (uint32_t)from, length};
        from = m->previous[from];
    }
    return best;
}

void matches_add(struct matches *m, uint32_t at, uint32_t n)
{
    for (; n > 0 && m->n_bytes - at >= MATCHES_LEAST; at++, n--) {
        int32_t *head = &m->head[hash(m->bytes + at)];

        m->previous[at] = *head;
        *head = (int32_t)at;
    }
}
