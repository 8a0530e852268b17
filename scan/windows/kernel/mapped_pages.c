#include "scan/windows/kernel/mapped_pages.h"

void ps_mapped_pages_init(struct ps_mapped_pages *m, struct ps_paging *paging)
{
    m->paging = paging;
    m->n_bytes = 0;
}

static void set_page(struct ps_mapped_page *page, uint64_t va, uint64_t last, uint64_t page_bytes,
                     uint64_t phys)
{
    const uint64_t left = page_bytes - 1 - (va & (page_bytes - 1));

    page->va = va;
    page->last = left < last - va ? va + left : last;
    page->phys = phys;
}

static unsigned last_level(const struct ps_walk *w)
{
    return w->n_steps > 0 ? w->step[w->n_steps - 1].level : 0;
}

/* Keep the table of the entry that ended the walk, if it is one of 4 KiB pages. */
static void keep_table(struct ps_mapped_pages *m, const struct ps_walk *w, uint64_t va)
{
    const struct ps_physmem *mem = m->paging->mem;
    const uint64_t span =
        PS_FRAME_BYTES / ps_paging_entry_bytes(m->paging->format.mode) * (uint64_t)PS_FRAME_BYTES;
    const uint64_t table = w->step[w->n_steps - 1].at & ~(uint64_t)(PS_FRAME_BYTES - 1);

    if (last_level(w) != 1)
        return;
    m->va = va & ~(span - 1);
    m->n_bytes = mem->read(mem->arg, table, m->table, sizeof m->table);
    m->writable = 1;
    for (unsigned i = 0; i + 1 < w->n_steps; i++)
        if (w->step[i].pte.kind == PS_PTE_TABLE)
            m->writable &= w->step[i].pte.writable;
}

/* The entry of 'va' in the table that is kept; 0 if it is not there. */
static int kept_entry(const struct ps_mapped_pages *m, uint64_t va, uint64_t *raw)
{
    const unsigned n_bytes = ps_paging_entry_bytes(m->paging->format.mode);
    const uint64_t i = (va - m->va) / PS_FRAME_BYTES;

    if (m->n_bytes < n_bytes || va < m->va || i > (m->n_bytes - n_bytes) / n_bytes)
        return 0;
    *raw = 0;
    for (unsigned k = n_bytes; k-- > 0;)
        *raw = *raw << 8 | m->table[i * n_bytes + k];
    return 1;
}

/* How far what the last entry says is true; 0 if there was none. */
static uint64_t bytes_of_entry(const struct ps_mapped_pages *m, const struct ps_walk *w)
{
    const unsigned level = last_level(w);

    if (w->n_steps == 0)
        return 0;
    return level == 0 ? PS_FRAME_BYTES
                      : UINT64_C(1) << ps_paging_shift(m->paging->format.mode, level);
}

/* Look at one address: 1 and *page when it is mapped, else 0 and how many bytes around it are not
 * (0: all that follow). */
static int look_at(struct ps_mapped_pages *m, uint64_t va, uint64_t last,
                   struct ps_mapped_page *page, uint64_t *n_bytes)
{
    struct ps_pte pte = {.kind = PS_PTE_NONE};
    struct ps_walk w;
    uint64_t raw;
    int is_mapped;

    *n_bytes = PS_FRAME_BYTES;
    if (kept_entry(m, va, &raw)) {
        if (raw == 0)
            return 0;
        ps_pte_decode(m->paging->format, 1, raw, &pte);
    }
    if (pte.kind == PS_PTE_PAGE || pte.kind == PS_PTE_TRANSITION) {
        set_page(page, va, last, PS_FRAME_BYTES, pte.phys + va % PS_FRAME_BYTES);
        page->writable = m->writable && (pte.kind == PS_PTE_TRANSITION || pte.writable);
        return 1;
    }
    is_mapped = ps_paging_walk(m->paging, va, &w) == PS_WALK_MAPPED;
    *n_bytes = bytes_of_entry(m, &w);
    if (w.n_steps > 0)
        keep_table(m, &w, va);
    if (!is_mapped)
        return 0;
    set_page(page, va, last, w.page_bytes, w.phys);
    page->writable = w.writable;
    return 1;
}

int ps_mapped_pages_next(struct ps_mapped_pages *m, uint64_t va, uint64_t last, uint32_t *budget,
                         struct ps_mapped_page *page)
{
    while (va <= last && *budget > 0) {
        uint64_t n_bytes, next;

        --*budget;
        if (look_at(m, va, last, page, &n_bytes))
            return 1;
        next = (va | (n_bytes - 1)) + 1;
        if (n_bytes == 0 || next <= va)
            return 0;
        va = next;
    }
    return 0;
}
