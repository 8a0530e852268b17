/* The pages of the Windows kernel half that are in a page file. */
#ifndef PS_HOST_VIRTUAL_PAGED_OUT_H
#define PS_HOST_VIRTUAL_PAGED_OUT_H

#include "host/virtual/address_space.h"

struct ps_paged_out {
    uint64_t va;
    unsigned file;        /* number of the page file */
    uint64_t file_off;    /* in bytes */
    const uint8_t *bytes; /* PS_FRAME_BYTES of them, until the callback returns */
};

/* Reads of each page of a page file, on average, before no more are made: a page belongs to one
 * address, but a hostile image may name it in every entry of every table. */
#define PS_PAGED_OUT_READS 4u

struct ps_paged_out_counts {
    uint64_t n_entries; /* that name a page file */
    uint64_t n_read;    /* given to the callback */
    uint64_t n_missing; /* of a page file that is not given, behind its end, not readable, or beyond
                         * PS_PAGED_OUT_READS */
};

/* Read each of them that the page files of *as (--pagefile) have, ascending by address, and call
 * fn; not 0 ends it. Pages that only prototype entries lead to are not among them. Without page
 * tables or page files there are none to read. Reads one page at a time and keeps none. PS_ENOMEM.
 */
int ps_paged_out_each(const struct ps_address_space *as,
                      int (*fn)(void *arg, const struct ps_paged_out *page), void *arg,
                      struct ps_paged_out_counts *counts, struct ps_err *err);

#endif
