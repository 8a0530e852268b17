#include "scan/bigpool/carve/page.h"

#include <string.h>

#include "scan/bigpool/entry.h"

#define PAGE_BYTES  4096u
#define N_PROBES    8u
#define MAX_MISSES  1u  /* of the probes */
#define DAMAGE_PART 16u /* one entry in so many may be torn */

const struct ps_bigpool_geometry ps_bigpool_geometries[PS_BIGPOOL_N_GEOMETRIES] = {
    {PS_ARCH_X64, 0x18, 3, 512},  {PS_ARCH_X64, 0x20, 1, 128},  {PS_ARCH_X86, 0x10, 1, 256},
    {PS_ARCH_X86, 0x0c, 3, 1024}, {PS_ARCH_X86, 0x14, 5, 1024},
};

const struct ps_bigpool_layout *ps_bigpool_family_layout(const struct ps_bigpool_geometry *g,
                                                         enum ps_bigpool_family family)
{
    return ps_bigpool_layout_find(g->arch, g->entry_bytes,
                                  family == PS_BIGPOOL_IN_PAGES ? PS_BIGPOOL_PAGES
                                                                : PS_BIGPOOL_PACKED);
}

uint32_t ps_bigpool_phase(const struct ps_bigpool_geometry *g, uint64_t index)
{
    uint32_t over = (uint32_t)(index % g->n_phases) * PAGE_BYTES % g->entry_bytes;

    return over ? g->entry_bytes - over : 0;
}

uint64_t ps_bigpool_first_slot(const struct ps_bigpool_geometry *g, uint64_t index)
{
    return (index * PAGE_BYTES + ps_bigpool_phase(g, index)) / g->entry_bytes;
}

static uint64_t load_va(enum ps_arch arch, const uint8_t *at)
{
    uint64_t va64;
    uint32_t va32;

    if (arch == PS_ARCH_X64) {
        memcpy(&va64, at, sizeof va64);
        return va64;
    }
    memcpy(&va32, at, sizeof va32);
    return va32;
}

/* The cheap question, asked of every page of an image. */
static int is_possible_va(enum ps_arch arch, uint64_t va)
{
    if (va == 1)
        return 1;
    return (va & (PAGE_BYTES - 2)) == 0 && (arch == PS_ARCH_X64 ? va >> 56 == 0xff : va >> 31 == 1);
}

/* The first n_probes of the probes of a page. */
static int probe(const uint8_t *page, const struct ps_bigpool_geometry *g, uint32_t phase,
                 uint32_t n_probes)
{
    const uint32_t n_whole = (PAGE_BYTES - phase) / g->entry_bytes;
    const uint32_t step = n_whole / N_PROBES * g->entry_bytes;
    uint32_t misses = 0;

    for (uint32_t i = 0; i < n_probes; i++)
        if (!is_possible_va(g->arch, load_va(g->arch, page + phase + i * step)) &&
            ++misses > MAX_MISSES)
            return 0;
    return 1;
}

static int any_byte(const uint8_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (at[i])
            return 1;
    return 0;
}

/* The first part of an entry is at the end of the page, the last part of another at its start. */
static int has_used_ends(const uint8_t *page, const struct ps_bigpool_geometry *g, uint32_t phase)
{
    const uint32_t size = g->arch == PS_ARCH_X64 ? 8 : 4;
    const uint32_t tail = (PAGE_BYTES - phase) % g->entry_bytes;

    if (any_byte(page, phase))
        return 1;
    return tail >= size && load_va(g->arch, page + PAGE_BYTES - tail) > 1;
}

static uint32_t is_used(enum ps_arch arch, uint64_t va)
{
    enum ps_bigpool_state state = ps_bigpool_va_state(arch, va);

    return state == PS_BIGPOOL_FREED || state == PS_BIGPOOL_ALLOCATED;
}

static int look(const uint8_t *page, uint32_t geometry, uint32_t phase, struct ps_bigpool_look *out)
{
    const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[geometry];
    const uint32_t n_whole = (PAGE_BYTES - phase) / g->entry_bytes;
    uint32_t illegal[PS_BIGPOOL_N_FAMILIES] = {0};
    uint32_t used_illegal[PS_BIGPOOL_N_FAMILIES] = {0};
    const struct ps_bigpool_layout *layout[PS_BIGPOOL_N_FAMILIES];
    uint32_t n_used = 0;

    for (int f = 0; f < PS_BIGPOOL_N_FAMILIES; f++)
        layout[f] = ps_bigpool_family_layout(g, (enum ps_bigpool_family)f);
    *out = (struct ps_bigpool_look){
        .geometry = (uint8_t)geometry, .phase = (uint8_t)phase, .n_whole = (uint16_t)n_whole};
    for (uint32_t i = 0; i < n_whole; i++) {
        const uint8_t *at = page + phase + i * g->entry_bytes;

        const uint32_t used = is_used(g->arch, load_va(g->arch, at));

        n_used += used;
        for (int f = 0; f < PS_BIGPOOL_N_FAMILIES; f++) {
            int legal = layout[f] && ps_bigpool_entry_legal(layout[f], at, g->entry_bytes);

            illegal[f] += !legal;
            used_illegal[f] += !legal && used;
        }
    }
    for (int f = 0; f < PS_BIGPOOL_N_FAMILIES; f++)
        /* Of the few used entries of a page not all may be wrong. */
        if (illegal[f] <= n_whole / DAMAGE_PART && used_illegal[f] <= n_used / 4)
            out->families |= (uint8_t)(1u << f);
    out->n_used = (uint16_t)n_used;
    out->has_ends = (uint16_t)has_used_ends(page, g, phase);
    return out->families != 0;
}

int ps_bigpool_page_look_as(const uint8_t *page, uint32_t geometry, uint32_t phase,
                            struct ps_bigpool_look *out)
{
    return probe(page, &ps_bigpool_geometries[geometry], phase, N_PROBES) &&
           look(page, geometry, phase, out);
}

/* The last of the probes ends within PS_BIGPOOL_PAGE_PART: two steps of at most an eighth of a page
 * behind the phase. */
int ps_bigpool_part_look_as(const uint8_t *part, uint32_t geometry, uint32_t phase)
{
    return probe(part, &ps_bigpool_geometries[geometry], phase, MAX_MISSES + 2);
}

int ps_bigpool_page_look(const uint8_t *page, unsigned arches, struct ps_bigpool_look *out)
{
    for (uint32_t i = 0; i < PS_BIGPOOL_N_GEOMETRIES; i++) {
        const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[i];

        if (!(arches & 1u << g->arch))
            continue;
        for (uint32_t k = 0; k < g->n_phases; k++) {
            uint32_t phase = ps_bigpool_phase(g, k);

            if (ps_bigpool_page_look_as(page, i, phase, out))
                return 1;
        }
    }
    return 0;
}
