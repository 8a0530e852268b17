#include "host/image/le.h"
#include "host/image/xpress/match.h"
#include "host/image/xpress/xpress.h"

#define SYMBOLS     512u
#define LITERALS    256u
#define TABLE_BYTES (SYMBOLS / 2)
#define MOST_BYTES  65536u /* after so many, another table would follow */
#define MAX_BITS    15u
#define FAST_BITS   11u

/* A canonical code: codes of one length follow each other in the order of their symbols. */
struct code {
    uint16_t fast[1u << FAST_BITS]; /* symbol << 4 | length, by the next bits; 0: it is longer */
    uint16_t symbol[SYMBOLS];       /* by length, then number */
    uint32_t first[MAX_BITS + 1];   /* the first code of each length, */
    uint32_t count[MAX_BITS + 1];   /* how many there are, */
    uint32_t at[MAX_BITS + 1];      /* and where its symbols begin */
};

static unsigned length_of(const uint8_t *table, unsigned symbol)
{
    return table[symbol / 2] >> (symbol % 2 * 4) & 15u;
}

/* Returns 0, or 1 when more codes are wanted than there are. */
static int number_codes(struct code *code, const uint8_t *table)
{
    uint32_t next[MAX_BITS + 1];
    uint32_t first = 0, at = 0;

    memset(code->count, 0, sizeof code->count);
    for (unsigned i = 0; i < SYMBOLS; i++)
        code->count[length_of(table, i)]++;
    code->count[0] = 0;
    for (unsigned bits = 1; bits <= MAX_BITS; bits++) {
        first <<= 1;
        code->first[bits] = first;
        code->at[bits] = next[bits] = at;
        first += code->count[bits];
        at += code->count[bits];
        if (first > 1u << bits)
            return 1;
    }
    for (unsigned i = 0; i < SYMBOLS; i++)
        if (length_of(table, i))
            code->symbol[next[length_of(table, i)]++] = (uint16_t)i;
    return 0;
}

static int make_code(struct code *code, const uint8_t *table)
{
    if (number_codes(code, table))
        return 1;
    memset(code->fast, 0, sizeof code->fast);
    for (unsigned bits = 1; bits <= FAST_BITS; bits++) {
        const unsigned n_each = 1u << (FAST_BITS - bits);
        uint16_t *to = code->fast + code->first[bits] * n_each;

        for (uint32_t i = 0; i < code->count[bits]; i++)
            for (unsigned k = 0; k < n_each; k++)
                *to++ = (uint16_t)(code->symbol[code->at[bits] + i] << 4 | bits);
    }
    return 0;
}

/* Bits come from words of 16, most significant first, two of which are always taken ahead; the
 * bytes that say long lengths lie between the words, where the encoder stood. */
struct bits {
    const uint8_t *in;
    size_t n_in;
    size_t at;
    uint32_t next;
    int n_spare; /* bits of 'next' beyond 16 */
    int is_over; /* more was wanted than there is */
};

static uint32_t next_word(struct bits *b)
{
    uint32_t word;

    if (b->n_in - b->at < 2) {
        b->at = b->n_in;
        b->is_over = 1;
        return 0;
    }
    word = ps_le16(b->in + b->at);
    b->at += 2;
    return word;
}

static void begin_bits(struct bits *b)
{
    b->next = next_word(b) << 16;
    b->next |= next_word(b);
    b->n_spare = 16;
}

/* n is below 16. */
static void skip_bits(struct bits *b, unsigned n)
{
    b->next <<= n;
    b->n_spare -= (int)n;
    if (b->n_spare < 0) {
        b->next |= next_word(b) << -b->n_spare;
        b->n_spare += 16;
    }
}

/* A symbol, or -1 for bits that are no code. */
static int symbol(struct bits *b, const struct code *code)
{
    const unsigned fast = code->fast[b->next >> (32 - FAST_BITS)];

    if (fast) {
        skip_bits(b, fast & 15);
        return (int)(fast >> 4);
    }
    for (unsigned bits = FAST_BITS + 1; bits <= MAX_BITS; bits++) {
        const uint32_t value = (b->next >> (32 - bits)) - code->first[bits];

        if (value < code->count[bits]) {
            skip_bits(b, bits);
            return code->symbol[code->at[bits] + value];
        }
    }
    return -1;
}

#define LENGTH_LEAST  3u
#define LENGTH_SYMBOL 15u  /* the most that a symbol says; then a byte goes on, */
#define LENGTH_BYTE   255u /* two bytes, and four if those are zero */

/* The whole length of a match that its symbol does not say; 0: damaged. */
static uint64_t long_length(struct bits *b)
{
    uint64_t length;

    if (b->n_in == b->at)
        return 0;
    length = b->in[b->at++];
    if (length < LENGTH_BYTE)
        return length + LENGTH_SYMBOL + LENGTH_LEAST;
    if (b->n_in - b->at < 2)
        return 0;
    length = ps_le16(b->in + b->at);
    b->at += 2;
    if (length == 0) {
        if (b->n_in - b->at < 4)
            return 0;
        length = ps_le32(b->in + b->at);
        b->at += 4;
    }
    return length < LENGTH_SYMBOL ? 0 : length + LENGTH_LEAST;
}

/* How many bytes it gave; 0: there is no such match. */
static size_t match(struct bits *b, unsigned which, uint8_t *out, size_t out_at, size_t n_out)
{
    const unsigned n_bits = which >> 4;
    uint64_t length = (which & LENGTH_SYMBOL) + LENGTH_LEAST;
    size_t back = (size_t)1 << n_bits;

    if ((which & LENGTH_SYMBOL) == LENGTH_SYMBOL)
        length = long_length(b);
    if (n_bits) {
        back += b->next >> (32 - n_bits);
        skip_bits(b, n_bits);
    }
    if (length == 0 || back > out_at || length > n_out - out_at)
        return 0;
    ps_match_copy(out + out_at, back, (size_t)length, n_out - out_at);
    return (size_t)length;
}

/* Returns 0, or 1 where it is damaged. */
static int unpack(struct bits *b, const struct code *code, uint8_t *out, size_t n_out)
{
    size_t at = 0;

    while (at < n_out) {
        const int s = b->is_over ? -1 : symbol(b, code);
        size_t n = 1;

        if (s < 0)
            return 1;
        if ((unsigned)s < LITERALS)
            out[at] = (uint8_t)s;
        else
            n = match(b, (unsigned)s - LITERALS, out, at, n_out);
        if (n == 0)
            return 1;
        at += n;
    }
    return 0;
}

int ps_xpress_huffman_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out,
                             struct ps_err *err)
{
    struct bits b = {.in = in, .n_in = n_in, .at = TABLE_BYTES};
    struct code code;

    if (n_out > MOST_BYTES)
        return ps_fail(err, PS_EFORMAT, 0, "Xpress-Huffman: %zu bytes are more than 65536", n_out);
    if (n_in < TABLE_BYTES || make_code(&code, in))
        return ps_fail(err, PS_EFORMAT, 0, "Xpress-Huffman: the table of codes is damaged");
    begin_bits(&b);
    if (unpack(&b, &code, out, n_out))
        return ps_fail(err, PS_EFORMAT, b.at, "Xpress-Huffman data are damaged");
    return 0;
}
