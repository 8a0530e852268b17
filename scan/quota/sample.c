#include "scan/quota/sample.h"

#include "scan/quota/billed.h"

void ps_quota_sample_add(struct ps_quota_samples *s, uint64_t billed, uint64_t va)
{
    if (s->n < PS_QUOTA_MAX_SAMPLES)
        s->key[s->n++] = billed ^ va;
}

void ps_quota_sample_page(struct ps_quota_samples *s, const struct ps_era *era, const uint8_t *page,
                          uint64_t va)
{
    const struct ps_page_view view = ps_page_view(era, page);
    uint64_t billed;

    for (uint32_t slot = 0; slot < view.n_slots; slot++)
        if (ps_view_tag_printable(&view, ps_view_tag(&view, slot)) &&
            ps_quota_billed(&view, slot, &billed))
            ps_quota_sample_add(s, billed, va + ((uint64_t)slot << view.slot_shift));
}
