/* The pool tracker table of a system: the sum over its processors. */
#ifndef PS_SCAN_TRACKER_TABLE_H
#define PS_SCAN_TRACKER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/tracker/entry.h"
#include "scan/windows/paging/paging.h"

/* 2^20 slots and the one for what does not fit. */
#define PS_TRACKER_MAX_SLOTS  ((UINT32_C(1) << 20) + 1)
#define PS_TRACKER_MAX_TABLES 2048u
/* Slots that are read in all tables together; a system of 2048 processors has half as many. */
#define PS_TRACKER_MAX_READ (UINT64_C(1) << 24)

enum ps_tracker_method {
    PS_TRACKER_NOT_FOUND,
    PS_TRACKER_SYMBOLS,  /* the variable PoolTrackTable */
    PS_TRACKER_HASH,     /* a pointer in the data of the Windows kernel to entries where the tag
                          * hash has them */
    PS_TRACKER_COUNTERS, /* likewise, to entries whose counters agree with each other: XP */
};

/* "none", "symbols", "data-scan", "data-scan-counters". */
const char *ps_tracker_method_name(enum ps_tracker_method method);

struct ps_tracker_row {
    struct ps_tracker_entry entry; /* summed; entry.tag is not 0, except in the overflow row */
    uint8_t is_overflow;           /* from the last slot: tags that the table had no room for */
};

struct ps_tracker_table {
    enum ps_tracker_method method;
    const struct ps_tracker_layout *layout; /* NULL when nothing was found */
    uint64_t va;                            /* of the table that has the keys */
    uint64_t pointer_va;                    /* where that address was read; 0: nowhere */
    uint64_t cpus_va;                       /* of the array of pointers; 0: none found */
    uint64_t expansion_va;                  /* 0: none, or not known */
    uint32_t n_slots;                       /* a power of two and one */
    uint32_t n_keys;                        /* slots in use of the table at 'va' */
    uint32_t n_obey;                        /* of them: near the home that the hash gives */
    uint32_t n_expansion;                   /* slots in use of the expansion table */
    uint32_t n_tables;                      /* summed, the one at 'va' included */
    uint32_t n_tables_missing;              /* of which no page is there */
    uint32_t n_tables_over;                 /* not read: over PS_TRACKER_MAX_READ */
    uint64_t n_slots_lost;                  /* in all tables, on pages that are missing */
    uint64_t n_nameless;                    /* counters of a slot that no table has a key for */
    uint64_t n_candidates;                  /* places that were looked at as tables */
    uint64_t n_candidates_over;             /* and not looked at: there were too many */
    struct ps_tracker_row *row;             /* ascending by tag, each tag once */
    size_t n_rows;
};

void ps_tracker_table_free(struct ps_tracker_table *table);

/* The row of a tag, NULL when there is none. */
const struct ps_tracker_row *ps_tracker_table_find(const struct ps_tracker_table *table,
                                                   uint32_t tag);

/* Where the parts of a table are. */
struct ps_tracker_parts {
    const uint64_t *table_va; /* n_tables of them, at most PS_TRACKER_MAX_TABLES; the first one has
                               * the keys; one that stands here twice counts once */
    size_t n_tables;
    uint64_t expansion_va; /* 0: none */
    uint32_t n_expansion;  /* its slots, at most PS_TRACKER_MAX_SLOTS */
};

/* Read and sum. table->layout and n_slots (at most PS_TRACKER_MAX_SLOTS) are set; sets va, the rows
 * and the counts from n_keys to n_nameless. Pages that are missing cost their slots. PS_ENOMEM;
 * what was read so far is freed with the table. */
int ps_tracker_table_read(struct ps_tracker_table *table, struct ps_paging *paging,
                          const struct ps_tracker_parts *parts, struct ps_err *err);

#endif
