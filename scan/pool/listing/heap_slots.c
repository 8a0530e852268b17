#include "scan/pool/listing/heap_slots.h"

#include <string.h>

#include "scan/heap/vs_page.h"
#include "scan/pool/listing/vs_chunks.h"

#define TYPE_CACHE_ALIGNED 0x04u

/* The header may be anything: what has to be is that the block lies in its span and the page. */
static int may_be_header(const struct ps_page_view *view, const struct ps_heap_span *span)
{
    const uint32_t slot = span->at >> view->slot_shift;
    uint32_t word0, block;

    if (slot >= view->n_slots)
        return 0;
    word0 = ps_view_word0(view, slot);
    block = ps_view_block(view, word0);
    return block >= 2 && block <= view->n_slots - slot &&
           block <= span->n_bytes >> view->slot_shift &&
           ps_era_type_state(view->era, ps_view_type(view, word0)) == PS_TYPE_IN_USE;
}

void ps_heap_slots_read(struct ps_heap_slots *s, const struct ps_heap_map *map, uint64_t va,
                        const struct ps_page_view *view)
{
    s->map = map;
    s->view = view;
    s->page = (struct ps_heap_page){.unit = PS_HEAP_OUTSIDE};
    s->n = 0;
    memset(s->is_block, 0, sizeof s->is_block);
    if (!map)
        return;
    ps_heap_map_page(map, va, &s->page);
    s->n = ps_heap_page_spans(map, &s->page, view->page, s->span, PS_MAX_SLOTS);
    s->n = s->n < PS_MAX_SLOTS ? s->n : PS_MAX_SLOTS;
    for (size_t i = 0; i < s->n; i++) {
        const struct ps_heap_span *span = &s->span[i];
        const int is_kept = ps_heap_slots_is_block(s, span->state);

        if (is_kept && may_be_header(view, span))
            s->is_block[span->at >> view->slot_shift] = 1;
    }
}

enum ps_heap_block ps_heap_slots_block(struct ps_heap_slots *s, uint32_t slot)
{
    uint32_t word0;

    if (s->page.unit == PS_HEAP_OUTSIDE || s->page.unit == PS_HEAP_UNREAD)
        return PS_HEAP_BLOCK_UNDECIDED;
    word0 = ps_view_word0(s->view, slot);
    if ((ps_view_type(s->view, word0) & TYPE_CACHE_ALIGNED) != 0 &&
        ps_view_prev(s->view, word0) != 0)
        return PS_HEAP_BLOCK_NONE;
    return ps_heap_block_at(s->map, &s->page, s->view->page, slot << s->view->slot_shift,
                            ps_view_block(s->view, word0) << s->view->slot_shift);
}

int ps_heap_slots_is_block(const struct ps_heap_slots *s, enum ps_heap_block said)
{
    return said == PS_HEAP_BLOCK_LIVE ||
           (said == PS_HEAP_BLOCK_FREED && s->page.unit == PS_HEAP_LFH);
}

/* Slots [first, first + n), as far as they are in the page and nothing has them. */
static void mark(const struct ps_heap_slots *s, uint16_t *taken, uint32_t first, uint32_t n,
                 uint32_t what)
{
    const uint32_t left = s->view->n_slots - first;

    for (uint32_t i = first; i < first + (n < left ? n : left) && taken[i] == 0; i++)
        taken[i] = (uint16_t)(what | first);
}

static void mark_vs(const struct ps_heap_slots *s, const struct ps_heap_span *span, uint16_t *taken)
{
    const uint32_t shift = s->view->slot_shift;
    const uint32_t chunk = (span->at >> shift) - 1;

    if (span->state == PS_HEAP_BLOCK_LIVE)
        mark(s, taken, chunk, 1, PS_VS_HEADER);
    else if (span->state == PS_HEAP_BLOCK_FREED)
        mark(s, taken, chunk, (span->n_bytes >> shift) + 1, PS_VS_FREE);
}

/* The rest of a free chunk that began on the page before. */
static int has_free_lead(const struct ps_heap_slots *s)
{
    return s->page.unit == PS_HEAP_VS && s->page.is_decoded &&
           s->page.lead_state == PS_VS_LEAD_FREE && s->page.lead_slots != 0;
}

int ps_heap_slots_begins(const struct ps_heap_slots *s, uint32_t slot)
{
    return slot != 0 || !has_free_lead(s);
}

int ps_heap_slots_mark(const struct ps_heap_slots *s, uint16_t *taken)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct ps_heap_span *span = &s->span[i];

        if (s->page.unit == PS_HEAP_VS)
            mark_vs(s, span, taken);
        else if (span->state == PS_HEAP_BLOCK_FREED)
            mark(s, taken, span->at >> s->view->slot_shift, span->n_bytes >> s->view->slot_shift,
                 PS_LFH_FREE);
    }
    if (has_free_lead(s))
        mark(s, taken, 0, s->page.lead_slots, PS_VS_FREE);
    return s->page.unit != PS_HEAP_OUTSIDE && s->page.unit != PS_HEAP_UNREAD &&
           (s->n != 0 || s->page.unit != PS_HEAP_VS);
}
