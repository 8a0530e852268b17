/* Bytes -> a small memory with segment heaps in it; the search ends, what it finds adds up, and
 * every question about every page has an answer.
 *
 * Input: shape, flags (symbols, build, no globals), seed, then three bytes per change: what of the
 * heaps it is in and where in it (two bytes), value. */
#include <stdio.h>
#include <stdlib.h>

#include "scan/heap/locate/locate.h"
#include "tests/support/heap_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s at 0x%llx\n", what, (unsigned long long)at);
    abort();
}

static size_t read_phys(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct heap_memory *m = arg;

    return m->mem.read(m->mem.arg, phys, buf, n_bytes);
}

/* Page 0 to 5: data and heaps; then those of the segments. */
static uint64_t page_of(const struct heap_memory *m, unsigned i)
{
    if (i < 5)
        return heap_memory_data(m) + i * PS_FRAME_BYTES;
    if (i < 7)
        return heap_memory_heap(m, i - 5);
    return heap_memory_segment(m, (i - 7) % HEAP_N_SEGMENTS) +
           (i - 7) / HEAP_N_SEGMENTS % UNIT_UNUSED * PS_FRAME_BYTES;
}

/* Half of the places are where the structures are dense. */
static void change(struct heap_memory *m, const uint8_t *data, size_t size)
{
    for (; size >= 3; data += 3, size -= 3) {
        const uint64_t page = page_of(m, data[0] % (7 + HEAP_N_SEGMENTS * UNIT_UNUSED));
        uint8_t *bytes = heap_memory_at(m, page);

        if (!bytes)
            continue;
        if (data[1] == 0xff)
            heap_memory_unmap(m, page);
        else
            bytes[data[1] & 1 ? data[1] >> 1 : data[1] * 16 + (data[2] & 15)] = data[2];
    }
}

static void check_spans(const struct ps_heap_map *map, struct ps_heap_page *page,
                        const uint8_t *bytes)
{
    struct ps_heap_span span[PS_HEAP_MAX_SLOTS];
    const size_t n = ps_heap_page_spans(map, page, bytes, span, PS_HEAP_MAX_SLOTS);

    if (n > PS_HEAP_MAX_SLOTS)
        die("more spans than slots", n);
    for (size_t i = 0; i < n; i++) {
        if (span[i].n_bytes == 0 || (i > 0 && span[i].at <= span[i - 1].at))
            die("spans do not ascend", page->va);
        if (span[i].at > PS_FRAME_BYTES)
            die("a span beyond its page", page->va);
    }
}

static void check_page(const struct ps_heap_map *map, uint64_t va, const uint8_t *bytes,
                       uint32_t slot_bytes)
{
    struct ps_heap_page page;
    const enum ps_heap_unit unit = ps_heap_map_page(map, va, &page);

    if (page.va != va || page.unit != unit || unit > PS_HEAP_UNREAD)
        die("page", va);
    for (uint32_t at = 0; at < PS_FRAME_BYTES; at += slot_bytes) {
        const uint32_t n_bytes = (at / slot_bytes * 7 % 100 + 2) * slot_bytes;
        const enum ps_heap_block said = ps_heap_block_at(map, &page, bytes, at, n_bytes);
        struct ps_heap_page again;

        if (said > PS_HEAP_BLOCK_UNDECIDED)
            die("no answer", va + at);
        if (unit == PS_HEAP_OUTSIDE && said != PS_HEAP_BLOCK_UNDECIDED)
            die("said of a foreign page", va + at);
        ps_heap_map_page(map, va, &again);
        if (at % 0x100 == 0 && ps_heap_block_at(map, &again, bytes, at, n_bytes) != said)
            die("another answer the second time", va + at);
    }
    check_spans(map, &page, bytes);
}

static void check(struct heap_memory *m, const struct ps_heap_map *map)
{
    const struct ps_heap_info *info = ps_heap_map_info(map);

    if (info->n_segments > PS_HEAP_MAX_SEGMENTS || info->n_lfh_bad > info->n_lfh ||
        info->n_vs_bad > info->n_vs || info->n_heaps > PS_HEAP_MAX_HEAPS)
        die("counts", info->n_segments);
    for (unsigned i = 0; i < 7 + HEAP_N_SEGMENTS * UNIT_UNUSED; i++) {
        const uint64_t va = page_of(m, i);
        const uint8_t *bytes = heap_memory_at(m, va);

        if (bytes)
            check_page(map, va, bytes, m->shape->is_x64 ? 16 : 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct heap_memory m;
    struct ps_heap_source source;
    struct ps_heap_map *map = NULL;
    struct ps_va_range range;
    struct ps_err err;
    int rc;

    if (size < 3)
        return 0;
    heap_memory_init(&m, &heap_shapes[data[0] % N_HEAP_SHAPES], data[2]);
    if (data[1] & 4)
        heap_memory_put(&m, heap_memory_globals(&m), 0, 4);
    change(&m, data + 3, size - 3);
    heap_memory_reset(&m);
    range = (struct ps_va_range){heap_memory_data(&m), HEAP_DATA_BYTES};
    source = (struct ps_heap_source){.paging = &m.paging,
                                     .arch = m.shape->is_x64 ? PS_ARCH_X64 : PS_ARCH_X86,
                                     .build = data[1] & 2 ? m.shape->build : 0,
                                     .pool_state = data[1] & 1 ? range.va : 0,
                                     .data = &range,
                                     .n_data = 1,
                                     .memory = {.read = read_phys, .arg = &m}};
    rc = ps_heap_find(&source, &map, &err);
    if (rc < 0)
        die(err.msg, 0);
    if ((rc > 0) != (map != NULL))
        die("a result without a map", 0);
    if (map)
        check(&m, map);
    ps_heap_map_free(map);
    return 0;
}
