/* The file that a container is written to. Every failure ends the program. */
#ifndef PS_TESTS_CONTAINERS_OUT_H
#define PS_TESTS_CONTAINERS_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/containers/ram_map.h"

struct out {
    FILE *file;
    const char *path;
    uint64_t at; /* bytes from the beginning */
};

void out_open(struct out *out, const char *path);
void out_close(struct out *out);

void out_bytes(struct out *out, const void *bytes, size_t n_bytes);
void out_zeros(struct out *out, uint64_t n_bytes);
void out_align(struct out *out, uint64_t n_bytes); /* zeros up to a multiple of n_bytes */
/* Go to a later offset; what lies between reads as zeros and takes no space. */
void out_skip_to(struct out *out, uint64_t at);
/* What memory holds. */
void out_ram(struct out *out, const struct ram_map *ram, uint64_t phys, uint64_t n_bytes);

/* Little-endian numbers. */
void set16(uint8_t *at, uint32_t value);
void set32(uint8_t *at, uint32_t value);
void set64(uint8_t *at, uint64_t value);
/* 4 or 8 bytes of it. */
void set_word(uint8_t *at, uint64_t value, int n_bytes);

#endif
