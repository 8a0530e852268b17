#include "scan/windows/paging/paging.h"

#include "scan/word.h"

#define NO_TABLE UINT64_MAX
#define NO_PAGE  UINT64_C(1)

void ps_paging_init(struct ps_paging *p, const struct ps_physmem *mem, struct ps_pte_format format,
                    uint64_t root)
{
    p->mem = mem;
    p->pagefiles = NULL;
    p->format = format;
    p->root = ps_paging_root(format.mode, root);
    for (size_t i = 0; i < PS_PAGING_TABLE_SETS; i++) {
        for (size_t way = 0; way < PS_PAGING_TABLE_WAYS; way++)
            p->table[i][way].phys = NO_TABLE;
        p->next_way[i] = 0;
    }
    for (size_t i = 0; i < PS_PAGING_CACHED_PAGES; i++)
        p->page[i].va = NO_PAGE;
}

void ps_paging_use_pagefiles(struct ps_paging *p, const struct ps_pagefiles *files)
{
    p->pagefiles = files;
}

static const struct ps_table_copy *cached_table(struct ps_paging *p, uint64_t phys)
{
    const size_t set = phys / PS_FRAME_BYTES % PS_PAGING_TABLE_SETS;
    struct ps_table_copy *t;

    for (size_t way = 0; way < PS_PAGING_TABLE_WAYS; way++)
        if (p->table[set][way].phys == phys)
            return &p->table[set][way];
    t = &p->table[set][p->next_way[set]];
    p->next_way[set] = (uint8_t)((p->next_way[set] + 1) % PS_PAGING_TABLE_WAYS);
    t->n_bytes = p->mem->read(p->mem->arg, phys, t->bytes, sizeof t->bytes);
    t->phys = phys;
    return t;
}

/* Entries are aligned to their size, so none lies in two frames. */
static int read_entry(struct ps_paging *p, uint64_t at, unsigned n_bytes, uint64_t *raw)
{
    const struct ps_table_copy *t = cached_table(p, at & ~(uint64_t)(PS_FRAME_BYTES - 1));
    size_t off = at % PS_FRAME_BYTES;

    *raw = 0;
    if (off % n_bytes != 0 || t->n_bytes < n_bytes || off > t->n_bytes - n_bytes)
        return 0;
    *raw = ps_word(t->bytes + off, n_bytes);
    return 1;
}

static enum ps_walk_end end_unreadable(struct ps_walk *w, uint64_t at)
{
    w->phys = at;
    return w->end = PS_WALK_UNREADABLE;
}

static enum ps_walk_end end_at_page(struct ps_walk *w, const struct ps_pte *pte, uint64_t va)
{
    w->phys = pte->phys + (va & (pte->page_bytes - 1));
    w->page_bytes = pte->page_bytes;
    return w->end = PS_WALK_MAPPED;
}

/* 'pte' leads to no page in memory. */
static enum ps_walk_end end_absent(struct ps_walk *w, const struct ps_pte *pte, uint64_t va)
{
    if (pte->kind != PS_PTE_PAGEFILE)
        return w->end = PS_WALK_NOT_RESIDENT;
    w->file = pte->file;
    w->file_off = pte->offset * PS_FRAME_BYTES + va % PS_FRAME_BYTES;
    return w->end = PS_WALK_PAGED_OUT;
}

static void restrict_access(struct ps_walk *w, const struct ps_pte *pte)
{
    w->writable &= pte->writable;
    w->user &= pte->user;
    w->no_execute |= pte->no_execute;
}

static int is_resident(const struct ps_pte *pte)
{
    return pte->kind == PS_PTE_PAGE || pte->kind == PS_PTE_TRANSITION;
}

/* Walk down to the entry of the last level, or to the one that ends the walk before. */
static enum ps_walk_end walk_tables(struct ps_paging *p, uint64_t va, struct ps_walk *w)
{
    const enum ps_paging_mode mode = p->format.mode;
    const unsigned n_bytes = ps_paging_entry_bytes(mode);
    uint64_t table = p->root;

    for (unsigned level = ps_paging_levels(mode);; level--) {
        struct ps_walk_step *s = &w->step[w->n_steps];

        *s = (struct ps_walk_step){.name = ps_paging_level_name(mode, level), .level = level};
        s->index =
            (unsigned)(va >> ps_paging_shift(mode, level)) & (ps_paging_entries(mode, level) - 1);
        s->at = table + (uint64_t)s->index * n_bytes;
        if (!read_entry(p, s->at, n_bytes, &s->raw))
            return end_unreadable(w, s->at);
        w->n_steps++;
        ps_pte_decode(p->format, level, s->raw, &s->pte);
        if (s->pte.kind == PS_PTE_TABLE || s->pte.kind == PS_PTE_PAGE)
            restrict_access(w, &s->pte);
        if (s->pte.kind == PS_PTE_PAGE || (level == 1 && is_resident(&s->pte)))
            return end_at_page(w, &s->pte, va);
        if (level == 1)
            return end_absent(w, &s->pte, va);
        if (s->pte.kind != PS_PTE_TABLE && s->pte.kind != PS_PTE_TRANSITION)
            return w->end = PS_WALK_NOT_RESIDENT;
        table = s->pte.phys;
    }
}

static void start_walk(struct ps_walk *w)
{
    w->end = PS_WALK_NOT_CANONICAL;
    w->phys = w->page_bytes = w->file_off = 0;
    w->file = 0;
    w->writable = w->user = 1;
    w->no_execute = 0;
    w->n_steps = 0;
}

/* What a page file has of the page to which 'w' came. */
static size_t read_paged_out(const struct ps_paging *p, const struct ps_walk *w, void *buf,
                             size_t n_bytes)
{
    if (w->end != PS_WALK_PAGED_OUT || !p->pagefiles)
        return 0;
    return p->pagefiles->read(p->pagefiles->arg, w->file, w->file_off, buf, n_bytes);
}

static int read_prototype(struct ps_paging *p, const struct ps_walk *to_proto,
                          struct ps_walk_step *s)
{
    const unsigned n_bytes = ps_paging_entry_bytes(p->format.mode);
    uint8_t b[8];

    if (to_proto->end == PS_WALK_MAPPED) {
        s->at = to_proto->phys;
        return read_entry(p, s->at, n_bytes, &s->raw);
    }
    s->at = UINT64_MAX;
    if (s->at_va % n_bytes != 0 || read_paged_out(p, to_proto, b, n_bytes) != n_bytes)
        return 0;
    s->raw = ps_word(b, n_bytes);
    return 1;
}

/* The prototype entry lies in paged pool: the Windows kernel half, with no prototype on the way. */
static enum ps_walk_end follow_prototype(struct ps_paging *p, uint64_t va, struct ps_walk *w)
{
    uint64_t proto = w->step[w->n_steps - 1].pte.proto;
    struct ps_walk to_proto;
    struct ps_walk_step *s = &w->step[w->n_steps];

    start_walk(&to_proto);
    if (!ps_paging_canonical(p->format.mode, proto, &proto) ||
        proto < ps_paging_kernel_base(p->format.mode))
        return w->end = PS_WALK_NOT_RESIDENT;
    walk_tables(p, proto, &to_proto);
    *s = (struct ps_walk_step){.name = "prototype PTE", .at_va = proto};
    if (!read_prototype(p, &to_proto, s))
        return to_proto.end == PS_WALK_MAPPED ? end_unreadable(w, s->at)
                                              : (w->end = PS_WALK_NOT_RESIDENT);
    w->n_steps++;
    ps_pte_decode_prototype(p->format, s->raw, &s->pte);
    return is_resident(&s->pte) ? end_at_page(w, &s->pte, va) : end_absent(w, &s->pte, va);
}

enum ps_walk_end ps_paging_walk(struct ps_paging *p, uint64_t va, struct ps_walk *w)
{
    start_walk(w);
    if (!ps_paging_canonical(p->format.mode, va, &va))
        return w->end;
    /* Above the last level a prototype entry would stand for a table, not for the page. */
    if (walk_tables(p, va, w) != PS_WALK_NOT_RESIDENT || w->step[w->n_steps - 1].level != 1 ||
        w->step[w->n_steps - 1].pte.kind != PS_PTE_PROTOTYPE)
        return w->end;
    return follow_prototype(p, va, w);
}

int ps_paging_translate(struct ps_paging *p, uint64_t va, uint64_t *phys)
{
    const uint64_t off = va % PS_FRAME_BYTES;
    const size_t slot = va / PS_FRAME_BYTES % PS_PAGING_CACHED_PAGES;
    struct ps_walk w;

    if (p->page[slot].va != va - off) {
        if (ps_paging_walk(p, va, &w) != PS_WALK_MAPPED)
            return 0;
        p->page[slot].va = va - off;
        p->page[slot].phys = w.phys - off;
    }
    *phys = p->page[slot].phys + off;
    return 1;
}

/* Up to the end of the page. */
static size_t read_in_page(struct ps_paging *p, uint64_t va, void *buf, size_t n_bytes)
{
    struct ps_walk w;
    uint64_t phys;

    if (ps_paging_translate(p, va, &phys))
        return p->mem->read(p->mem->arg, phys, buf, n_bytes);
    if (!p->pagefiles)
        return 0;
    ps_paging_walk(p, va, &w);
    return read_paged_out(p, &w, buf, n_bytes);
}

size_t ps_paging_read(struct ps_paging *p, uint64_t va, void *buf, size_t n_bytes)
{
    size_t done = 0;

    while (done < n_bytes && done <= UINT64_MAX - va) {
        size_t n = PS_FRAME_BYTES - (size_t)((va + done) % PS_FRAME_BYTES);
        size_t got;

        if (n > n_bytes - done)
            n = n_bytes - done;
        got = read_in_page(p, va + done, (uint8_t *)buf + done, n);
        done += got;
        if (got < n)
            break;
    }
    return done;
}
