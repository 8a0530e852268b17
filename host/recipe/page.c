#include "host/recipe/classic/classic.h"
#include "host/recipe/heap/heap.h"
#include "host/recipe/model.h"
#include "host/recipe/quota/quota.h"
#include "host/recipe/system/system.h"

#include <stdlib.h>

/* --- which statement a page gets: the last one that names it --- */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Where the statement of a page may change, ascending and distinct; at least page 0. */
static size_t collect_borders(const struct ps_recipe *r, uint64_t *border)
{
    size_t n = 0, kept = 1;

    border[n++] = 0;
    for (size_t i = 0; i < r->n_stmts; i++) {
        if (r->stmt[i].kind >= PS_RCP_FIRST_POINT)
            continue;
        border[n++] = r->stmt[i].first_page;
        border[n++] = r->stmt[i].last_page + 1;
    }
    qsort(border, n, sizeof *border, by_value);
    for (size_t i = 1; i < n; i++)
        if (border[i] != border[kept - 1] && border[i] < r->n_pages)
            border[kept++] = border[i];
    return kept;
}

/* First unpainted part at or behind i; 'next' is followed and shortened. */
static uint32_t unpainted(uint32_t *next, uint32_t i)
{
    while (next[i] != i) {
        next[i] = next[next[i]];
        i = next[i];
    }
    return i;
}

static uint32_t part_of(const uint64_t *border, size_t n, uint64_t page)
{
    size_t lo = 0, hi = n - 1;

    while (lo < hi) {
        size_t mid = lo + (hi - lo + 1) / 2;

        if (border[mid] <= page)
            lo = mid;
        else
            hi = mid - 1;
    }
    return (uint32_t)lo;
}

/* Later statements first; a part once painted stays as it is. */
static void paint(const struct ps_recipe *r, const uint64_t *border, size_t n, uint32_t *owner,
                  uint32_t *next)
{
    for (size_t i = 0; i <= n; i++)
        next[i] = (uint32_t)i;
    for (size_t i = 0; i < n; i++)
        owner[i] = PS_RCP_NO_STMT;
    for (size_t s = r->n_stmts; s > 0; s--) {
        const struct ps_rcp_stmt *stmt = &r->stmt[s - 1];
        uint32_t i;

        if (stmt->kind >= PS_RCP_FIRST_POINT)
            continue;
        i = unpainted(next, part_of(border, n, stmt->first_page));
        while (i < n && border[i] <= stmt->last_page) {
            owner[i] = (uint32_t)(s - 1);
            next[i] = i + 1;
            i = unpainted(next, i + 1);
        }
    }
}

static int index_spans(struct ps_recipe *r)
{
    size_t cap = 2 * r->n_stmts + 2;
    uint64_t *border = calloc(cap, sizeof *border);
    uint32_t *owner = calloc(cap, sizeof *owner);
    uint32_t *next = calloc(cap, sizeof *next);

    r->span = calloc(cap, sizeof *r->span);
    if (border && owner && next && r->span) {
        size_t n = collect_borders(r, border);

        paint(r, border, n, owner, next);
        for (size_t i = 0; i < n; i++)
            if (r->n_spans == 0 || owner[i] != r->span[r->n_spans - 1].stmt)
                r->span[r->n_spans++] = (struct ps_rcp_span){border[i], owner[i]};
    }
    free(border);
    free(owner);
    free(next);
    return r->n_spans > 0 ? 0 : -PS_ENOMEM;
}

struct placed {
    uint64_t page;
    uint32_t stmt;
};

static int by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->page != y->page)
        return x->page < y->page ? -1 : 1;
    return x->stmt < y->stmt ? -1 : x->stmt > y->stmt;
}

static int index_points(struct ps_recipe *r)
{
    struct placed *sorted = calloc(r->n_stmts + 1, sizeof *sorted);

    r->point = calloc(r->n_stmts + 1, sizeof *r->point);
    if (!sorted || !r->point) {
        free(sorted);
        return -PS_ENOMEM;
    }
    for (size_t i = 0; i < r->n_stmts; i++)
        if (r->stmt[i].kind >= PS_RCP_FIRST_POINT)
            sorted[r->n_points++] = (struct placed){r->stmt[i].first_page, (uint32_t)i};
    qsort(sorted, r->n_points, sizeof *sorted, by_place);
    for (size_t i = 0; i < r->n_points; i++)
        r->point[i] = sorted[i].stmt;
    free(sorted);
    return 0;
}

int ps_rcp_index(struct ps_recipe *recipe, struct ps_err *err)
{
    if (index_spans(recipe) < 0 || index_points(recipe) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the recipe");
    return 0;
}

static size_t span_of(const struct ps_recipe *r, uint64_t page)
{
    size_t lo = 0, hi = r->n_spans - 1;

    while (lo < hi) {
        size_t mid = lo + (hi - lo + 1) / 2;

        if (r->span[mid].first <= page)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

/* First point statement at or behind a page. */
static size_t point_of(const struct ps_recipe *r, uint64_t page)
{
    size_t lo = 0, hi = r->n_points;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->stmt[r->point[mid]].first_page < page)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint64_t ps_recipe_next_page(const struct ps_recipe *recipe, uint64_t page_number)
{
    const struct ps_recipe *r = recipe;
    size_t point, i;
    uint64_t page = page_number, system = ps_rcp_system_next(r->system, page_number);

    if (page >= r->n_pages)
        return r->n_pages;
    point = point_of(r, page);
    for (i = span_of(r, page); i < r->n_spans; i++) {
        uint32_t s = r->span[i].stmt;

        if (r->span[i].first > page)
            page = r->span[i].first;
        if (s != PS_RCP_NO_STMT && r->stmt[s].kind != PS_RCP_HOLE)
            break;
    }
    if (i == r->n_spans)
        page = r->n_pages;
    if (point < r->n_points && r->stmt[r->point[point]].first_page < page)
        page = r->stmt[r->point[point]].first_page;
    return system < page ? system : page;
}

/* --- one page --- */

static int build(const struct ps_recipe *r, uint64_t number, uint8_t *b,
                 struct ps_planted_page *planted, int is_source, struct ps_err *err);

static uint64_t page_rng(const struct ps_recipe *r, const struct ps_rcp_stmt *s, uint64_t number)
{
    uint64_t seed = ps_rcp_get(&s->args, PS_RCP_SEED, r->seed);

    return ps_rcp_mix64(ps_rcp_mix64(seed + 0x632be59bd9b4e019ull) + number);
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t t = a % b;

        a = b;
        b = t;
    }
    return a;
}

/* The kind of a page of a mix. Pages come in runs of one kind; a deal of 'weights' runs holds
 * each kind exactly as often as its share says, in an order that the seed turns. */
static enum ps_rcp_kind mixed_kind(const struct ps_recipe *r, const struct ps_rcp_stmt *s,
                                   uint64_t number)
{
    uint64_t run = (number - s->first_page) / ps_rcp_get(&s->args, PS_RCP_RUN, 1);
    uint32_t n = s->weights;
    uint64_t rng = page_rng(r, s, run / n + 0x100000000ull);
    uint32_t step = 1 + ps_rcp_below(&rng, n);
    uint32_t turn = ps_rcp_below(&rng, n);
    uint32_t x, k = 0;

    while (gcd(step, n) != 1)
        step++;
    x = (uint32_t)(((run % n) * step + turn) % n);
    while (x >= s->weight[k])
        x -= s->weight[k++];
    return (enum ps_rcp_kind)k;
}

static int copy_page(struct ps_rcp_page *pg, struct ps_err *err)
{
    uint64_t from = pg->stmt->args.v[PS_RCP_FROM] + (pg->number - pg->stmt->first_page);
    int rc = build(pg->recipe, from, pg->b, pg->planted, 1, err);

    for (size_t i = 0; pg->planted && i < pg->planted->n; i++)
        pg->planted->header[i].is_copy = 1;
    return rc;
}

/* The first part of one page and the rest of another: memory that changed while it was read. */
static int torn_page(struct ps_rcp_page *pg, struct ps_err *err)
{
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint64_t place = pg->number - pg->stmt->first_page;
    uint32_t cut = (uint32_t)ps_rcp_get(a, PS_RCP_CUT, PS_RECIPE_PAGE / 2);
    struct ps_planted_page second;
    uint8_t rest[PS_RECIPE_PAGE];
    int rc = build(pg->recipe, a->v[PS_RCP_FROM] + place, pg->b, pg->planted, 1, err);

    if (rc >= 0)
        rc = build(pg->recipe, a->v[PS_RCP_SECOND] + place, rest, &second, 1, err);
    if (rc < 0)
        return rc;
    ps_rcp_splice(pg, rest, &second, cut);
    for (size_t i = 0; pg->planted && i < pg->planted->n; i++)
        pg->planted->header[i].is_torn = 1;
    return 1;
}

static int fill_page(struct ps_rcp_page *pg, enum ps_rcp_kind kind, struct ps_err *err)
{
    switch (kind) {
    case PS_RCP_ONES:
        memset(pg->b, 0xff, PS_RECIPE_PAGE);
        break;
    case PS_RCP_RANDOM:
        ps_rcp_fill_random(pg, 0, PS_RECIPE_PAGE);
        break;
    case PS_RCP_TEXT:
        ps_rcp_fill_text(pg);
        break;
    case PS_RCP_CODE:
        ps_rcp_fill_code(pg);
        break;
    case PS_RCP_POINTERS:
        ps_rcp_fill_pointers(pg);
        break;
    case PS_RCP_CLASSIC:
        ps_rcp_classic_page(pg);
        break;
    case PS_RCP_LFH:
        ps_rcp_lfh_page(pg);
        break;
    case PS_RCP_VS:
        ps_rcp_vs_page(pg);
        break;
    case PS_RCP_KUSER:
        ps_rcp_fill_kuser(pg);
        break;
    case PS_RCP_COPY:
        return copy_page(pg, err);
    case PS_RCP_TORN:
        return torn_page(pg, err);
    default:
        return kind != PS_RCP_HOLE;
    }
    return 1;
}

static struct ps_rcp_header point_header(const struct ps_rcp_page *pg)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint32_t unit = ps_rcp_unit(era);
    uint32_t word0 = (uint32_t)ps_rcp_get(a, PS_RCP_WORD0, 0);
    struct ps_rcp_header h = {.tag = (uint32_t)a->v[PS_RCP_TAG]};

    h.prev = (uint32_t)ps_rcp_get(a, PS_RCP_PREV, 0) / unit;
    h.index = (uint32_t)ps_rcp_get(a, PS_RCP_INDEX, 0);
    h.units = (uint32_t)ps_rcp_get(a, PS_RCP_SIZE, 0) / unit;
    h.type = (uint32_t)ps_rcp_get(a, PS_RCP_TYPE, ps_rcp_type_in_use(era, 0));
    h.billed = ps_rcp_get(a, PS_RCP_BILLED, 0);
    h.is_billed = (uint8_t)ps_rcp_has(a, PS_RCP_BILLED);
    if (ps_rcp_has(a, PS_RCP_PROTECTED))
        h.tag |= 0x80000000u;
    if (ps_rcp_has(a, PS_RCP_WORD0)) {
        h.prev = word0 & (era->is_x64 ? 0xffu : 0x1ffu);
        h.index = era->is_x64 ? word0 >> 8 & 0xffu : word0 >> 9 & 0x7fu;
        h.units = word0 >> 16 & (era->is_x64 ? 0xffu : 0x1ffu);
        h.type = word0 >> (era->is_x64 ? 24 : 25);
    }
    return h;
}

/* A header that no allocator writes where it stands is a decoy. */
static uint8_t point_state(const struct ps_rcp_page *pg, const struct ps_rcp_header *h)
{
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);

    if (ps_rcp_has(&pg->stmt->args, PS_RCP_IS))
        return (uint8_t)pg->stmt->args.v[PS_RCP_IS];
    if (pg->stmt->offset % unit || h->units == 0 ||
        h->units > (PS_RECIPE_PAGE - pg->stmt->offset) / unit)
        return PS_PLANTED_DECOY;
    if (!ps_rcp_type_is_in_use(&pg->stmt->era, h->type))
        return PS_PLANTED_FREE;
    return h->units < 2 ? PS_PLANTED_DECOY : PS_PLANTED_ALLOCATED;
}

static void put_header(struct ps_rcp_page *pg)
{
    struct ps_rcp_header h = point_header(pg);
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);
    uint32_t left = PS_RECIPE_PAGE - pg->stmt->offset;
    uint32_t n = h.units * unit < left ? h.units * unit : left;

    h.state = point_state(pg, &h);
    if (ps_rcp_has(&pg->stmt->args, PS_RCP_BODY) && n > unit) {
        ps_rcp_uproot(pg->planted, pg->stmt->offset, n);
        ps_rcp_fill_body(pg, (enum ps_rcp_body)pg->stmt->args.v[PS_RCP_BODY],
                         pg->stmt->offset + unit, n - unit);
    }
    ps_rcp_plant(pg, pg->stmt->offset, &h, pg->stmt->line);
}

static void put_point(struct ps_rcp_page *pg)
{
    const struct ps_rcp_stmt *s = pg->stmt;
    uint32_t unit = ps_rcp_unit(&s->era);

    if (s->kind == PS_RCP_HEADER) {
        put_header(pg);
    } else if (s->kind == PS_RCP_CHUNK) {
        ps_rcp_chunk_header(pg, s->offset, (uint32_t)s->args.v[PS_RCP_SIZE] / unit,
                            (uint32_t)ps_rcp_get(&s->args, PS_RCP_PREV, 0) / unit,
                            ps_rcp_get(&s->args, PS_RCP_FREE, 0) == 0);
    } else {
        memcpy(pg->b + s->offset, pg->recipe->bytes + s->first_byte, s->n_bytes);
        ps_rcp_uproot(pg->planted, s->offset, s->n_bytes);
    }
}

static int build_whole(struct ps_rcp_page *pg, int is_source, struct ps_err *err)
{
    enum ps_rcp_kind kind = pg->stmt->kind;

    if (is_source && (kind == PS_RCP_COPY || kind == PS_RCP_TORN))
        return ps_fail(err, PS_EARG, pg->stmt->line,
                       "a copied page is copied again; copy the first one instead");
    if (kind == PS_RCP_MIX)
        kind = mixed_kind(pg->recipe, pg->stmt, pg->number);
    return fill_page(pg, kind, err);
}

static int build(const struct ps_recipe *r, uint64_t number, uint8_t *b,
                 struct ps_planted_page *planted, int is_source, struct ps_err *err)
{
    struct ps_rcp_page pg = {.recipe = r, .number = number, .b = b, .planted = planted};
    uint32_t owner = r->span[span_of(r, number)].stmt;
    const struct ps_rcp_overlay *system = ps_rcp_system_page(r->system, number);
    int rc = 0;

    memset(b, 0, PS_RECIPE_PAGE);
    if (planted)
        planted->n = 0;
    if (system && system->is_hole)
        return 0;
    if (system) {
        memcpy(b, system->b, PS_RECIPE_PAGE);
        rc = 1;
    } else if (r->system && ps_rcp_heaps_page(r->system->heaps, &pg)) {
        rc = 1;
    } else if (owner != PS_RCP_NO_STMT) {
        pg.stmt = &r->stmt[owner];
        pg.rng = page_rng(r, pg.stmt, number);
        rc = build_whole(&pg, is_source, err);
    }
    for (size_t i = point_of(r, number); rc >= 0 && i < r->n_points; i++) {
        pg.stmt = &r->stmt[r->point[i]];
        if (pg.stmt->first_page != number)
            break;
        if (owner != PS_RCP_NO_STMT && r->point[i] < owner)
            continue;
        pg.rng = page_rng(r, pg.stmt, number * PS_RECIPE_PAGE + pg.stmt->offset);
        put_point(&pg);
        rc = 1;
    }
    if (rc > 0)
        ps_rcp_quota_settle(r, number, b, planted);
    return rc;
}

int ps_recipe_page(const struct ps_recipe *recipe, uint64_t page_number, uint8_t *page,
                   struct ps_planted_page *planted, struct ps_err *err)
{
    return build(recipe, page_number, page, planted, 0, err);
}
