#include "host/recipe/system/system.h"

#include "host/recipe/heap/heap.h"

#include <stdlib.h>

#define N_BUCKETS (2u * PS_RCP_MAX_FRAMES)

uint64_t *ps_rcp_shuffled(uint64_t *rng, struct ps_rcp_range range, int shuffle)
{
    size_t n = (size_t)(range.last - range.first + 1);
    uint64_t *out = malloc(n * sizeof *out);

    for (size_t i = 0; out && i < n; i++)
        out[i] = range.first + i;
    for (size_t i = n; out && shuffle && i > 1; i--) {
        size_t k = ps_rcp_below(rng, (uint32_t)i);
        uint64_t t = out[i - 1];

        out[i - 1] = out[k];
        out[k] = t;
    }
    return out;
}

int ps_rcp_overlay_start(struct ps_rcp_system *sys)
{
    sys->n_frames = (size_t)(sys->frames.last - sys->frames.first + 1);
    sys->frame = ps_rcp_shuffled(&sys->rng, sys->frames, sys->shuffle);
    sys->overlay = calloc(PS_RCP_MAX_FRAMES, sizeof *sys->overlay);
    sys->bucket = calloc(N_BUCKETS, sizeof *sys->bucket);
    if (!sys->frame || !sys->overlay || !sys->bucket)
        return ps_fail(sys->err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the recipe");
    return 0;
}

/* The bucket that has the page, or the empty one where it belongs. */
static uint32_t *bucket_of(struct ps_rcp_system *sys, uint64_t page)
{
    uint32_t i = (uint32_t)(ps_rcp_mix64(page) % N_BUCKETS);

    while (sys->bucket[i] && sys->overlay[sys->bucket[i] - 1].page != page)
        i = (i + 1) % N_BUCKETS;
    return &sys->bucket[i];
}

struct ps_rcp_overlay *ps_rcp_overlay_find(struct ps_rcp_system *sys, uint64_t page)
{
    uint32_t *bucket = bucket_of(sys, page);

    return *bucket ? &sys->overlay[*bucket - 1] : NULL;
}

uint8_t *ps_rcp_overlay_at(struct ps_rcp_system *sys, uint64_t page, uint32_t line)
{
    uint32_t *bucket = bucket_of(sys, page);
    struct ps_rcp_overlay *o = &sys->overlay[sys->n_overlays];

    if (*bucket) {
        ps_fail(sys->err, PS_EARG, line, "page %#llx holds system data twice",
                (unsigned long long)page);
        return NULL;
    }
    if (sys->n_overlays == PS_RCP_MAX_FRAMES) {
        ps_fail(sys->err, PS_EARG, line, "a recipe has at most %u pages of system data",
                PS_RCP_MAX_FRAMES);
        return NULL;
    }
    *o = (struct ps_rcp_overlay){.page = page, .b = calloc(1, PS_RECIPE_PAGE)};
    if (!o->b) {
        ps_fail(sys->err, PS_ENOMEM, line, "not enough memory for the recipe");
        return NULL;
    }
    *bucket = (uint32_t)++sys->n_overlays;
    return o->b;
}

uint8_t *ps_rcp_overlay_new(struct ps_rcp_system *sys, uint64_t *page, uint32_t line)
{
    while (sys->next_frame < sys->n_frames && ps_rcp_overlay_find(sys, sys->frame[sys->next_frame]))
        sys->next_frame++;
    if (sys->next_frame == sys->n_frames) {
        ps_fail(sys->err, PS_EARG, line,
                "the frames of the system are used up; give it more: frames=A-B");
        return NULL;
    }
    *page = sys->frame[sys->next_frame++];
    return ps_rcp_overlay_at(sys, *page, line);
}

static int by_page(const void *a, const void *b)
{
    const struct ps_rcp_overlay *x = a, *y = b;

    return x->page < y->page ? -1 : x->page > y->page;
}

void ps_rcp_overlay_freeze(struct ps_rcp_system *sys)
{
    qsort(sys->overlay, sys->n_overlays, sizeof *sys->overlay, by_page);
    free(sys->bucket);
    free(sys->frame);
    sys->bucket = NULL;
    sys->frame = NULL;
}

/* Index of the first one at or behind 'page'. */
static size_t lower_bound(const struct ps_rcp_system *sys, uint64_t page)
{
    size_t lo = 0, hi = sys->n_overlays;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (sys->overlay[mid].page < page)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct ps_rcp_overlay *ps_rcp_system_page(const struct ps_rcp_system *sys, uint64_t page)
{
    size_t i;

    /* Still being built: no page can be asked for yet but those of the other statements. */
    if (!sys || sys->bucket)
        return NULL;
    i = lower_bound(sys, page);
    return i < sys->n_overlays && sys->overlay[i].page == page ? &sys->overlay[i] : NULL;
}

uint64_t ps_rcp_system_next(const struct ps_rcp_system *sys, uint64_t page)
{
    uint64_t heap;

    if (!sys)
        return PS_RCP_NONE;
    heap = ps_rcp_heaps_next(sys->heaps, page);
    for (size_t i = lower_bound(sys, page); i < sys->n_overlays; i++)
        if (!sys->overlay[i].is_hole)
            return sys->overlay[i].page < heap ? sys->overlay[i].page : heap;
    return heap;
}
