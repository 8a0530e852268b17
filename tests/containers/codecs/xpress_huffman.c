/* LZ77+Huffman. 256 bytes give the code lengths of 512 symbols, 4 bits each: 256 literals, then
 * matches by the number of bits of their offset (upper 4) and length - 3 (lower 4, 15 for more).
 * Codes stand in 16-bit words, the highest bit first. Lengths of more than 17 go on in whole bytes,
 * which stand between the words: a word is placed when the one before the last becomes full. */
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/containers/codecs/huffman.h"
#include "tests/containers/codecs/matches.h"
#include "tests/containers/out.h"

#define TABLE_BYTES 256u
#define END_SYMBOL  256u

struct token {
    uint16_t symbol;
    uint32_t offset, length; /* of a match; length 0: a literal, or the end */
};

struct bits {
    uint8_t *out;
    size_t n;         /* where the next byte or word goes */
    size_t word_at;   /* of the word that is filled */
    size_t second_at; /* of the one behind it */
    uint32_t word;
    int n_free;
};

static uint32_t high_bit(uint32_t value)
{
    uint32_t bit = 0;

    while (value >> (bit + 1))
        bit++;
    return bit;
}

static void put_bits(struct bits *b, uint32_t value, int n_bits)
{
    if (n_bits <= b->n_free) {
        b->n_free -= n_bits;
        b->word = b->word << n_bits | value;
        return;
    }
    n_bits -= b->n_free;
    set16(b->out + b->word_at, b->word << b->n_free | value >> n_bits);
    b->word_at = b->second_at;
    b->second_at = b->n;
    b->n += 2;
    b->n_free = 16 - n_bits;
    b->word = value & ((1u << n_bits) - 1);
}

static size_t tokenize(const uint8_t *in, size_t n_bytes, struct token *token, uint32_t *count)
{
    static struct matches m;
    size_t n = 0;
    uint32_t at = 0;

    matches_begin(&m, in, n_bytes);
    while (at < n_bytes) {
        const struct match found = matches_find(&m, at);
        struct token *t = &token[n++];

        *t = (struct token){in[at], 0, 0};
        if (found.length) {
            const uint32_t rest = found.length - MATCHES_LEAST;

            t->symbol = (uint16_t)(256 + (high_bit(found.offset) << 4 | (rest < 15 ? rest : 15)));
            t->offset = found.offset;
            t->length = found.length;
        }
        count[t->symbol]++;
        matches_add(&m, at, found.length ? found.length : 1);
        at += found.length ? found.length : 1;
    }
    token[n++] = (struct token){END_SYMBOL, 0, 0};
    count[END_SYMBOL]++;
    return n;
}

static void put_token(struct bits *b, const struct huffman *h, const struct token *t)
{
    const uint32_t rest = t->length - MATCHES_LEAST;
    const uint32_t n_bits = t->length ? high_bit(t->offset) : 0;

    put_bits(b, h->code[t->symbol], h->length[t->symbol]);
    if (t->length == 0)
        return;
    if (rest >= 15) {
        b->out[b->n++] = (uint8_t)(rest - 15 < 255 ? rest - 15 : 255);
        if (rest - 15 >= 255) {
            set16(b->out + b->n, rest);
            b->n += 2;
        }
    }
    put_bits(b, t->offset & ((1u << n_bits) - 1), (int)n_bits);
}

size_t encode_xpress_huffman(const uint8_t *in, size_t n_bytes, uint8_t *out)
{
    static struct token token[MATCHES_MAX_BYTES + 1];
    uint32_t count[HUFFMAN_SYMBOLS] = {0};
    struct huffman h;
    struct bits b = {.out = out,
                     .n = TABLE_BYTES + 4,
                     .word_at = TABLE_BYTES,
                     .second_at = TABLE_BYTES + 2,
                     .n_free = 16};
    const size_t n_tokens = tokenize(in, n_bytes, token, count);

    huffman_make(&h, count);
    for (uint32_t i = 0; i < TABLE_BYTES; i++)
        out[i] = (uint8_t)(h.length[2 * i] | h.length[2 * i + 1] << 4);
    for (size_t i = 0; i < n_tokens; i++)
        put_token(&b, &h, &token[i]);
    set16(out + b.word_at, b.word << b.n_free);
    set16(out + b.second_at, 0);
    return b.n;
}
