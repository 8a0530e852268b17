#include "scan/pool/page_judge.h"

#include <string.h>

#include "scan/pool/classic/walk.h"
#include "scan/pool/evidence.h"
#include "scan/pool/page_map.h"
#include "scan/pool/page_view.h"
#include "scan/pool/segment/segment_page.h"

/* More pools than this no classic Windows has; docs/POOL.md, "PoolIndex". */
#define MAX_POOL_INDEX 0x40u

#define LINE_BYTES     64u

/* The best block that covers the slots looked at so far. */
struct cover {
    uint32_t end;
    uint32_t rank;
    uint32_t word0;
};

/* What the last PoolType means and the last set of evidence is worth: the headers of a page mostly
 * share them. */
struct last {
    uint32_t type;
    uint32_t evidence;
    uint8_t is_type_known;
    uint8_t state; /* enum ps_type_state */
    uint8_t pool;  /* enum ps_pool_kind */
    uint8_t confidence;
};

/* The bytes are a copy: those of a mapped image may change under our feet, and what was checked
 * must stay true. */
struct page {
    uint8_t bytes[PS_PAGE_BYTES];
    struct ps_page_view view;
    struct ps_page_map map;
};

void ps_page_map_read(const struct ps_page_view *view, struct ps_page_map *map)
{
    const enum ps_heap heap = view->era->heap;

    memset(map, 0, sizeof *map);
    if (heap != PS_HEAP_SEGMENT)
        ps_classic_walk(view, map);
    map->classic = heap == PS_HEAP_CLASSIC || map->walked || 2 * map->n_chained > view->n_slots;
    if (!map->classic)
        ps_segment_walk(view, map);
}

/* Of a whole page, compiler and C library make one string instruction, which takes three times as
 * long where the page begins within a line: some processors have it wait for its own stores. */
static void copy_page(uint8_t *to, const uint8_t *from)
{
    for (size_t i = 0; i < PS_PAGE_BYTES; i += LINE_BYTES)
        memcpy(to + i, from + i, LINE_BYTES);
}

static void read_page(struct page *p, const struct ps_era *era, const uint8_t *bytes)
{
    copy_page(p->bytes, bytes);
    p->view = ps_page_view(era, p->bytes);
    ps_page_map_read(&p->view, &p->map);
}

/* 'mark' is that of the map: bits that a block in use has on this page. */
static enum ps_type_state state_with(const struct ps_page_view *view, uint32_t mark, uint32_t type)
{
    const enum ps_type_state state = ps_era_type_state(view->era, type);

    return state == PS_TYPE_IN_USE && (type & mark) != mark ? PS_TYPE_FREE : state;
}

static enum ps_type_state state_of(const struct page *p, uint32_t word0)
{
    return state_with(&p->view, p->map.mark, ps_view_type(&p->view, word0));
}

static void take(const struct page *p, struct cover *cover, uint32_t slot)
{
    uint32_t rank = p->map.rank[slot];
    uint32_t word0 = ps_view_word0(&p->view, slot);
    uint32_t end = slot + ps_view_block(&p->view, word0);

    if (slot < cover->end && (rank < cover->rank || (rank == cover->rank && end <= cover->end)))
        return;
    cover->end = end;
    cover->rank = rank;
    cover->word0 = word0;
}

/* Take the ranked headers in [from, to) into account. */
static void advance(const struct page *p, struct cover *cover, uint32_t from, uint32_t to)
{
    for (uint32_t i = from >> 6; 64 * i < to; i++) {
        uint64_t left = p->map.ranked[i];

        if (64 * i < from)
            left &= ~(uint64_t)0 << (from & 63u);
        if (to - 64 * i < 64)
            left &= ((uint64_t)1 << (to & 63u)) - 1;
        for (; left != 0; left &= left - 1)
            take(p, cover, 64 * i + (uint32_t)__builtin_ctzll(left));
    }
}

/* Inside a block that the walk knows of, though its header is lost? */
static int in_gap(const struct page *p, uint32_t slot)
{
    for (uint32_t i = 0; i < p->map.n_gaps; i++)
        if (slot >= p->map.gap[i].first && slot < p->map.gap[i].end)
            return p->map.rank[slot] != PS_RANK_WALK;
    return 0;
}

/* A tag of unusual characters that only a wildcard entry explains counts as one that none does:
 * there are some ("Gh?@"), and they are mostly chance. */
static uint32_t tag_evidence(const struct ps_page_view *view, const struct ps_rule *rule,
                             uint32_t tag)
{
    const uint32_t plain = view->era->protected_tags ? tag & ~PS_TAG_PROTECTED : tag;

    if (rule->info != PS_TAG_UNKNOWN && rule->pattern.mask == 0xffffffffu)
        return PS_EV_TAG_KNOWN;
    if (rule->info != PS_TAG_UNKNOWN && ps_tag_pattern_is_usual(rule->pattern, plain))
        return PS_EV_TAG_WILDCARD;
    return ps_view_tag_printable(view, tag) ? PS_EV_TAG_PRINTABLE : 0;
}

/* PoolIndex counts against a header only where the page does not close: not every NT 5 kernel
 * writes it, and a closed walk is by far the better witness. */
static uint32_t classic_evidence(const struct page *p, uint32_t slot, uint32_t word0)
{
    uint32_t evidence = 0;
    unsigned links;

    if (p->map.closed && p->map.rank[slot] != 0)
        return PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK;
    links = ps_classic_links(&p->view, slot);
    if (links == (PS_LINK_PREV | PS_LINK_NEXT))
        evidence |= PS_EV_CHAIN_BOTH;
    else if (links != 0)
        evidence |= PS_EV_CHAIN_ONE;
    else if (p->map.classic && p->map.rank[slot] != PS_RANK_WALK)
        evidence |= PS_EV_BAD_NEIGHBOUR;
    if (p->map.rank[slot] == PS_RANK_WALK)
        evidence |= PS_EV_PART_WALK;
    if (p->map.classic && ps_view_index(&p->view, word0) > MAX_POOL_INDEX)
        evidence |= PS_EV_POOL_INDEX;
    return evidence;
}

/* Evidence of a PS_SEG_* bit. */
static const uint32_t segment_points[] = {
    PS_EV_LFH_STRIDE, PS_EV_VS_NEIGHBOUR, PS_EV_VS_XOR,
    PS_EV_CHAIN_ONE,  PS_EV_LFH_PAIR,     PS_EV_LFH_BITMAP,
};

static uint32_t segment_evidence(const struct page *p, uint32_t slot)
{
    const unsigned bits = p->map.segment[slot] & ~(unsigned)(PS_SEG_LIVE | PS_SEG_FREED);
    uint32_t evidence = 0;

    for (unsigned left = bits; left != 0; left &= left - 1)
        evidence |= segment_points[__builtin_ctz(left)];
    return evidence;
}

static enum ps_allocator allocator_of(const struct page *p, uint32_t slot, uint32_t evidence)
{
    if (evidence & PS_EV_VS_XOR)
        return PS_ALLOCATOR_VS;
    if (evidence & (PS_EV_LFH_STRIDE | PS_EV_LFH_PAIR))
        return PS_ALLOCATOR_LFH;
    if (evidence & PS_EV_VS_NEIGHBOUR)
        return PS_ALLOCATOR_VS;
    if ((evidence & (PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE | PS_EV_PART_WALK)) &&
        p->map.segment[slot] == 0)
        return PS_ALLOCATOR_CLASSIC;
    return PS_ALLOCATOR_UNKNOWN;
}

static int is_second(const struct page *p, uint32_t slot)
{
    return (p->map.segment[slot] & PS_SEG_ALIGNED) != 0 &&
           ps_view_prev(&p->view, ps_view_word0(&p->view, slot)) != 0;
}

/* Does the header lie in the block of a better one, or where the walk or the segment heap has a
 * block or a free chunk? Second headers of cache-aligned blocks are where they belong. */
static int is_overlap(const struct page *p, uint32_t slot, const struct cover *cover)
{
    const unsigned segment = p->map.segment[slot];

    if (is_second(p, slot))
        return 0;
    return (slot < cover->end && p->map.rank[slot] < cover->rank) || in_gap(p, slot) ||
           ((p->map.inside[slot >> 6] >> (slot & 63u) & 1u) != 0 &&
            (segment & (PS_SEG_XOR | PS_SEG_STRIDE)) == 0);
}

/* Where what covers a header was freed, it was freed before that. */
static int covered_by_free(const struct page *p, uint32_t slot, const struct cover *cover)
{
    return (p->map.freed[slot >> 6] >> (slot & 63u) & 1u) != 0 ||
           (slot < cover->end && state_of(p, cover->word0) == PS_TYPE_FREE);
}

/* A classic chain tells that a block is in use, and so does a VS chunk that agrees with the others
 * of its page, as a freed one has no header left, and an LFH bitmap. Other blocks of the segment
 * heap keep their headers when they are freed. One link with nothing else is chance as often as
 * not. What lies inside a free block was freed before it, and no block begins inside one of a
 * walk. */
static enum ps_status status_of(const struct page *p, const struct ps_finding *f, uint32_t slot,
                                const struct cover *cover)
{
    uint32_t one_slot = 1u << p->view.slot_shift;
    unsigned segment = p->map.segment[slot];

    if ((f->evidence & PS_EV_OVERLAP) && p->map.walked)
        return PS_STATUS_STALE;
    if (!(f->evidence & PS_EV_TYPE_IN_USE))
        return PS_STATUS_FREE;
    if (f->evidence & PS_EV_OVERLAP)
        return covered_by_free(p, slot, cover) ? PS_STATUS_STALE : PS_STATUS_UNKNOWN;
    if (segment & PS_SEG_FREED)
        return PS_STATUS_STALE;
    if (is_second(p, slot))
        return PS_STATUS_UNKNOWN; /* the first header counts */
    if ((f->allocator == PS_ALLOCATOR_CLASSIC || (segment & PS_SEG_LIVE) != 0) &&
        f->n_bytes > one_slot && f->confidence >= PS_ALLOCATED_CONFIDENCE)
        return PS_STATUS_ALLOCATED;
    return PS_STATUS_UNKNOWN;
}

static void look_up_type(const struct ps_page_view *view, uint32_t mark, uint32_t type,
                         struct last *last)
{
    if (last->is_type_known && last->type == type)
        return;
    last->is_type_known = 1;
    last->type = type;
    last->state = (uint8_t)state_with(view, mark, type);
    last->pool = PS_POOL_UNKNOWN;
    if (last->state == PS_TYPE_IN_USE)
        last->pool = ps_era_type_paged(view->era, type) ? PS_POOL_PAGED : PS_POOL_NONPAGED;
}

static uint8_t score(uint32_t evidence, struct last *last)
{
    if (evidence != last->evidence) {
        last->evidence = evidence;
        last->confidence = ps_evidence_score(evidence);
    }
    return last->confidence;
}

/* What the header says itself. */
static void fill(const struct ps_page_view *view, uint32_t mark, const struct ps_rule *rule,
                 const struct ps_hit *hit, struct last *last, struct ps_finding *out)
{
    int in_use;

    look_up_type(view, mark, ps_view_type(view, hit->word0), last);
    in_use = last->state == PS_TYPE_IN_USE;
    out->tag = hit->tag;
    out->word0 = hit->word0;
    out->info = rule->info;
    out->evidence = tag_evidence(view, rule, hit->tag) | (in_use ? (uint32_t)PS_EV_TYPE_IN_USE : 0);
    out->n_bytes = ps_view_block(view, hit->word0) << view->slot_shift;
    out->allocator = PS_ALLOCATOR_UNKNOWN;
    out->status = in_use ? PS_STATUS_UNKNOWN : PS_STATUS_FREE;
    out->pool = last->pool;
    out->source = PS_SOURCE_HEADER;
    out->mapped = PS_MAPPED_UNKNOWN;
    out->va = 0;
    out->in_big = 0;
    out->process = 0;
    out->big_type = PS_BIG_TYPE_NONE;
    out->pad = 0;
}

static void judge_one(const struct page *p, const struct ps_rule *rule, const struct ps_hit *hit,
                      const struct cover *cover, struct last *last, struct ps_finding *out)
{
    const uint32_t slot = hit->slot & (p->view.n_slots - 1u);

    fill(&p->view, p->map.mark, rule, hit, last, out);
    if (p->map.segment[slot] != 0)
        out->evidence |= segment_evidence(p, slot);
    else if (p->view.era->heap != PS_HEAP_SEGMENT)
        out->evidence |= classic_evidence(p, slot, hit->word0);
    if (is_overlap(p, slot, cover))
        out->evidence |= PS_EV_OVERLAP;
    out->confidence = score(out->evidence, last);
    out->allocator = (uint8_t)allocator_of(p, slot, out->evidence);
    out->status = (uint8_t)status_of(p, out, slot, cover);
}

void ps_page_judge(const struct ps_era *era, const struct ps_ruleset *rules, const uint8_t *page,
                   const struct ps_hit *hits, size_t n, struct ps_finding *out)
{
    struct cover cover = {0};
    struct last last = {0};
    struct page p;
    uint32_t seen = 0;

    read_page(&p, era, page);
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = hits[i].slot & (p.view.n_slots - 1u);

        if (p.map.covers)
            advance(&p, &cover, seen, slot);
        judge_one(&p, &rules->rule[hits[i].rule], &hits[i], &cover, &last, &out[i]);
        seen = slot;
    }
}

void ps_page_judge_alone(const struct ps_era *era, const struct ps_ruleset *rules,
                         const struct ps_hit *hits, size_t n, struct ps_finding *out)
{
    const struct ps_page_view view = ps_page_view(era, NULL);
    struct last last = {0};

    for (size_t i = 0; i < n; i++) {
        fill(&view, 0, &rules->rule[hits[i].rule], &hits[i], &last, &out[i]);
        out[i].confidence = score(out[i].evidence, &last);
    }
}
