#include "scan/windows/paging/inverse_map.h"

#include <stdlib.h>

#define NO_NODE 0u

/* Flags stand in the low bits of the address of a page. */
struct node {
    uint64_t va_flags;
    uint32_t next;
    uint32_t pad;
};

/* Nodes are numbered from 1 on: of frames without one, mostly whole stretches of memory, nothing
 * has to be written. */
struct ps_inverse_map {
    const struct ps_physmem *mem;
    struct ps_kernel_counts counts;
    uint32_t *head; /* per frame: the last mapping of it, by address; NO_NODE: none */
    uint64_t n_frames;
    uint64_t n_mapped;
    struct node *node;
    uint32_t n, cap, max;
    size_t run; /* that held the page before */
    int full;
    int failed; /* out of memory */
};

/* Only when there is no room. */
static int grow(struct ps_inverse_map *map)
{
    const uint32_t twice = map->cap < 1024 ? 1024 : 2 * map->cap;
    const uint32_t cap = map->cap <= map->max / 2 && twice < map->max ? twice : map->max;
    struct node *node;

    if (map->n >= map->max) {
        map->full = 1;
        return 0;
    }
    node = realloc(map->node, (size_t)cap * sizeof *node);
    if (!node) {
        map->failed = 1;
        return 0;
    }
    map->node = node;
    map->cap = cap;
    return 1;
}

static int add(struct ps_inverse_map *map, uint64_t frame, uint64_t va_flags)
{
    if (map->n >= map->cap && !grow(map))
        return 0;
    map->n_mapped += map->head[frame] == NO_NODE;
    map->node[map->n] = (struct node){.va_flags = va_flags, .next = map->head[frame]};
    map->head[frame] = ++map->n;
    return 1;
}

static uint64_t flags_of(const struct ps_kernel_leaf *leaf)
{
    uint64_t flags = 0;

    if (leaf->pte.kind == PS_PTE_TRANSITION)
        flags |= PS_MAPPING_TRANSITION;
    else if (leaf->writable)
        flags |= PS_MAPPING_WRITABLE;
    if (leaf->no_execute)
        flags |= PS_MAPPING_NO_EXECUTE;
    if (leaf->pte.page_bytes > PS_FRAME_BYTES)
        flags |= PS_MAPPING_LARGE;
    return flags;
}

/* Run by run, so that a large page that lies in no memory costs nothing. */
static int add_range(struct ps_inverse_map *map, const struct ps_kernel_leaf *leaf, uint64_t flags)
{
    const uint64_t phys = leaf->pte.phys;

    for (size_t i = ps_physmem_run_at(map->mem, phys); i < map->mem->n_runs; i++) {
        const struct ps_phys_run *r = &map->mem->run[i];
        uint64_t skip = r->phys > phys ? r->phys - phys : 0;

        if (skip >= leaf->pte.page_bytes)
            break;
        for (; skip < leaf->pte.page_bytes && phys + skip - r->phys < r->n_bytes;
             skip += PS_FRAME_BYTES)
            if (!add(map, r->frame + (phys + skip - r->phys) / PS_FRAME_BYTES,
                     (leaf->va + skip) | flags))
                return 1;
    }
    return 0;
}

static int on_leaf(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct ps_inverse_map *map = arg;
    const uint64_t phys = leaf->pte.phys;
    const uint64_t flags = flags_of(leaf);
    const struct ps_phys_run *r;

    if (leaf->pte.page_bytes != PS_FRAME_BYTES)
        return add_range(map, leaf, flags);
    r = &map->mem->run[map->run];
    if (phys < r->phys || phys - r->phys >= r->n_bytes) {
        map->run = ps_physmem_run_at(map->mem, phys);
        r = &map->mem->run[map->run];
    }
    return !add(map, r->frame + (phys - r->phys) / PS_FRAME_BYTES, leaf->va | flags);
}

static int init(struct ps_inverse_map *map, const struct ps_physmem *mem)
{
    const uint64_t n = ps_physmem_frames(mem);

    map->mem = mem;
    map->n_frames = n;
    map->max = n < (UINT32_MAX - 1) / PS_INVERSE_PER_FRAME ? (uint32_t)n * PS_INVERSE_PER_FRAME
                                                           : UINT32_MAX - 1;
    if (n >= SIZE_MAX / sizeof *map->head)
        return 0;
    map->head = calloc((size_t)n + 1, sizeof *map->head);
    return map->head != NULL;
}

int ps_inverse_map_build(struct ps_inverse_map **out, const struct ps_physmem *mem,
                         enum ps_paging_mode mode, uint64_t root, struct ps_err *err)
{
    struct ps_inverse_map *map = calloc(1, sizeof *map);
    const struct ps_kernel_walk walk = {
        .mem = mem, .mode = mode, .root = root, .leaf = on_leaf, .arg = map};
    int rc = 0;

    if (!map || !init(map, mem))
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the map of all frames");
    else
        rc = ps_kernel_walk(&walk, &map->counts, err);
    if (rc == 0 && map->failed)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory after %lu mappings",
                     (unsigned long)map->n);
    if (rc < 0)
        ps_inverse_map_free(map);
    else
        *out = map;
    return rc;
}

void ps_inverse_map_free(struct ps_inverse_map *map)
{
    if (!map)
        return;
    free(map->head);
    free(map->node);
    free(map);
}

const struct ps_kernel_counts *ps_inverse_map_counts(const struct ps_inverse_map *map)
{
    return &map->counts;
}

int ps_inverse_map_full(const struct ps_inverse_map *map)
{
    return map->full;
}

uint64_t ps_inverse_map_frames(const struct ps_inverse_map *map)
{
    return map->n_mapped;
}

static struct ps_mapping mapping_of(const struct node *node)
{
    return (struct ps_mapping){node->va_flags & ~(uint64_t)(PS_FRAME_BYTES - 1),
                               (uint32_t)node->va_flags & (PS_FRAME_BYTES - 1)};
}

static const struct node *node_at(const struct ps_inverse_map *map, uint32_t number)
{
    return &map->node[number - 1];
}

/* The list goes from the highest address down; next to all have one mapping. */
size_t ps_inverse_map_find(const struct ps_inverse_map *map, uint64_t phys, struct ps_mapping *out,
                           size_t cap)
{
    const uint64_t frame = ps_physmem_frame(map->mem, phys);
    size_t n = 0;
    size_t at;

    if (frame == UINT64_MAX || map->head[frame] == NO_NODE)
        return 0;
    if (node_at(map, map->head[frame])->next == NO_NODE) {
        if (cap > 0)
            out[0] = mapping_of(node_at(map, map->head[frame]));
        return 1;
    }
    for (uint32_t i = map->head[frame]; i != NO_NODE; i = node_at(map, i)->next)
        n++;
    at = n;
    for (uint32_t i = map->head[frame]; i != NO_NODE; i = node_at(map, i)->next) {
        if (--at < cap)
            out[at] = mapping_of(node_at(map, i));
    }
    return n;
}
