/* Pages of a chunk that may belong to the big-pool table, kept for whoever carves it. */
#ifndef PS_HOST_PIPELINE_KEEP_H
#define PS_HOST_PIPELINE_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

/* Copies of pages of one chunk. Begin with all zero, free with ps_kept_free. */
struct ps_kept_pages {
    uint8_t *bytes;  /* n pages, one behind the other */
    uint32_t *index; /* of each in the chunk */
    uint64_t *phys;  /* room for the address of each: whoever knows the chunk fills it */
    size_t n;
    size_t cap;      /* pages that 'bytes' and 'phys' have room for */
    size_t n_looked; /* pages that 'index' has room for */
};

/* Note in k->index which of the pages may belong to a table of one of 'arches' (PS_BIGPOOL_X86 |
 * PS_BIGPOOL_X64), k->n of them. ps_kept_room was called for n_pages before. Allocates nothing: fit
 * to run under the fault guard, as is ps_kept_copy, for which ps_kept_reserve made room. */
void ps_kept_look(struct ps_kept_pages *k, const uint8_t *pages, size_t n_pages, unsigned arches);
void ps_kept_copy(struct ps_kept_pages *k, const uint8_t *pages);

/* PS_ENOMEM. */
int ps_kept_room(struct ps_kept_pages *k, size_t n_pages, struct ps_err *err);
int ps_kept_reserve(struct ps_kept_pages *k, struct ps_err *err);

void ps_kept_free(struct ps_kept_pages *k);

#endif
