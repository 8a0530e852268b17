#include "host/recipe/system/system.h"

#include <stdlib.h>

#define N_OPTIONS(o)  (sizeof(o) / sizeof *(o))

#define MULTIPLIER    40543ull
#define FIRST_PER_CPU 7600u
#define FIRST_BYTES   16299u /* the bytes stand in front of the counts, which have 8 bytes */
#define FIRST_LIMITS  20348u
#define FIRST_HASHED  3700u /* before it, slots follow a function that nobody has written down */
#define PAGED_FLAG    0x100u
#define FREED_AT_MOST 5000u

/* Offsets of Allocs, Frees and Bytes: nonpaged, paged. */
struct layout {
    uint32_t stride, count_bytes, size_bytes;
    uint32_t at[2][3];
};

static struct layout layout_of(const struct ps_rcp_era *era)
{
    static const struct layout layouts[2][3] = {
        {{0x1c, 4, 4, {{4, 8, 0xc}, {0x10, 0x14, 0x18}}},
         {0x30, 8, 4, {{8, 0x10, 4}, {0x20, 0x28, 0x18}}},
         {0x40, 8, 4, {{8, 0x10, 4}, {0x20, 0x28, 0x18}}}},
        {{0x28, 4, 8, {{4, 8, 0x10}, {0x18, 0x1c, 0x20}}},
         {0x38, 8, 8, {{0x10, 0x18, 8}, {0x28, 0x30, 0x20}}},
         {0x50, 8, 8, {{0x10, 0x18, 8}, {0x28, 0x30, 0x20}}}},
    };
    int age = era->build >= FIRST_LIMITS ? 2 : era->build >= FIRST_BYTES;

    return layouts[era->is_x64 != 0][age];
}

static uint64_t table_bytes(const struct ps_rcp_system *sys)
{
    return sys->tracker.slots * layout_of(&sys->era).stride;
}

int ps_rcp_do_tracker(struct ps_rcp_parser *p)
{
    struct ps_rcp_tracker t = {.slots = 2049, .cpus = 1, .line = p->line};
    struct ps_rcp_system *sys;
    const struct ps_rcp_option option[] = {
        {"va", PS_RCP_F_NUMBER, &t.va},
        {"slots", PS_RCP_F_NUMBER, &t.slots},
        {"cpus", PS_RCP_F_NUMBER, &t.cpus},
    };
    int rc = ps_rcp_need_system(p, &sys);

    if (rc < 0 || (rc = ps_rcp_options(p, 1, option, N_OPTIONS(option))) < 0)
        return rc;
    if (sys->tracker.slots)
        return ps_rcp_bad(p, "a recipe has one tracker");
    if (t.slots < 257 || t.slots > PS_RCP_MAX_SLOTS || ((t.slots - 1) & (t.slots - 2)))
        return ps_rcp_bad(p, "slots is one more than a power of two, from 257 to %u",
                          PS_RCP_MAX_SLOTS);
    if (t.cpus == 0 || t.cpus > PS_RCP_MAX_CPUS || (t.cpus > 1 && sys->era.build < FIRST_PER_CPU))
        return ps_rcp_bad(p, "cpus is 1 to %u; before Windows 7 there is one table",
                          PS_RCP_MAX_CPUS);
    rc = ps_rcp_check_va(p, sys, "va", t.va,
                         t.cpus * (t.slots * layout_of(&sys->era).stride / PS_RECIPE_PAGE + 2));
    if (rc == 0)
        sys->tracker = t;
    return rc;
}

int ps_rcp_tracker_reserve(struct ps_rcp_system *sys)
{
    struct ps_rcp_tracker *t = &sys->tracker;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < t->cpus && t->slots; i++)
        rc = ps_rcp_region_make(
            sys, &t->table[i], t->va + i * (table_bytes(sys) / PS_RECIPE_PAGE + 2) * PS_RECIPE_PAGE,
            table_bytes(sys), t->line);
    return rc;
}

/* --- what was planted, by tag --- */

/* NULL: there is no room for another tag, or no memory. */
static struct ps_rcp_counts *counts_of(struct ps_rcp_tracker *t, uint32_t tag)
{
    size_t n_buckets = (size_t)t->slots * 2;
    size_t i = (size_t)(ps_rcp_mix64(tag) % n_buckets);

    while (t->bucket[i] && t->counts[t->bucket[i] - 1].tag != tag)
        i = (i + 1) % n_buckets;
    if (t->bucket[i])
        return &t->counts[t->bucket[i] - 1];
    /* The last slot is for those for which there is no room. */
    if (t->n_counts + 1 >= t->slots)
        return NULL;
    t->counts[t->n_counts] = (struct ps_rcp_counts){.tag = tag};
    t->bucket[i] = (uint32_t)++t->n_counts;
    return &t->counts[t->n_counts - 1];
}

static int count(struct ps_rcp_system *sys, uint32_t tag, int paged, uint64_t n_bytes)
{
    struct ps_rcp_counts *c = counts_of(&sys->tracker, tag & 0x7fffffffu);

    if (!c)
        return ps_fail(sys->err, PS_EARG, sys->tracker.line,
                       "more tags are planted than the tracker has slots");
    c->allocs[paged]++;
    c->bytes[paged] += n_bytes;
    return 0;
}

static int count_page(struct ps_rcp_system *sys, const struct ps_rcp_link *link)
{
    struct ps_planted_page planted;
    uint8_t page[PS_RECIPE_PAGE];
    int rc = ps_recipe_page(sys->recipe, link->page, page, &planted, sys->err);

    for (size_t i = 0; rc >= 0 && i < planted.n; i++) {
        const struct ps_planted *h = &planted.header[i];

        if (h->state != PS_PLANTED_ALLOCATED || ps_rcp_system_big(sys, link->va + h->offset))
            continue;
        rc = count(sys, h->tag, ps_rcp_type_is_paged(&sys->era, h->type), h->n_bytes);
    }
    return rc < 0 ? rc : 0;
}

static int is_paged(const struct ps_rcp_system *sys, const struct ps_rcp_big *row)
{
    if (ps_rcp_is_nt5(&sys->era))
        return row->is_paged;
    return (row->type & (sys->big.has_flags ? PAGED_FLAG : 1u)) != 0;
}

/* Each page once, those behind a lost table too: Windows had them. */
static int count_all(struct ps_rcp_system *sys)
{
    struct ps_rcp_tracker *t = &sys->tracker;
    int rc = 0;

    t->counts = calloc((size_t)t->slots, sizeof *t->counts);
    t->bucket = calloc((size_t)t->slots * 2, sizeof *t->bucket);
    if (!t->counts || !t->bucket)
        rc = ps_fail(sys->err, PS_ENOMEM, t->line, "not enough memory for the recipe");
    for (size_t i = 0; rc == 0 && i < sys->n_all_links; i++) {
        const struct ps_rcp_link *link = &sys->link[i];

        if (link->order < PS_RCP_MAX_LINKS && !ps_rcp_system_page(sys, link->page))
            rc = count_page(sys, link);
    }
    for (size_t i = 0; rc == 0 && i < sys->big.n_rows; i++) {
        const struct ps_rcp_big *row = &sys->big.row[i];

        if (!row->is_free)
            rc = count(sys, row->tag, is_paged(sys, row), row->n_bytes);
    }
    return rc;
}

/* What was allocated and freed again since the system started. */
static void add_past(struct ps_rcp_system *sys)
{
    struct ps_rcp_tracker *t = &sys->tracker;

    for (size_t i = 0; i < t->n_counts; i++)
        for (int paged = 0; paged < 2; paged++)
            if (t->counts[i].allocs[paged] || ps_rcp_chance(&sys->rng, 10)) {
                t->counts[i].frees[paged] = ps_rcp_below(&sys->rng, FREED_AT_MOST);
                t->counts[i].allocs[paged] += t->counts[i].frees[paged];
            }
}

/* --- the tables --- */

static uint32_t home_slot(const struct ps_rcp_system *sys, uint32_t tag)
{
    uint64_t h = MULTIPLIER * tag;

    if (sys->era.build < FIRST_HASHED)
        return (uint32_t)(tag % (sys->tracker.slots - 1));
    return (uint32_t)((h ^ h >> 32) & (sys->tracker.slots - 2));
}

static void put_number(struct ps_rcp_region *r, uint64_t at, uint64_t v, uint32_t n)
{
    uint8_t raw[8];

    ps_rcp_put64(raw, v);
    ps_rcp_region_put(r, at, raw, n);
}

/* A share of v for a processor; the last one gets the rest. Of bytes that may be less than nothing:
 * it has freed what others allocated. Counts only grow. */
static uint64_t share(struct ps_rcp_system *sys, uint64_t *left, uint64_t v, int is_last,
                      int is_bytes)
{
    uint64_t part = is_last ? *left : ps_rcp_below(&sys->rng, (uint32_t)(v / 2 + 2));

    if (!is_bytes && part > *left)
        part = *left;
    *left -= part;
    return part;
}

static void put_row(struct ps_rcp_system *sys, const struct ps_rcp_counts *c, uint32_t slot)
{
    struct ps_rcp_tracker *t = &sys->tracker;
    const struct layout l = layout_of(&sys->era);
    uint64_t at = (uint64_t)slot * l.stride;

    for (int paged = 0; paged < 2; paged++) {
        uint64_t left[3] = {c->allocs[paged], c->frees[paged], c->bytes[paged]};
        const uint64_t v[3] = {left[0], left[1], left[2]};

        for (size_t cpu = 0; cpu < t->cpus; cpu++) {
            put_number(&t->table[cpu], at, c->tag, 4);
            for (int k = 0; k < 3; k++)
                put_number(&t->table[cpu], at + l.at[paged][k],
                           share(sys, &left[k], v[k], cpu + 1 == t->cpus, k == 2),
                           k == 2 ? l.size_bytes : l.count_bytes);
        }
    }
}

int ps_rcp_tracker_fill(struct ps_rcp_system *sys)
{
    struct ps_rcp_tracker *t = &sys->tracker;
    uint8_t *used = t->slots ? calloc(1, (size_t)t->slots) : NULL;
    int rc = 0;

    if (t->slots == 0)
        return 0;
    if (!used)
        rc = ps_fail(sys->err, PS_ENOMEM, t->line, "not enough memory for the recipe");
    else
        rc = count_all(sys);
    if (rc == 0)
        add_past(sys);
    for (size_t i = 0; rc == 0 && i < t->n_counts; i++) {
        uint32_t slot = home_slot(sys, t->counts[i].tag);

        while (used[slot])
            slot = (slot + 1) & (uint32_t)(t->slots - 2);
        used[slot] = 1;
        put_row(sys, &t->counts[i], slot);
    }
    free(used);
    return rc;
}

void ps_rcp_tracker_free(struct ps_rcp_tracker *t)
{
    for (size_t i = 0; i < PS_RCP_MAX_CPUS; i++)
        ps_rcp_region_free(&t->table[i]);
    free(t->counts);
    free(t->bucket);
}
