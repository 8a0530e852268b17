#include "scan/windows/paging/squeezed.h"

#include <stdlib.h>
#include <string.h>

#include "scan/windows/kuser.h"
#include "scan/windows/paging/kernel_walk.h"
#include "scan/windows/paging/paging.h"

#define PAGE         PS_FRAME_BYTES
#define WINDOW_BYTES ((size_t)1 << 20)
#define WINDOW_PAGES (WINDOW_BYTES / PAGE)

/* Memory below this is never above a hole; behind LAST nothing is looked at. */
#define FIRST (PS_SQUEEZED_HOLE_END - PS_SQUEEZED_HOLE_MAX)
#define LAST  (UINT64_C(1) << 43)

/* Votes are counted by the entry that leads to the table itself, which is the same one in all
 * tables of a system, and by the size of the hole. */
#define SLOTS    256u
#define SIZES    (PS_SQUEEZED_HOLE_MAX / PS_SQUEEZED_ALIGN + 1)
#define ANY_SLOT SLOTS

/* So many equal votes end the search. */
#define ENOUGH 8u
/* Without page tables that were found in the lower part, any entry may be the one. */
#define NEEDED_OF_ANY 3u
/* The sizes with most votes that are tried. */
#define TRIED 4u

/* Where holes begin in virtual machines, and some more. */
static const uint64_t usual[] = {
    UINT64_C(0x40000000), UINT64_C(0x50000000), UINT64_C(0x60000000), UINT64_C(0x70000000),
    UINT64_C(0x80000000), UINT64_C(0x90000000), UINT64_C(0xa0000000), UINT64_C(0xb0000000),
    UINT64_C(0xc0000000), UINT64_C(0xd0000000), UINT64_C(0xe0000000), UINT64_C(0xf0000000),
    UINT64_C(0xf8000000),
};

/* The right one leads to so many tables and pages more than any other, and to a 32nd more pages, at
 * least. */
#define MORE_TABLES 4u
#define MORE_PAGES  64u

/* Fewer may be stray entries of a damaged table. */
#define MANY_BEYOND 8u

/* Entries of the upper half that are zero in every top table of Windows, at least. */
#define MIN_ZERO 0x40u

#define KUSER_VA UINT64_C(0xfffff78000000000)

enum { KUSER_PML4E = 0x1ef, KUSER_PML5E = 0x1ff };

/* Valid, writable, no large page. */
#define SELF_MASK UINT64_C(0x83)
#define SELF_BITS UINT64_C(3)

struct vote {
    uint32_t n;
    uint32_t first_1; /* number of the page that voted first, plus one */
};

struct search {
    const struct ps_physmem *mem;
    const struct ps_dtb *dtb;
    enum ps_paging_mode mode;
    uint8_t root[PAGE]; /* with 'dtb': the top table */
    unsigned slot; /* of its entry for itself, 0 for the first one of the upper half; ANY_SLOT */
    struct vote *vote;              /* [slot][size] */
    uint64_t in_place[SLOTS];       /* the highest page that is where its entry says */
    unsigned n_in_place[SLOTS];     /* such pages above 4 GiB */
    struct ps_kernel_counts before; /* without a hole */
    unsigned best;                  /* votes of the size with most */
    uint64_t looked_at;
    int is_refuted;
    uint64_t phys;               /* of the window */
    uint16_t spot[WINDOW_PAGES]; /* pages of it that may be top tables */
    size_t n_spots;
    uint8_t window[WINDOW_BYTES];
};

static uint64_t q(const uint8_t *page, size_t i)
{
    uint64_t v;

    memcpy(&v, page + 8 * i, sizeof v);
    return v;
}

int ps_squeezed_may_be(const struct ps_physmem *mem, const struct ps_dtb *dtb)
{
    if (ps_physmem_end(mem) <= FIRST || (dtb && !ps_paging_is_x64(dtb->mode)))
        return 0;
    return !dtb || !dtb->maps_kuser || dtb->n_beyond >= MANY_BEYOND;
}

static int may_be_top(const struct search *s, const uint8_t *page)
{
    if (s->slot != ANY_SLOT)
        return (q(page, SLOTS + s->slot) & SELF_MASK) == SELF_BITS;
    return (q(page, KUSER_PML4E) & 0x81) == 1 || (q(page, KUSER_PML5E) & 0x81) == 1;
}

static void look(void *arg, const uint8_t *bytes, size_t n_bytes)
{
    struct search *s = arg;

    s->n_spots = 0;
    for (size_t off = 0; off + PAGE <= n_bytes; off += PAGE)
        if (may_be_top(s, bytes + off))
            s->spot[s->n_spots++] = (uint16_t)(off / PAGE);
}

static void count_vote(struct search *s, unsigned slot, uint64_t at, uint64_t entry)
{
    const uint64_t says = entry & PS_PTE_FRAME_MASK;
    struct vote *v;

    if ((entry & SELF_MASK) != SELF_BITS)
        return;
    if (says == at) {
        if (at > s->in_place[slot])
            s->in_place[slot] = at;
        s->n_in_place[slot] += at >= PS_SQUEEZED_HOLE_END;
        s->is_refuted |= s->n_in_place[slot] >= ENOUGH;
    }
    if (says < PS_SQUEEZED_HOLE_END || says <= at || says - at > PS_SQUEEZED_HOLE_MAX ||
        (says - at) % PS_SQUEEZED_ALIGN != 0)
        return;
    v = &s->vote[slot * SIZES + (says - at) / PS_SQUEEZED_ALIGN];
    if (v->n == 0)
        v->first_1 = (uint32_t)(at / PAGE) + 1;
    if (++v->n > s->best)
        s->best = v->n;
}

/* Much of the upper half is empty, and all processes share most of the rest. */
static int is_top(const struct search *s, const uint8_t *page)
{
    unsigned n_zero = 0, n_same = 0;

    for (unsigned i = SLOTS; i < 2 * SLOTS; i++) {
        n_zero += q(page, i) == 0;
        n_same += (q(page, i) & 1) && !((q(page, i) ^ q(s->root, i)) & PS_PTE_FRAME_MASK);
    }
    return n_zero >= MIN_ZERO && (!s->dtb || n_same >= (SLOTS - n_zero) / 2);
}

static void take_page(struct search *s, uint64_t at)
{
    uint8_t page[PAGE];

    if (s->mem->read(s->mem->arg, at, page, PAGE) != PAGE || !is_top(s, page))
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        if (s->slot == ANY_SLOT || s->slot == i)
            count_vote(s, i, at, q(page, SLOTS + i));
}

static int is_done(const struct search *s)
{
    return s->best >= ENOUGH || s->is_refuted || s->looked_at >= PS_SQUEEZED_LIMIT;
}

static void look_at_window(struct search *s, uint64_t phys, size_t n_bytes)
{
    s->n_spots = 0;
    s->looked_at += n_bytes;
    if (!s->mem->look || !s->mem->look(s->mem->arg, phys, n_bytes, look, s))
        look(s, s->window, s->mem->read(s->mem->arg, phys, s->window, n_bytes));
    for (size_t i = 0; i < s->n_spots && !is_done(s); i++)
        take_page(s, phys + (uint64_t)s->spot[i] * PAGE);
}

static void look_between(struct search *s, uint64_t from, uint64_t to)
{
    for (size_t i = 0; i < s->mem->n_runs; i++) {
        const struct ps_phys_run *r = &s->mem->run[i];
        const uint64_t end = r->phys + r->n_bytes < to ? r->phys + r->n_bytes : to;
        uint64_t at = r->phys > from ? r->phys : from;

        while (at < end && !is_done(s)) {
            const size_t n = end - at < WINDOW_BYTES ? (size_t)(end - at) : WINDOW_BYTES;

            look_at_window(s, at, n);
            at += n;
        }
    }
}

/* The flat memory with a hole: what stands behind its start is higher. */
struct shifted {
    struct ps_physmem mem;
    const struct ps_physmem *flat;
    uint64_t hole_start;
};

static size_t read_shifted(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct shifted *m = arg;
    const struct ps_physmem *flat = m->flat;
    size_t below = 0;

    if (phys >= PS_SQUEEZED_HOLE_END)
        return flat->read(flat->arg, phys - (PS_SQUEEZED_HOLE_END - m->hole_start), buf, n_bytes);
    if (phys < m->hole_start)
        below = m->hole_start - phys < n_bytes ? (size_t)(m->hole_start - phys) : n_bytes;
    return below ? flat->read(flat->arg, phys, buf, below) : 0;
}

/* Free m->mem.run afterwards. */
static int shift(struct shifted *m, const struct ps_physmem *flat, uint64_t hole_start,
                 struct ps_err *err)
{
    struct ps_phys_run *run = calloc(flat->n_runs + 1, sizeof *run);
    size_t n = 0;

    if (!run)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu runs", flat->n_runs);
    for (size_t i = 0; i < flat->n_runs; i++) {
        const struct ps_phys_run *r = &flat->run[i];
        uint64_t below = r->phys < hole_start ? hole_start - r->phys : 0;

        below = below < r->n_bytes ? below : r->n_bytes;
        if (below > 0)
            run[n++] = (struct ps_phys_run){r->phys, below, r->frame};
        if (below < r->n_bytes)
            run[n++] = (struct ps_phys_run){r->phys + below + (PS_SQUEEZED_HOLE_END - hole_start),
                                            r->n_bytes - below, r->frame + below / PAGE};
    }
    *m = (struct shifted){.flat = flat, .hole_start = hole_start};
    m->mem = (struct ps_physmem){.read = read_shifted, .arg = m, .run = run, .n_runs = n};
    if (ps_physmem_end(flat) > hole_start)
        m->mem.end = ps_physmem_end(flat) + (PS_SQUEEZED_HOLE_END - hole_start);
    return 0;
}

static int maps_kuser(const struct ps_physmem *mem, enum ps_paging_mode mode, uint64_t root)
{
    struct ps_paging *paging = malloc(sizeof *paging);
    struct ps_windows_version version;
    uint8_t page[PAGE];
    int is_mapped = 0;

    if (paging) {
        ps_paging_init(paging, mem, ps_pte_format_of(mode, 0), root);
        is_mapped =
            ps_paging_read(paging, KUSER_VA, page, PAGE) == PAGE && ps_kuser_probe(page, &version);
    }
    free(paging);
    return is_mapped;
}

static int count(const struct search *s, const struct ps_physmem *mem, uint64_t root,
                 struct ps_kernel_counts *counts, struct ps_err *err)
{
    const struct ps_kernel_walk walk = {
        .mem = mem, .mode = s->mode, .root = root, .max_tables = PS_DTB_SCORE_TABLES};

    return ps_kernel_walk(&walk, counts, err);
}

/* 1: the page tables hold with this hole. */
static int holds(const struct search *s, struct shifted *m, uint64_t root, struct ps_squeezed *out,
                 struct ps_err *err)
{
    struct ps_kernel_counts after;
    int rc = count(s, &m->mem, root, &after, err);

    if (rc < 0)
        return rc;
    out->pages_before = s->before.pages;
    out->beyond_before = s->before.beyond;
    out->pages_after = after.pages;
    out->beyond_after = after.beyond;
    out->tables_after = after.tables;
    if (after.pages <= s->before.pages || !maps_kuser(&m->mem, s->mode, root))
        return 0;
    return s->dtb ? after.beyond <= s->before.beyond / 4 : after.beyond <= after.pages / 16;
}

/* Try the hole from 'start' on. 'root' is where a top table is in the memory with that hole. */
static int try_hole(const struct search *s, uint64_t start, uint64_t root, struct ps_squeezed *out,
                    struct ps_err *err)
{
    struct shifted m;
    int rc = shift(&m, s->mem, start, err);

    if (rc < 0)
        return rc;
    out->hole_start = start;
    rc = holds(s, &m, root, out, err);
    free((void *)(uintptr_t)m.mem.run);
    return rc;
}

/* Is there memory above such a hole, and no table that is not moved? */
static int may_start(const struct search *s, unsigned slot, uint64_t start)
{
    return s->in_place[slot] < start && (!s->dtb || s->dtb->root < start) &&
           start < ps_physmem_end(s->mem);
}

/* The sizes with most votes first; each is tried once. */
static int choose_voted(struct search *s, struct ps_squeezed *out, struct ps_err *err)
{
    const uint32_t needed = s->slot == ANY_SLOT ? NEEDED_OF_ANY : 1;
    int rc = 0;

    for (unsigned k = 0; rc == 0 && k < TRIED; k++) {
        uint64_t n_bytes, root;
        size_t best = 0;

        for (size_t i = 1; i < SLOTS * SIZES; i++)
            if (s->vote[i].n > s->vote[best].n)
                best = i;
        if (s->vote[best].n < needed)
            break;
        n_bytes = best % SIZES * PS_SQUEEZED_ALIGN;
        root = s->dtb ? s->dtb->root : (uint64_t)(s->vote[best].first_1 - 1) * PAGE + n_bytes;
        out->n_votes = s->vote[best].n;
        if (may_start(s, (unsigned)(best / SIZES), PS_SQUEEZED_HOLE_END - n_bytes))
            rc = try_hole(s, PS_SQUEEZED_HOLE_END - n_bytes, root, out, err);
        s->vote[best].n = 0;
    }
    return rc;
}

/* Nobody says how large the hole is: with the right one of those that there are, the tables above
 * it are read where they stand, and what they lead to is there; with any other they are not. */
static int choose_usual(const struct search *s, struct ps_squeezed *out, struct ps_err *err)
{
    uint64_t pages = s->before.pages, tables = s->before.tables; /* of the best of all others */
    int best_holds = 0;

    *out = (struct ps_squeezed){0};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        struct ps_squeezed tried = {0}, lesser;
        int rc;

        if (!may_start(s, s->slot, usual[i]))
            continue;
        rc = try_hole(s, usual[i], s->dtb->root, &tried, err);
        if (rc < 0)
            return rc;
        lesser = tried;
        if (tried.pages_after > out->pages_after) {
            lesser = *out;
            *out = tried;
            best_holds = rc;
        }
        pages = lesser.pages_after > pages ? lesser.pages_after : pages;
        tables = lesser.tables_after > tables ? lesser.tables_after : tables;
    }
    return best_holds && out->tables_after >= tables + MORE_TABLES &&
           out->pages_after >= pages + MORE_PAGES && out->pages_after - pages >= pages / 32;
}

static int choose(struct search *s, struct ps_squeezed *out, struct ps_err *err)
{
    int rc = s->dtb ? count(s, s->mem, s->dtb->root, &s->before, err) : 0;

    if (rc == 0 && !s->is_refuted)
        rc = choose_voted(s, out, err);
    if (rc == 0 && !s->is_refuted && s->slot != ANY_SLOT)
        rc = choose_usual(s, out, err);
    return rc;
}

/* Which entry of the top table leads to the table itself. */
static unsigned self_slot(const struct search *s)
{
    for (unsigned i = 0; s->dtb && i < SLOTS; i++)
        if ((q(s->root, SLOTS + i) & SELF_MASK) == SELF_BITS &&
            (q(s->root, SLOTS + i) & PS_PTE_FRAME_MASK) == s->dtb->root)
            return i;
    return ANY_SLOT;
}

int ps_squeezed_find(const struct ps_physmem *mem, const struct ps_dtb *dtb,
                     struct ps_squeezed *out, struct ps_err *err)
{
    struct search *s;
    int rc;

    *out = (struct ps_squeezed){0};
    s = calloc(1, sizeof *s);
    if (s)
        s->vote = calloc(SLOTS * SIZES, sizeof *s->vote);
    if (!s || !s->vote) {
        free(s);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the page tables");
    }
    s->mem = mem;
    s->dtb = dtb;
    s->mode = dtb ? dtb->mode : PS_PAGING_X64;
    if (dtb)
        (void)mem->read(mem->arg, dtb->root, s->root, PAGE);
    s->slot = self_slot(s);
    /* Above 4 GiB all of the memory has moved; below, most of it has not. */
    look_between(s, PS_SQUEEZED_HOLE_END, LAST);
    look_between(s, FIRST, PS_SQUEEZED_HOLE_END);
    rc = choose(s, out, err);
    free(s->vote);
    free(s);
    if (rc == 0)
        *out = (struct ps_squeezed){0};
    return rc;
}
