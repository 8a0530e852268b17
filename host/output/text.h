/* Text for the per-finding path. What many rows share is rendered once into a ps_text and copied
 * from there; what differs is formatted in place. Both are bounded: the caller has made room. */
#ifndef PS_HOST_OUTPUT_TEXT_H
#define PS_HOST_OUTPUT_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A text that grows. Its bytes are followed by PS_TEXT_SLACK readable ones. A failed allocation is
 * remembered in 'failed' and makes all later calls do nothing. Zero it to start. */
#define PS_TEXT_SLACK 32u

struct ps_text {
    char *s;
    size_t n;
    size_t cap;
    int failed;
};

void ps_text_add(struct ps_text *t, const char *s, size_t n);
void ps_text_free(struct ps_text *t);

/* Bytes in the UTF-8 sequence that starts at s[0 .. n-1], 0 when there is no valid one. */
size_t ps_utf8_sequence(const char *s, size_t n);

/* Add 's' as valid UTF-8: each byte that is not part of a valid sequence becomes \xNN. 'exact'
 * writes a backslash as \x5c, so that the original can be told from the result. */
enum ps_text_how { PS_TEXT_READABLE, PS_TEXT_EXACT };
void ps_text_add_utf8(struct ps_text *t, const char *s, enum ps_text_how how);

/* Add s[0 .. n-1], which is valid UTF-8, as a JSON string with its quotes, or as a field of
 * RFC 4180, in quotes when it needs them. */
void ps_text_add_json(struct ps_text *t, const char *s, size_t n);
void ps_text_add_csv(struct ps_text *t, const char *s, size_t n);

/* A part of a ps_text, by offset, for the text may move while it grows. */
struct ps_piece {
    uint32_t at;
    uint32_t n;
};

/* Write a piece to p. Short ones, nearly all, are copied with a fixed size: up to PS_TEXT_SLACK
 * bytes beyond the piece may be read and written. Returns the end of the piece. */
static inline char *ps_put_piece(char *p, const struct ps_text *t, struct ps_piece piece)
{
    if (piece.n <= PS_TEXT_SLACK)
        memcpy(p, t->s + piece.at, PS_TEXT_SLACK);
    else
        memcpy(p, t->s + piece.at, piece.n);
    return p + piece.n;
}

/* The eight hexadecimal digits of v as bytes in memory order, least address first (little-endian
 * host, as everywhere in this project): the nibbles are spread over the bytes of a qword. */
static inline uint64_t ps_hex_digits(uint32_t v)
{
    uint64_t x = v;
    uint64_t letters;

    x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
    x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
    x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    letters = (x + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    x += UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
    return __builtin_bswap64(x);
}

/* Write v as 0x and 8 digits; 0x and 16 digits. */
static inline char *ps_put_hex32(char *p, uint32_t v)
{
    uint64_t digits = ps_hex_digits(v);

    memcpy(p, "0x", 2);
    memcpy(p + 2, &digits, sizeof digits);
    return p + 10;
}

static inline char *ps_put_hex64(char *p, uint64_t v)
{
    uint64_t low = ps_hex_digits((uint32_t)v);

    p = ps_put_hex32(p, (uint32_t)(v >> 32));
    memcpy(p, &low, sizeof low);
    return p + 8;
}

/* Write v in decimal: at most 20 bytes. */
static inline char *ps_put_u64(char *p, uint64_t v)
{
    char digit[20];
    size_t n = 0;

    do {
        digit[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        *p++ = digit[--n];
    return p;
}

/* The same for 32 bits, whose divisions cost less: at most 10 bytes. */
static inline char *ps_put_u32(char *p, uint32_t v)
{
    char digit[10];
    size_t n = 0;

    do {
        digit[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        *p++ = digit[--n];
    return p;
}

#endif
