/* The reference: each slot of each page through the exact check, nothing else. */
#include "kernels/bodies.h"

size_t ps_scan_scalar(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                      struct ps_hit *hits, size_t cap)
{
    const uint32_t n_slots = (uint32_t)n_pages * plan->slots_per_page;
    size_t found = 0;

    for (uint32_t slot = 0; slot < n_slots; slot++) {
        uint32_t word[2];
        uint32_t rule;

        ps_load_header(plan, pages, slot, word);
        if (!ps_header_ok(plan, slot & (plan->slots_per_page - 1u), word[0]))
            continue;
        rule = ps_tag_rule(plan, word[1]);
        if (rule != PS_RULE_NONE)
            found = ps_emit(slot, word, rule, hits, cap, found);
    }
    return found;
}
