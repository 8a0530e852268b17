/* Big-pool carving: pages of any bytes, four at most, each begun as a page of empty entries when
 * its first byte says so. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/carve/carve.h"

#define PAGE  4096u
#define CHUNK 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void expect(int holds)
{
    if (!holds)
        abort();
}

/* Input goes over a page whose every entry is empty, so that parts of it can be a table's. */
static void make_page(uint8_t *page, const uint8_t *data, size_t n)
{
    static const uint32_t sizes[] = {0x18, 0x20, 0x10, 0x0c, 0x14};
    uint32_t size = sizes[n ? data[0] % 5 : 0];

    memset(page, 0, PAGE);
    for (uint32_t at = 0; at < PAGE; at += size)
        page[at] = 1;
    if (n > 1)
        memcpy(page + (data[0] / 5u * size) % (PAGE - CHUNK), data + 1, n - 1);
}

static void check(const struct ps_bigpool_table *t)
{
    expect((t->method == PS_BIGPOOL_NOT_FOUND) == (t->layout == NULL));
    expect(t->n_rows == t->n_allocated + t->n_freed && t->n_obey <= t->n_rows);
    for (size_t i = 0; i < t->n_rows; i++) {
        expect(t->row[i].slot < t->n_slots);
        expect(i == 0 || t->row[i - 1].slot < t->row[i].slot);
        expect(t->row[i].entry.state == PS_BIGPOOL_ALLOCATED ||
               t->row[i].entry.state == PS_BIGPOOL_FREED);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    const struct ps_bigpool_spec spec = {.arches = PS_BIGPOOL_X86 | PS_BIGPOOL_X64};
    struct ps_bigpool_carver *c;
    struct ps_bigpool_table t;
    struct ps_err err;
    uint8_t page[PAGE];

    expect(ps_bigpool_carver_new(&c, &spec, &err) == 0);
    for (size_t i = 0; i < 4 && i * CHUNK < n_bytes; i++) {
        size_t n = n_bytes - i * CHUNK;

        make_page(page, data + i * CHUNK, n < CHUNK ? n : CHUNK);
        expect(ps_bigpool_carver_page(c, i * PAGE, page, &err) == 0);
    }
    expect(ps_bigpool_carver_finish(c, &t, &err) == 0);
    check(&t);
    ps_bigpool_table_free(&t);
    ps_bigpool_carver_free(c);
    return 0;
}
