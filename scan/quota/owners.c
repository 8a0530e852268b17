#include "scan/quota/owners.h"

static int is_known(const struct ps_owners *o, uint64_t va)
{
    size_t low = 0, high = o->n_known;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (o->known[mid] == va)
            return 1;
        if (o->known[mid] < va)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

uint64_t ps_owner(const struct ps_owners *o, uint64_t billed, uint64_t va)
{
    uint64_t process;

    if (o->settle && !o->settle(o->arg))
        return 0;
    process = ps_quota_process(o->rule, o->cookie, billed, va);
    if (!ps_quota_possible(o->era->arch, process))
        return 0;
    if (is_known(o, process) || (o->is_process && o->is_process(o->arg, process)))
        return process;
    return 0;
}

uint64_t ps_owner_of_header(const struct ps_owners *o, const uint8_t *page, uint32_t at,
                            uint64_t page_va)
{
    const struct ps_page_view view = ps_page_view(o->era, page);
    uint64_t billed;

    if (!ps_quota_billed(&view, at >> view.slot_shift, &billed))
        return 0;
    return ps_owner(o, billed, page_va + at);
}
