#include "scan/pool/listing/page_list.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"
#include "kernels/pool_check.h"
#include "scan/pool/evidence.h"
#include "scan/pool/listing/heap_slots.h"
#include "scan/pool/listing/vs_chunks.h"
#include "scan/pool/page_judge.h"

/* Everything about one page while it is listed. */
struct lister {
    _Alignas(8) uint8_t bytes[PS_PAGE_BYTES];
    struct ps_page_view view;
    struct ps_page_map map;
    struct ps_heap_slots heap;
    int forward;                    /* the chain from slot 0 closes, whatever its tags are */
    uint8_t in_chain[PS_MAX_SLOTS]; /* slots of its headers */
    uint32_t n;                     /* candidates, ascending by slot */
    struct ps_hit hit[PS_MAX_SLOTS];
    struct ps_rule rule[PS_MAX_SLOTS];
    struct ps_finding finding[PS_MAX_SLOTS];
    uint8_t said[PS_MAX_SLOTS]; /* enum ps_heap_block of each candidate */
    uint16_t
        taken[PS_MAX_SLOTS]; /* by which candidate, plus one, or PS_VS_*, PS_LFH_*; 0: by none */
};

/* A header whose tag no rule matches is one of the page all the same. */
static struct ps_rule rule_of(const struct ps_page_list_spec *spec, uint32_t tag)
{
    const struct ps_rule none = {.info = PS_TAG_UNKNOWN};
    const uint32_t rule = ps_tag_rule(spec->plan, tag);

    return rule < spec->rules->n ? spec->rules->rule[rule] : none;
}

/* The slot behind the block at 'slot' if its header continues a chain, else 0. */
static uint32_t next_in_chain(const struct ps_page_view *view, uint32_t slot, uint32_t previous)
{
    const uint32_t word0 = ps_view_word0(view, slot);
    const uint32_t block = ps_view_block(view, word0);
    const enum ps_type_state state = ps_era_type_state(view->era, ps_view_type(view, word0));

    if (ps_view_prev(view, word0) != previous || block == 0 || block > view->n_slots - slot)
        return 0;
    if (state == PS_TYPE_ILLEGAL || (state == PS_TYPE_IN_USE && block < 2))
        return 0;
    return slot + block;
}

/* The judge wants tags that can be read, for it meets pages of every kind. Who asks for a page has
 * a reason to take it for a pool page: here a chain that closes is enough, for quota blocks of NT 5
 * may have a pointer where the tag would stand. */
static void walk_forward(struct lister *l)
{
    uint32_t previous = 0;

    if (l->view.era->heap == PS_HEAP_SEGMENT || l->map.closed)
        return;
    for (uint32_t slot = 0; slot < l->view.n_slots;) {
        const uint32_t end = next_in_chain(&l->view, slot, previous);

        if (end == 0) {
            memset(l->in_chain, 0, sizeof l->in_chain);
            return;
        }
        l->in_chain[slot] = 1;
        previous = end - slot;
        slot = end;
    }
    l->forward = 1;
}

/* Candidates are what a scan would find, and the blocks of chains and of the segment heap whatever
 * their tag is. */
static void collect(struct lister *l, const struct ps_page_list_spec *spec)
{
    struct ps_hit found[PS_MAX_SLOTS];
    const size_t n_found =
        ps_kernel_pick("scalar")->scan(spec->plan, l->bytes, 1, found, PS_MAX_SLOTS);
    size_t next = 0;

    for (uint32_t slot = 0; slot < l->view.n_slots; slot++) {
        const int is_found = next < n_found && found[next].slot == slot;
        struct ps_hit *h = &l->hit[l->n];

        next += (size_t)is_found;
        if (!is_found && l->map.rank[slot] == 0 && !l->in_chain[slot] && !l->heap.is_block[slot])
            continue;
        l->said[l->n] = (uint8_t)ps_heap_slots_block(&l->heap, slot);
        *h = (struct ps_hit){.slot = slot,
                             .word0 = ps_view_word0(&l->view, slot),
                             .tag = ps_view_tag(&l->view, slot),
                             .rule = l->n};
        l->rule[l->n++] = rule_of(spec, h->tag);
    }
}

/* What the judge could not say of the blocks of that chain. */
static void uphold_chain(struct lister *l)
{
    const uint32_t refuted =
        PS_EV_CHAIN_ONE | PS_EV_BAD_NEIGHBOUR | PS_EV_OVERLAP | PS_EV_POOL_INDEX;

    for (uint32_t i = 0; i < l->n; i++) {
        struct ps_finding *f = &l->finding[i];

        if (!l->in_chain[l->hit[i].slot])
            continue;
        f->evidence = (f->evidence & ~refuted) | PS_EV_CHAIN_BOTH | PS_EV_PAGE_WALK;
        f->confidence = ps_evidence_score(f->evidence);
        f->allocator = PS_ALLOCATOR_CLASSIC;
        f->status = f->evidence & PS_EV_TYPE_IN_USE ? PS_STATUS_ALLOCATED : PS_STATUS_FREE;
    }
}

/* Worth a row on its own? */
static int is_credible(const struct lister *l, uint32_t i)
{
    const uint32_t linked = PS_EV_CHAIN_BOTH | PS_EV_CHAIN_ONE;
    const struct ps_finding *f = &l->finding[i];
    const uint32_t slot = l->hit[i].slot;

    if (l->said[i] != PS_HEAP_BLOCK_UNDECIDED)
        return ps_heap_slots_is_block(&l->heap, (enum ps_heap_block)l->said[i]);
    if (l->map.rank[slot] != 0 || (f->evidence & linked) != 0)
        return 1;
    return (f->evidence & PS_EV_TYPE_IN_USE) != 0 && f->confidence != 0;
}

/* A candidate as it competes with the others. */
struct claim {
    uint8_t rank;
    uint8_t confidence;
    uint16_t i;
};

static int compare_claims(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;

    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    if (x->confidence != y->confidence)
        return x->confidence > y->confidence ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

static uint32_t block_of(const struct lister *l, uint32_t i)
{
    return ps_view_block(&l->view, l->hit[i].word0);
}

static void take(struct lister *l, uint32_t i)
{
    const uint32_t first = l->hit[i].slot;
    const uint32_t end = first + block_of(l, i);

    for (uint32_t slot = first; slot < end; slot++)
        if (l->taken[slot] != 0)
            return;
    for (uint32_t slot = first; slot < end; slot++)
        l->taken[slot] = (uint16_t)(i + 1);
}

static uint8_t rank_of(const struct lister *l, uint32_t i)
{
    const uint32_t slot = l->hit[i].slot;

    if (l->said[i] != PS_HEAP_BLOCK_UNDECIDED)
        return PS_RANK_MAX;
    return l->in_chain[slot] ? PS_RANK_MAX : l->map.rank[slot];
}

static void settle(struct lister *l)
{
    struct claim claim[PS_MAX_SLOTS];
    size_t n = 0;

    for (uint32_t i = 0; i < l->n; i++)
        if (is_credible(l, i))
            claim[n++] = (struct claim){
                .rank = rank_of(l, i), .confidence = l->finding[i].confidence, .i = (uint16_t)i};
    qsort(claim, n, sizeof *claim, compare_claims);
    for (size_t k = 0; k < n; k++)
        take(l, claim[k].i);
}

/* Blocks come first: chunks are marked only in what they leave. */
static void find_chunks(struct lister *l)
{
    if (ps_heap_slots_mark(&l->heap, l->taken))
        return;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->taken[l->hit[i].slot] == i + 1 && (l->finding[i].evidence & PS_EV_VS_XOR) != 0)
            ps_vs_chunks_mark(&l->view, l->hit[i].slot, l->taken);
}

static void fill_block(const struct lister *l, uint32_t i, struct ps_page_row *row)
{
    const uint32_t word0 = l->hit[i].word0;

    row->kind = PS_PAGE_BLOCK;
    row->block_size = ps_view_block(&l->view, word0);
    row->previous_size = ps_view_prev(&l->view, word0);
    row->pool_index = ps_view_index(&l->view, word0);
    row->pool_type = ps_view_type(&l->view, word0);
    row->previous_bytes = row->previous_size << l->view.slot_shift;
    row->is_freed = l->said[i] == PS_HEAP_BLOCK_FREED;
    row->finding = l->finding[i];
    row->finding.phys = 0;
    row->finding.file_off = 0;
}

/* What has no block header. A mark names the slot where that begins: what does not begin on the
 * page has slot 0 and nothing of its own to show there. */
static void fill_mark(const struct lister *l, uint32_t mark, uint32_t slot, struct ps_page_row *row)
{
    if (mark & PS_VS_HEADER)
        row->kind = PS_PAGE_CHUNK_HEADER;
    else
        row->kind = mark & PS_VS_FREE ? PS_PAGE_FREE_CHUNK : PS_PAGE_FREE_BLOCK;
    if (row->kind != PS_PAGE_CHUNK_HEADER && ps_heap_slots_begins(&l->heap, slot))
        row->tag = ps_view_tag(&l->view, slot);
}

static void write_rows(const struct lister *l, struct ps_page_list *out)
{
    uint32_t end;

    for (uint32_t slot = 0; slot < l->view.n_slots; slot = end) {
        struct ps_page_row *row = &out->row[out->n++];
        const uint32_t owner = l->taken[slot];

        for (end = slot + 1; end < l->view.n_slots && l->taken[end] == owner; end++)
            continue;
        *row = (struct ps_page_row){.at = slot << l->view.slot_shift,
                                    .n_bytes = (end - slot) << l->view.slot_shift};
        if (owner >= PS_LFH_FREE)
            fill_mark(l, owner, slot, row);
        else if (owner != 0)
            fill_block(l, owner - 1, row);
    }
}

/* All blocks of a page are of one pool; a header that is none may say the other one. */
static void find_region(const struct ps_era *era, struct ps_page_list *out)
{
    uint32_t n_paged = 0;

    for (uint32_t i = 0; i < out->n; i++) {
        const struct ps_page_row *row = &out->row[i];

        if (row->kind != PS_PAGE_BLOCK || !(row->finding.evidence & PS_EV_TYPE_IN_USE))
            continue;
        out->n_in_use++;
        n_paged += (uint32_t)ps_era_type_paged(era, row->pool_type);
    }
    if (2 * n_paged == out->n_in_use)
        return;
    out->region = 2 * n_paged > out->n_in_use ? PS_REGION_PAGED : PS_REGION_NONPAGED;
    out->n_agree = out->region == PS_REGION_PAGED ? n_paged : out->n_in_use - n_paged;
}

void ps_pool_page_list(const struct ps_page_list_spec *spec, const uint8_t *page,
                       struct ps_page_list *out)
{
    struct lister l = {.n = 0};
    const struct ps_ruleset rules = {.rule = l.rule, .n = PS_MAX_SLOTS};

    memcpy(l.bytes, page, sizeof l.bytes);
    l.view = ps_page_view(spec->era, l.bytes);
    ps_page_map_read(&l.view, &l.map);
    ps_heap_slots_read(&l.heap, spec->heap, spec->va, &l.view);
    walk_forward(&l);
    collect(&l, spec);
    ps_page_judge(spec->era, &rules, l.bytes, l.hit, l.n, l.finding);
    uphold_chain(&l);
    settle(&l);
    find_chunks(&l);

    memset(out, 0, sizeof *out);
    out->unit = (enum ps_heap_unit)l.heap.page.unit;
    out->pool = (enum ps_heap_pool)l.heap.page.pool;
    out->closed = l.map.closed || l.forward;
    write_rows(&l, out);
    find_region(spec->era, out);
}

uint32_t ps_pool_page_row_at(const struct ps_page_list *list, uint32_t at)
{
    uint32_t i = 0;

    while (i + 1 < list->n && list->row[i + 1].at <= at)
        i++;
    return i;
}
