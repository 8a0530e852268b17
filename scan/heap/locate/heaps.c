#include "scan/heap/locate/heaps.h"

#include <stdlib.h>
#include <string.h>

#include "scan/windows/kernel/addresses.h"
#include "scan/windows/kernel/pointers.h"

#define MAX_POINTERS 4096u /* to heaps, of those that are different and those that are not */

static uint64_t load(const uint8_t *p, size_t width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | p[width];
    return value;
}

static size_t width_of(const struct ps_heap_source *source)
{
    return source->arch == PS_ARCH_X64 ? 8 : 4;
}

int ps_heap_read_pointer(const struct ps_heap_source *source, uint64_t va, uint64_t *value)
{
    const size_t width = width_of(source);
    uint8_t bytes[8];

    if (va == 0 || ps_paging_read(source->paging, va, bytes, width) != width)
        return 0;
    *value = load(bytes, width);
    return 1;
}

int ps_heap_is_kernel(const struct ps_heap_source *source, uint64_t va)
{
    return source->arch == PS_ARCH_X64 ? va >> 47 == 0x1ffff : va >> 31 == 1;
}

/* A context of 256 units: its mask tells how large they are. */
static int read_context(const struct ps_heap_source *source, const struct ps_heap_layout *l,
                        const uint8_t *at, uint64_t va, struct ps_heap_context *out)
{
    const size_t width = width_of(source);
    const uint64_t all = source->arch == PS_ARCH_X64 ? UINT64_MAX : UINT32_MAX;
    const uint8_t shift = at[l->unit_shift], first = at[l->first_descriptor];
    const uint64_t flink = load(at + l->list_head, width);
    const uint64_t blink = load(at + l->list_head + width, width);

    if ((shift != 12 && shift != 16) || first == 0 || first > 16 ||
        load(at, width) != (all & ~(((uint64_t)PS_HEAP_UNITS << shift) - 1)) ||
        !ps_heap_is_kernel(source, flink) || !ps_heap_is_kernel(source, blink))
        return 0;
    *out = (struct ps_heap_context){
        .va = va, .list_head = va + l->list_head, .unit_shift = shift, .first_descriptor = first};
    return 1;
}

static int is_heap(const struct ps_heap_source *source, const struct ps_heap_layout *l,
                   const uint8_t *page, uint64_t va, struct ps_heap_found *out)
{
    *out = (struct ps_heap_found){.va = va};
    if (load(page + l->signature, 4) != PS_HEAP_SIGNATURE)
        return 0;
    for (unsigned i = 0; i < PS_HEAP_CONTEXTS; i++) {
        const size_t at = l->contexts + (size_t)i * l->context_bytes;

        if (!read_context(source, l, page + at, va + at, &out->context[i]))
            return 0;
    }
    for (unsigned i = 0; i < PS_HEAP_LFH_KEYS; i++)
        out->lfh_key[i] = l->lfh_key[i] == 0 ? 0 : (uint32_t)load(page + l->lfh_key[i], 4);
    return 1;
}

/* Of layouts that fit alike the newest that the build may have. */
static int is_better_layout(const struct ps_heap_source *source, const struct ps_heap_layout *l,
                            const struct ps_heap_layout *best)
{
    return !best || ((source->build == 0 || l->first_build <= source->build) &&
                     l->first_build > best->first_build);
}

/* Is the page at 'va' a heap? All of an image have one layout: that of the first. */
static int look(const struct ps_heap_source *source, struct ps_heaps *heaps, uint64_t va,
                struct ps_heap_found *out)
{
    const struct ps_heap_layout *best = NULL;
    struct ps_heap_found found;
    uint8_t page[0x400];

    if (!ps_heap_is_kernel(source, va) || va % PS_FRAME_BYTES != 0 ||
        ps_paging_read(source->paging, va, page, 0x14) != 0x14 ||
        load(page + (source->arch == PS_ARCH_X64 ? 0x10 : 8), 4) != PS_HEAP_SIGNATURE ||
        ps_paging_read(source->paging, va, page, sizeof page) != sizeof page)
        return 0;
    for (size_t i = 0; i < ps_n_heap_layouts; i++) {
        const struct ps_heap_layout *l = &ps_heap_layouts[i];

        if (l->arch != source->arch || (heaps->layout && heaps->layout != l) ||
            !is_heap(source, l, page, va, &found) || !is_better_layout(source, l, best))
            continue;
        best = l;
        *out = found;
    }
    if (best)
        heaps->layout = best;
    return best != NULL;
}

static struct ps_heap_found *known(struct ps_heaps *heaps, uint64_t va)
{
    for (size_t i = 0; i < heaps->n; i++)
        if (heaps->heap[i].va == va)
            return &heaps->heap[i];
    return NULL;
}

/* Heaps stand in this order wherever there are several of them. */
static enum ps_heap_pool pool_of_place(size_t i)
{
    static const enum ps_heap_pool pools[PS_HEAP_NODE_HEAPS] = {
        PS_HEAP_POOL_NONPAGED, PS_HEAP_POOL_NONPAGED_NX, PS_HEAP_POOL_PAGED,
        PS_HEAP_POOL_PAGED_PROTOTYPE};

    return pools[i];
}

static void take_array(const struct ps_heap_source *source, uint64_t va, uint32_t n,
                       struct ps_heaps *heaps)
{
    for (uint32_t i = 0; i < n; i++) {
        struct ps_heap_found found;
        uint64_t heap;

        if (!ps_heap_read_pointer(source, va + i * width_of(source), &heap) || known(heaps, heap) ||
            heaps->n == PS_HEAP_MAX_HEAPS || !look(source, heaps, heap, &found))
            continue;
        found.pool = (uint8_t)pool_of_place(i);
        heaps->heap[heaps->n++] = found;
    }
}

static void try_state(const struct ps_heap_source *source, const struct ps_heap_state_layout *l,
                      struct ps_heaps *heaps)
{
    uint8_t count[4];
    uint64_t n_nodes;

    heaps->n = 0;
    heaps->layout = NULL;
    if (ps_paging_read(source->paging, source->pool_state + l->n_pools, count, 4) != 4)
        return;
    n_nodes = load(count, 4);
    if (n_nodes == 0 || n_nodes > PS_HEAP_MAX_NODES)
        return;
    for (uint64_t i = 0; i < n_nodes; i++)
        take_array(source, source->pool_state + l->nodes + i * PS_HEAP_NODE_BYTES,
                   PS_HEAP_NODE_HEAPS, heaps);
    if (heaps->n > 0)
        take_array(source, source->pool_state + l->specials, l->n_specials, heaps);
}

static int by_symbols(const struct ps_heap_source *source, struct ps_heaps *out,
                      struct ps_heaps *trial)
{
    out->n = 0;
    if (source->pool_state == 0)
        return 0;
    for (size_t i = 0; i < ps_n_heap_state_layouts; i++) {
        if (ps_heap_state_layouts[i].arch != source->arch)
            continue;
        try_state(source, &ps_heap_state_layouts[i], trial);
        if (trial->n > out->n)
            memcpy(out, trial, sizeof *out);
    }
    out->method = PS_HEAP_BY_SYMBOLS;
    return out->n > 0;
}

/* A pointer to a heap. */
struct pointer {
    uint64_t at, heap;
};

struct pointer_search {
    const struct ps_heap_source *source;
    struct ps_heaps *heaps;
    struct ps_addresses seen, found; /* of the ones that were looked at, those that are heaps */
    size_t n;
    struct pointer pointer[MAX_POINTERS];
};

static int try_pointer(void *arg, uint64_t at, uint64_t value)
{
    struct pointer_search *s = arg;
    struct ps_heap_found found;

    if (ps_addresses_add(&s->seen, value) == PS_ADDRESS_NEW &&
        look(s->source, s->heaps, value, &found) && s->heaps->n < PS_HEAP_MAX_HEAPS) {
        s->heaps->heap[s->heaps->n++] = found;
        ps_addresses_add(&s->found, value);
    }
    if (s->n < MAX_POINTERS && ps_addresses_has(&s->found, value))
        s->pointer[s->n++] = (struct pointer){at, value};
    return 0;
}

/* What stands in a row of three or four heaps is known by its place there. */
static void name_pools(struct pointer_search *s)
{
    const size_t width = width_of(s->source);

    for (size_t i = 0; i < s->n;) {
        size_t n = 1;

        while (i + n < s->n && s->pointer[i + n].at == s->pointer[i].at + n * width)
            n++;
        for (size_t k = 0; k < n && (n == 3 || n == PS_HEAP_NODE_HEAPS); k++) {
            struct ps_heap_found *heap = known(s->heaps, s->pointer[i + k].heap);

            if (heap->pool == PS_HEAP_POOL_UNKNOWN)
                heap->pool = (uint8_t)pool_of_place(k);
        }
        i += n;
    }
}

static void search(struct pointer_search *s)
{
    const struct ps_heap_source *source = s->source;
    const struct ps_pointer_walk walk = {.paging = source->paging,
                                         .is_x64 = source->arch == PS_ARCH_X64,
                                         .range = source->data,
                                         .n_ranges = source->n_data,
                                         .max_bytes = PS_HEAP_MAX_DATA_BYTES,
                                         .pointer = try_pointer,
                                         .arg = s};

    ps_pointers_visit(&walk);
    name_pools(s);
}

static int by_pointers(const struct ps_heap_source *source, struct ps_heaps *out,
                       struct ps_err *err)
{
    struct pointer_search *s = calloc(1, sizeof *s);
    int rc = s ? 0 : -1;

    out->method = PS_HEAP_BY_POINTERS;
    out->n = 0;
    out->layout = NULL;
    if (rc == 0) {
        s->source = source;
        s->heaps = out;
        rc = ps_addresses_init(&s->seen);
    }
    if (rc == 0)
        rc = ps_addresses_init(&s->found);
    if (rc == 0)
        search(s);
    if (s) {
        ps_addresses_free(&s->seen);
        ps_addresses_free(&s->found);
    }
    free(s);
    if (rc < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the segment heaps");
    return out->n > 0;
}

int ps_heaps_find(const struct ps_heap_source *source, struct ps_heaps *out, struct ps_err *err)
{
    struct ps_heaps *trial = calloc(1, sizeof *trial);
    uint64_t globals;
    int rc;

    if (!trial)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the segment heaps");
    *out = (struct ps_heaps){.globals = source->heap_globals};
    trial->globals = source->heap_globals;
    rc = by_symbols(source, out, trial);
    free(trial);
    if (rc > 0 && out->globals == 0 && ps_heap_read_pointer(source, source->pool_state, &globals) &&
        ps_heap_is_kernel(source, globals))
        out->globals = globals;
    return rc > 0 ? rc : by_pointers(source, out, err);
}
