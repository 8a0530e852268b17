#include "scan/windows/paging/kernel_walk.h"

#include <stdlib.h>
#include <string.h>

/* Write-through and cache-disable of an entry: what maps devices has at least one. */
#define UNCACHED 0x18u

struct state {
    const struct ps_kernel_walk *walk;
    struct ps_kernel_counts *counts;
    struct ps_pte_format format;
    uint8_t *seen; /* a bit per frame: it was a table */
    size_t run;    /* that held, or is behind, the page before */
    /* One table per level is open at a time. */
    uint8_t table[PS_PAGING_MAX_LEVELS][PS_FRAME_BYTES];
};

struct access {
    int writable, no_execute;
};

static void count_outside(struct state *s, uint64_t phys, uint64_t raw)
{
    const uint64_t end = ps_physmem_end(s->walk->mem);

    s->counts->outside++;
    s->counts->beyond += phys >= PS_WALK_BEYOND_FROM && phys >= end &&
                         phys - end < PS_WALK_BEYOND_BYTES && !(raw & UNCACHED);
}

/* 1 the first time, 0 later and for a frame that is not there. */
static int take_table(struct state *s, uint64_t phys)
{
    uint64_t frame = ps_physmem_frame(s->walk->mem, phys);

    if (frame == UINT64_MAX) {
        count_outside(s, phys, 0);
        s->counts->tables_beyond += phys >= ps_physmem_end(s->walk->mem);
        return 0;
    }
    if (s->seen[frame / 8] >> frame % 8 & 1) {
        s->counts->refused++;
        return 0;
    }
    s->seen[frame / 8] |= (uint8_t)(1u << frame % 8);
    if (s->walk->max_tables != 0 && s->counts->tables >= s->walk->max_tables) {
        s->counts->ended = 1;
        return 0;
    }
    s->counts->tables++;
    return 1;
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Neighbours mostly lie in one run, and most pages are of one frame. */
static int is_in_run(const struct state *s, uint64_t phys)
{
    const struct ps_physmem *mem = s->walk->mem;

    return s->run < mem->n_runs && phys >= mem->run[s->run].phys &&
           phys - mem->run[s->run].phys < mem->run[s->run].n_bytes;
}

/* How many pages of [phys, phys + n_bytes) the image has. */
static uint64_t pages_present(struct state *s, uint64_t phys, uint64_t n_bytes)
{
    const struct ps_physmem *mem = s->walk->mem;
    uint64_t n = 0;

    if (!is_in_run(s, phys))
        s->run = ps_physmem_run_at(mem, phys);
    else if (n_bytes == PS_FRAME_BYTES)
        return 1;
    for (size_t i = s->run; i < mem->n_runs; i++) {
        const struct ps_phys_run *r = &mem->run[i];
        uint64_t skip = r->phys > phys ? r->phys - phys : 0;
        uint64_t from = phys > r->phys ? phys - r->phys : 0;

        if (skip >= n_bytes)
            break;
        n += min_of(n_bytes - skip, r->n_bytes - from);
    }
    return n / PS_FRAME_BYTES;
}

static struct access access_through(const struct ps_pte *pte, struct access above)
{
    if (pte->kind == PS_PTE_TRANSITION)
        return above;
    return (struct access){above.writable && pte->writable, above.no_execute || pte->no_execute};
}

/* 'above' is the access that the tables on the way give. */
static void visit_leaf(struct state *s, struct ps_kernel_leaf *leaf, uint64_t raw,
                       struct access above)
{
    const struct access access = access_through(&leaf->pte, above);
    uint64_t n = pages_present(s, leaf->pte.phys, leaf->pte.page_bytes);

    if (n == 0) {
        count_outside(s, leaf->pte.phys, raw);
        return;
    }
    s->counts->pages += n;
    s->counts->large += leaf->pte.page_bytes > PS_FRAME_BYTES;
    s->counts->transition += leaf->pte.kind == PS_PTE_TRANSITION;
    leaf->writable = access.writable;
    leaf->no_execute = access.no_execute;
    if (s->walk->leaf && s->walk->leaf(s->walk->arg, leaf) != 0)
        s->counts->ended = 1;
}

/* What is left of a page that is not in memory. */
static void visit_absent(struct state *s, struct ps_kernel_leaf *leaf)
{
    const struct ps_pte *pte = &leaf->pte;

    if (pte->kind == PS_PTE_PROTOTYPE || pte->kind == PS_PTE_VAD)
        s->counts->prototype++;
    if (pte->kind != PS_PTE_PAGEFILE)
        return;
    s->counts->paged_out++;
    leaf->writable = leaf->no_execute = 0;
    if (s->walk->paged_out && s->walk->paged_out(s->walk->arg, leaf) != 0)
        s->counts->ended = 1;
}

static void read_table(struct state *s, unsigned level, uint64_t phys)
{
    const struct ps_physmem *mem = s->walk->mem;
    size_t n = PS_FRAME_BYTES - (size_t)(phys % PS_FRAME_BYTES);
    size_t got = mem->read(mem->arg, phys, s->table[level - 1], n);

    memset(s->table[level - 1] + got, 0, sizeof s->table[0] - got);
}

static uint64_t entry_at(const struct state *s, unsigned level, unsigned i)
{
    const uint8_t *table = s->table[level - 1];
    uint64_t raw64;
    uint32_t raw32;

    if (s->format.mode == PS_PAGING_X86) {
        memcpy(&raw32, table + i * sizeof raw32, sizeof raw32);
        return raw32;
    }
    memcpy(&raw64, table + i * sizeof raw64, sizeof raw64);
    return raw64;
}

/* The entries of a table of the last level: by far the most. */
static void walk_pages(struct state *s, uint64_t table, uint64_t va, struct access access)
{
    const unsigned n = ps_paging_entries(s->format.mode, 1);
    struct ps_kernel_leaf leaf;

    read_table(s, 1, table);
    for (unsigned i = 0; i < n && !s->counts->ended; i++) {
        const uint64_t raw = entry_at(s, 1, i);

        if (raw == 0)
            continue;
        leaf.va = va + (uint64_t)i * PS_FRAME_BYTES;
        if (!ps_pte_decode_page(s->format, raw, &leaf.pte))
            ps_pte_decode(s->format, 1, raw, &leaf.pte);
        if (leaf.pte.kind == PS_PTE_PAGE || leaf.pte.kind == PS_PTE_TRANSITION)
            visit_leaf(s, &leaf, raw, access);
        else
            visit_absent(s, &leaf);
    }
}

/* Recursion is as deep as there are levels. */
static void walk_table(struct state *s, unsigned level, uint64_t table, uint64_t va,
                       struct access access)
{
    const enum ps_paging_mode mode = s->format.mode;
    const unsigned shift = ps_paging_shift(mode, level);
    const unsigned n = ps_paging_entries(mode, level);
    struct ps_kernel_leaf leaf;
    unsigned first = 0;

    if (level == ps_paging_levels(mode))
        first = (unsigned)(ps_paging_kernel_base(mode) >> shift) & (n - 1);
    read_table(s, level, table);
    for (unsigned i = first; i < n && !s->counts->ended; i++) {
        const uint64_t raw = entry_at(s, level, i);
        const uint64_t at = va + ((uint64_t)i << shift);
        const struct ps_pte *pte = &leaf.pte;

        if (raw == 0)
            continue;
        leaf.va = at;
        ps_pte_decode(s->format, level, raw, &leaf.pte);
        if (pte->kind == PS_PTE_PAGE)
            visit_leaf(s, &leaf, raw, access);
        else if ((pte->kind != PS_PTE_TABLE && pte->kind != PS_PTE_TRANSITION) ||
                 !take_table(s, pte->phys))
            continue;
        else if (level == 2)
            walk_pages(s, pte->phys, at, access_through(pte, access));
        else
            walk_table(s, level - 1, pte->phys, at, access_through(pte, access));
    }
}

/* The page directories of PAE map each other; what they show is no memory but tables. */
static void mark_pae_directories(struct state *s)
{
    struct ps_pte pte;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t frame;

        ps_pte_decode(s->format, 3, entry_at(s, 3, i), &pte);
        frame = ps_physmem_frame(s->walk->mem, pte.phys);
        if (pte.kind == PS_PTE_TABLE && frame != UINT64_MAX)
            s->seen[frame / 8] |= (uint8_t)(1u << frame % 8);
    }
}

/* What no index gives: the copies of the highest bit of an address in the kernel half. */
static uint64_t sign_of(enum ps_paging_mode mode)
{
    return ps_paging_is_x64(mode) ? 2 * ps_paging_kernel_base(mode) : 0;
}

int ps_kernel_walk(const struct ps_kernel_walk *walk, struct ps_kernel_counts *counts,
                   struct ps_err *err)
{
    const uint64_t n_bytes = ps_physmem_frames(walk->mem) / 8 + 1;
    const unsigned top = ps_paging_levels(walk->mode);
    const uint64_t root = ps_paging_root(walk->mode, walk->root);
    struct state *s = calloc(1, sizeof *s);
    uint8_t *seen = n_bytes <= SIZE_MAX ? calloc(1, (size_t)n_bytes) : NULL;
    int rc = 0;

    *counts = (struct ps_kernel_counts){0};
    if (!s || !seen) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the walk of the page tables");
    } else {
        s->walk = walk;
        s->counts = counts;
        s->format = (struct ps_pte_format){walk->mode, walk->generation, walk->file_backed};
        s->seen = seen;
        if (take_table(s, root)) {
            if (walk->mode == PS_PAGING_PAE) {
                read_table(s, top, root);
                mark_pae_directories(s);
            }
            walk_table(s, top, root, sign_of(walk->mode), (struct access){1, 0});
        }
    }
    free(seen);
    free(s);
    return rc;
}
