/* Hibernation files: what the readers of both generations share.
 *
 * Pages lie in sets of up to 16, packed together. Windows 8 and later write which pages they are
 * before each set (sets.c); XP to 7 write tables of page numbers, each followed by the blocks that
 * it describes (tables.c). Both list the sets in an index, out of which the bytes that the runs
 * lead into are made. */
#ifndef PS_HOST_IMAGE_CONTAINERS_HIBER_HIBER_H
#define PS_HOST_IMAGE_CONTAINERS_HIBER_HIBER_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/blocks.h"
#include "host/image/containers/reader.h"
#include "scan/err.h"

#define PS_HIBER_PAGE       4096u
#define PS_HIBER_SET_PAGES  16u
#define PS_HIBER_HEAD_BYTES (4u + 8u * PS_HIBER_SET_PAGES) /* no head is longer */

/* How the head of a set is written. */
enum ps_hiber_form { PS_HIBER_SETS_X64, PS_HIBER_SETS_X86, PS_HIBER_BLOCKS };

enum ps_hiber_method { PS_HIBER_STORED, PS_HIBER_XPRESS, PS_HIBER_HUFFMAN };

/* One set: head, data, and what lies before the next one. */
struct ps_hiber_set {
    uint32_t n_head;
    uint32_t n_data;
    uint32_t n_padding;
    uint32_t n_pages;
    unsigned n_descriptors; /* of page numbers, in the head */
    enum ps_hiber_method method;
};

/* Read the head at 'in'. 1: *set is filled, its pages are 1 to 16 and its data no longer than
 * they; the data may lie outside of 'in'. 0: no set. The head of PS_HIBER_BLOCKS does not tell
 * how many pages there are: n_pages is what is left of them, or 16. */
int ps_hiber_head(enum ps_hiber_form form, const uint8_t *in, size_t n_in, uint32_t n_pages_left,
                  struct ps_hiber_set *set);

/* Sets in the order of the file. Begin with 'form' and zeros. */
struct ps_hiber_index {
    enum ps_hiber_form form;
    struct ps_block *block; /* each of sets that follow each other */
    size_t n;
    size_t cap;
    uint64_t n_bytes;    /* unpacked, so far */
    uint64_t end;        /* in the file, of the last set */
    int is_last_partial; /* the last set has fewer pages than its head tells */
};

/* Add the set whose head is at 'off': its pages are those from index->n_bytes on. PS_ENOMEM. */
int ps_hiber_index_add(struct ps_hiber_index *index, uint64_t off, const struct ps_hiber_set *set,
                       struct ps_err *err);
void ps_hiber_index_free(struct ps_hiber_index *index);
/* Make c->data, and empty the index. A set that is damaged reads as zeros and is named in the
 * log. PS_ENOMEM. */
int ps_hiber_index_open(struct ps_container *c, struct ps_hiber_index *index, struct ps_err *err);

/* Turn c->runs around: the reader adds them in the order in which Windows restores pages, of
 * which the last wins; of runs (host/image/runs.h) the first does. */
void ps_hiber_turn_runs(struct ps_container *c);

/* The n_bytes at 'off'; fewer where the file ends. Returns how many, or -PS_E.... */
int ps_hiber_read(const struct ps_container *c, uint64_t off, uint8_t *buf, size_t n_bytes,
                  struct ps_err *err);

/* Pages of the file, the last of which may be torn. */
uint64_t ps_hiber_file_pages(const struct ps_container *c);

/* Does a block of XP to 7 begin there? */
#define PS_HIBER_BLOCK_HEAD 32u
int ps_hiber_is_block(const uint8_t *in, size_t n_in);

/* Fill *c out of a file of Windows 8 or later; of XP to 7. PS_EFORMAT when there is no page. */
int ps_hiber_open_sets(struct ps_container *c, struct ps_err *err);
int ps_hiber_open_tables(struct ps_container *c, struct ps_err *err);

#endif
