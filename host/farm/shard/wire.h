/* Little-endian fields, written one by one and read out of foreign bytes. */
#ifndef PS_HOST_FARM_SHARD_WIRE_H
#define PS_HOST_FARM_SHARD_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* A text that grows; begin with all zero, release 'p' with free(). 'failed' is set, and stays, when
 * memory is out; what is put then is lost. */
struct ps_wire_out {
    uint8_t *p;
    size_t n;
    size_t cap;
    int failed;
};

void ps_wire_put(struct ps_wire_out *w, uint64_t value, unsigned n_bytes);
void ps_wire_put_bytes(struct ps_wire_out *w, const void *bytes, size_t n);
/* Length in 32 bits, then the bytes. */
void ps_wire_put_text(struct ps_wire_out *w, const char *text);

/* Bytes that are left to read. 'bad' is set, and stays, when more was asked for than there is; what
 * is got then is zero. */
struct ps_wire_in {
    const uint8_t *p;
    size_t left;
    int bad;
};

uint64_t ps_wire_get(struct ps_wire_in *w, unsigned n_bytes);
/* The next n bytes; NULL: there are not so many. */
const uint8_t *ps_wire_get_bytes(struct ps_wire_in *w, size_t n);
/* A text of at most cap - 1 bytes without a zero in it, into text[cap]; else 'bad' is set. */
void ps_wire_get_text(struct ps_wire_in *w, char *text, size_t cap);

#endif
