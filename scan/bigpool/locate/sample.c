#include "scan/bigpool/locate/sample.h"

#include "scan/bigpool/entry.h"

#define PAGE_BYTES ((uint64_t)PS_FRAME_BYTES)

struct half {
    size_t n_resident, n_legal;
};

static uint64_t load_va(const struct ps_bigpool_geometry *g, const uint8_t *at)
{
    uint64_t va = 0;

    for (size_t i = g->arch == PS_ARCH_X64 ? 8 : 4; i-- > 0;)
        va = va << 8 | at[i];
    return va;
}

static void take_places(const struct ps_bigpool_geometry *g, const uint8_t *page, uint64_t index,
                        const struct ps_bigpool_look *look, struct ps_bigpool_sample *sample)
{
    const uint32_t first = (uint32_t)ps_bigpool_first_slot(g, index);
    size_t n = 0;

    for (uint32_t i = 0; i < look->n_whole && n < PS_BIGPOOL_SAMPLE_USED; i++) {
        const uint64_t va = load_va(g, page + look->phase + i * g->entry_bytes);
        const enum ps_bigpool_state state = ps_bigpool_va_state(g->arch, va);

        if (state != PS_BIGPOOL_ALLOCATED && state != PS_BIGPOOL_FREED)
            continue;
        sample->place[sample->n++] = (struct ps_bigpool_place){va, first + i};
        n++;
    }
}

static void take_page(const struct ps_bigpool_source *source, const struct ps_bigpool_candidate *c,
                      uint64_t index, struct half *half, struct ps_bigpool_sample *sample)
{
    const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[c->geometry];
    const uint64_t va = c->va + index * PAGE_BYTES;
    struct ps_bigpool_look look;
    uint8_t page[PS_FRAME_BYTES];

    if (va < c->va || ps_paging_read(source->paging, va, page, sizeof page) < sizeof page)
        return;
    half->n_resident++;
    if (!ps_bigpool_page_look_as(page, c->geometry, ps_bigpool_phase(g, index), &look) ||
        !(look.families & 1u << c->family))
        return;
    half->n_legal++;
    take_places(g, page, index, &look, sample);
}

void ps_bigpool_sample_take(const struct ps_bigpool_source *source,
                            const struct ps_bigpool_candidate *c, struct ps_bigpool_sample *sample)
{
    const uint64_t size = ps_bigpool_geometries[c->geometry].entry_bytes;
    uint64_t first = 0;

    sample->n = sample->n_resident = sample->n_legal = 0;
    sample->seen_log2 = sample->open_log2 = 0;
    for (uint32_t log2 = PS_BIGPOOL_MIN_LOG2; log2 <= PS_BIGPOOL_MAX_LOG2; log2++) {
        const uint64_t end = (size << log2) / PAGE_BYTES;
        const uint64_t step =
            end - first <= PS_BIGPOOL_SAMPLE_PAGES ? 1 : (end - first) / PS_BIGPOOL_SAMPLE_PAGES;
        const size_t n = sample->n;
        struct half half = {0};

        for (uint64_t i = 0; i < PS_BIGPOOL_SAMPLE_PAGES && first + i * step < end; i++)
            take_page(source, c, first + i * step, &half, sample);
        if (half.n_legal * 2 < half.n_resident) {
            sample->n = n;
            return;
        }
        sample->n_resident += half.n_resident;
        sample->n_legal += half.n_legal;
        sample->open_log2 = log2;
        if (half.n_legal != 0)
            sample->seen_log2 = log2;
        first = end;
    }
}

size_t ps_bigpool_sample_within(const struct ps_bigpool_sample *sample, uint32_t log2)
{
    size_t lo = 0, hi = sample->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (sample->place[mid].slot >> log2 == 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}
