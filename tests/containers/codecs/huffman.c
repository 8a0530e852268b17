#include "tests/containers/codecs/huffman.h"

#include <string.h>

#define MAX_LENGTH 15

/* A tree of the symbols that occur; node 0 to 511 are the symbols, the rest what was put together.
 */
struct tree {
    uint64_t weight[2 * HUFFMAN_SYMBOLS]; /* 0: not there, or already below another */
    uint16_t parent[2 * HUFFMAN_SYMBOLS];
    uint32_t n;
};

static int lightest(const struct tree *t)
{
    int best = -1;

    for (uint32_t i = 0; i < t->n; i++)
        if (t->weight[i] && (best < 0 || t->weight[i] < t->weight[best]))
            best = (int)i;
    return best;
}

static void put_together(struct tree *t)
{
    for (;;) {
        const int a = lightest(t);
        const uint64_t weight = t->weight[a];
        int b;

        t->weight[a] = 0;
        b = lightest(t);
        if (b < 0)
            return;
        t->weight[t->n] = weight + t->weight[b];
        t->weight[b] = 0;
        t->parent[a] = t->parent[b] = (uint16_t)t->n++;
    }
}

static int longest(struct huffman *h, const struct tree *t, const uint32_t *count)
{
    int most = 0;

    for (uint32_t i = 0; i < HUFFMAN_SYMBOLS; i++) {
        int length = 0;

        for (uint32_t at = i; count[i] && at != t->n - 1; at = t->parent[at])
            length++;
        h->length[i] = (uint8_t)length;
        most = length > most ? length : most;
    }
    return most;
}

static void number_codes(struct huffman *h)
{
    uint32_t code = 0;

    for (int length = 1; length <= MAX_LENGTH; length++) {
        for (uint32_t i = 0; i < HUFFMAN_SYMBOLS; i++)
            if (h->length[i] == length)
                h->code[i] = (uint16_t)code++;
        code <<= 1;
    }
}

void huffman_make(struct huffman *h, const uint32_t count[HUFFMAN_SYMBOLS])
{
    static struct tree t;

    /* Codes that are too long become shorter when rare symbols count for more. */
    for (uint32_t least = 0;; least = 2 * least + 1) {
        memset(&t, 0, sizeof t);
        t.n = HUFFMAN_SYMBOLS;
        for (uint32_t i = 0; i < HUFFMAN_SYMBOLS; i++)
            t.weight[i] = count[i] ? (uint64_t)count[i] + least : 0;
        put_together(&t);
        if (longest(h, &t, count) <= MAX_LENGTH)
            break;
    }
    number_codes(h);
}
