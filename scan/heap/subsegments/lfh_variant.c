#include "scan/heap/subsegments/lfh_variant.h"

#include <stdlib.h>

#include "scan/heap/locate/keys.h"

#define MAX_SAMPLES   64u
#define BITMAP_BYTES  512u /* of a sample's bitmap that is looked at */
#define MAX_REFERENCE 4u   /* samples that keys are derived from */
#define SLACK_BYTES   64u  /* behind the last block there is less than another one and this */

struct sample {
    struct ps_heap_range range;
    uint8_t bytes[PS_LFH_HEADER_BYTES + BITMAP_BYTES];
};

struct trial {
    const struct ps_heap_source *source;
    const struct ps_heaps *heaps;
    size_t n;
    struct sample *sample;
    struct ps_lfh_variant best;
    uint32_t best_score, best_fits;
};

static uint32_t le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

int ps_lfh_read_header(const struct ps_lfh_variant *v, const struct ps_heaps *heaps,
                       const struct ps_heap_range *range, const uint8_t *header,
                       struct ps_lfh_header *out)
{
    const struct ps_lfh_layout *l = v->layout;
    const uint32_t key = v->of_heap ? heaps->heap[range->heap].lfh_key[v->of_heap - 1] : v->key;

    *out = (struct ps_lfh_header){
        .shape = {.arch = l->arch,
                  .n_bytes = range->n_bytes,
                  .n_blocks = le16(header + l->block_count),
                  .header_bytes = l->bitmap},
        .offsets = ps_lfh_decode(le32(header + l->offsets), range->va, key, v->shift_full),
        .n_free = le16(header + l->free_count),
        .n_withheld = header[l->withheld],
        .is_private = l->private_form != 0 && (header[l->private_form] & 1)};
    return out->n_free <= out->shape.n_blocks && ps_lfh_fits(&out->offsets, &out->shape);
}

/* Do the blocks that the bitmap has busy or withheld, and those that the header counts as free,
 * make up all? */
static int pairs_agree(const struct ps_lfh_header *h, const uint8_t *bitmap)
{
    uint32_t n_busy = h->n_free, n_both = 0;

    for (uint32_t i = 0; i < h->shape.n_blocks; i++) {
        n_busy += ps_lfh_pair(bitmap, i) == PS_LFH_BUSY;
        n_both += ps_lfh_pair(bitmap, i) == PS_LFH_BOTH;
    }
    return n_busy == h->shape.n_blocks || n_busy + n_both == h->shape.n_blocks ||
           n_busy + h->n_withheld == h->shape.n_blocks;
}

static int singles_agree(const struct ps_lfh_header *h, const uint8_t *bitmap)
{
    uint32_t n_busy = h->n_free;

    for (uint32_t i = 0; i < h->shape.n_blocks; i++)
        n_busy += ps_lfh_single(bitmap, i);
    return n_busy == h->shape.n_blocks || n_busy + h->n_withheld == h->shape.n_blocks;
}

enum ps_lfh_form ps_lfh_form_of(const struct ps_lfh_header *h, const uint8_t *bitmap)
{
    int pairs, singles;

    if (!h->is_private)
        return PS_LFH_PAIRS;
    pairs = pairs_agree(h, bitmap);
    singles = singles_agree(h, bitmap);
    if (pairs == singles)
        return PS_LFH_NO_FORM;
    return pairs ? PS_LFH_PAIRS : PS_LFH_SINGLES;
}

static int counts_agree(const struct ps_lfh_variant *v, const struct ps_lfh_header *h,
                        const struct sample *s)
{
    const uint8_t *bitmap = s->bytes + v->layout->bitmap;

    if (ps_lfh_bitmap_bytes(h->shape.arch, h->shape.n_blocks) > BITMAP_BYTES)
        return 0;
    return pairs_agree(h, bitmap) || (h->is_private && singles_agree(h, bitmap));
}

static int is_likely(const struct ps_heap_source *source, const struct ps_lfh_variant *v)
{
    const int is_new = source->build >= 26100;

    return (v->layout->first_build >= 26100) == is_new && v->shift_full == is_new;
}

/* Fitting counts most, then the counts, then what the build makes likely. */
static void try_variant(struct trial *t, const struct ps_lfh_variant *v)
{
    uint32_t score = (uint32_t)is_likely(t->source, v), n_fits = 0;
    struct ps_lfh_header h;

    for (size_t i = 0; i < t->n; i++) {
        if (!ps_lfh_read_header(v, t->heaps, &t->sample[i].range, t->sample[i].bytes, &h))
            continue;
        n_fits++;
        score += 8 + 2 * (uint32_t)counts_agree(v, &h, &t->sample[i]);
    }
    if (n_fits == 0 || score <= t->best_score)
        return;
    t->best = *v;
    t->best_score = score;
    t->best_fits = n_fits;
}

static int is_settled(const struct trial *t)
{
    return t->best_fits * 2 > t->n;
}

/* A key with each layout and both ways of arithmetic. */
static void try_key(struct trial *t, uint32_t key, unsigned of_heap, enum ps_heap_key_source from)
{
    for (size_t i = 0; i < ps_n_lfh_layouts; i++) {
        struct ps_lfh_variant v = {
            .layout = &ps_lfh_layouts[i], .key = key, .of_heap = of_heap, .source = from};

        if (v.layout->arch != t->source->arch)
            continue;
        for (v.shift_full = 0; v.shift_full <= 1; v.shift_full++)
            try_variant(t, &v);
    }
}

static void try_stored(struct trial *t, const struct ps_heap_map *map)
{
    uint64_t heap_key, lfh_key;

    if (ps_heap_read_globals(t->source, t->heaps->globals, &heap_key, &lfh_key))
        try_key(t, (uint32_t)lfh_key, 0, PS_HEAP_KEY_GLOBALS);
    for (unsigned i = 0; i < PS_HEAP_LFH_KEYS; i++)
        if (t->heaps->layout->lfh_key[i] != 0)
            try_key(t, 0, i + 1, PS_HEAP_KEY_CONTEXT);
    if (is_settled(t) || !map->has_heap_key)
        return;
    if (ps_heap_read_globals(t->source, ps_heap_find_value(t->source, map->heap_key), &heap_key,
                             &lfh_key))
        try_key(t, (uint32_t)lfh_key, 0, PS_HEAP_KEY_DATA);
}

/* Offsets that would let a subsegment's blocks fill it. */
static int could_fill(const struct ps_lfh_offsets *o, const struct ps_lfh_shape *s)
{
    return ps_lfh_fits(o, s) &&
           s->n_bytes - o->first - s->n_blocks * o->block_bytes < o->block_bytes + SLACK_BYTES;
}

#define MAX_KEYS  16384u /* that are tried: a subsegment of few blocks would let millions be */
#define MAX_BLOCK 16384u
#define N_PAGES   4u /* of different samples, that keys are tried on */

/* Keys that fit the samples alike are told apart by the POOL_HEADERs where their blocks begin. */
struct vote {
    struct ps_lfh_variant best;
    uint32_t most, n_headers;
    int is_alone; /* no other key has as many of both */
    uint32_t n_left;
    size_t n_pages;
    struct {
        const struct sample *sample;
        uint32_t off; /* of the page in its subsegment */
        uint8_t bytes[PS_FRAME_BYTES];
    } page[N_PAGES];
};

/* The second page of subsegments, which is all blocks. */
static void read_pages(const struct trial *t, struct vote *vote)
{
    vote->n_pages = 0;
    for (size_t i = 0; i < t->n && vote->n_pages < N_PAGES; i++) {
        const struct ps_heap_range *r = &t->sample[i].range;
        const uint32_t off = r->n_bytes > PS_FRAME_BYTES ? PS_FRAME_BYTES : 0;

        vote->page[vote->n_pages].sample = &t->sample[i];
        vote->page[vote->n_pages].off = off;
        vote->n_pages +=
            ps_paging_read(t->source->paging, r->va + off, vote->page[vote->n_pages].bytes,
                           PS_FRAME_BYTES) == PS_FRAME_BYTES;
    }
}

static int is_header(enum ps_arch arch, const uint8_t *p, uint32_t block_bytes)
{
    const uint32_t word = le32(p);
    const uint32_t type = arch == PS_ARCH_X64 ? word >> 24 : word >> 25;
    const uint32_t block =
        arch == PS_ARCH_X64 ? (word >> 16 & 0xff) * 16 : (word >> 16 & 0x1ff) * 8;
    const uint32_t prev = arch == PS_ARCH_X64 ? word & 0xff : word & 0x1ff;

    return prev == 0 && block != 0 && block <= block_bytes && (type & 2) && (type & ~0x6fu) == 0;
}

static uint32_t count_headers(const struct trial *t, const struct ps_lfh_variant *v,
                              const struct vote *vote)
{
    uint32_t n = 0;

    for (size_t i = 0; i < vote->n_pages; i++) {
        const struct sample *s = vote->page[i].sample;
        const uint32_t begin = vote->page[i].off;
        struct ps_lfh_header h;
        uint32_t at;

        if (!ps_lfh_read_header(v, t->heaps, &s->range, s->bytes, &h))
            continue;
        at = h.offsets.first;
        if (at < begin)
            at += (begin - at + h.offsets.block_bytes - 1) / h.offsets.block_bytes *
                  h.offsets.block_bytes;
        for (; at - begin <= PS_FRAME_BYTES - 8; at += h.offsets.block_bytes)
            n += (uint32_t)is_header(h.shape.arch, vote->page[i].bytes + (at - begin),
                                     h.offsets.block_bytes);
    }
    return n;
}

static uint32_t count_votes(const struct trial *t, const struct ps_lfh_variant *v)
{
    struct ps_lfh_header h;
    uint32_t n = 0;

    for (size_t i = 0; i < t->n; i++)
        n += ps_lfh_read_header(v, t->heaps, &t->sample[i].range, t->sample[i].bytes, &h) &&
             could_fill(&h.offsets, &h.shape);
    return n;
}

static void cast_vote(const struct trial *t, const struct ps_lfh_variant *v, struct vote *vote)
{
    const uint32_t n = count_votes(t, v);
    uint32_t n_headers;

    vote->n_left--;
    if (n == 0 || n < vote->most)
        return;
    n_headers = count_headers(t, v, vote);
    if (n > vote->most || n_headers > vote->n_headers) {
        vote->best = *v;
        vote->most = n;
        vote->n_headers = n_headers;
        vote->is_alone = 1;
    } else if (n_headers == vote->n_headers && v->key != vote->best.key) {
        vote->is_alone = 0;
    }
}

/* All keys that let one sample's blocks fill it. */
static void vote_by(const struct trial *t, struct ps_lfh_variant *v, const struct sample *s,
                    struct vote *vote)
{
    const uint32_t stored =
        le32(s->bytes + v->layout->offsets) ^ ps_lfh_va_term(s->range.va, v->shift_full);
    const uint32_t unit = v->layout->arch == PS_ARCH_X64 ? 16 : 8;
    struct ps_lfh_header h;
    uint32_t last;

    v->key = 0;
    ps_lfh_read_header(v, t->heaps, &s->range, s->bytes, &h);
    last = h.shape.n_blocks == 0 ? 0 : h.shape.n_bytes / h.shape.n_blocks;
    for (uint32_t size = unit; size <= last && size <= MAX_BLOCK; size += unit) {
        const uint32_t room = h.shape.n_bytes - size * h.shape.n_blocks;

        for (uint32_t slack = room % unit; slack <= room && slack < size + SLACK_BYTES;
             slack += unit) {
            const struct ps_lfh_offsets o = {.block_bytes = size, .first = room - slack};

            if (vote->n_left == 0 || o.first > UINT16_MAX || !could_fill(&o, &h.shape))
                continue;
            v->key = stored ^ (o.block_bytes | o.first << 16);
            cast_vote(t, v, vote);
        }
    }
}

static void vote_for_layout(struct trial *t, const struct ps_lfh_layout *layout, struct vote *vote)
{
    struct ps_lfh_variant v = {.layout = layout, .source = PS_HEAP_KEY_LFH};

    vote->most = vote->n_headers = 0;
    vote->is_alone = 0;
    vote->n_left = MAX_KEYS;
    for (v.shift_full = 0; v.shift_full <= 1; v.shift_full++)
        for (size_t k = 0; k < t->n && k < MAX_REFERENCE; k++)
            vote_by(t, &v, &t->sample[k], vote);
    if (vote->is_alone && vote->n_left > 0)
        try_variant(t, &vote->best);
}

static int try_votes(struct trial *t)
{
    struct vote *vote = malloc(sizeof *vote);

    if (!vote)
        return -1;
    read_pages(t, vote);
    for (size_t i = 0; i < ps_n_lfh_layouts; i++)
        if (ps_lfh_layouts[i].arch == t->source->arch)
            vote_for_layout(t, &ps_lfh_layouts[i], vote);
    free(vote);
    return 0;
}

static size_t n_lfh_of(const struct ps_heap_map *map)
{
    size_t n = 0;

    for (size_t i = 0; i < map->n_ranges; i++)
        n += map->range[i].unit == PS_HEAP_LFH;
    return n;
}

/* Every so many subsegments one, so that all heaps are among them. */
static void take_samples(struct trial *t, const struct ps_heap_map *map)
{
    const size_t step = n_lfh_of(map) / MAX_SAMPLES + 1;
    size_t n_lfh = 0;

    for (size_t i = 0; i < map->n_ranges && t->n < MAX_SAMPLES; i++) {
        struct sample *s = &t->sample[t->n];

        if (map->range[i].unit != PS_HEAP_LFH || n_lfh++ % step != 0)
            continue;
        s->range = map->range[i];
        t->n += ps_paging_read(t->source->paging, s->range.va, s->bytes, sizeof s->bytes) ==
                sizeof s->bytes;
    }
}

int ps_lfh_choose(const struct ps_heap_source *source, const struct ps_heaps *heaps,
                  const struct ps_heap_map *map, struct ps_lfh_variant *out, struct ps_err *err)
{
    struct trial t = {.source = source, .heaps = heaps};
    int rc = 0;

    t.sample = malloc(MAX_SAMPLES * sizeof *t.sample);
    if (!t.sample)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map");
    take_samples(&t, map);
    try_stored(&t, map);
    if (!is_settled(&t))
        rc = try_votes(&t);
    free(t.sample);
    *out = t.best;
    return rc < 0 ? ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the heap map")
                  : is_settled(&t);
}
