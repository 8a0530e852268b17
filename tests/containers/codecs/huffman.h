/* Prefix codes with lengths of 15 bits at most, in the order that both sides can make them from
 * the lengths alone: shorter ones first, then by symbol. */
#ifndef PS_TESTS_CONTAINERS_CODECS_HUFFMAN_H
#define PS_TESTS_CONTAINERS_CODECS_HUFFMAN_H

#include <stdint.h>

#define HUFFMAN_SYMBOLS 512u

struct huffman {
    uint8_t length[HUFFMAN_SYMBOLS]; /* bits; 0: the symbol does not occur */
    uint16_t code[HUFFMAN_SYMBOLS];
};

/* How often each symbol occurs, at least two of them at all. */
void huffman_make(struct huffman *h, const uint32_t count[HUFFMAN_SYMBOLS]);

#endif
