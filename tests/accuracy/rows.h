/* What a recipe planted and what a scan found, read from JSON lines. Shares nothing with scan/. */
#ifndef PS_TESTS_ACCURACY_ROWS_H
#define PS_TESTS_ACCURACY_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* What stands at a place; docs/ACCURACY.md defines the words. */
enum ps_acc_class {
    PS_ACC_LIVE,      /* allocated */
    PS_ACC_FREE,      /* freed, and its PoolType says so */
    PS_ACC_STALE,     /* freed, and its header does not show it */
    PS_ACC_LEFTOVER,  /* on a page that the pool has given back */
    PS_ACC_CONTENT,   /* inside a big allocation */
    PS_ACC_COPY,      /* on a page that copies another */
    PS_ACC_SECOND,    /* the header in front of cache-aligned data; the block has another */
    PS_ACC_DECOY,     /* no allocator wrote it */
    PS_ACC_UNPLANNED, /* of findings: nothing like it is planted there */
    PS_ACC_N_CLASSES,
};

enum ps_acc_status {
    PS_ACC_ALLOCATED,
    PS_ACC_FREED,
    PS_ACC_STALE_STATUS,
    PS_ACC_UNKNOWN,
    PS_ACC_N_STATUSES,
};

struct ps_acc_row {
    uint64_t place; /* physical address; in the page file, the virtual one */
    uint32_t tag, n_bytes;
    uint32_t line; /* planted: of the recipe */
    uint8_t is_paged_out;
    uint8_t class;      /* enum ps_acc_class; planted only */
    uint8_t status;     /* enum ps_acc_status; found only */
    uint8_t confidence; /* found only */
    const char *text;   /* the line it was read from, without an end: up to the newline */
    const struct ps_acc_row *partner; /* the same header in the other list */
};

struct ps_acc_rows {
    char *text;
    struct ps_acc_row *row; /* sorted by place */
    size_t n;
};

/* Lines of the recipe whose unmapped pages are leftovers. */
struct ps_acc_leftovers {
    uint32_t line[64];
    size_t n;
};

/* Read a file of JSON lines. What is no header is left out, and so is what is planted in a page
 * file and has no address. Exits with a message on errors. */
void ps_acc_read_planted(struct ps_acc_rows *rows, const char *path,
                         const struct ps_acc_leftovers *leftovers);
void ps_acc_read_found(struct ps_acc_rows *rows, const char *path);
void ps_acc_free(struct ps_acc_rows *rows);

/* Sets the partners: the same place, tag and size. A header that is found twice has one. */
void ps_acc_join(struct ps_acc_rows *planted, struct ps_acc_rows *found);

/* Class of a finding, by its partner. */
enum ps_acc_class ps_acc_class_of(const struct ps_acc_row *found);

#endif
