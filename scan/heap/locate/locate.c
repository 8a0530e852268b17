#include "scan/heap/locate/locate.h"

#include <stdlib.h>

#include "scan/heap/locate/heaps.h"
#include "scan/heap/locate/keys.h"
#include "scan/heap/locate/segments.h"
#include "scan/heap/subsegments/headers.h"
#include "scan/heap/subsegments/orphans.h"

static int add_segments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                        const struct ps_heap_list *list, struct ps_heap_map *map,
                        struct ps_err *err)
{
    int rc = 0;

    map->info.n_segments_bad += list->n_bad;
    map->info.n_over += list->n_over;
    for (size_t i = 0; i < list->n && rc >= 0; i++) {
        map->info.n_segments_bad += list->segment[i].is_headless;
        rc = ps_heap_add_segment(source, heaps, &list->segment[i], map, err);
    }
    return rc;
}

/* The keys, and then what they help to read. */
static int read_subsegments(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                            const struct ps_heap_residue *residue, struct ps_heap_map *map,
                            struct ps_err *err)
{
    struct ps_lfh_variant variant;
    int has_variant, rc;

    ps_heap_read_vs(source, map);
    ps_heap_settle_key(source, heaps, residue, map);
    has_variant = rc = ps_lfh_choose(source, heaps, map, &variant, err);
    if (rc >= 0)
        rc = ps_heap_find_orphans(source, heaps, has_variant ? &variant : NULL, map, err);
    if (rc >= 0)
        rc = ps_heap_read_lfh(source, heaps, has_variant ? &variant : NULL, map, err);
    if (rc >= 0)
        rc = ps_heap_read_frames(source, map, err);
    return rc;
}

static int fill(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                struct ps_heap_map *map, struct ps_err *err)
{
    struct ps_heap_list list;
    int rc = ps_heap_list_segments(source, heaps, &list, err);
    const struct ps_heap_residue residue = {list.residue, list.n_agree};

    if (rc >= 0)
        rc = add_segments(source, heaps, &list, map, err);
    free(list.segment);
    return rc < 0 ? rc : read_subsegments(source, heaps, &residue, map, err);
}

static int name_heaps(const struct ps_heaps *heaps, struct ps_heap_map *map, struct ps_err *err)
{
    struct ps_heap_summary summary[PS_HEAP_MAX_HEAPS];

    for (size_t i = 0; i < heaps->n; i++)
        summary[i] = (struct ps_heap_summary){.va = heaps->heap[i].va, .pool = heaps->heap[i].pool};
    return ps_heap_map_set_heaps(map, summary, heaps->n, err);
}

static int make_map(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                    struct ps_heap_map **out, struct ps_err *err)
{
    struct ps_heap_map *map;
    int rc = ps_heap_map_new(&map, source->arch, &source->memory, err);

    if (rc < 0)
        return rc;
    map->info.method = heaps->method;
    map->info.layout = heaps->layout->name;
    rc = name_heaps(heaps, map, err);
    if (rc == 0)
        rc = fill(source, heaps, map, err);
    if (rc >= 0)
        rc = ps_heap_map_finish(map, err);
    if (rc < 0) {
        ps_heap_map_free(map);
        return rc;
    }
    *out = map;
    return 1;
}

int ps_heap_find(const struct ps_heap_source *source, struct ps_heap_map **out, struct ps_err *err)
{
    struct ps_heaps *heaps = malloc(sizeof *heaps);
    int rc;

    *out = NULL;
    if (!heaps)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the segment heaps");
    rc = ps_heaps_find(source, heaps, err);
    if (rc > 0)
        rc = make_map(source, heaps, out, err);
    free(heaps);
    return rc;
}
