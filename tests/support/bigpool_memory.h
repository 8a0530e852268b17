/* A big-pool table in a small memory with page tables of its own; shares no code with scan/. */
#ifndef PS_TESTS_SUPPORT_BIGPOOL_MEMORY_H
#define PS_TESTS_SUPPORT_BIGPOOL_MEMORY_H

#include <stdint.h>

#include "tests/support/rng.h"
#include "tests/support/small_memory.h"

enum { MADE_FOLD, MADE_MUL32, MADE_MUL64 };
enum { MADE_PAGES, MADE_TYPE, MADE_PACKED };

#define MADE_DATA_PAGE  1u /* of the window that is mapped */
#define MADE_TABLE_PAGE 16u
#define MADE_MAX_ROWS   512u

struct made_row {
    uint32_t slot;
    uint64_t va;
    uint64_t n_bytes;
    uint32_t tag;
    int is_free;
};

/* Set the first five, the rest is filled in. */
struct made_table {
    int is_x64;
    uint32_t entry_bytes;
    int word;
    int hash;
    uint32_t n_slots;
    uint64_t va;
    struct made_row row[MADE_MAX_ROWS];
    uint32_t n_rows;
    uint8_t bytes[24 * PS_FRAME_BYTES];
};

/* An empty memory whose page tables map nothing but can map the window. */
void made_memory(struct small_memory *m, int is_x64);
/* CR3, and the address of a page of the window. */
#define MADE_ROOT (UINT64_C(1) * PS_FRAME_BYTES)
uint64_t made_va(int is_x64, uint32_t page);
void made_map(struct small_memory *m, int is_x64, uint32_t page, uint64_t frame);
void made_unmap(struct small_memory *m, int is_x64, uint32_t page);

/* A table of n_rows rows that is to lie at page 'page' of the window; with_self: it lists itself.
 */
void made_table(struct made_table *t, struct rng *rng, uint32_t page, uint32_t n_rows,
                int with_self);
/* Its bytes into frames from the last one, 'frame' + its pages - 1, down, mapped from 'page' on. */
void made_put(struct small_memory *m, const struct made_table *t, uint32_t page, uint64_t frame);
uint32_t made_pages(const struct made_table *t);
/* A pointer at offset 'off' of the frame that is the data page. */
void made_pointer(struct small_memory *m, int is_x64, uint32_t off, uint64_t value);

#endif
