#include "scan/windows/pfn/locate.h"

#include "scan/windows/kernel/addresses.h"
#include "scan/tracker/locate/words.h"

/* From this build on x64 has the database where it likes. */
#define FIRST_RANDOM_BUILD 14393u
#define FIXED_ADDRESS      UINT64_C(0xfffffa8000000000)

/* Frames that are asked for their addresses, in search of samples. */
#define MAX_LOOKED 65536u
/* An address in the Windows kernel's data is mostly no database: so many samples, none of which is
 * in memory or right, are enough. */
#define FIRST_SAMPLES 4u

struct sample {
    uint64_t frame;
    uint64_t entry; /* address of its page-table entry */
};

struct search {
    struct ps_paging *paging;
    const struct ps_pfn_spec *spec;
    struct sample sample[PS_PFN_MAX_SAMPLES];
    uint32_t n_samples;
    struct ps_addresses seen;
    enum ps_pfn_method method; /* of what is being tried */
    struct ps_pfn_place *best;
};

/* A small page that is shown once, and valid: its entry is most likely the one that Windows noted.
 * Files in the cache are shown so, too, and have another one; the others outvote them. */
static int is_sample(const struct ps_inverse_map *map, uint64_t phys, uint64_t *va)
{
    struct ps_mapping m;

    if (ps_inverse_map_find(map, phys, &m, 1) != 1 ||
        (m.flags & (PS_MAPPING_LARGE | PS_MAPPING_TRANSITION)) != 0)
        return 0;
    *va = m.va;
    return 1;
}

/* Spread over all frames. */
static void take_samples(struct search *s)
{
    const struct ps_physmem *mem = s->spec->mem;
    const uint64_t n = ps_physmem_frames(mem);
    const uint64_t step = n / MAX_LOOKED + 1;
    const uint64_t apart = ps_inverse_map_frames(s->spec->map) / PS_PFN_MAX_SAMPLES / step;
    uint64_t n_seen = 0;

    for (size_t i = 0; i < mem->n_runs; i++) {
        const struct ps_phys_run *r = &mem->run[i];

        for (uint64_t off = 0; off < r->n_bytes; off += step * PS_FRAME_BYTES) {
            uint64_t va;

            if (s->n_samples == PS_PFN_MAX_SAMPLES)
                return;
            if (!is_sample(s->spec->map, r->phys + off, &va) || n_seen++ % (apart + 1) != 0)
                continue;
            s->sample[s->n_samples++] = (struct sample){(r->phys + off) / PS_FRAME_BYTES,
                                                        ps_pte_space_entry(&s->best->space, va)};
        }
    }
}

struct votes {
    uint32_t n_agree, n_active;
};

static int agrees(struct search *s, const struct ps_pfn_layout *layout, uint64_t va,
                  const struct sample *sample, struct ps_pfn *pfn)
{
    const uint64_t low = layout->arch == PS_ARCH_X64 ? 7 : 3;
    const uint64_t last = layout->arch == PS_ARCH_X64 ? UINT64_MAX : UINT32_MAX;
    uint8_t bytes[PS_PFN_MAX_ENTRY_BYTES];

    if (sample->frame > (last - va) / layout->entry_bytes ||
        ps_paging_read(s->paging, va + sample->frame * layout->entry_bytes, bytes,
                       layout->entry_bytes) != layout->entry_bytes)
        return 0;
    *pfn = ps_pfn_decode(layout, bytes);
    return (pfn->pte & ~low) == sample->entry;
}

static struct votes count_votes(struct search *s, const struct ps_pfn_layout *layout, uint64_t va)
{
    const uint32_t first = s->method == PS_PFN_POINTER ? FIRST_SAMPLES : PS_PFN_MAX_SAMPLES;
    struct votes v = {0};

    for (uint32_t i = 0; i < s->n_samples && (i < first || v.n_agree > 0); i++) {
        struct ps_pfn pfn;

        if (!agrees(s, layout, va, &s->sample[i], &pfn))
            continue;
        v.n_agree++;
        v.n_active += pfn.location == PS_PFN_ACTIVE;
    }
    return v;
}

/* A page that is mapped is active, so a layout that mostly says something else is another one. */
static void try_address(struct search *s, uint64_t va, uint64_t pointer_va)
{
    s->best->n_candidates++;
    for (size_t i = 0; i < ps_n_pfn_layouts; i++) {
        const struct ps_pfn_layout *layout = &ps_pfn_layouts[i];
        struct votes v;

        if (!ps_pfn_layout_fits(layout, s->spec->arch, s->spec->build))
            continue;
        v = count_votes(s, layout, va);
        if (v.n_agree < PS_PFN_MIN_AGREE || v.n_active < v.n_agree - v.n_agree / 4 ||
            v.n_agree <= s->best->n_agree)
            continue;
        s->best->method = s->method;
        s->best->va = va;
        s->best->pointer_va = pointer_va;
        s->best->layout = layout;
        s->best->n_agree = v.n_agree;
    }
}

static int is_certain(const struct search *s)
{
    return s->best->n_agree >= s->n_samples / 2 && s->best->n_agree != 0;
}

static int try_word(void *arg, uint64_t at, uint64_t value)
{
    struct search *s = arg;

    if (ps_addresses_add(&s->seen, value) == PS_ADDRESS_NEW)
        try_address(s, value, at);
    return is_certain(s);
}

static int try_data(struct search *s, struct ps_err *err)
{
    const struct ps_words words = {.paging = s->paging,
                                   .range = s->spec->data,
                                   .n_ranges = s->spec->n_data,
                                   .word = try_word,
                                   .arg = s};

    if (ps_addresses_init(&s->seen) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory in search of the PFN database");
    s->method = PS_PFN_POINTER;
    ps_words_visit(&words);
    ps_addresses_free(&s->seen);
    return 0;
}

static void try_known(struct search *s)
{
    const struct ps_pfn_spec *spec = s->spec;
    uint64_t va;

    s->method = PS_PFN_SYMBOL;
    if (spec->symbol != 0 && ps_words_read(s->paging, spec->symbol, &va))
        try_address(s, va, spec->symbol);
    s->method = PS_PFN_FIXED;
    if (!is_certain(s) && spec->arch == PS_ARCH_X64 && spec->build < FIRST_RANDOM_BUILD)
        try_address(s, FIXED_ADDRESS, 0);
}

int ps_pfn_find(struct ps_paging *paging, const struct ps_pfn_spec *spec, struct ps_pfn_place *out,
                struct ps_err *err)
{
    struct search s = {.paging = paging, .spec = spec, .best = out};
    int rc = 0;

    *out = (struct ps_pfn_place){.method = PS_PFN_NOT_FOUND};
    if (!ps_pte_space_find(spec->mem, paging->format.mode, paging->root, &out->space))
        return 0;
    take_samples(&s);
    out->n_samples = s.n_samples;
    if (s.n_samples < PS_PFN_MIN_AGREE)
        return 0;
    try_known(&s);
    if (!is_certain(&s))
        rc = try_data(&s, err);
    return rc < 0 ? rc : out->method != PS_PFN_NOT_FOUND;
}
