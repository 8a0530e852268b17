#include "host/commands/unknown/tallies.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 1024u

static size_t slot_of(const struct ps_tallies *t, uint32_t tag)
{
    size_t at = (size_t)(tag * UINT32_C(0x9e3779b1)) >> 7 & (t->n_slots - 1);

    while (t->slot[at] != 0 && t->tally[t->slot[at] - 1].tag != tag)
        at = (at + 1) & (t->n_slots - 1);
    return at;
}

/* Twice as many, in a table that stays at least half empty. */
static int grow(struct ps_tallies *t)
{
    const size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
    struct ps_tally *tally = realloc(t->tally, cap * sizeof *tally);
    uint32_t *slot;

    if (!tally)
        return -1;
    t->tally = tally;
    slot = calloc(2 * cap, sizeof *slot);
    if (!slot)
        return -1;
    free(t->slot);
    t->slot = slot;
    t->n_slots = 2 * cap;
    t->cap = cap;
    for (size_t i = 0; i < t->n; i++)
        t->slot[slot_of(t, t->tally[i].tag)] = (uint32_t)i + 1;
    return 0;
}

static int is_known(const struct ps_tallies *t, uint32_t tag)
{
    const uint32_t at = ps_tagdb_find(t->tags, tag);

    return at != PS_TAG_UNKNOWN &&
           (!t->exact || ps_tagdb_at(t->tags, at).pattern.mask == UINT32_MAX);
}

/* NULL: there are too many. */
static struct ps_tally *find(struct ps_tallies *t, uint32_t tag)
{
    const size_t at = slot_of(t, tag);
    struct ps_tally *y;

    if (t->slot[at] != 0)
        return &t->tally[t->slot[at] - 1];
    if (t->n == PS_TALLIES_MAX)
        return NULL;
    y = &t->tally[t->n++];
    t->slot[at] = (uint32_t)t->n;
    *y = (struct ps_tally){.tag = tag, .offset = PS_RESULT_NOWHERE};
    y->is_known = (uint8_t)is_known(t, tag);
    return y;
}

static void add(uint64_t *to, uint64_t n)
{
    *to = *to > UINT64_MAX - n ? UINT64_MAX : *to + n;
}

int ps_tallies_add(struct ps_tallies *t, const struct ps_result_row *row, struct ps_err *err)
{
    struct ps_tally *y;

    if (t->n == t->cap && t->n < PS_TALLIES_MAX && grow(t) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags of a result");
    y = find(t, row->tag);
    if (!y) {
        t->n_left_out++;
        return 0;
    }
    y->pools |= (uint8_t)row->pools;
    add(&y->n_live, row->n_live);
    add(&y->n_freed, row->n_freed);
    add(&y->n_bytes, row->n_bytes);
    if (y->offset == PS_RESULT_NOWHERE)
        y->offset = row->offset;
    return 0;
}

/* The order of the printed characters. */
static uint32_t in_text_order(uint32_t tag)
{
    return __builtin_bswap32(tag);
}

static int more(uint64_t a, uint64_t b)
{
    return (a < b) - (a > b);
}

static int by_frequency(const void *a, const void *b)
{
    const struct ps_tally *x = a, *y = b;
    int order = more(x->n_live, y->n_live);

    if (order == 0)
        order = more(x->n_freed, y->n_freed);
    if (order == 0)
        order = more(x->n_bytes, y->n_bytes);
    return order ? order : more(in_text_order(y->tag), in_text_order(x->tag));
}

void ps_tallies_keep_unknown(struct ps_tallies *t)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->n; i++)
        if (!t->tally[i].is_known)
            t->tally[kept++] = t->tally[i];
    t->n = kept;
    if (kept > 0)
        qsort(t->tally, kept, sizeof *t->tally, by_frequency);
}

void ps_tallies_free(struct ps_tallies *t)
{
    free(t->tally);
    free(t->slot);
    memset(t, 0, sizeof *t);
}
