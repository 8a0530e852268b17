/* The reference: each slot of each page through the exact check, nothing else. */
#include "kernels/bodies.h"

size_t ps_scan_scalar(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                      struct ps_hit *hits, size_t cap)
{
    uint32_t n_slots = (uint32_t)n_pages * plan->slots_per_page;
    size_t found = 0;

    for (uint32_t slot = 0; slot < n_slots; slot++)
        found = ps_emit_if_ok(plan, pages, slot, hits, cap, found);
    return found;
}
