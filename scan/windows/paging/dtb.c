#include "scan/windows/paging/dtb.h"

#include <stdlib.h>

#include "scan/windows/paging/kernel_walk.h"
#include "scan/windows/paging/paging.h"

#define WINDOW_BYTES   ((size_t)1 << 20)
#define LOW_STUB_BYTES ((uint64_t)1 << 20)

#define KUSER_VA_X64   UINT64_C(0xfffff78000000000)
#define KUSER_VA_X86   UINT64_C(0xffdf0000)

/* Valid, writable, no large page, and this frame. User and accessed bits vary. */
#define SELF_MASK UINT64_C(0x000ffffffffff083)
#define SELF_BITS UINT64_C(3)

struct search {
    const struct ps_physmem *mem;
    unsigned modes;
    struct ps_paging *paging;
    struct ps_dtb found[PS_DTB_MAX_CANDIDATES];
    unsigned n;
    int is_good;        /* one of them is beyond doubt */
    uint64_t good_seen; /* bytes looked at since */
    int rc;
    struct ps_err *err;
};

const char *ps_dtb_method_name(enum ps_dtb_method method)
{
    static const char *const names[] = {"given", "low-stub", "self-map"};

    return names[method];
}

const char *ps_paging_mode_name(enum ps_paging_mode mode)
{
    static const char *const names[] = {"x64", "x86 PAE", "x86"};

    return names[mode];
}

static uint64_t le(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static uint64_t q(const uint8_t *page, size_t i)
{
    return le(page + 8 * i, 8);
}

static void look_at_kuser(struct ps_paging *p, const struct ps_physmem *mem, struct ps_dtb *d)
{
    const uint64_t va = d->mode == PS_PAGING_X64 ? KUSER_VA_X64 : KUSER_VA_X86;
    struct ps_windows_version version;
    uint8_t page[PS_FRAME_BYTES];
    uint64_t phys;

    ps_paging_init(p, mem, ps_pte_format_of(d->mode, 0), d->root);
    if (!ps_paging_translate(p, va, &phys) ||
        mem->read(mem->arg, phys, page, sizeof page) != sizeof page ||
        !ps_kuser_probe(page, &version))
        return;
    d->maps_kuser = (version.arch == PS_ARCH_X64) == (d->mode == PS_PAGING_X64);
    d->kuser = phys;
    d->version = version;
}

static int score(struct search *s, enum ps_paging_mode mode, uint64_t cr3,
                 enum ps_dtb_method method, struct ps_dtb *d)
{
    struct ps_kernel_walk walk = {
        .mem = s->mem, .mode = mode, .root = cr3, .max_tables = PS_DTB_SCORE_TABLES};
    struct ps_kernel_counts counts;
    int rc = ps_kernel_walk(&walk, &counts, s->err);

    *d = (struct ps_dtb){.root = ps_paging_root(mode, cr3), .mode = mode, .method = method};
    if (rc < 0)
        return rc;
    d->n_pages = counts.pages;
    look_at_kuser(s->paging, s->mem, d);
    return 0;
}

static int is_known(const struct search *s, enum ps_paging_mode mode, uint64_t root)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->found[i].root == root && s->found[i].mode == mode)
            return 1;
    return 0;
}

static void consider(struct search *s, enum ps_paging_mode mode, uint64_t cr3,
                     enum ps_dtb_method method)
{
    struct ps_dtb *d = &s->found[s->n];

    if (s->n == PS_DTB_MAX_CANDIDATES || is_known(s, mode, ps_paging_root(mode, cr3)) || s->rc < 0)
        return;
    s->rc = score(s, mode, cr3, method, d);
    if (s->rc < 0 || d->n_pages == 0)
        return;
    s->n++;
    s->is_good |= d->maps_kuser && d->n_pages >= PS_DTB_GOOD_PAGES;
}

/* A jump over the data, then the long-mode entry point and CR3 at fixed places. */
static void look_for_low_stub(struct search *s, const uint8_t *page)
{
    if ((q(page, 0) & UINT64_C(0xffffffffffff00ff)) == UINT64_C(0x00000001000600e9) &&
        (q(page, 0x70 / 8) & UINT64_C(0xfffff80000000003)) == UINT64_C(0xfffff80000000000) &&
        (q(page, 0xa0 / 8) & UINT64_C(0xffffff0000000fff)) == 0 && q(page, 0xa0 / 8) != 0) {
        consider(s, PS_PAGING_X64, q(page, 0xa0 / 8), PS_DTB_LOW_STUB);
        if (s->n > 0 && s->found[s->n - 1].method == PS_DTB_LOW_STUB)
            s->found[s->n - 1].kernel_va = q(page, 0x70 / 8);
    }
}

/* Since 10 1607 the slot is drawn by lot, so all of the upper half is compared. */
static void look_for_x64(struct search *s, const uint8_t *page, uint64_t phys)
{
    for (size_t i = 256; i < 512; i++)
        if ((q(page, i) & SELF_MASK) == (phys | SELF_BITS)) {
            consider(s, PS_PAGING_X64, phys, PS_DTB_SELF_MAP);
            return;
        }
}

/* The top table itself is in none of the tables that it leads to, but the last directory begins
 * with the same four frames. */
static void look_for_pae(struct search *s, const uint8_t *page, uint64_t phys)
{
    uint8_t last[32];
    uint64_t directory = q(page, 3) & UINT64_C(0x000ffffffffff000);

    for (size_t i = 0; i < 4; i++)
        if ((q(page, i) & 0xfff) != 1 || q(page, i) >> 40 != 0)
            return;
    if (s->mem->read(s->mem->arg, directory, last, sizeof last) != sizeof last)
        return;
    for (size_t i = 0; i < 4; i++)
        if ((q(last, i) & SELF_MASK) != ((q(page, i) & ~UINT64_C(0xfff)) | SELF_BITS))
            return;
    consider(s, PS_PAGING_PAE, phys, PS_DTB_SELF_MAP);
}

static void look_at_page(struct search *s, const uint8_t *page, uint64_t phys)
{
    if ((s->modes & PS_DTB_MODES_X64) != 0) {
        if (phys < LOW_STUB_BYTES)
            look_for_low_stub(s, page);
        look_for_x64(s, page, phys);
    }
    if ((s->modes & 1u << PS_PAGING_X86) != 0 && phys >> 32 == 0 &&
        (le(page + 0xc00, 4) & SELF_MASK) == (phys | SELF_BITS))
        consider(s, PS_PAGING_X86, phys, PS_DTB_SELF_MAP);
    if ((s->modes & 1u << PS_PAGING_PAE) != 0 && phys >> 32 == 0)
        look_for_pae(s, page, phys);
}

static int is_done(const struct search *s, uint64_t looked_at)
{
    return s->rc < 0 || s->n == PS_DTB_MAX_CANDIDATES || looked_at >= PS_DTB_LIMIT ||
           s->good_seen > PS_DTB_BEYOND;
}

/* Pages that cannot be read are passed over. */
static void look_at_run(struct search *s, const struct ps_phys_run *r, uint8_t *window,
                        uint64_t *looked_at)
{
    for (uint64_t off = 0; off < r->n_bytes && !is_done(s, *looked_at);) {
        uint64_t left = r->n_bytes - off;
        size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        size_t got =
            s->mem->read(s->mem->arg, r->phys + off, window, n) / PS_FRAME_BYTES * PS_FRAME_BYTES;

        for (size_t at = 0; at < got; at += PS_FRAME_BYTES)
            look_at_page(s, window + at, r->phys + off + at);
        n = got == n ? n : got + PS_FRAME_BYTES;
        off += n;
        *looked_at += n;
        s->good_seen += s->is_good ? n : 0;
    }
}

static int is_better(const struct ps_dtb *a, const struct ps_dtb *b)
{
    return a->maps_kuser != b->maps_kuser ? a->maps_kuser : a->n_pages > b->n_pages;
}

/* The best one sets the mark; what stands first reaches it. */
static int choose(const struct search *s, struct ps_dtb *out)
{
    const struct ps_dtb *best = s->found;
    unsigned i = 0;

    for (unsigned k = 1; k < s->n; k++)
        if (is_better(&s->found[k], best))
            best = &s->found[k];
    if (s->n == 0)
        return 0;
    while (s->found[i].maps_kuser != best->maps_kuser ||
           s->found[i].n_pages < best->n_pages - best->n_pages / 4)
        i++;
    *out = s->found[i];
    out->n_candidates = s->n;
    return 1;
}

static int start(struct search **out, const struct ps_physmem *mem, unsigned modes,
                 struct ps_err *err)
{
    struct search *s = calloc(1, sizeof *s);

    if (s)
        s->paging = malloc(sizeof *s->paging);
    if (!s || !s->paging) {
        free(s);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the page tables");
    }
    s->mem = mem;
    s->modes = modes;
    s->err = err;
    *out = s;
    return 0;
}

static int finish(struct search *s, struct ps_dtb *out)
{
    int rc = s->rc < 0 ? s->rc : choose(s, out);

    free(s->paging);
    free(s);
    return rc;
}

int ps_dtb_find(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                struct ps_err *err)
{
    uint8_t *window = malloc(WINDOW_BYTES);
    struct search *s = NULL;
    uint64_t looked_at = 0;
    int rc;

    if (!window)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the page tables");
    rc = start(&s, mem, modes, err);
    if (rc == 0) {
        for (size_t i = 0; i < mem->n_runs; i++)
            look_at_run(s, &mem->run[i], window, &looked_at);
        rc = finish(s, out);
    }
    free(window);
    return rc;
}

int ps_dtb_given(const struct ps_physmem *mem, unsigned modes, uint64_t cr3, struct ps_dtb *out,
                 struct ps_err *err)
{
    struct search *s = NULL;
    int rc = start(&s, mem, modes, err);

    if (rc < 0)
        return rc;
    for (unsigned mode = PS_PAGING_X64; mode <= PS_PAGING_X86; mode++)
        if (modes >> mode & 1)
            consider(s, (enum ps_paging_mode)mode, cr3, PS_DTB_GIVEN);
    for (unsigned i = 1; i < s->n; i++)
        if (is_better(&s->found[i], &s->found[0]))
            s->found[0] = s->found[i];
    s->n = s->n != 0;
    return finish(s, out);
}
