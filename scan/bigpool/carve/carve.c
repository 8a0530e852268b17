#include "scan/bigpool/carve/carve.h"

#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/carve/group.h"
#include "scan/bigpool/word_vote.h"

#define PAGE_BYTES 4096u

struct ps_bigpool_carver {
    struct ps_bigpool_spec spec;
    struct ps_bigpool_kept *kept;
    size_t n, cap;
    size_t n_copied, n_empty, n_over;
};

int ps_bigpool_carver_new(struct ps_bigpool_carver **out, const struct ps_bigpool_spec *spec,
                          struct ps_err *err)
{
    struct ps_bigpool_carver *c = calloc(1, sizeof *c);

    if (!c)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the big-pool table");
    c->spec = *spec;
    *out = c;
    return 0;
}

void ps_bigpool_carver_free(struct ps_bigpool_carver *carver)
{
    if (!carver)
        return;
    for (size_t i = 0; i < carver->n; i++)
        free(carver->kept[i].bytes);
    free(carver->kept);
    free(carver);
}

static int make_room(struct ps_bigpool_carver *c)
{
    size_t cap = c->cap ? 2 * c->cap : 64;
    struct ps_bigpool_kept *grown;

    if (c->n < c->cap)
        return 0;
    grown = realloc(c->kept, cap * sizeof *grown);
    if (!grown)
        return -PS_ENOMEM;
    c->kept = grown;
    c->cap = cap;
    return 0;
}

static int keep(struct ps_bigpool_carver *c, uint64_t phys, const uint8_t *bytes,
                const struct ps_bigpool_look *look)
{
    const int copied = look->n_used != 0 || look->has_ends;
    uint8_t *copy = NULL;

    if (copied ? c->n_copied >= PS_BIGPOOL_MAX_PAGES : c->n_empty >= PS_BIGPOOL_MAX_EMPTY) {
        c->n_over++;
        return 0;
    }
    if (make_room(c) < 0 || (copied && !(copy = malloc(PAGE_BYTES))))
        return -PS_ENOMEM;
    if (copied)
        memcpy(copy, bytes, PAGE_BYTES);
    c->kept[c->n++] = (struct ps_bigpool_kept){.phys = phys, .bytes = copy, .look = *look};
    c->n_copied += (size_t)copied;
    c->n_empty += (size_t)!copied;
    return 0;
}

int ps_bigpool_carver_page(struct ps_bigpool_carver *carver, uint64_t phys, const uint8_t *bytes,
                           struct ps_err *err)
{
    struct ps_bigpool_look look;

    if (!ps_bigpool_page_look(bytes, carver->spec.arches, &look))
        return 0;
    if (keep(carver, phys, bytes, &look) < 0)
        return ps_fail(err, PS_ENOMEM, phys, "out of memory for the pages of big-pool tables");
    return 0;
}

static const struct ps_bigpool_layout *pick_layout(const struct ps_bigpool_group *group,
                                                   uint32_t build)
{
    struct ps_bigpool_word_vote vote = {0};

    for (size_t p = 0; p < group->n_pages; p++) {
        const struct ps_bigpool_kept *k = group->placed[p];

        if (k && k->bytes)
            ps_bigpool_word_vote_page(&vote, group->g, k->bytes, k->look.phase);
    }
    return ps_bigpool_word_vote_pick(&vote, group->g, group->family, build);
}

/* The newest table that contains itself: a live entry with the tag Pool and the table's size. */
static void find_self(struct ps_bigpool_table *t)
{
    const uint64_t n_bytes = (uint64_t)t->n_slots * t->layout->entry_bytes;

    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ps_bigpool_entry *e = &t->row[i].entry;

        if (e->state != PS_BIGPOOL_ALLOCATED || e->tag != PS_BIGPOOL_SELF_TAG ||
            e->n_bytes != n_bytes)
            continue;
        t->va = e->va;
        if (t->method == PS_BIGPOOL_CARVED)
            t->method = PS_BIGPOOL_CARVED_SELF;
        return;
    }
}

/* Empty pages have no place of their own; they stand for as many absent ones of their phase. */
static void count_pages(const struct ps_bigpool_group *group, struct ps_bigpool_table *t)
{
    size_t absent[5] = {0}, empty[5] = {0}, others = 0;

    for (size_t i = 0; i < group->n; i++) {
        const struct ps_bigpool_kept *k = group->kept[i];

        for (uint32_t q = 0; !k->bytes && q < group->g->n_phases; q++)
            empty[q] += ps_bigpool_phase(group->g, q) == k->look.phase;
        others += k->bytes != NULL;
    }
    t->n_pages = group->n_pages;
    for (size_t p = 0; p < group->n_pages; p++) {
        const struct ps_bigpool_kept *k = group->placed[p];

        if (!k || !k->bytes)
            absent[p % group->g->n_phases]++;
        else
            t->n_pages_found++;
    }
    for (uint32_t q = 0; q < group->g->n_phases; q++) {
        size_t n = absent[q] < empty[q] ? absent[q] : empty[q];

        t->n_pages_empty += n;
        t->n_pages_missing += absent[q] - n;
    }
    t->n_pages_other = others - t->n_pages_found;
}

static int make_table(const struct ps_bigpool_group *group, uint32_t build,
                      struct ps_bigpool_table *t)
{
    const uint8_t **page = calloc(group->n_pages, sizeof *page);
    uint64_t *phys = calloc(group->n_pages, sizeof *phys);
    int rc = -PS_ENOMEM;

    *t = (struct ps_bigpool_table){
        .method = group->hash == PS_BIGPOOL_NO_HASH ? PS_BIGPOOL_CARVED_RUN : PS_BIGPOOL_CARVED,
        .layout = pick_layout(group, build),
        .hash = group->hash,
        .n_slots = UINT32_C(1) << group->log2,
    };
    for (size_t p = 0; page && phys && p < group->n_pages; p++) {
        page[p] = group->placed[p] ? group->placed[p]->bytes : NULL;
        phys[p] = group->placed[p] ? group->placed[p]->phys : 0;
    }
    if (page && phys)
        rc = ps_bigpool_table_fill(
            t, group->g,
            &(struct ps_bigpool_pages){.page = page, .phys = phys, .n = group->n_pages});
    if (rc == 0) {
        find_self(t);
        count_pages(group, t);
    }
    free(page);
    free(phys);
    return rc;
}

/* One geometry and family: *t is the table in it, or PS_BIGPOOL_NOT_FOUND. */
static int try_group(const struct ps_bigpool_carver *c, uint32_t geometry,
                     enum ps_bigpool_family family, struct ps_bigpool_table *t)
{
    struct ps_bigpool_group group;
    int rc = ps_bigpool_group_make(&group, c->kept, c->n, geometry, family);
    int found = 0;

    *t = (struct ps_bigpool_table){0};
    if (rc == 0 && group.n_used != 0 && ps_bigpool_family_layout(group.g, family)) {
        found = ps_bigpool_group_place(&group);
        if (found == 0)
            found = ps_bigpool_group_run(&group);
        rc = found > 0 ? make_table(&group, c->spec.build, t) : found;
    }
    ps_bigpool_group_free(&group);
    return rc;
}

static int is_better(const struct ps_bigpool_table *t, const struct ps_bigpool_table *than)
{
    int hashed = t->method != PS_BIGPOOL_NOT_FOUND && t->method != PS_BIGPOOL_CARVED_RUN;
    int than_hashed = than->method != PS_BIGPOOL_NOT_FOUND && than->method != PS_BIGPOOL_CARVED_RUN;

    if (hashed != than_hashed)
        return hashed;
    return t->n_allocated > than->n_allocated;
}

int ps_bigpool_carver_finish(struct ps_bigpool_carver *carver, struct ps_bigpool_table *out,
                             struct ps_err *err)
{
    struct ps_bigpool_table t;
    int rc = 0;

    *out = (struct ps_bigpool_table){0};
    for (uint32_t i = 0; i < PS_BIGPOOL_N_GEOMETRIES * PS_BIGPOOL_N_FAMILIES && rc == 0; i++) {
        rc = try_group(carver, i / PS_BIGPOOL_N_FAMILIES,
                       (enum ps_bigpool_family)(i % PS_BIGPOOL_N_FAMILIES), &t);
        if (rc == 0 && is_better(&t, out)) {
            ps_bigpool_table_free(out);
            *out = t;
        } else {
            ps_bigpool_table_free(&t);
        }
    }
    out->n_pages_over = carver->n_over;
    if (rc == 0)
        return 0;
    ps_bigpool_table_free(out);
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the big-pool table");
}
