/* Little-endian fields, written one by one and read out of foreign bytes. */
#ifndef PS_HOST_FARM_SHARD_WIRE_H
#define PS_HOST_FARM_SHARD_WIRE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A text that grows; begin with all zero, release 'p' with free(). 'failed' is set, and stays, when
 * memory is out; what is put then is lost. */
struct ps_wire_out {
    uint8_t *p;
    size_t n;
    size_t cap;
    int failed;
};

/* Room for n bytes more, which become part of the text when 'n' is made to count them; NULL when
 * memory is out. */
uint8_t *ps_wire_room(struct ps_wire_out *w, size_t n);
void ps_wire_put_bytes(struct ps_wire_out *w, const void *bytes, size_t n);
/* Length in 32 bits, then the bytes. */
void ps_wire_put_text(struct ps_wire_out *w, const char *text);

/* The first n_bytes of a number, at most 8, at any address. */
static inline void ps_wire_store(uint8_t *to, uint64_t value, unsigned n_bytes)
{
    value = htole64(value);
    memcpy(to, &value, n_bytes);
}

static inline uint64_t ps_wire_load(const uint8_t *from, unsigned n_bytes)
{
    uint64_t value = 0;

    memcpy(&value, from, n_bytes);
    return le64toh(value);
}

static inline void ps_wire_put(struct ps_wire_out *w, uint64_t value, unsigned n_bytes)
{
    uint8_t *to = ps_wire_room(w, n_bytes);

    if (to) {
        ps_wire_store(to, value, n_bytes);
        w->n += n_bytes;
    }
}

/* Bytes that are left to read. 'bad' is set, and stays, when more was asked for than there is; what
 * is got then is zero. */
struct ps_wire_in {
    const uint8_t *p;
    size_t left;
    int bad;
};

/* The next n bytes; NULL: there are not so many. */
static inline const uint8_t *ps_wire_get_bytes(struct ps_wire_in *w, size_t n)
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

static inline uint64_t ps_wire_get(struct ps_wire_in *w, unsigned n_bytes)
{
    const uint8_t *from = ps_wire_get_bytes(w, n_bytes);

    return from ? ps_wire_load(from, n_bytes) : 0;
}

/* A text of at most cap - 1 bytes without a zero in it, into text[cap]; else 'bad' is set. */
void ps_wire_get_text(struct ps_wire_in *w, char *text, size_t cap);

#endif
