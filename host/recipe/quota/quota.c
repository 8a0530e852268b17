#include "host/recipe/quota/quota.h"

#include <stdlib.h>

#define N_OPTIONS(o) (sizeof(o) / sizeof *(o))

#define RVA_SYSTEM   0x4018u /* PsInitialSystemProcess, which the Windows kernel exports */
#define RVA_COOKIE   0x65d8u
#define TYPE_QUOTA   0x08u
#define FIRST_MIXED  9200u

int ps_rcp_do_quota(struct ps_rcp_parser *p)
{
    struct ps_rcp_quota q = {.cookie = ps_rcp_mix64(p->recipe->seed + 0x51756f7461ull),
                             .cookie_at = RVA_COOKIE,
                             .released = 8,
                             .line = p->line};
    const struct ps_rcp_option option[] = {
        {"cookie", PS_RCP_F_NUMBER, &q.cookie},
        {"cookieat", PS_RCP_F_NUMBER, &q.cookie_at},
        {"released", PS_RCP_F_NUMBER, &q.released},
    };
    int rc = ps_rcp_need_system(p, &q.sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (q.sys->quota || q.sys->heaps)
        return ps_rcp_bad(p, "a recipe has one quota statement, and none beside heaps");
    if (q.released > 100 || q.cookie_at % 8 || q.cookie_at < 0x4000 || q.cookie_at > 0x1000000)
        return ps_rcp_bad(p, "released is at most 100, cookieat an address in .data, from 0x4000");
    q.sys->quota = malloc(sizeof q);
    if (!q.sys->quota)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
    *q.sys->quota = q;
    return 0;
}

/* --- the plan --- */

/* The links are not sorted yet. */
static int address_of(const struct ps_rcp_system *sys, uint64_t page, uint64_t *va)
{
    uint32_t order = UINT32_MAX;

    for (size_t i = 0; i < sys->n_links; i++)
        if (sys->link[i].page == page && sys->link[i].order < order) {
            order = sys->link[i].order;
            *va = sys->link[i].va;
        }
    return order != UINT32_MAX;
}

static int owns(const struct ps_recipe *r, size_t stmt, uint64_t page)
{
    size_t i = 0;

    while (i + 1 < r->n_spans && r->span[i + 1].first <= page)
        i++;
    return r->span[i].stmt == stmt;
}

static int add_owner(struct ps_rcp_quota *q, uint64_t page, uint32_t offset,
                     const struct ps_rcp_block *b)
{
    const struct ps_rcp_era *era = &q->sys->era;
    const uint32_t at = ps_rcp_eprocess_at(era);
    struct ps_rcp_owner o = {.page = page, .offset = offset};
    uint64_t va;

    if (b->args.v[PS_RCP_SIZE] < at + ps_rcp_eprocess_of(era)->name + 16)
        return ps_fail(q->sys->err, PS_EARG, b->line, "the block is too small for a process");
    if (!address_of(q->sys, page, &va))
        return ps_fail(q->sys->err, PS_EARG, b->line, "nothing maps the process in page %#llx",
                       (unsigned long long)page);
    if (q->n_owners == PS_RCP_MAX_OWNERS)
        return ps_fail(q->sys->err, PS_EARG, b->line, "a recipe has at most %u processes",
                       PS_RCP_MAX_OWNERS);
    o.va = va + offset + at;
    o.pid = q->n_owners ? 4 * (70 + 37 * (uint64_t)q->n_owners) : 4;
    o.has_exited = b->args.v[PS_RCP_BODY] == PS_RCP_BODY_EXITED;
    q->owner[q->n_owners++] = o;
    return 0;
}

static int add_page(struct ps_rcp_quota *q, const struct ps_rcp_stmt *s, uint64_t page)
{
    const uint32_t unit = ps_rcp_unit(&s->era);
    const int is_vs = s->kind == PS_RCP_VS;
    uint64_t at = is_vs ? ps_rcp_get(&s->args, PS_RCP_FIRST, 0) : 0;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < s->n_blocks; i++) {
        const struct ps_rcp_block *b = &q->sys->recipe->block[s->first_block + i];
        const int is_free = ps_rcp_get(&b->args, PS_RCP_FREE, 0) != 0;

        at += is_vs && !is_free ? unit : 0;
        if (!is_free && ps_rcp_get(&b->args, PS_RCP_BODY, 0) >= PS_RCP_BODY_PROCESS)
            rc = add_owner(q, page, (uint32_t)at, b);
        at += b->args.v[PS_RCP_SIZE];
    }
    return rc;
}

static int has_process(const struct ps_recipe *r, const struct ps_rcp_stmt *s)
{
    if (s->kind != PS_RCP_CLASSIC && s->kind != PS_RCP_VS)
        return 0;
    for (uint32_t i = 0; i < s->n_blocks; i++)
        if (ps_rcp_get(&r->block[s->first_block + i].args, PS_RCP_BODY, 0) >= PS_RCP_BODY_PROCESS)
            return 1;
    return 0;
}

static int add_pages(struct ps_rcp_quota *q, size_t stmt)
{
    const struct ps_recipe *r = q->sys->recipe;
    const struct ps_rcp_stmt *s = &r->stmt[stmt];
    int rc = 0;

    if (s->last_page - s->first_page >= PS_RCP_MAX_OWNERS)
        return ps_fail(q->sys->err, PS_EARG, s->line, "a recipe has at most %u processes",
                       PS_RCP_MAX_OWNERS);
    for (uint64_t page = s->first_page; rc == 0 && page <= s->last_page; page++)
        if (owns(r, stmt, page))
            rc = add_page(q, s, page);
    return rc;
}

static int put_kernel_word(struct ps_rcp_quota *q, uint64_t rva, uint64_t value)
{
    struct ps_rcp_kernel *k = &q->sys->kernel;

    if (k->n_words == PS_RCP_MAX_VARS)
        return ps_fail(q->sys->err, PS_EARG, q->line, "too many variables of the Windows kernel");
    k->word[k->n_words++] = (struct ps_rcp_kernel_word){rva, value};
    return 0;
}

/* The first process is System. */
static int put_kernel_words(struct ps_rcp_quota *q)
{
    const uint32_t links = ps_rcp_eprocess_of(&q->sys->era)->links;
    const uint32_t word = q->sys->era.is_x64 ? 8 : 4;
    const uint64_t head = ps_rcp_process_head(q) - q->sys->kernel.va;
    size_t last = q->n_owners - 1;
    int rc = put_kernel_word(q, RVA_SYSTEM, q->owner[0].va);

    while (last > 0 && q->owner[last].has_exited)
        last--;
    if (rc == 0)
        rc = put_kernel_word(q, head, q->owner[0].va + links);
    if (rc == 0)
        rc = put_kernel_word(q, head + word, q->owner[last].va + links);
    return rc < 0 || !q->sys->era.is_x64 ? rc : put_kernel_word(q, q->cookie_at, q->cookie);
}

int ps_rcp_quota_plan(struct ps_rcp_system *sys)
{
    const struct ps_recipe *r = sys->recipe;
    struct ps_rcp_quota *q = sys->quota;
    int rc = 0;

    for (size_t i = 0; q && rc == 0 && i < r->n_stmts; i++)
        if (has_process(r, &r->stmt[i]))
            rc = add_pages(q, i);
    if (!q || rc < 0)
        return rc;
    if (q->n_owners == 0 || q->owner[0].has_exited)
        return ps_fail(sys->err, PS_EARG, q->line,
                       "quota needs processes, the first of them live: block ... body=process");
    return sys->kernel.va ? put_kernel_words(q) : 0;
}

/* --- headers --- */

static const struct ps_rcp_quota *quota_of(const struct ps_recipe *r)
{
    return r->system ? r->system->quota : NULL;
}

/* Whom the block at that place is charged to; nobody, for some. Older processes own more. */
static const struct ps_rcp_owner *draw_owner(const struct ps_rcp_quota *q, uint64_t page,
                                             uint32_t offset)
{
    uint64_t rng = ps_rcp_mix64(q->sys->recipe->seed + page * PS_RECIPE_PAGE + offset);
    const uint32_t n = (uint32_t)q->n_owners;
    const uint32_t a = ps_rcp_below(&rng, n), b = ps_rcp_below(&rng, n);

    return ps_rcp_chance(&rng, (uint32_t)q->released) ? NULL : &q->owner[a < b ? a : b];
}

static void make_process(const struct ps_rcp_quota *q, struct ps_rcp_page *pg, uint32_t offset)
{
    for (size_t i = 0; i < q->n_owners; i++)
        if (q->owner[i].page == pg->number && q->owner[i].offset == offset)
            ps_rcp_put_eprocess(q, i, pg, offset);
}

static int is_charged(const struct ps_rcp_quota *q, const struct ps_rcp_page *pg, uint32_t offset,
                      const struct ps_rcp_header *h)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    const uint32_t unit = ps_rcp_unit(era);

    if (era->build != q->sys->era.build || era->is_x64 != q->sys->era.is_x64)
        return 0;
    return !h->is_billed && h->state != PS_PLANTED_DECOY && (h->type & TYPE_QUOTA) &&
           ps_rcp_type_is_in_use(era, h->type) && h->units > 1 && offset % unit == 0 &&
           h->units <= (PS_RECIPE_PAGE - offset) / unit;
}

/* What is stored, given the process (0: nobody any more) and the header's address. */
static uint64_t billed(const struct ps_rcp_quota *q, const struct ps_rcp_era *era, uint64_t process,
                       uint64_t va)
{
    return era->is_x64 && era->build >= FIRST_MIXED ? process ^ q->cookie ^ va : process;
}

uint64_t ps_rcp_quota_header(struct ps_rcp_page *pg, uint32_t offset, struct ps_rcp_header *h)
{
    const struct ps_rcp_quota *q = quota_of(pg->recipe);
    const struct ps_rcp_era *era = &pg->stmt->era;
    const struct ps_rcp_owner *owner;
    uint64_t va, process;

    if (!q)
        return 0;
    if (h->is_process)
        make_process(q, pg, offset);
    if (!is_charged(q, pg, offset, h) || !ps_rcp_system_va(q->sys, pg->number, &va) ||
        ps_rcp_system_big(q->sys, va + offset))
        return 0;
    owner = draw_owner(q, pg->number, offset);
    process = owner ? owner->va : 0;
    if (era->is_x64)
        h->billed = billed(q, era, process, va + offset);
    else
        ps_rcp_put32(pg->b + offset + h->units * ps_rcp_unit(era) - 4, (uint32_t)process);
    return process;
}

static int is_stored(const struct ps_rcp_quota *q, uint64_t va, const uint8_t *b,
                     const struct ps_planted *h)
{
    const struct ps_rcp_era *era = &q->sys->era;
    uint8_t want[8];

    if (!era->is_x64) {
        ps_rcp_put32(want, (uint32_t)h->process);
        return memcmp(b + h->offset + h->n_bytes - 4, want, 4) == 0;
    }
    ps_rcp_put64(want, billed(q, era, h->process, va + h->offset));
    return memcmp(b + h->offset + 8, want, 8) == 0;
}

void ps_rcp_quota_settle(const struct ps_recipe *recipe, uint64_t page, const uint8_t *b,
                         struct ps_planted_page *planted)
{
    const struct ps_rcp_quota *q = quota_of(recipe);
    uint64_t va = 0;
    int is_mapped;

    if (!q || !planted)
        return;
    is_mapped = ps_rcp_system_va(q->sys, page, &va);
    for (size_t i = 0; i < planted->n; i++)
        if (planted->header[i].process && (!is_mapped || !is_stored(q, va, b, &planted->header[i])))
            planted->header[i].process = 0;
}

/* --- the truth --- */

void ps_rcp_quota_truth_system(const struct ps_rcp_quota *q, FILE *out)
{
    if (q && q->sys->era.is_x64 && q->sys->era.build >= FIRST_MIXED)
        fprintf(out, ",\"QuotaCookie\":\"0x%016llx\"", (unsigned long long)q->cookie);
}

void ps_rcp_quota_truth(const struct ps_rcp_quota *q, FILE *out)
{
    for (size_t i = 0; q && i < q->n_owners; i++)
        fprintf(out,
                "{\"Kind\":\"process\",\"EProcess\":\"0x%016llx\",\"PID\":%llu,\"Name\":\"%s\","
                "\"Exited\":%s}\n",
                (unsigned long long)q->owner[i].va, (unsigned long long)q->owner[i].pid,
                ps_rcp_owner_name(i), q->owner[i].has_exited ? "true" : "false");
}
