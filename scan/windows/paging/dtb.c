#include "scan/windows/paging/dtb.h"

#include <stdlib.h>
#include <string.h>

#include "scan/windows/paging/dtb_spots.h"
#include "scan/windows/paging/kernel_walk.h"
#include "scan/windows/paging/paging.h"

#define WINDOW_BYTES ((size_t)1 << 20)

#define KUSER_VA_X64 UINT64_C(0xfffff78000000000)
#define KUSER_VA_X86 UINT64_C(0xffdf0000)

/* ImageFileName stands in the first 0x800 bytes of the block in every version. */
#define PROCESS_BYTES 0x800u

/* Maps KUSER_SHARED_DATA and itself. */
#define BEST_RANK     3u

#define PDPT_BYTES    32u

#define MAX_PROCESSES 4096u

struct search {
    const struct ps_physmem *mem;
    unsigned modes;
    struct ps_paging *paging;
    struct ps_dtb_spots spots;
    struct ps_dtb found[PS_DTB_MAX_CANDIDATES];
    unsigned n;
    unsigned n_good;    /* beyond doubt */
    int is_certain;     /* one of them needs no comparison */
    uint64_t limit;     /* bytes to look at */
    uint64_t good_seen; /* bytes looked at since the first good one */
    uint64_t n_tables;  /* read by all walks */
    unsigned n_processes;
    uint8_t window[WINDOW_BYTES];
    int rc;
    struct ps_err *err;
};

const char *ps_dtb_method_name(enum ps_dtb_method method)
{
    static const char *const names[] = {"given", "low-stub", "self-map", "process", "container"};

    return names[method];
}

const char *ps_paging_mode_name(enum ps_paging_mode mode)
{
    static const char *const names[] = {
        [PS_PAGING_X64] = "x64",
        [PS_PAGING_PAE] = "x86 PAE",
        [PS_PAGING_X86] = "x86",
        [PS_PAGING_X64_LA57] = "x64 LA57",
    };

    return names[mode];
}

static void look_at_kuser(struct search *s, struct ps_dtb *d)
{
    const uint64_t va = ps_paging_is_x64(d->mode) ? KUSER_VA_X64 : KUSER_VA_X86;
    struct ps_windows_version version;
    uint8_t page[PS_FRAME_BYTES];
    uint64_t phys;

    if (!ps_paging_translate(s->paging, va, &phys) ||
        s->mem->read(s->mem->arg, phys, page, sizeof page) != sizeof page ||
        !ps_kuser_probe(page, &version) ||
        (version.arch == PS_ARCH_X64) != ps_paging_is_x64(d->mode))
        return;
    d->maps_kuser = 1;
    d->proof |= PS_DTB_PROOF_KUSER;
    d->kuser = phys;
    d->version = version;
}

/* Entry i of the table at 'phys'; 0 if it cannot be read. */
static uint64_t entry_of(const struct search *s, enum ps_paging_mode mode, uint64_t phys,
                         unsigned i)
{
    const unsigned n_bytes = ps_paging_entry_bytes(mode);
    uint8_t b[8] = {0};
    uint64_t raw = 0;

    if (s->mem->read(s->mem->arg, phys + (uint64_t)i * n_bytes, b, n_bytes) != n_bytes)
        return 0;
    for (unsigned k = n_bytes; k-- > 0;)
        raw = raw << 8 | b[k];
    return raw;
}

/* Does entry i of the table at 'phys' lead to the table at 'to', which can be written through it?
 */
static int leads_to(const struct search *s, enum ps_paging_mode mode, uint64_t phys, unsigned i,
                    uint64_t to)
{
    struct ps_pte pte;

    ps_pte_decode((struct ps_pte_format){.mode = mode}, 2, entry_of(s, mode, phys, i), &pte);
    return pte.kind == PS_PTE_TABLE && pte.writable && pte.phys == to;
}

/* The pointer table of PAE is in no table that it leads to: instead the last directory begins with
 * the four directories. */
static int maps_itself_pae(const struct search *s, uint64_t root)
{
    uint64_t directory[4];

    for (unsigned i = 0; i < 4; i++)
        directory[i] = entry_of(s, PS_PAGING_PAE, root, i) & ~UINT64_C(0xfff);
    for (unsigned i = 0; i < 4; i++)
        if (!leads_to(s, PS_PAGING_PAE, directory[3], i, directory[i]))
            return 0;
    return 1;
}

static int maps_itself(const struct search *s, enum ps_paging_mode mode, uint64_t root)
{
    if (mode == PS_PAGING_PAE)
        return maps_itself_pae(s, root);
    if (mode == PS_PAGING_X86)
        return leads_to(s, mode, root, 0x300, root);
    for (unsigned i = 256; i < 512; i++)
        if (leads_to(s, mode, root, i, root))
            return 1;
    return 0;
}

static int score(struct search *s, struct ps_dtb *d)
{
    const uint64_t left = PS_DTB_ALL_TABLES - s->n_tables;
    struct ps_kernel_walk walk = {.mem = s->mem,
                                  .mode = d->mode,
                                  .root = d->root,
                                  .max_tables =
                                      left < PS_DTB_SCORE_TABLES ? left : PS_DTB_SCORE_TABLES};
    struct ps_kernel_counts counts;
    int rc = ps_kernel_walk(&walk, &counts, s->err);

    if (rc < 0)
        return rc;
    /* A root that leads nowhere was read too. */
    s->n_tables += counts.tables + 1 < left ? counts.tables + 1 : left;
    d->n_pages = counts.pages;
    d->n_beyond = counts.beyond;
    if (d->n_pages == 0)
        return 0;
    ps_paging_init(s->paging, s->mem, ps_pte_format_of(d->mode, 0), d->root);
    look_at_kuser(s, d);
    if (maps_itself(s, d->mode, d->root))
        d->proof |= PS_DTB_PROOF_SELF;
    return 0;
}

static struct ps_dtb *known(struct search *s, enum ps_paging_mode mode, uint64_t root)
{
    for (unsigned i = 0; i < s->n; i++)
        if (s->found[i].root == root && s->found[i].mode == mode)
            return &s->found[i];
    return NULL;
}

static int is_full(const struct search *s)
{
    return s->rc < 0 || s->n == PS_DTB_MAX_CANDIDATES || s->n_tables >= PS_DTB_ALL_TABLES;
}

/* What pages cannot make up for. */
static unsigned rank(const struct ps_dtb *d)
{
    return (d->proof & PS_DTB_PROOF_KUSER ? 2u : 0u) + (d->proof & PS_DTB_PROOF_SELF ? 1u : 0u);
}

static int is_good(const struct ps_dtb *d)
{
    return d->maps_kuser && d->n_pages >= PS_DTB_GOOD_PAGES;
}

/* Told by a name or by the start-up code, and no copy, which would not map itself. */
static int is_certain(const struct ps_dtb *d)
{
    return d->n_pages >= PS_DTB_CERTAIN_PAGES && rank(d) == BEST_RANK &&
           (d->method == PS_DTB_LOW_STUB || (d->proof & PS_DTB_PROOF_SYSTEM));
}

/* 'd' has mode, root and how it was found. */
static void consider(struct search *s, const struct ps_dtb *candidate)
{
    struct ps_dtb d = *candidate;
    struct ps_dtb *before = known(s, d.mode, d.root);

    if (before) {
        before->proof |= d.proof;
        before->process = d.process ? d.process : before->process;
        before->kernel_va = d.kernel_va ? d.kernel_va : before->kernel_va;
    }
    if (before || is_full(s) || !(s->modes >> d.mode & 1))
        return;
    s->rc = score(s, &d);
    if (s->rc < 0 || d.n_pages == 0)
        return;
    s->found[s->n++] = d;
    s->n_good += (unsigned)is_good(&d);
    s->is_certain |= is_certain(&d);
}

static int maps_kuser(struct search *s, enum ps_paging_mode mode, uint64_t root)
{
    struct ps_dtb d = {.mode = mode, .root = root};

    ps_paging_init(s->paging, s->mem, ps_pte_format_of(mode, 0), root);
    look_at_kuser(s, &d);
    return d.maps_kuser;
}

/* How many levels x64 has a top table alone does not say. */
static void consider_levels(struct search *s, struct ps_dtb d)
{
    d.root = ps_paging_root(d.mode, d.root);
    if (d.mode == PS_PAGING_X64 && (s->modes >> PS_PAGING_X64_LA57 & 1) &&
        maps_kuser(s, PS_PAGING_X64_LA57, d.root))
        d.mode = PS_PAGING_X64_LA57;
    consider(s, &d);
}

static void consider_table(struct search *s, enum ps_paging_mode mode, uint64_t cr3,
                           enum ps_dtb_method method)
{
    consider_levels(s, (struct ps_dtb){.root = cr3, .mode = mode, .method = method});
}

static int has_system_name(struct search *s, uint64_t va)
{
    static const char name[] = "System";
    uint8_t block[PROCESS_BYTES];
    const size_t n = ps_paging_read(s->paging, va, block, sizeof block);

    for (size_t i = 0; i + sizeof name <= n; i++)
        if (memcmp(block + i, name, sizeof name) == 0)
            return 1;
    return 0;
}

/* The block's pointers give its virtual address: where CR3 shows that address must be the block. */
static void consider_process(struct search *s, const struct ps_dtb_spot *spot,
                             enum ps_paging_mode mode)
{
    const uint64_t root = ps_paging_root(mode, spot->cr3);
    struct ps_dtb d = {.root = root, .mode = mode, .method = PS_DTB_PROCESS, .process = spot->at};
    uint64_t phys;

    if (s->n_processes++ >= MAX_PROCESSES)
        return;
    ps_paging_init(s->paging, s->mem, ps_pte_format_of(mode, 0), root);
    if (!ps_paging_translate(s->paging, spot->va, &phys) || phys != spot->at)
        return;
    d.proof = PS_DTB_PROOF_PROCESS;
    if (has_system_name(s, spot->va))
        d.proof |= PS_DTB_PROOF_SYSTEM;
    consider(s, &d);
}

static void consider_spot(struct search *s, const struct ps_dtb_spot *spot)
{
    switch (spot->kind) {
    case PS_SPOT_LOW_STUB:
        consider_levels(s, (struct ps_dtb){.root = spot->cr3,
                                           .mode = PS_PAGING_X64,
                                           .method = PS_DTB_LOW_STUB,
                                           .kernel_va = spot->va});
        break;
    case PS_SPOT_TOP_X64:
        consider_table(s, PS_PAGING_X64, spot->cr3, PS_DTB_SELF_MAP);
        break;
    case PS_SPOT_TOP_X86:
        consider_table(s, PS_PAGING_X86, spot->cr3, PS_DTB_SELF_MAP);
        break;
    case PS_SPOT_TOP_PAE:
        if (maps_itself_pae(s, spot->cr3))
            consider_table(s, PS_PAGING_PAE, spot->cr3, PS_DTB_SELF_MAP);
        break;
    default:
        for (unsigned mode = 0; mode < PS_PAGING_MODES; mode++)
            if ((s->modes >> mode & 1) &&
                ps_paging_is_x64((enum ps_paging_mode)mode) == spot->is_x64)
                consider_process(s, spot, (enum ps_paging_mode)mode);
    }
}

/* Memory of a Windows holds page tables by the hundred. */
static int may_have_tables(const struct search *s, uint64_t looked_at)
{
    return s->spots.n_full >= PS_DTB_FULL_TABLES || looked_at < PS_DTB_QUICK;
}

static int is_done(const struct search *s, uint64_t looked_at)
{
    return is_full(s) || s->is_certain || s->n_good >= PS_DTB_GOOD_ENOUGH ||
           looked_at >= s->limit || s->good_seen > PS_DTB_BEYOND || !may_have_tables(s, looked_at);
}

/* In place if that can be. Returns how many bytes could be looked at. */
static size_t look_at_window(struct search *s, uint64_t phys, size_t n_bytes, ps_look_fn *look)
{
    const uint64_t n_full = s->spots.n_full;
    size_t got;

    s->spots.phys = phys;
    s->spots.n = 0;
    if (s->mem->look && s->mem->look(s->mem->arg, phys, n_bytes, look, &s->spots))
        return n_bytes;
    s->spots.n = 0;
    s->spots.n_full = n_full;
    got = s->mem->read(s->mem->arg, phys, s->window, n_bytes) / PS_FRAME_BYTES * PS_FRAME_BYTES;
    look(&s->spots, s->window, got);
    return got;
}

/* Pages that cannot be read are passed over. */
static void look_at_run(struct search *s, const struct ps_phys_run *r, ps_look_fn *look,
                        uint64_t *looked_at)
{
    for (uint64_t off = 0; off < r->n_bytes && !is_done(s, *looked_at);) {
        uint64_t left = r->n_bytes - off;
        size_t n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
        size_t got = look_at_window(s, r->phys + off, n, look);

        for (size_t i = 0; i < s->spots.n && !is_done(s, *looked_at); i++)
            consider_spot(s, &s->spots.spot[i]);
        n = got == n ? n : got + PS_FRAME_BYTES;
        off += n;
        *looked_at += n;
        s->good_seen += s->n_good != 0 ? n : 0;
    }
}

static void look_at_all(struct search *s, ps_look_fn *look)
{
    uint64_t looked_at = 0;

    for (size_t i = 0; i < s->mem->n_runs; i++)
        look_at_run(s, &s->mem->run[i], look, &looked_at);
}

static int is_better(const struct ps_dtb *a, const struct ps_dtb *b)
{
    return rank(a) != rank(b) ? rank(a) > rank(b) : a->n_pages > b->n_pages;
}

static int reaches(const struct ps_dtb *d, const struct ps_dtb *best)
{
    return rank(d) == rank(best) && d->n_pages >= best->n_pages - best->n_pages / 4;
}

/* The best one sets the mark; what stands first reaches it, unless one is known by its name. */
static int choose(const struct search *s, struct ps_dtb *out)
{
    const struct ps_dtb *best = s->found;
    unsigned i = 0;

    for (unsigned k = 1; k < s->n; k++)
        if (is_better(&s->found[k], best))
            best = &s->found[k];
    if (s->n == 0)
        return 0;
    while (!reaches(&s->found[i], best))
        i++;
    for (unsigned k = 0; k < s->n; k++)
        if ((s->found[k].proof & PS_DTB_PROOF_SYSTEM) && reaches(&s->found[k], best)) {
            i = k;
            break;
        }
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
    s->spots.x64 = (modes & PS_DTB_MODES_X64) != 0;
    s->spots.x86 = (modes & 1u << PS_PAGING_X86) != 0;
    s->spots.pae = (modes & 1u << PS_PAGING_PAE) != 0;
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

static int is_small(const struct ps_physmem *mem)
{
    return ps_physmem_frames(mem) <= PS_DTB_SMALL / PS_FRAME_BYTES;
}

int ps_dtb_find(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                struct ps_err *err)
{
    struct search *s = NULL;
    int rc = start(&s, mem, modes, err);

    if (rc < 0)
        return rc;
    s->limit = PS_DTB_LIMIT;
    look_at_all(s, ps_dtb_spots_tables);
    if (s->n_good == 0 && (s->spots.n_full >= PS_DTB_FULL_TABLES || is_small(mem)))
        look_at_all(s, ps_dtb_spots_processes);
    return finish(s, out);
}

int ps_dtb_find_quick(const struct ps_physmem *mem, unsigned modes, struct ps_dtb *out,
                      struct ps_err *err)
{
    struct search *s = NULL;
    int rc = start(&s, mem, modes, err);

    if (rc < 0)
        return rc;
    s->limit = PS_DTB_QUICK;
    look_at_all(s, ps_dtb_spots_tables);
    return finish(s, out);
}

int ps_dtb_given(const struct ps_physmem *mem, unsigned modes, uint64_t cr3, struct ps_dtb *out,
                 struct ps_err *err)
{
    struct search *s = NULL;
    int rc = start(&s, mem, modes, err);

    if (rc < 0)
        return rc;
    for (unsigned mode = PS_PAGING_X64; mode <= PS_PAGING_X86; mode++)
        consider_table(s, (enum ps_paging_mode)mode, cr3, PS_DTB_GIVEN);
    for (unsigned i = 1; i < s->n; i++)
        if (is_better(&s->found[i], &s->found[0]))
            s->found[0] = s->found[i];
    s->n = s->n != 0;
    return finish(s, out);
}

/* Windows packs the PAE tables of all processes into a few pages: which of a page is meant, a
 * number without its low bits does not say. */
static void consider_pae(struct search *s, uint64_t cr3)
{
    const uint64_t end = cr3 % PS_FRAME_BYTES == 0 ? cr3 + PS_FRAME_BYTES : cr3 + 1;

    for (uint64_t at = cr3; at < end && !is_full(s); at += PDPT_BYTES)
        if (maps_itself_pae(s, at))
            consider_table(s, PS_PAGING_PAE, at, PS_DTB_CONTAINER);
}

static void consider_named(struct search *s, uint64_t cr3)
{
    if (s->modes & PS_DTB_MODES_X64)
        consider_table(s, PS_PAGING_X64, cr3, PS_DTB_CONTAINER);
    if (cr3 >> 32 != 0)
        return;
    if (s->modes >> PS_PAGING_PAE & 1)
        consider_pae(s, cr3);
    if (s->modes >> PS_PAGING_X86 & 1)
        consider_table(s, PS_PAGING_X86, cr3, PS_DTB_CONTAINER);
}

static int take_better(const struct search *s, int has_found, struct ps_dtb *dtb)
{
    const struct ps_dtb *best = NULL;

    for (unsigned i = 0; i < s->n; i++)
        if (rank(&s->found[i]) != 0 && (!best || is_better(&s->found[i], best)))
            best = &s->found[i];
    if (!best ||
        (has_found && (rank(best) <= rank(dtb) || best->n_pages < dtb->n_pages - dtb->n_pages / 4)))
        return has_found;
    *dtb = *best;
    dtb->n_candidates = s->n;
    return 1;
}

int ps_dtb_join(const struct ps_physmem *mem, unsigned modes, const uint64_t *cr3, size_t n_cr3,
                int has_found, struct ps_dtb *dtb, struct ps_err *err)
{
    struct search *s = NULL;
    int rc;

    if (n_cr3 == 0 || (has_found && rank(dtb) == BEST_RANK))
        return has_found;
    rc = start(&s, mem, modes, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n_cr3 && !is_full(s); i++)
        consider_named(s, cr3[i]);
    rc = s->rc;
    if (rc >= 0)
        rc = take_better(s, has_found, dtb);
    free(s->paging);
    free(s);
    return rc;
}
