/* Plain LZ77. A flag word stands in front of the 32 tokens it describes, the first in its highest
 * bit: 0 a literal byte, 1 a match of 16 bits, offset - 1 in the upper 13 and length - 3 in the
 * lower 3. Longer ones go on in a nibble (two matches share a byte, wherever the first one put it),
 * then in a byte, then in 16 bits. */
#include "tests/containers/codecs/codecs.h"
#include "tests/containers/codecs/matches.h"
#include "tests/containers/out.h"

#define WINDOW 8192u

struct tokens {
    uint8_t *out;
    size_t n;
    size_t flags_at;
    uint32_t flags;
    int n_flags;
    size_t nibble_at; /* of the byte whose upper half is free; 0: there is none */
};

static void add_flag(struct tokens *t, uint32_t flag)
{
    t->flags = t->flags << 1 | flag;
    if (++t->n_flags < 32)
        return;
    set32(t->out + t->flags_at, t->flags);
    t->flags_at = t->n;
    t->n += 4;
    t->n_flags = 0;
}

static void add_nibble(struct tokens *t, uint32_t value)
{
    if (t->nibble_at) {
        t->out[t->nibble_at] |= (uint8_t)(value << 4);
        t->nibble_at = 0;
    } else {
        t->nibble_at = t->n;
        t->out[t->n++] = (uint8_t)value;
    }
}

static void add_match(struct tokens *t, const struct match *m)
{
    const uint32_t length = m->length - 3;

    set16(t->out + t->n, (m->offset - 1) << 3 | (length < 7 ? length : 7));
    t->n += 2;
    if (length >= 7)
        add_nibble(t, length - 7 < 15 ? length - 7 : 15);
    if (length >= 7 + 15) {
        const uint32_t rest = length - 7 - 15;

        t->out[t->n++] = (uint8_t)(rest < 255 ? rest : 255);
        if (rest >= 255) {
            set16(t->out + t->n, length);
            t->n += 2;
        }
    }
    add_flag(t, 1);
}

size_t encode_xpress(const uint8_t *in, size_t n_bytes, uint8_t *out)
{
    static struct matches m;
    struct tokens t = {.out = out, .n = 4};
    uint32_t at = 0;

    matches_begin(&m, in, n_bytes);
    m.max_offset = WINDOW;
    while (at < n_bytes) {
        const struct match found = matches_find(&m, at);
        const uint32_t n = found.length ? found.length : 1;

        if (found.length) {
            add_match(&t, &found);
        } else {
            out[t.n++] = in[at];
            add_flag(&t, 0);
        }
        matches_add(&m, at, n);
        at += n;
    }
    /* The flags that nothing follows are ones. */
    if (t.n_flags == 0)
        t.flags = UINT32_MAX;
    else
        t.flags = t.flags << (32 - t.n_flags) | ((1u << (32 - t.n_flags)) - 1);
    set32(out + t.flags_at, t.flags);
    return t.n;
}
