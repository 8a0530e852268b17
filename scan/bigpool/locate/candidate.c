#include "scan/bigpool/locate/candidate.h"

#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/locate/sample.h"

#define PAGE_BYTES ((uint64_t)PS_FRAME_BYTES)

#define NONE       UINT32_MAX
#define NONE4      NONE, NONE, NONE, NONE

const struct ps_bigpool_sizes ps_bigpool_no_sizes = {
    {NONE4, NONE4, NONE4, NONE4, NONE4, NONE4, NONE}};

/* Pages that are asked before anything else: one may be missing, one torn. */
#define FIRST_PAGES 4u

/* 1: may be page i of a table in some layout, with all of it in page[]; 0: it is none; -1: it
 * cannot be read. What nearly always says no stands in the first part of a page, and the rest of it
 * would cost more than that part. */
static int read_page(const struct ps_bigpool_source *source, uint64_t va, uint64_t i,
                     uint8_t page[PS_FRAME_BYTES])
{
    int is_possible = 0;

    if (ps_paging_read(source->paging, va, page, PS_BIGPOOL_PAGE_PART) < PS_BIGPOOL_PAGE_PART)
        return -1;
    for (uint32_t k = 0; k < PS_BIGPOOL_N_GEOMETRIES; k++) {
        const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[k];

        is_possible |=
            g->arch == source->arch && ps_bigpool_part_look_as(page, k, ps_bigpool_phase(g, i));
    }
    if (!is_possible)
        return 0;
    return ps_paging_read(source->paging, va, page, PAGE_BYTES) == PAGE_BYTES ? 1 : -1;
}

/* The first page decides if it is one of a table; if it is none, two of the others must be, and no
 * other may be none: most addresses are no table's, and two pages say so. */
int ps_bigpool_candidate_look(const struct ps_bigpool_source *source,
                              struct ps_bigpool_candidate *c)
{
    uint8_t n[PS_BIGPOOL_N_GEOMETRIES] = {0};
    uint8_t page[PS_FRAME_BYTES];
    unsigned n_bad = 0;

    for (uint64_t i = 0; i < FIRST_PAGES && n_bad < 2; i++) {
        const uint64_t va = c->va + i * PAGE_BYTES;
        const int what = va < c->va ? -1 : read_page(source, va, i, page);
        int is_bad = 1;

        if (what < 0)
            continue;
        for (uint32_t k = 0; k < PS_BIGPOOL_N_GEOMETRIES && what > 0; k++) {
            const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[k];
            struct ps_bigpool_look look;

            if (g->arch != source->arch ||
                !ps_bigpool_page_look_as(page, k, ps_bigpool_phase(g, i), &look))
                continue;
            c->geometry = k;
            is_bad = 0;
            if (i == 0 || ++n[k] == 2)
                return 1;
        }
        n_bad += (unsigned)is_bad;
    }
    return 0;
}

/* Of a few entries all must agree, of many nearly all. */
static int is_enough(size_t n_agree, size_t n)
{
    return n >= 3 && n_agree >= n - (n >= 8 ? (n + 9) / 10 : 0);
}

/* Sizes with which the sample agrees, as bits. */
static uint32_t agreed_sizes(const struct ps_bigpool_sample *sample, enum ps_bigpool_hash hash)
{
    uint32_t sizes = 0;

    for (uint32_t k = PS_BIGPOOL_MIN_LOG2; k <= sample->open_log2; k++) {
        const size_t n = ps_bigpool_sample_within(sample, k);

        if (is_enough(ps_bigpool_agree(hash, sample->place, n, UINT32_C(1) << k), n))
            sizes |= UINT32_C(1) << k;
    }
    return sizes;
}

static uint32_t log2_of(uint32_t v)
{
    uint32_t k = 0;

    while (v >>= 1)
        k++;
    return k;
}

/* From so many entries on, half of which would have to agree by chance, the multiplying hashes tell
 * a size from its double. */
#define ENOUGH_TO_TELL 16u

/* The number that stands nearest to the pointer, of those from 'lo' to 'hi'; 0: none. */
static uint32_t nearest_size(const struct ps_bigpool_sizes *sizes, uint32_t lo, uint32_t hi)
{
    uint32_t best = 0;

    for (uint32_t k = lo; k <= hi; k++)
        if (sizes->distance[k] != NONE && (best == 0 || sizes->distance[k] < sizes->distance[best]))
            best = k;
    return best;
}

/* The size: as large as the entries agree with, and no smaller than where they stand. Between the
 * two, which the XOR fold or a few entries may leave open, the number beside the pointer decides,
 * else how far pages look like a table's. */
static uint32_t pick_size(const struct ps_bigpool_sample *sample,
                          const struct ps_bigpool_sizes *sizes, enum ps_bigpool_hash hash,
                          uint32_t agreed)
{
    const uint32_t hi = log2_of(agreed);
    const size_t n = ps_bigpool_sample_within(sample, hi);
    uint32_t lo = log2_of(sample->place[n - 1].slot) + 1;
    uint32_t k;

    if (lo < PS_BIGPOOL_MIN_LOG2)
        lo = PS_BIGPOOL_MIN_LOG2;
    if (lo >= hi || (hash != PS_BIGPOOL_FOLD && n >= ENOUGH_TO_TELL))
        return hi;
    k = nearest_size(sizes, lo, hi);
    if (k != 0)
        return k;
    k = sample->seen_log2 < hi ? sample->seen_log2 : hi;
    return k > lo ? k : lo;
}

static void prove(const struct ps_bigpool_sample *sample, const struct ps_bigpool_sizes *sizes,
                  struct ps_bigpool_candidate *c)
{
    size_t best = 0;

    c->hash = PS_BIGPOOL_NO_HASH;
    for (int h = 0; h < PS_BIGPOOL_N_HASHES; h++) {
        const enum ps_bigpool_hash hash = (enum ps_bigpool_hash)h;
        const uint32_t agreed = agreed_sizes(sample, hash);
        uint32_t log2;
        size_t n, n_agree;

        if (agreed == 0)
            continue;
        log2 = pick_size(sample, sizes, hash, agreed);
        n = ps_bigpool_sample_within(sample, log2);
        n_agree = ps_bigpool_agree(hash, sample->place, n, UINT32_C(1) << log2);
        if (n_agree <= best)
            continue;
        best = n_agree;
        c->hash = hash;
        c->log2 = log2;
        c->n_used = n;
        c->n_agree = n_agree;
    }
}

/* No hash: pages of legal entries one behind the other, that is all that can be said. */
#define MIN_UNPROVED 8u

static int accept_unproved(const struct ps_bigpool_sample *sample,
                           const struct ps_bigpool_sizes *sizes, struct ps_bigpool_candidate *c)
{
    const uint32_t k = nearest_size(sizes, PS_BIGPOOL_MIN_LOG2, sample->seen_log2);

    if (sample->n_legal * 10 < sample->n_resident * 9 || sample->seen_log2 == 0)
        return 0;
    /* A number beside the pointer that is smaller than what looks like a table is some number. */
    c->log2 = sample->seen_log2;
    c->n_used = ps_bigpool_sample_within(sample, c->log2);
    c->n_agree = 0;
    return c->n_used >= MIN_UNPROVED || (k == c->log2 && c->n_used != 0);
}

/* The live entry for the table itself, which can stand in a run behind its home only. */
#define SELF_PROBES 512u

static int find_self(const struct ps_bigpool_source *source, const struct ps_bigpool_candidate *c)
{
    const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[c->geometry];
    const struct ps_bigpool_layout *layout = ps_bigpool_family_layout(g, c->family);
    const uint32_t n_slots = UINT32_C(1) << c->log2;
    const uint64_t n_bytes = (uint64_t)g->entry_bytes * n_slots;
    uint32_t slot = ps_bigpool_home(c->hash, c->va, n_slots);

    for (uint32_t i = 0; i < SELF_PROBES; i++, slot = (slot + 1) & (n_slots - 1)) {
        struct ps_bigpool_entry e;
        uint8_t bytes[0x20];

        if (ps_paging_read(source->paging, c->va + (uint64_t)slot * g->entry_bytes, bytes,
                           g->entry_bytes) < g->entry_bytes)
            continue;
        ps_bigpool_entry_decode(layout, bytes, g->entry_bytes, &e);
        if (e.state == PS_BIGPOOL_EMPTY)
            return 0;
        if (e.state == PS_BIGPOOL_ALLOCATED && e.va == c->va && e.tag == PS_BIGPOOL_SELF_TAG &&
            e.n_bytes == n_bytes)
            return 1;
    }
    return 0;
}

/* 1, or 0: no table with entries of c->family. */
static int examine_family(const struct ps_bigpool_source *source,
                          const struct ps_bigpool_sizes *sizes, struct ps_bigpool_sample *sample,
                          struct ps_bigpool_candidate *c)
{
    ps_bigpool_sample_take(source, c, sample);
    c->has_self = 0;
    prove(sample, sizes, c);
    if (c->hash != PS_BIGPOOL_NO_HASH)
        c->has_self = find_self(source, c);
    else if (!accept_unproved(sample, sizes, c))
        return 0;
    c->size_distance = sizes->distance[c->log2];
    return 1;
}

/* The first pages may be empty, and empty entries are those of both families. */
int ps_bigpool_candidate_examine(const struct ps_bigpool_source *source,
                                 const struct ps_bigpool_sizes *sizes,
                                 struct ps_bigpool_candidate *c)
{
    const struct ps_bigpool_geometry *g = &ps_bigpool_geometries[c->geometry];
    struct ps_bigpool_sample *sample = malloc(sizeof *sample);
    struct ps_bigpool_candidate best = *c;

    if (!sample)
        return -PS_ENOMEM;
    for (int f = 0; f < PS_BIGPOOL_N_FAMILIES; f++) {
        c->family = (enum ps_bigpool_family)f;
        if (ps_bigpool_family_layout(g, c->family) && examine_family(source, sizes, sample, c) &&
            ps_bigpool_candidate_is_better(c, &best))
            best = *c;
    }
    free(sample);
    *c = best;
    return best.n_used != 0;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Tables only grow, so of two the larger one is newer; a copy of a table does not lie where its
 * entry for itself says. */
int ps_bigpool_candidate_is_better(const struct ps_bigpool_candidate *a,
                                   const struct ps_bigpool_candidate *b)
{
    const int proved = compare(a->hash != PS_BIGPOOL_NO_HASH, b->hash != PS_BIGPOOL_NO_HASH);
    const int order[] = {
        compare(a->n_used != 0, b->n_used != 0),
        proved,
        compare(a->log2, b->log2),
        compare((uint64_t)a->has_self, (uint64_t)b->has_self),
        compare(b->size_distance, a->size_distance),
        compare(a->n_used, b->n_used),
        compare(b->va, a->va),
    };

    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] != 0)
            return order[i] > 0;
    return 0;
}

int ps_bigpool_candidate_is_certain(const struct ps_bigpool_candidate *c)
{
    return c->n_used != 0 && (c->hash != PS_BIGPOOL_NO_HASH || c->size_distance != NONE);
}
