#include "host/recipe/model.h"
#include "host/recipe/system/system.h"

/* Requests of up to this many bytes have a bucket of their own; then 64 and 128 byte steps. */
#define LFH_FINE_MAX   0x3f0u
#define LFH_MEDIUM_MAX 0x7f0u
/* From this build on BlockSize of larger LFH blocks is that of the bucket. */
#define LFH_ROUNDED_BUILD 26100u

const struct ps_rcp_list *ps_rcp_list_of(const struct ps_rcp_page *pg, enum ps_rcp_key key)
{
    return ps_rcp_has(&pg->stmt->args, key) ? &pg->recipe->list[pg->stmt->args.v[key]] : NULL;
}

int ps_rcp_entry_paged(const struct ps_rcp_era *era, const struct ps_rcp_entry *e)
{
    if (e->type != PS_RCP_NO_TYPE)
        return ps_rcp_type_is_paged(era, e->type);
    return (int)(ps_rcp_mix64(e->tag) & 1);
}

static const struct ps_rcp_entry *draw_any(struct ps_rcp_page *pg, const struct ps_rcp_list *list)
{
    uint32_t x = ps_rcp_below(&pg->rng, list->entry[list->n - 1].weight_end);
    size_t lo = 0, hi = list->n - 1;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (list->entry[mid].weight_end > x)
            hi = mid;
        else
            lo = mid + 1;
    }
    return &list->entry[lo];
}

const struct ps_rcp_entry *ps_rcp_draw(struct ps_rcp_page *pg, const struct ps_rcp_list *list,
                                       int paged)
{
    const struct ps_rcp_entry *e = draw_any(pg, list);

    for (int tries = 0; paged >= 0 && tries < 16 && ps_rcp_entry_paged(&pg->stmt->era, e) != paged;
         tries++)
        e = draw_any(pg, list);
    return e;
}

/* All blocks of a page come from one pool, so they share the paged bit. */
static uint32_t draw_type(struct ps_rcp_page *pg, const struct ps_rcp_entry *e, int paged)
{
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint32_t quota = ps_rcp_chance(&pg->rng, (uint32_t)ps_rcp_get(a, PS_RCP_QUOTA, 8)) ? 8u : 0u;

    if (ps_rcp_has(a, PS_RCP_TYPE))
        return (uint32_t)a->v[PS_RCP_TYPE];
    if (e->type != PS_RCP_NO_TYPE && ps_rcp_type_is_paged(&pg->stmt->era, e->type) == paged)
        return e->type;
    return ps_rcp_type_in_use(&pg->stmt->era, (uint32_t)paged | quota);
}

static uint32_t to_units(const struct ps_rcp_era *era, uint32_t n_bytes)
{
    uint32_t unit = ps_rcp_unit(era);
    uint32_t n = (n_bytes + unit - 1) / unit;

    if (n < 2)
        n = 2;
    return n > ps_rcp_max_units(era) ? ps_rcp_max_units(era) : n;
}

static uint32_t draw_units(struct ps_rcp_page *pg, uint32_t min_bytes, uint32_t max_bytes)
{
    uint32_t lo = to_units(&pg->stmt->era, min_bytes);
    uint32_t hi = to_units(&pg->stmt->era, max_bytes);

    return lo >= hi ? lo : lo + ps_rcp_below(&pg->rng, hi - lo + 1);
}

struct ps_rcp_header ps_rcp_drawn_header(struct ps_rcp_page *pg, const struct ps_rcp_entry *e,
                                         int paged)
{
    struct ps_rcp_header h = {.tag = e->tag, .type = draw_type(pg, e, paged)};

    h.units = draw_units(pg, e->min_bytes, e->max_bytes);
    if (ps_rcp_is_segment_heap(&pg->stmt->era)) {
        /* The segment heap leaves these as they were. */
        h.index = ps_rcp_below(&pg->rng, pg->stmt->era.is_x64 ? 256 : 128);
        h.billed = ps_rcp_next(&pg->rng);
    } else {
        h.index = paged ? 1 + (uint32_t)(pg->number % 5) : 0;
        h.billed = h.type & 8u ? ps_rcp_kernel_pointer(pg) : 0;
    }
    return h;
}

/* What an explicit "block" line asks for. */
struct ps_rcp_header ps_rcp_block_header(struct ps_rcp_page *pg, const struct ps_rcp_block *b)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    const struct ps_rcp_args *a = &b->args;
    int is_free = ps_rcp_get(a, PS_RCP_FREE, 0) != 0;
    uint64_t type = ps_rcp_get(&pg->stmt->args, PS_RCP_TYPE, ps_rcp_type_in_use(era, 0));
    struct ps_rcp_header h = {0};

    h.tag = (uint32_t)ps_rcp_get(a, PS_RCP_TAG, 0x65657246u);
    if (ps_rcp_has(a, PS_RCP_PROTECTED))
        h.tag |= 0x80000000u;
    h.units = (uint32_t)(a->v[PS_RCP_SIZE] / ps_rcp_unit(era));
    h.type = (uint32_t)ps_rcp_get(a, PS_RCP_TYPE, is_free ? 0 : type);
    h.index = (uint32_t)ps_rcp_get(a, PS_RCP_INDEX, 0);
    h.billed = ps_rcp_get(a, PS_RCP_BILLED, 0);
    h.is_billed = (uint8_t)ps_rcp_has(a, PS_RCP_BILLED);
    h.is_process = ps_rcp_get(a, PS_RCP_BODY, 0) >= PS_RCP_BODY_PROCESS;
    h.state = ps_rcp_type_is_in_use(era, h.type) ? PS_PLANTED_ALLOCATED : PS_PLANTED_FREE;
    if (ps_rcp_has(a, PS_RCP_IS))
        h.state = (uint8_t)a->v[PS_RCP_IS];
    return h;
}

enum ps_rcp_body ps_rcp_body_of(const struct ps_rcp_page *pg)
{
    return (enum ps_rcp_body)ps_rcp_get(&pg->stmt->args, PS_RCP_BODY, PS_RCP_BODY_OBJECT);
}

/* Pointers to the neighbours in a list of free blocks. */
void ps_rcp_put_links(struct ps_rcp_page *pg, uint32_t at, uint32_t n)
{
    uint32_t size = pg->stmt->era.is_x64 ? 8 : 4;

    for (uint32_t i = 0; i < n && at + size <= PS_RECIPE_PAGE; i++, at += size) {
        uint64_t v = ps_rcp_kernel_pointer(pg);

        if (size == 8)
            ps_rcp_put64(pg->b + at, v);
        else
            ps_rcp_put32(pg->b + at, (uint32_t)v);
    }
}

/* --- low-fragmentation heap --- */

static uint32_t lfh_bucket(const struct ps_rcp_era *era, uint32_t n_bytes)
{
    uint32_t unit = ps_rcp_unit(era);

    if (n_bytes <= LFH_FINE_MAX)
        return (n_bytes + unit - 1) / unit * unit;
    if (n_bytes <= LFH_MEDIUM_MAX)
        return LFH_FINE_MAX + (n_bytes - LFH_FINE_MAX + 63) / 64 * 64;
    return LFH_MEDIUM_MAX + (n_bytes - LFH_MEDIUM_MAX + 127) / 128 * 128;
}

/* Sizes (bytes) of a drawn entry that fall into the page's bucket; an entry that has none gives
 * the bucket's own size. */
static uint32_t lfh_units(struct ps_rcp_page *pg, const struct ps_rcp_entry *e, uint32_t stride)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    uint32_t unit = ps_rcp_unit(era);
    uint32_t lo = stride <= LFH_FINE_MAX + 64      ? stride - (unit - 1)
                  : stride <= LFH_MEDIUM_MAX + 128 ? stride - 63
                                                   : stride - 127;

    if (stride > LFH_FINE_MAX && stride <= LFH_FINE_MAX + 64)
        lo = LFH_FINE_MAX + 1;
    if (lo < e->min_bytes)
        lo = e->min_bytes;
    if (ps_rcp_has(&pg->stmt->args, PS_RCP_STRIDE) || lo > stride ||
        (era->build >= LFH_ROUNDED_BUILD && stride > 0x200))
        return to_units(era, stride);
    return draw_units(pg, lo, e->max_bytes < stride ? e->max_bytes : stride);
}

static const struct ps_rcp_entry *lfh_draw(struct ps_rcp_page *pg, const struct ps_rcp_list *list,
                                           int paged, uint32_t stride)
{
    const struct ps_rcp_entry *e = ps_rcp_draw(pg, list, paged);

    for (int tries = 0; tries < 16; tries++) {
        if (lfh_bucket(&pg->stmt->era, e->min_bytes) <= stride &&
            lfh_bucket(&pg->stmt->era, e->max_bytes) >= stride)
            return e;
        e = ps_rcp_draw(pg, list, paged);
    }
    return e;
}

static void lfh_block(struct ps_rcp_page *pg, const struct ps_rcp_list *list, uint32_t at,
                      uint32_t stride, int paged)
{
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    const struct ps_rcp_entry *e = lfh_draw(pg, list, paged, stride);
    struct ps_rcp_header h = ps_rcp_drawn_header(pg, e, paged);

    h.units = lfh_units(pg, e, stride);
    h.allocator = PS_PLANTED_BY_LFH;
    if (ps_rcp_chance(&pg->rng, (uint32_t)ps_rcp_get(a, PS_RCP_UNUSED, 10))) {
        memset(pg->b + at, 0, stride);
        return;
    }
    if (ps_rcp_chance(&pg->rng, (uint32_t)ps_rcp_get(a, PS_RCP_FREED, 25)))
        h.state = PS_PLANTED_STALE;
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), at + unit, stride - unit);
    ps_rcp_plant(pg, at, &h, pg->stmt->line);
}

void ps_rcp_lfh_page(struct ps_rcp_page *pg)
{
    const struct ps_rcp_list *list = ps_rcp_list_of(pg, PS_RCP_TAGS);
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    const struct ps_rcp_entry *e = ps_rcp_draw(pg, list, -1);
    int paged = ps_rcp_entry_paged(&pg->stmt->era, e);
    uint32_t size = draw_units(pg, e->min_bytes, e->max_bytes) * unit;
    uint32_t stride = (uint32_t)ps_rcp_get(a, PS_RCP_STRIDE, lfh_bucket(&pg->stmt->era, size));
    uint32_t first = ps_rcp_below(&pg->rng, stride / unit) * unit;

    first = (uint32_t)ps_rcp_get(a, PS_RCP_FIRST, first);
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), 0, first);
    for (; stride <= PS_RECIPE_PAGE - first; first += stride)
        lfh_block(pg, list, first, stride, paged);
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), first, PS_RECIPE_PAGE - first);
}

/* --- variable size --- */

void ps_rcp_chunk_header(struct ps_rcp_page *pg, uint32_t offset, uint32_t units, uint32_t prev,
                         int in_use)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    uint64_t base = pg->recipe->va_base[era->is_x64 ? 1 : 0] + pg->number * PS_RECIPE_PAGE;
    uint64_t va, key = pg->recipe->heap_key;
    uint8_t raw[16] = {0};
    uint32_t n = ps_rcp_unit(era);

    ps_rcp_system_va(pg->recipe->system, pg->number, &base);
    if (ps_rcp_has(&pg->stmt->args, PS_RCP_VA))
        base = pg->stmt->args.v[PS_RCP_VA] + (pg->number - pg->stmt->first_page) * PS_RECIPE_PAGE;
    va = base + offset;
    if (era->is_x64)
        ps_rcp_put64(
            raw, ((uint64_t)units << 16 | (uint64_t)prev << 32 | (uint64_t)(in_use != 0) << 48) ^
                     va ^ key);
    else
        ps_rcp_put32(raw, (uint32_t)((units & 0x7fffu) << 1 | (prev & 0x7fffu) << 16 |
                                     (uint32_t)(in_use != 0) << 31) ^
                              (uint32_t)(va ^ key));
    raw[n / 2] = (uint8_t)((va >> 12) ^ va ^ key);
    if (n > PS_RECIPE_PAGE - offset)
        n = PS_RECIPE_PAGE - offset;
    memcpy(pg->b + offset, raw, n);
    ps_rcp_uproot(pg->planted, offset, n);
}

struct vs {
    struct ps_rcp_page *pg;
    uint32_t at, total; /* units */
    uint32_t prev;      /* size of the chunk before */
};

static void vs_free(struct vs *v, uint32_t units)
{
    struct ps_rcp_page *pg = v->pg;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    uint32_t at = v->at * unit;

    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), at, units * unit);
    ps_rcp_chunk_header(pg, at, units, v->prev, 0);
    /* The tree of free chunks keeps three pointers from the header's second half on: what was
     * the POOL_HEADER is gone. */
    ps_rcp_put_links(pg, at + unit / 2, 3);
    v->at += units;
    v->prev = units;
}

static void vs_block(struct vs *v, struct ps_rcp_header *h, uint32_t line)
{
    struct ps_rcp_page *pg = v->pg;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    uint32_t units = 1 + h->units;
    uint32_t at = v->at * unit;

    /* One unit is too little for a chunk of its own: it stays with this one. */
    if (v->total - v->at - units == 1)
        units++;
    h->allocator = PS_PLANTED_BY_VS;
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), at + 2 * unit, (units - 2) * unit);
    ps_rcp_chunk_header(pg, at, units, v->prev, 1);
    ps_rcp_plant(pg, at + unit, h, line);
    v->at += units;
    v->prev = units;
}

static void vs_blocks(struct vs *v)
{
    const struct ps_rcp_stmt *s = v->pg->stmt;

    for (uint32_t i = 0; i < s->n_blocks; i++) {
        const struct ps_rcp_block *b = &v->pg->recipe->block[s->first_block + i];
        struct ps_rcp_header h = ps_rcp_block_header(v->pg, b);

        if (ps_rcp_get(&b->args, PS_RCP_FREE, 0))
            vs_free(v, h.units);
        else
            vs_block(v, &h, b->line);
    }
}

/* The end of a chunk that began in the page before. A block that would have crossed into this page
 * was moved to its start, header and all. */
static void vs_begin(struct vs *v, const struct ps_rcp_list *list, int paged)
{
    struct ps_rcp_page *pg = v->pg;
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    struct ps_rcp_header h = ps_rcp_drawn_header(pg, ps_rcp_draw(pg, list, paged), paged);
    uint32_t tail = ps_rcp_below(&pg->rng, 24);

    if (!ps_rcp_chance(&pg->rng, 30)) {
        ps_rcp_fill_body(pg, ps_rcp_body_of(pg), 0, tail * unit);
        v->at = tail;
        return;
    }
    if (h.units > v->total - 2)
        h.units = v->total - 2;
    h.allocator = PS_PLANTED_BY_VS;
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), unit, (h.units - 1) * unit);
    ps_rcp_plant(pg, 0, &h, pg->stmt->line);
    v->at = h.units;
    v->prev = h.units + 2 + tail;
}

static void vs_random(struct vs *v, const struct ps_rcp_list *list)
{
    struct ps_rcp_page *pg = v->pg;
    uint32_t percent = (uint32_t)ps_rcp_get(&pg->stmt->args, PS_RCP_FREE, 15);
    int paged = ps_rcp_entry_paged(&pg->stmt->era, ps_rcp_draw(pg, list, -1));

    if (v->at == 0)
        vs_begin(v, list, paged);
    while (v->total - v->at > 3) {
        struct ps_rcp_header h = ps_rcp_drawn_header(pg, ps_rcp_draw(pg, list, paged), paged);
        uint32_t left = v->total - v->at;

        if (1 + h.units > left)
            return;
        if (ps_rcp_chance(&pg->rng, percent) && left - h.units - 1 != 1)
            vs_free(v, 1 + h.units);
        else
            vs_block(v, &h, pg->stmt->line);
    }
}

void ps_rcp_vs_page(struct ps_rcp_page *pg)
{
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    const struct ps_rcp_list *list = ps_rcp_list_of(pg, PS_RCP_TAGS);
    struct vs v = {.pg = pg, .total = PS_RECIPE_PAGE / unit};

    v.at = (uint32_t)ps_rcp_get(&pg->stmt->args, PS_RCP_FIRST, 0) / unit;
    v.prev = 2 + ps_rcp_below(&pg->rng, 200);
    ps_rcp_fill_body(pg, ps_rcp_body_of(pg), 0, v.at * unit);
    if (pg->stmt->n_blocks > 0)
        vs_blocks(&v);
    else if (list)
        vs_random(&v, list);
    if (v.total - v.at >= 2)
        vs_free(&v, v.total - v.at);
}

int ps_rcp_blocks_fit(const struct ps_recipe *recipe, const struct ps_rcp_stmt *stmt,
                      const char **why)
{
    uint32_t unit = ps_rcp_unit(&stmt->era);
    uint64_t used = stmt->kind == PS_RCP_VS ? ps_rcp_get(&stmt->args, PS_RCP_FIRST, 0) : 0;

    for (uint32_t i = 0; i < stmt->n_blocks; i++) {
        const struct ps_rcp_args *a = &recipe->block[stmt->first_block + i].args;
        int is_free = ps_rcp_get(a, PS_RCP_FREE, 0) != 0;

        used += a->v[PS_RCP_SIZE];
        if (stmt->kind == PS_RCP_VS && !is_free)
            used += unit;
        if (stmt->kind == PS_RCP_VS && a->v[PS_RCP_SIZE] < 2 * unit) {
            *why = "a VS chunk has at least two units";
            return -1;
        }
    }
    *why = "the blocks need more than this page";
    return used <= PS_RECIPE_PAGE ? 0 : -1;
}
