/* Pointers to the table in the data of the Windows kernel. */
#include "scan/bigpool/locate/finder.h"
#include "scan/windows/kernel/pointers.h"
#include "scan/word.h"

#define PAGE_BYTES ((uint64_t)PS_FRAME_BYTES)

static size_t pointer_bytes(const struct ps_bigpool_source *source)
{
    return source->arch == PS_ARCH_X64 ? 8 : 4;
}

static void add_size(struct ps_bigpool_sizes *sizes, uint64_t value, uint64_t distance)
{
    for (uint32_t k = PS_BIGPOOL_MIN_LOG2; k <= PS_BIGPOOL_MAX_LOG2; k++)
        if (value == UINT64_C(1) << k && distance < sizes->distance[k])
            sizes->distance[k] = (uint32_t)distance;
}

/* PoolBigPageTableSize stands within this of PoolBigPageTable in every build whose variables are
 * known (0x4040 is the farthest). */
#define NEAR_BYTES (4 * PAGE_BYTES + 0x800)

static void sizes_near(const struct ps_bigpool_source *source, uint64_t pointer_va,
                       struct ps_bigpool_sizes *sizes)
{
    const size_t width = pointer_bytes(source);
    const uint64_t first = pointer_va - pointer_va % PAGE_BYTES - 4 * PAGE_BYTES;
    uint8_t page[PS_FRAME_BYTES];

    *sizes = ps_bigpool_no_sizes;
    for (uint64_t i = 0; i < 9; i++) {
        const uint64_t va = first + i * PAGE_BYTES;
        const size_t n = ps_paging_read(source->paging, va, page, sizeof page);

        for (size_t off = 0; off + width <= n; off += width) {
            const uint64_t at = va + off;
            const uint64_t distance = at > pointer_va ? at - pointer_va : pointer_va - at;

            if (distance <= NEAR_BYTES)
                add_size(sizes, ps_word(page + off, width), distance);
        }
    }
}

static int try_pointer(void *arg, uint64_t pointer_va, uint64_t va)
{
    struct ps_bigpool_finder *finder = arg;
    struct ps_bigpool_sizes sizes;
    struct ps_bigpool_candidate c;

    if (!ps_bigpool_finder_look(finder, va, &c))
        return 0;
    sizes_near(finder->source, pointer_va, &sizes);
    c.pointer_va = pointer_va;
    return ps_bigpool_finder_examine(finder, PS_BIGPOOL_BY_POINTER, &sizes, &c);
}

int ps_bigpool_try_pointers(struct ps_bigpool_finder *finder)
{
    const struct ps_bigpool_source *source = finder->source;
    const struct ps_pointer_walk walk = {.paging = source->paging,
                                         .is_x64 = source->arch == PS_ARCH_X64,
                                         .range = source->data,
                                         .n_ranges = source->n_data,
                                         .max_bytes = PS_BIGPOOL_MAX_DATA_BYTES,
                                         .pointer = try_pointer,
                                         .arg = finder};

    return ps_pointers_visit(&walk);
}

/* What the symbols say is verified all the same: they may be another build's. */
int ps_bigpool_try_symbols(struct ps_bigpool_finder *finder)
{
    const struct ps_bigpool_source *source = finder->source;
    const size_t width = pointer_bytes(source);
    struct ps_bigpool_sizes sizes = ps_bigpool_no_sizes;
    struct ps_bigpool_candidate c;
    uint8_t bytes[8];

    if (source->pointer_symbol == 0 ||
        ps_paging_read(source->paging, source->pointer_symbol, bytes, width) < width ||
        !ps_bigpool_finder_look(finder, ps_word(bytes, width), &c))
        return 0;
    c.pointer_va = source->pointer_symbol;
    if (source->size_symbol != 0 &&
        ps_paging_read(source->paging, source->size_symbol, bytes, width) == width)
        add_size(&sizes, ps_word(bytes, width), 0);
    return ps_bigpool_finder_examine(finder, PS_BIGPOOL_BY_SYMBOLS, &sizes, &c);
}
