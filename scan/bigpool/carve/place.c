/* Which hash, how large a table, and which page where. */
#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/entry.h"
#include "scan/bigpool/carve/group.h"

#define PAGE_BYTES 4096u
#define N_LOG2     (PS_BIGPOOL_MAX_LOG2 + 1)

/* Windows makes no table smaller than this. */
#define USUAL_LOG2 12u

static size_t table_pages(const struct ps_bigpool_group *group, uint32_t log2)
{
    return (size_t)(((uint64_t)group->g->entry_bytes << log2) / PAGE_BYTES);
}

static size_t page_of_slot(const struct ps_bigpool_group *group, uint32_t slot)
{
    return (size_t)((uint64_t)slot * group->g->entry_bytes / PAGE_BYTES);
}

static void take_votes(struct ps_bigpool_group *group, enum ps_bigpool_hash hash)
{
    uint32_t *room = group->vote;

    group->hash = hash;
    for (size_t i = 0; i < group->n; i++) {
        const struct ps_bigpool_kept *k = group->kept[i];

        group->votes[i] = (struct ps_bigpool_votes){.vote = room};
        if (!k->bytes)
            continue;
        ps_bigpool_votes_take(&group->votes[i], k->bytes, &k->look, hash);
        room += PS_BIGPOOL_PAGE_ENTRIES;
    }
}

/* The hash that the most entries agree under, in a table of the usual size: agreement does not end
 * when the true one is larger. */
static void pick_hash(struct ps_bigpool_group *group)
{
    enum ps_bigpool_hash best = PS_BIGPOOL_FOLD;
    size_t most = 0;

    for (int h = 0; h < PS_BIGPOOL_N_HASHES; h++) {
        size_t n = 0;

        take_votes(group, (enum ps_bigpool_hash)h);
        for (size_t i = 0; i < group->n; i++)
            n += ps_bigpool_votes_count(&group->votes[i], USUAL_LOG2).n_top;
        if (n > most) {
            most = n;
            best = (enum ps_bigpool_hash)h;
        }
    }
    take_votes(group, best);
}

/* What speaks for a table of 2^log2 entries. */
struct size_case {
    double mass;     /* agreeing entries on different places, but for one of each page */
    size_t n_places; /* of agreeing pages, each counted once */
    double pairs;    /* of the pages that agree */
    double pairs_of; /* the same pages' pairs at this size, when they agreed at half of it */
};

static int weigh(const struct ps_bigpool_group *group, uint32_t log2, struct size_case *c)
{
    uint16_t *top = calloc(table_pages(group, log2) + 1, sizeof *top);

    if (!top)
        return -PS_ENOMEM;
    *c = (struct size_case){0};
    for (size_t i = 0; i < group->n; i++) {
        const struct ps_bigpool_votes *v = &group->votes[i];
        struct ps_bigpool_count n = ps_bigpool_votes_count(v, log2);
        size_t at = page_of_slot(group, n.slot);

        if (log2 > PS_BIGPOOL_MIN_LOG2) {
            struct ps_bigpool_count half = ps_bigpool_votes_count(v, log2 - 1);

            if (ps_bigpool_votes_agree(v, &half))
                c->pairs_of += n.pairs;
        }
        if (!ps_bigpool_votes_agree(v, &n))
            continue;
        c->pairs += n.pairs;
        c->n_places += top[at] == 0;
        if (n.n_top > top[at]) {
            c->mass += n.n_top - (top[at] ? top[at] : 1u);
            top[at] = (uint16_t)n.n_top;
        }
    }
    free(top);
    return 0;
}

/* The table's own entry, live and as large as a table of 2^log2 entries; on a page that agrees. */
static int says_itself(const struct ps_bigpool_group *group, const struct ps_bigpool_layout *layout,
                       uint32_t log2)
{
    const uint32_t size = group->g->entry_bytes;

    for (size_t i = 0; i < group->n; i++) {
        const struct ps_bigpool_kept *k = group->kept[i];
        struct ps_bigpool_count n = ps_bigpool_votes_count(&group->votes[i], log2);

        if (!k->bytes || !ps_bigpool_votes_agree(&group->votes[i], &n))
            continue;
        for (uint32_t j = 0; j < k->look.n_whole; j++) {
            struct ps_bigpool_entry e;

            ps_bigpool_entry_decode(layout, k->bytes + k->look.phase + j * size, size, &e);
            if (e.state == PS_BIGPOOL_ALLOCATED && e.tag == PS_BIGPOOL_SELF_TAG &&
                e.n_bytes == (uint64_t)size << log2)
                return 1;
        }
    }
    return 0;
}

/* With a table half as large as the true one everything still agrees; with one twice as large each
 * page's entries fall apart into two places, and half of all pairs part. */
#define PAIRS_STAY 0.6
/* An older, smaller table may have left more pages than the present one has. */
#define MASS_PART 0.3

/* A hash that mixes its bits: the largest size that everything agrees with. */
static uint32_t largest_agreed(const struct ps_bigpool_group *group, const struct size_case *c)
{
    const struct ps_bigpool_layout *layout = ps_bigpool_family_layout(group->g, group->family);
    uint32_t best = PS_BIGPOOL_MIN_LOG2;

    for (uint32_t k = PS_BIGPOOL_MIN_LOG2 + 1; k <= PS_BIGPOOL_MAX_LOG2; k++) {
        if (c[k].mass < MASS_PART * group->best_mass)
            continue;
        if (c[k].pairs_of >= PAIRS_STAY * c[k - 1].pairs || says_itself(group, layout, k))
            best = k;
    }
    return best;
}

/* The old fold leaves the high bits of neighbouring addresses alike, so that a size too large is
 * agreed with as well: the size that the table itself names, else the smallest in which the
 * pages do not fall on each other. */
#define NO_COLLISION 0.95

static uint32_t smallest_apart(const struct ps_bigpool_group *group, const struct size_case *c)
{
    const struct ps_bigpool_layout *layout = ps_bigpool_family_layout(group->g, group->family);
    size_t most = 0;

    for (uint32_t k = PS_BIGPOOL_MAX_LOG2; k >= PS_BIGPOOL_MIN_LOG2; k--)
        if (c[k].mass >= MASS_PART * group->best_mass && says_itself(group, layout, k))
            return k;
    for (uint32_t k = PS_BIGPOOL_MIN_LOG2; k <= PS_BIGPOOL_MAX_LOG2; k++)
        if (c[k].n_places > most)
            most = c[k].n_places;
    for (uint32_t k = PS_BIGPOOL_MIN_LOG2; k < PS_BIGPOOL_MAX_LOG2; k++)
        if ((double)c[k].n_places >= NO_COLLISION * (double)most &&
            c[k].mass >= NO_COLLISION * group->best_mass)
            return k;
    return PS_BIGPOOL_MAX_LOG2;
}

static int pick_size(struct ps_bigpool_group *group)
{
    struct size_case c[N_LOG2];

    group->best_mass = 0;
    for (uint32_t k = PS_BIGPOOL_MIN_LOG2; k <= PS_BIGPOOL_MAX_LOG2; k++) {
        if (weigh(group, k, &c[k]) < 0)
            return -PS_ENOMEM;
        if (c[k].mass > group->best_mass)
            group->best_mass = c[k].mass;
    }
    group->log2 =
        group->hash == PS_BIGPOOL_FOLD ? smallest_apart(group, c) : largest_agreed(group, c);
    return 0;
}

static int is_better(const struct ps_bigpool_group *group, size_t i, uint32_t n_top, size_t than,
                     uint32_t than_top)
{
    if (n_top != than_top)
        return n_top > than_top;
    return group->votes[i].n_used > group->votes[than].n_used;
}

static int put_pages(struct ps_bigpool_group *group)
{
    const size_t none = SIZE_MAX;
    size_t *by = malloc(group->n_pages * sizeof *by);

    group->placed = calloc(group->n_pages, sizeof *group->placed);
    if (!group->placed || !by) {
        free(by);
        return -PS_ENOMEM;
    }
    for (size_t p = 0; p < group->n_pages; p++)
        by[p] = none;
    for (size_t i = 0; i < group->n; i++) {
        struct ps_bigpool_count n = ps_bigpool_votes_count(&group->votes[i], group->log2);
        size_t p = page_of_slot(group, n.slot);

        if (!ps_bigpool_votes_agree(&group->votes[i], &n))
            continue;
        if (by[p] == none ||
            is_better(group, i, n.n_top, by[p],
                      ps_bigpool_votes_count(&group->votes[by[p]], group->log2).n_top)) {
            by[p] = i;
            group->placed[p] = group->kept[i];
        }
    }
    free(by);
    return 0;
}

/* Does 'next' end the entry that page p begins? Its own entries are all empty. */
static int ends_entry(const struct ps_bigpool_group *group, size_t p,
                      const struct ps_bigpool_kept *next)
{
    const struct ps_bigpool_layout *layout = ps_bigpool_family_layout(group->g, group->family);
    const uint32_t size = group->g->entry_bytes;
    const struct ps_bigpool_kept *k = group->placed[p];
    uint32_t begun = size - next->look.phase;
    uint8_t bytes[0x20];

    if (next->look.phase == 0 || next->look.phase != ps_bigpool_phase(group->g, p + 1))
        return 0;
    memcpy(bytes, k->bytes + PAGE_BYTES - begun, begun);
    memcpy(bytes + begun, next->bytes, next->look.phase);
    return bytes[0] != 1 && ps_bigpool_entry_legal(layout, bytes, size);
}

/* A page whose only used entry began on the page before has no vote of its own. It is taken when
 * it is the only one that fits there. */
static void put_ends(struct ps_bigpool_group *group)
{
    for (size_t p = 0; p + 1 < group->n_pages; p++) {
        const struct ps_bigpool_kept *fits = NULL;
        size_t n_fit = 0;

        if (!group->placed[p] || group->placed[p + 1])
            continue;
        for (size_t i = 0; i < group->n; i++) {
            if (group->votes[i].n_used || !group->kept[i]->bytes ||
                !ends_entry(group, p, group->kept[i]))
                continue;
            fits = group->kept[i];
            n_fit++;
        }
        if (n_fit == 1)
            group->placed[p + 1] = fits;
    }
}

int ps_bigpool_group_place(struct ps_bigpool_group *group)
{
    pick_hash(group);
    if (pick_size(group) < 0)
        return -PS_ENOMEM;
    /* Three entries of one page that agree are no chance; two may be. */
    if (group->best_mass < 2)
        return 0;
    group->n_pages = table_pages(group, group->log2);
    if (put_pages(group) < 0)
        return -PS_ENOMEM;
    put_ends(group);
    return 1;
}
