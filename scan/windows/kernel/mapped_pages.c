#include "scan/windows/kernel/mapped_pages.h"

static void set_page(struct ps_mapped_page *page, const struct ps_walk *w, uint64_t va,
                     uint64_t last)
{
    const uint64_t left = w->page_bytes - 1 - (va & (w->page_bytes - 1));

    page->va = va;
    page->last = left < last - va ? va + left : last;
    page->phys = w->phys;
    page->writable = w->writable;
}

/* How far what the last entry says is true; 0 if there was none. */
static uint64_t bytes_of_entry(const struct ps_paging *paging, const struct ps_walk *w)
{
    const unsigned level = w->n_steps > 0 ? w->step[w->n_steps - 1].level : 0;

    if (w->n_steps == 0)
        return 0;
    return level == 0 ? PS_FRAME_BYTES : UINT64_C(1) << ps_paging_shift(paging->format.mode, level);
}

int ps_mapped_page_next(struct ps_paging *paging, uint64_t va, uint64_t last, uint32_t *budget,
                        struct ps_mapped_page *page)
{
    struct ps_walk w;

    for (; va <= last && *budget > 0; --*budget) {
        uint64_t n_bytes, next;

        if (ps_paging_walk(paging, va, &w) == PS_WALK_MAPPED) {
            set_page(page, &w, va, last);
            --*budget;
            return 1;
        }
        n_bytes = bytes_of_entry(paging, &w);
        next = (va | (n_bytes - 1)) + 1;
        if (n_bytes == 0 || next <= va)
            return 0;
        va = next;
    }
    return 0;
}
