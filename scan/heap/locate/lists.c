#include "scan/heap/locate/segments.h"

#include <stdlib.h>

#include "scan/heap/segment.h"
#include "scan/windows/kernel/addresses.h"

/* How far beside a known segment others are looked for, in segments: Windows takes them one after
 * the other, and some may be gone. */
#define PROBES 16

struct lister {
    const struct ps_heap_source *source;
    const struct ps_heaps *heaps;
    struct ps_addresses seen;
    struct ps_heap_list *list;
    size_t cap;
};

static int keep(struct lister *l, const struct ps_heap_listed *segment)
{
    struct ps_heap_list *list = l->list;

    if (list->n == PS_HEAP_MAX_SEGMENTS) {
        list->n_over++;
        return 0;
    }
    if (list->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 256;
        void *grown = realloc(list->segment, cap * sizeof *list->segment);

        if (!grown)
            return -1;
        list->segment = grown;
        l->cap = cap;
    }
    list->segment[list->n++] = *segment;
    return 0;
}

static uint64_t load(const uint8_t *p, size_t width)
{
    uint64_t value = 0;

    while (width-- > 0)
        value = value << 8 | p[width];
    return value;
}

static size_t width_of(const struct lister *l)
{
    return l->source->arch == PS_ARCH_X64 ? 8 : 4;
}

static uint64_t span_of(uint8_t unit_shift)
{
    return (uint64_t)PS_HEAP_UNITS << unit_shift;
}

/* The beginning of a segment. */
struct head {
    uint64_t link[2], signature;
};

static int read_head(struct lister *l, uint64_t va, struct head *out)
{
    const size_t width = width_of(l);
    uint8_t bytes[0x18];

    if (ps_paging_read(l->source->paging, va, bytes, sizeof bytes) != sizeof bytes)
        return 0;
    *out = (struct head){{load(bytes, width), load(bytes + width, width)},
                         load(bytes + l->heaps->layout->segment_signature, width)};
    return 1;
}

static int may_be_segment(const struct lister *l, uint64_t va, uint8_t unit_shift)
{
    return va % span_of(unit_shift) == 0 && ps_heap_is_kernel(l->source, va);
}

/* A segment is visited once for each context, since a torn list may lead into another's: segments
 * are a MiB apart, so adding its number tells them apart. */
static uint64_t visit_of(const struct lister *l, const struct ps_heap_context *c, uint64_t va)
{
    const size_t heap =
        (size_t)((const char *)c - (const char *)l->heaps->heap) / sizeof *l->heaps->heap;

    return va + 2 * heap + (c == &l->heaps->heap[heap].context[1]);
}

/* Follow a list from 'va' on by its links number 'link'. 1: it came back to its head; 0: it broke;
 * negative: out of memory. */
static int follow(struct lister *l, uint16_t heap, const struct ps_heap_context *c, uint64_t va,
                  unsigned link)
{
    struct head head;

    while (va != c->list_head) {
        struct ps_heap_listed s = {.va = va,
                                   .heap = heap,
                                   .unit_shift = c->unit_shift,
                                   .first_descriptor = c->first_descriptor};

        if (!may_be_segment(l, va, c->unit_shift) ||
            ps_addresses_add(&l->seen, visit_of(l, c, va)) != PS_ADDRESS_NEW) {
            l->list->n_broken++;
            return 0;
        }
        s.is_headless = !read_head(l, va, &head);
        s.residue = s.is_headless ? 0 : ps_segment_residue(head.signature, va, c->va);
        if (keep(l, &s) < 0)
            return -1;
        if (s.is_headless) {
            l->list->n_broken++;
            return 0;
        }
        va = head.link[link];
    }
    return 1;
}

static int follow_heap(struct lister *l, uint16_t heap)
{
    int rc = 0;

    for (unsigned k = 0; rc >= 0 && k < PS_HEAP_CONTEXTS; k++) {
        const struct ps_heap_context *c = &l->heaps->heap[heap].context[k];
        uint64_t va;

        rc = 0;
        for (unsigned link = 0; rc == 0 && link < 2; link++)
            if (ps_heap_read_pointer(l->source, c->list_head + link * width_of(l), &va))
                rc = follow(l, heap, c, va, link);
    }
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static int vote(struct ps_heap_list *list)
{
    uint64_t *value = list->n > 0 ? malloc(list->n * sizeof *value) : NULL;
    size_t n = 0;

    if (list->n > 0 && !value)
        return -1;
    for (size_t i = 0; i < list->n; i++)
        if (!list->segment[i].is_headless)
            value[n++] = list->segment[i].residue;
    if (n > 0)
        qsort(value, n, sizeof *value, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && value[end] == value[i]; end++)
            ;
        if (end - i > list->n_agree) {
            list->n_agree = (uint32_t)(end - i);
            list->residue = value[i];
        }
    }
    free(value);
    return 0;
}

static void drop_strangers(struct ps_heap_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        if (list->segment[i].is_headless || list->segment[i].residue == list->residue)
            list->segment[n++] = list->segment[i];
        else
            list->n_bad++;
    }
    list->n = n;
}

/* The context that a signature names, with the number of its heap; NULL: none does. */
static const struct ps_heap_context *context_of(const struct lister *l, uint64_t context_va,
                                                uint16_t *heap)
{
    for (size_t i = 0; i < l->heaps->n; i++)
        for (unsigned k = 0; k < PS_HEAP_CONTEXTS; k++)
            if (l->heaps->heap[i].context[k].va == context_va) {
                *heap = (uint16_t)i;
                return &l->heaps->heap[i].context[k];
            }
    return NULL;
}

/* Is there a segment at 'va' that no list led to? Its signature says whose it is, and its own links
 * may lead to others. */
static int probe(struct lister *l, uint64_t va, uint8_t unit_shift)
{
    const struct ps_heap_context *c;
    struct head head;
    uint16_t heap;
    int rc = 0;

    if (!may_be_segment(l, va, unit_shift) || !read_head(l, va, &head))
        return 0;
    c = context_of(l, head.signature ^ va ^ l->list->residue, &heap);
    if (!c || c->unit_shift != unit_shift || ps_addresses_has(&l->seen, visit_of(l, c, va)))
        return 0;
    for (unsigned link = 0; rc >= 0 && link < 2; link++) {
        rc = follow(l, heap, c, va, link);
        va = head.link[1];
    }
    return rc;
}

/* Beside all segments that are known, those that this finds included. */
static int look_beside(struct lister *l)
{
    int rc = 0;

    for (size_t i = 0; i < l->list->n && rc >= 0; i++) {
        const uint8_t shift = l->list->segment[i].unit_shift;
        const uint64_t va = l->list->segment[i].va;

        for (uint64_t k = 1; k <= PROBES && rc >= 0; k++) {
            rc = probe(l, va + k * span_of(shift), shift);
            if (rc >= 0)
                rc = probe(l, va - k * span_of(shift), shift);
        }
    }
    return rc;
}

int ps_heap_list_segments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                          struct ps_heap_list *out, struct ps_err *err)
{
    struct lister l = {.source = source, .heaps = heaps, .list = out};
    int rc = ps_addresses_init(&l.seen);

    *out = (struct ps_heap_list){.n = 0};
    for (size_t i = 0; rc >= 0 && i < heaps->n; i++)
        rc = follow_heap(&l, (uint16_t)i);
    if (rc >= 0)
        rc = vote(out);
    if (rc >= 0)
        drop_strangers(out);
    if (rc >= 0 && out->n_broken > 0 && out->n_agree > 0)
        rc = look_beside(&l);
    if (rc >= 0)
        drop_strangers(out);
    ps_addresses_free(&l.seen);
    return rc < 0 ? ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap's segments")
                  : 0;
}
