#include "host/recipe/heap/heap.h"

#include <stdlib.h>

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

/* Where .data keeps what leads to the heaps, when the recipe does not say. */
#define RVA_STATE     0x14000u
#define RVA_GLOBALS   0x4e40u
#define RVA_COOKIE    0x65d8u
#define FIRST_WIDE    26100u
#define FIRST_SLOTREF 26200u
#define OLD_CONSTANT  0xa2e64eada2e64eadull

/* Those of x86 have 32 bits. */
static void trim_keys(struct ps_rcp_heaps *heaps)
{
    if (heaps->shape->is_x64)
        return;
    heaps->heap_key &= 0xffffffffu;
    heaps->lfh_key &= 0xffffffffu;
    heaps->cookie &= 0xffffffffu;
}

static int start(struct ps_rcp_parser *p, struct ps_rcp_heaps **out)
{
    struct ps_rcp_system *sys;
    const struct ps_rcp_heap_shape *shape;
    struct ps_rcp_heaps *heaps;
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0)
        return rc;
    *out = sys->heaps;
    if (*out)
        return 0;
    if (sys->quota)
        return ps_rcp_bad(p, "heaps charge their blocks themselves: no quota beside them");
    shape = ps_rcp_heap_shape_of(&sys->era);
    if (!shape)
        return ps_rcp_bad(p, "pools are segment heaps from build 17763 on, on x86 from 18362 on");
    heaps = calloc(1, sizeof *heaps);
    if (!heaps)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
    heaps->sys = sys;
    heaps->shape = shape;
    heaps->heap_key = p->recipe->heap_key;
    heaps->lfh_key = ps_rcp_mix64(p->recipe->seed + 0x4c46484b6579ull);
    heaps->cookie = ps_rcp_mix64(p->recipe->seed + 0x436f6f6b6965ull);
    heaps->constant = shape->segment_constant;
    heaps->n_pools = shape->n_pools;
    heaps->pool_node = shape->pool_node;
    heaps->is_wide = sys->era.build >= FIRST_WIDE;
    heaps->has_slot_ref = sys->era.build >= FIRST_SLOTREF;
    heaps->state = RVA_STATE;
    heaps->globals = RVA_GLOBALS;
    heaps->cookie_at = RVA_COOKIE;
    heaps->user.first = PS_RCP_NONE;
    trim_keys(heaps);
    *out = sys->heaps = heaps;
    return 0;
}

/* old: 0, new: 1, empty: as the build has it (-1). */
static int old_or_new(struct ps_rcp_parser *p, const char *name, const char *text, int *out)
{
    *out = -1;
    if (strcmp(text, "new") == 0)
        *out = 1;
    else if (strcmp(text, "old") == 0)
        *out = 0;
    else if (*text)
        return ps_rcp_bad(p, "%s is old or new", name);
    return 0;
}

static int apply_variants(struct ps_rcp_parser *p, struct ps_rcp_heaps *heaps,
                          const char *signature, const char *lfh, const char *vs)
{
    int is_new;
    int rc = old_or_new(p, "signature", signature, &is_new);

    if (rc == 0 && is_new >= 0)
        heaps->constant = is_new ? 0 : OLD_CONSTANT;
    if (rc == 0)
        rc = old_or_new(p, "lfh", lfh, &is_new);
    if (rc == 0 && is_new >= 0)
        heaps->is_wide = is_new;
    if (rc == 0)
        rc = old_or_new(p, "vs", vs, &is_new);
    if (rc == 0 && is_new >= 0)
        heaps->has_slot_ref = is_new;
    return rc;
}

int ps_rcp_do_heaps(struct ps_rcp_parser *p)
{
    char signature[32] = "", lfh[32] = "", vs[32] = "";
    struct ps_rcp_heaps *heaps;
    int rc = start(p, &heaps);

    if (rc < 0)
        return rc;
    if (heaps->n_heaps > 0)
        return ps_rcp_bad(p, "heaps stands above the first heap");
    {
        const struct ps_rcp_option option[] = {
            {"heapkey", PS_RCP_F_NUMBER, &heaps->heap_key},
            {"lfhkey", PS_RCP_F_NUMBER, &heaps->lfh_key},
            {"cookie", PS_RCP_F_NUMBER, &heaps->cookie},
            {"state", PS_RCP_F_NUMBER, &heaps->state},
            {"globals", PS_RCP_F_NUMBER, &heaps->globals},
            {"cookieat", PS_RCP_F_NUMBER, &heaps->cookie_at},
            {"signature", PS_RCP_F_TEXT, signature},
            {"lfh", PS_RCP_F_TEXT, lfh},
            {"vs", PS_RCP_F_TEXT, vs},
            {"user", PS_RCP_F_PAGES, &heaps->user},
            {"encodekey", PS_RCP_F_FLAG, &heaps->has_encode_key},
            {"pools", PS_RCP_F_NUMBER, &heaps->pool_node},
        };

        rc = ps_rcp_options(p, 1, option, N_OPTIONS(option));
    }
    if (rc == 0)
        rc = apply_variants(p, heaps, signature, lfh, vs);
    if (rc < 0)
        return rc;
    trim_keys(heaps);
    /* The count stands in front of the first node, up to 64 bytes away. */
    if (heaps->pool_node != heaps->shape->pool_node)
        heaps->n_pools = heaps->pool_node - 12;
    if (heaps->pool_node % 16 || heaps->pool_node < 0x1000 || heaps->pool_node > 0x8000)
        return ps_rcp_bad(p, "pools is where ExPoolState has its nodes, such as 0x3980");
    if (heaps->has_encode_key && !heaps->shape->is_new_lfh)
        return ps_rcp_bad(p, "heaps have an encodekey from 26100 on");
    if (heaps->state % 16 || heaps->globals % 8 || heaps->cookie_at % 8 || heaps->state < 0x4000 ||
        heaps->globals < 0x4000 || heaps->cookie_at < 0x4000)
        return ps_rcp_bad(p, "state, globals and cookieat are addresses in .data, from 0x4000 on");
    if (heaps->user.first != PS_RCP_NONE && heaps->user.last >= p->recipe->image_pages)
        return ps_rcp_bad(p, "user are pages of the image");
    return 0;
}

static int pool_named(struct ps_rcp_parser *p, const char *name, enum ps_rcp_pool *out)
{
    static const char *const pools[] = {"nonpaged", "nonpagednx", "paged", "prototype"};

    for (int i = 0; i < PS_RCP_N_POOLS; i++)
        if (strcmp(name, pools[i]) == 0) {
            *out = (enum ps_rcp_pool)i;
            return 0;
        }
    return ps_rcp_bad(p, "pool is nonpaged, nonpagednx, paged or prototype");
}

static int check_percents(struct ps_rcp_parser *p, const struct ps_rcp_heap *h)
{
    const uint64_t percent[] = {h->freed,      h->never,   h->merged, h->lookaside,
                                h->delayed,    h->aligned, h->quota,  h->big,
                                h->transition, h->listed,  h->gone};
    uint64_t shares = 0;

    for (size_t i = 0; i < N_OPTIONS(percent); i++)
        if (percent[i] > 100)
            return ps_rcp_bad(p, "a percentage is at most 100");
    for (size_t i = 0; i < PS_RCP_N_EXTENTS; i++) {
        if (h->share[i] > 1000)
            return ps_rcp_bad(p, "a share is at most 1000");
        shares += h->share[i];
    }
    if (shares == h->share[PS_RCP_EXTENT_UNUSED])
        return ps_rcp_bad(p, "lfh, vs and large cannot all be 0");
    if (h->never + h->freed + h->lookaside > 100 || h->gone > 90 || h->out > 90)
        return ps_rcp_bad(p, "never, freed and lookaside are at most 100 together, gone and out "
                             "at most 90");
    return 0;
}

static int meet(const struct ps_rcp_range *a, const struct ps_rcp_range *b)
{
    return a->first != PS_RCP_NONE && b->first != PS_RCP_NONE && a->first <= b->last &&
           a->last >= b->first;
}

/* A segment of 16 MiB takes an eighth of the pages, in whole units of 64 KiB. */
static int check_wide(struct ps_rcp_parser *p, const struct ps_rcp_heaps *heaps,
                      struct ps_rcp_heap *h)
{
    uint32_t n = ps_rcp_heap_pages(h), head = heaps->shape->head_pages;

    if (h->wide == 0)
        return 0;
    if (h->wide_pages == 0)
        h->wide_pages = n / 8 / PS_RCP_WIDE_PAGES * PS_RCP_WIDE_PAGES + head;
    if (!heaps->shape->is_x64 || h->wide % (PS_RCP_WIDE_GROUPS * PS_RCP_SEG_BYTES) ||
        h->wide_pages < PS_RCP_WIDE_PAGES + head || h->wide_pages > 1024 || n < h->wide_pages + 4)
        return ps_rcp_bad(p, "wide is a multiple of 16 MiB, for x64; widepages are 18 to 1024 of "
                             "the heap's pages, but not all of them");
    return ps_rcp_check_va(p, heaps->sys, "wide", h->wide, PS_RCP_WIDE_GROUPS * PS_RCP_SEG_UNITS);
}

static int check_heap(struct ps_rcp_parser *p, const struct ps_rcp_heaps *heaps,
                      struct ps_rcp_heap *h)
{
    uint64_t n;
    int rc;

    if (h->list == PS_RCP_NONE || h->pages.first == PS_RCP_NONE || h->va == 0)
        return ps_rcp_bad(p, "write: heap pool=POOL va=ADDRESS pages=A-B tags=LIST ...");
    if (h->va % PS_RCP_SEG_BYTES)
        return ps_rcp_bad(p, "va is a multiple of 1 MiB");
    n = h->pages.last - h->pages.first + 1;
    if (h->pages.last >= p->recipe->image_pages || n > PS_RCP_MAX_LINKS || n < 4)
        return ps_rcp_bad(p, "pages are 4 to %u pages of the image", PS_RCP_MAX_LINKS);
    if (h->file.first != PS_RCP_NONE && h->file.first < p->recipe->image_pages)
        return ps_rcp_bad(p, "file are pages of the page file, behind the image");
    for (size_t i = 0; i < heaps->n_heaps; i++)
        n += ps_rcp_heap_pages(&heaps->heap[i]);
    if (n > PS_RCP_MAX_LINKS)
        return ps_rcp_bad(p, "all heaps together have at most %u pages", PS_RCP_MAX_LINKS);
    for (size_t i = 0; i < heaps->n_heaps; i++)
        if (meet(&heaps->heap[i].pages, &h->pages) || meet(&heaps->heap[i].file, &h->file))
            return ps_rcp_bad(p, "the heap of line %u has some of these pages",
                              heaps->heap[i].stmt.line);
    if ((rc = check_wide(p, heaps, h)) < 0)
        return rc;
    if (h->at == 0)
        h->at = h->va - PS_RECIPE_PAGE;
    if ((rc = check_percents(p, h)) < 0 ||
        (rc = ps_rcp_check_va(p, heaps->sys, "at", h->at, 1)) < 0)
        return rc;
    return ps_rcp_check_va(p, heaps->sys, "va", h->va, PS_RCP_SEG_UNITS);
}

static int read_heap(struct ps_rcp_parser *p, struct ps_rcp_heap *h)
{
    char pool[32] = "nonpagednx";
    const struct ps_rcp_option option[] = {
        {"pool", PS_RCP_F_TEXT, pool},
        {"va", PS_RCP_F_NUMBER, &h->va},
        {"at", PS_RCP_F_NUMBER, &h->at},
        {"pages", PS_RCP_F_PAGES, &h->pages},
        {"scatter", PS_RCP_F_FLAG, &h->scatter},
        {"transition", PS_RCP_F_NUMBER, &h->transition},
        {"tags", PS_RCP_F_LIST, &h->list},
        {"lfh", PS_RCP_F_NUMBER, &h->share[PS_RCP_EXTENT_LFH]},
        {"vs", PS_RCP_F_NUMBER, &h->share[PS_RCP_EXTENT_VS]},
        {"large", PS_RCP_F_NUMBER, &h->share[PS_RCP_EXTENT_LARGE]},
        {"unused", PS_RCP_F_NUMBER, &h->share[PS_RCP_EXTENT_UNUSED]},
        {"freed", PS_RCP_F_NUMBER, &h->freed},
        {"never", PS_RCP_F_NUMBER, &h->never},
        {"merged", PS_RCP_F_NUMBER, &h->merged},
        {"lookaside", PS_RCP_F_NUMBER, &h->lookaside},
        {"delayed", PS_RCP_F_NUMBER, &h->delayed},
        {"aligned", PS_RCP_F_NUMBER, &h->aligned},
        {"quota", PS_RCP_F_NUMBER, &h->quota},
        {"big", PS_RCP_F_NUMBER, &h->big},
        {"listed", PS_RCP_F_NUMBER, &h->listed},
        {"gone", PS_RCP_F_NUMBER, &h->gone},
        {"reused", PS_RCP_F_NUMBER, &h->reused},
        {"out", PS_RCP_F_NUMBER, &h->out},
        {"file", PS_RCP_F_PAGES, &h->file},
        {"headless", PS_RCP_F_NUMBER, &h->headless},
        {"private", PS_RCP_F_NUMBER, &h->private_form},
        {"seed", PS_RCP_F_NUMBER, &h->seed},
        {"wide", PS_RCP_F_NUMBER, &h->wide},
        {"widepages", PS_RCP_F_NUMBER, &h->wide_pages},
    };
    int rc = ps_rcp_options(p, 1, option, N_OPTIONS(option));

    return rc < 0 ? rc : pool_named(p, pool, &h->pool);
}

int ps_rcp_do_heap(struct ps_rcp_parser *p)
{
    struct ps_rcp_heap h = {
        .stmt = {.line = p->line},
        .pages = {PS_RCP_NONE, PS_RCP_NONE},
        .file = {PS_RCP_NONE, PS_RCP_NONE},
        .list = PS_RCP_NONE,
        .share = {[PS_RCP_EXTENT_UNUSED] = 4,
                  [PS_RCP_EXTENT_LFH] = 45,
                  [PS_RCP_EXTENT_VS] = 46,
                  [PS_RCP_EXTENT_LARGE] = 5},
        .freed = 20,
        .never = 10,
        .merged = 25,
        .lookaside = 2,
        .delayed = 1,
        .aligned = 3,
        .quota = 8,
        .big = 1,
        .listed = 95,
        .reused = 10,
    };
    struct ps_rcp_heaps *heaps;
    int rc = start(p, &heaps);

    if (rc < 0)
        return rc;
    if (heaps->n_heaps == PS_RCP_MAX_HEAPS)
        return ps_rcp_bad(p, "a recipe has at most %u heaps", PS_RCP_MAX_HEAPS);
    h.seed = ps_rcp_mix64(p->recipe->seed + 0x68656170ull + heaps->n_heaps);
    h.stmt.era = heaps->sys->era;
    if ((rc = read_heap(p, &h)) < 0 || (rc = check_heap(p, heaps, &h)) < 0)
        return rc;
    if (h.private_form > 0 && !heaps->shape->is_new_lfh)
        return ps_rcp_bad(p, "LFH subsegments have a private form from 26100 on");
    h.lfh_key = heaps->lfh_key;
    if (heaps->has_encode_key)
        h.lfh_key = ps_rcp_mix64(heaps->lfh_key + heaps->n_heaps + 1);
    heaps->heap[heaps->n_heaps++] = h;
    return 0;
}
