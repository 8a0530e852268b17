/* The ways in which Windows, and drivers that borrow its functions, pack memory (MS-XCA).
 *
 * Decoders of our own: libfwnt, which has all three, writes outside its buffers on damaged input
 * (docs/IMAGES.md). They keep no state, allocate nothing, and touch nothing outside 'in' and 'out';
 * any thread. err->at counts from 'in'. */
#ifndef PS_HOST_IMAGE_XPRESS_XPRESS_H
#define PS_HOST_IMAGE_XPRESS_XPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

/* LZNT1: up to n_out bytes, *n of them. A chunk that is followed by another one and gives fewer
 * than 4096 bytes is filled up with zeros. PS_EFORMAT for anything else that is not well formed,
 * and when there is more than n_out. */
int ps_lznt1_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out, size_t *n,
                    struct ps_err *err);

/* Plain Xpress (LZ77): exactly n_out bytes; what 'in' holds behind them is not looked at.
 * PS_EFORMAT when there are fewer, or for a match outside of 'out'. */
int ps_xpress_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out,
                     struct ps_err *err);

/* Xpress-Huffman: the same, for 65,536 bytes at most. */
int ps_xpress_huffman_unpack(const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out,
                             struct ps_err *err);

#endif
