#include "host/farm/shard/wire.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096u

static uint8_t *room(struct ps_wire_out *w, size_t n)
{
    if (!w->failed && n > w->cap - w->n) {
        size_t cap = w->cap ? w->cap : FIRST_BYTES;
        uint8_t *larger = NULL;

        while (n > cap - w->n && cap <= SIZE_MAX / 2)
            cap *= 2;
        if (n <= cap - w->n)
            larger = realloc(w->p, cap);
        w->failed = !larger;
        if (larger) {
            w->p = larger;
            w->cap = cap;
        }
    }
    return w->failed ? NULL : w->p + w->n;
}

void ps_wire_put(struct ps_wire_out *w, uint64_t value, unsigned n_bytes)
{
    uint8_t *to = room(w, n_bytes);

    if (!to)
        return;
    for (unsigned i = 0; i < n_bytes; i++)
        to[i] = (uint8_t)(value >> (8 * i));
    w->n += n_bytes;
}

void ps_wire_put_bytes(struct ps_wire_out *w, const void *bytes, size_t n)
{
    uint8_t *to = n ? room(w, n) : NULL;

    if (!to)
        return;
    memcpy(to, bytes, n);
    w->n += n;
}

void ps_wire_put_text(struct ps_wire_out *w, const char *text)
{
    const size_t n = strlen(text);

    ps_wire_put(w, n, 4);
    ps_wire_put_bytes(w, text, n);
}

const uint8_t *ps_wire_get_bytes(struct ps_wire_in *w, size_t n)
{
    const uint8_t *from = w->p;

    if (w->bad || n > w->left) {
        w->bad = 1;
        return NULL;
    }
    w->p += n;
    w->left -= n;
    return from;
}

uint64_t ps_wire_get(struct ps_wire_in *w, unsigned n_bytes)
{
    const uint8_t *from = ps_wire_get_bytes(w, n_bytes);
    uint64_t value = 0;

    for (unsigned i = 0; from && i < n_bytes; i++)
        value |= (uint64_t)from[i] << (8 * i);
    return value;
}

void ps_wire_get_text(struct ps_wire_in *w, char *text, size_t cap)
{
    const size_t n = (size_t)ps_wire_get(w, 4);
    const uint8_t *from = n < cap ? ps_wire_get_bytes(w, n) : NULL;

    text[0] = '\0';
    if (!from || memchr(from, '\0', n)) {
        w->bad = 1;
        return;
    }
    memcpy(text, from, n);
    text[n] = '\0';
}
