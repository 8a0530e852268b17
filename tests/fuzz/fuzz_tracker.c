/* Bytes -> a small memory with tables in it; the search ends, and what it finds adds up.
 *
 * Input: shape, flags (build known, two more tables, hole, symbols, XP), number of processors, then
 * four bytes per change: frame, place in it (two bytes), value. What is left over is data of the
 * Windows kernel: a byte per pointer, the frame that it leads to. */
#include <stdio.h>
#include <stdlib.h>

#include "scan/tracker/locate/locate.h"
#include "tests/support/tracker_memory.h"

#define MASTER 16u
#define N_DATA 32u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s at 0x%llx\n", what, (unsigned long long)at);
    abort();
}

static void make_tables(struct tracker_memory *t, int shape, uint8_t flags)
{
    tracker_memory_init(t, tracker_shapes[shape].is_x64);
    tracker_put_table(t, shape, MASTER, 256, 120, 0, 0);
    if (flags & 2) {
        tracker_put_table(t, shape, MASTER + 8, 256, 120, 1, 3);
        tracker_put_table(t, shape, MASTER + 16, 256, 120, 2, 5);
    }
    if (flags & 4)
        small_memory_hole(&t->m, MASTER + 1, MASTER + 2 + (flags >> 6));
}

static void change(struct tracker_memory *t, const uint8_t *data, size_t size)
{
    size_t n = size < N_DATA ? size : N_DATA;

    for (size_t i = 0; i < n; i++)
        tracker_put_pointer(t, (uint32_t)i, tracker_va(t, data[i] % SMALL_MEMORY_FRAMES));
    for (data += n, size -= n; size >= 4; data += 4, size -= 4) {
        uint32_t frame = data[0] % SMALL_MEMORY_FRAMES;
        uint32_t at = frame * 4096 + (data[1] + 256u * data[2]) % 4096;

        t->m.bytes[at] = data[3];
    }
}

/* Rows ascend, every tag once, and the counts are within what was read. */
static void check(const struct ps_tracker_table *t)
{
    if (!t->layout || t->n_slots < 2 || t->n_slots > PS_TRACKER_MAX_SLOTS)
        die("no table", t->n_slots);
    if (t->n_obey > t->n_keys || t->n_tables_missing > t->n_tables)
        die("counts", t->n_keys);
    if (t->n_rows > (uint64_t)t->n_slots + t->n_expansion + PS_TRACKER_MAX_SLOTS)
        die("rows", t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        if (i > 0 && t->row[i - 1].entry.tag >= t->row[i].entry.tag)
            die("not ascending", i);
        if (ps_tracker_table_find(t, t->row[i].entry.tag) != &t->row[i])
            die("not found", t->row[i].entry.tag);
        if (t->row[i].entry.tag >> 31)
            die("protected bit", t->row[i].entry.tag);
        if (t->layout->bytes_width == 4 && t->row[i].entry.paged.bytes > UINT32_MAX)
            die("bytes", i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tracker_memory t;
    struct ps_tracker_table table;
    struct ps_tracker_spec spec;
    struct ps_va_range range;
    struct ps_err err;
    int shape, rc;

    if (size < 3)
        return 0;
    shape = data[0] % N_TRACKER_SHAPES;
    make_tables(&t, shape, data[1]);
    change(&t, data + 3, size - 3);
    tracker_memory_reset(&t);
    range = (struct ps_va_range){tracker_va(&t, TRACKER_DATA_FRAME), 4096};
    spec = (struct ps_tracker_spec){.arch = t.is_x64 ? PS_ARCH_X64 : PS_ARCH_X86,
                                    .build = data[1] & 1    ? tracker_shapes[shape].build
                                             : data[1] & 32 ? 2600
                                                            : 0,
                                    .n_cpus = data[2],
                                    .data = &range,
                                    .n_data = 1};
    if (data[1] & 8)
        spec.symbols = (struct ps_tracker_symbols){range.va, range.va + 8, range.va + 16,
                                                   range.va + 24, range.va + 32};
    rc = ps_tracker_find(&t.paging, &spec, &table, &err);
    if (rc < 0)
        die(err.msg, 0);
    if (rc > 0)
        check(&table);
    ps_tracker_table_free(&table);
    return 0;
}
