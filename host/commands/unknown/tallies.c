#include "host/commands/unknown/tallies.h"

#include <stdlib.h>
#include <string.h>

#include "host/hash_factor.h"

#define FIRST_CAP 1024u

static int grow(struct ps_tallies *t)
{
    const size_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
    struct ps_tally *tally = realloc(t->tally, cap * sizeof *tally);

    if (!tally)
        return -1;
    t->tally = tally;
    t->cap = cap;
    return 0;
}

static int is_known(const struct ps_tallies *t, uint32_t tag)
{
    const uint32_t at = ps_tagdb_find(t->tags, tag);

    return at != PS_TAG_UNKNOWN &&
           (!t->exact || ps_tagdb_at(t->tags, at).pattern.mask == UINT32_MAX);
}

/* NULL: out of memory. */
static struct ps_tally *make(struct ps_tallies *t, uint32_t tag)
{
    struct ps_tally *y;

    if (t->n == 0)
        t->map.factor = ps_hash_factor();
    if ((t->n == t->cap && grow(t) < 0) || ps_tag_map_add(&t->map, tag) < 0)
        return NULL;
    y = &t->tally[t->n++];
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
    const uint32_t number = ps_tag_map_find(&t->map, row->tag);
    struct ps_tally *y;

    if (number == PS_TAG_NO_NUMBER && t->n == PS_TALLIES_MAX) {
        t->n_left_out++;
        return 0;
    }
    y = number == PS_TAG_NO_NUMBER ? make(t, row->tag) : &t->tally[number];
    if (!y)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags of a result");
    y->pools |= (uint8_t)row->pools;
    add(&y->n_live, row->n_live);
    add(&y->n_freed, row->n_freed);
    add(&y->n_bytes, row->n_bytes);
    if (y->offset == PS_RESULT_NOWHERE)
        y->offset = row->offset;
    return 0;
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
    return order ? order : ps_tag_compare(x->tag, y->tag);
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
    ps_tag_map_free(&t->map);
    memset(t, 0, sizeof *t);
}
