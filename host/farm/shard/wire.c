#include "host/farm/shard/wire.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 4096u

uint8_t *ps_wire_room(struct ps_wire_out *w, size_t n)
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

void ps_wire_put_bytes(struct ps_wire_out *w, const void *bytes, size_t n)
{
    uint8_t *to = n ? ps_wire_room(w, n) : NULL;

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
