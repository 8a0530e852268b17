/* Encoders of MS-XCA, from its description of what a decoder expects. */
#ifndef PS_TESTS_CONTAINERS_CODECS_CODECS_H
#define PS_TESTS_CONTAINERS_CODECS_CODECS_H

#include <stddef.h>
#include <stdint.h>

/* Room that any of them needs for n bytes that cannot be made smaller. */
#define ENCODED_ROOM(n) ((n) + (n) / 4 + 1024)

/* Each encodes n_bytes (1 to 65,536) into 'out', which has ENCODED_ROOM of them, and returns how
 * many bytes it wrote; these may be more than came in. */

/* Plain LZ77: flags of 32 tokens, matches 8 KiB back. */
size_t encode_xpress(const uint8_t *in, size_t n_bytes, uint8_t *out);
/* LZ77+Huffman, one block of 64 KiB at most, matches anywhere in it. */
size_t encode_xpress_huffman(const uint8_t *in, size_t n_bytes, uint8_t *out);
/* LZNT1: chunks of 4 KiB, each compressed or stored. */
size_t encode_lznt1(const uint8_t *in, size_t n_bytes, uint8_t *out);

#endif
