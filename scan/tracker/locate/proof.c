#include "scan/tracker/locate/proof.h"

#include <stdlib.h>

#include "scan/tracker/entry.h"
#include "scan/tracker/hash.h"
#include "scan/tracker/reader.h"

#define GLANCE_BYTES (4 * PS_FRAME_BYTES)
#define GLANCE_KEYS  4u
#define GLANCE_MASK  0xffu

static int is_printable(uint32_t tag)
{
    for (; tag != 0; tag >>= 8)
        if ((tag & 0xff) < 0x20 || (tag & 0xff) > 0x7e)
            return 0;
    return 1;
}

static uint32_t read_slot(struct ps_tracker_reader *r, uint32_t slot,
                          const struct ps_tracker_layout *layout, struct ps_tracker_entry *e)
{
    uint8_t bytes[PS_TRACKER_ENTRY_MAX];

    if (!ps_tracker_reader_slot(r, slot, bytes, layout->entry_bytes))
        return 0;
    ps_tracker_decode(layout, bytes, e);
    return e->tag;
}

/* With nothing but counters to go by: a tag has an entry because it was used. */
static int has_good_counters(const struct ps_tracker_layout *l, const struct ps_tracker_entry *e)
{
    return is_printable(e->tag) && e->nonpaged.allocs + e->paged.allocs > 0 &&
           ps_tracker_is_sound(l, e);
}

static int obeys_glance(const struct ps_tracker_layout *l, const struct ps_tracker_entry *e,
                        uint32_t slot, enum ps_tracker_rule rule)
{
    return rule == PS_TRACKER_BY_HASH ? ps_tracker_is_near(e->tag, slot, GLANCE_MASK)
                                      : has_good_counters(l, e);
}

int ps_tracker_glance(struct ps_paging *paging, uint64_t va, const struct ps_tracker_layout *layout,
                      enum ps_tracker_rule rule)
{
    struct ps_tracker_reader r;
    struct ps_tracker_entry e;
    uint32_t n_keys = 0, n_obey = 0;

    ps_tracker_reader_init(&r, paging, va, layout->entry_bytes);
    for (uint32_t i = 0; i < GLANCE_BYTES / layout->entry_bytes; i++) {
        if (read_slot(&r, i, layout, &e) == 0)
            continue;
        n_keys++;
        n_obey += (uint32_t)obeys_glance(layout, &e, i, rule);
        if (n_keys >= GLANCE_KEYS)
            break;
    }
    return n_keys > 0 && n_obey * 4 >= n_keys * 3;
}

/* What is kept of a slot while sizes are tried. */
struct mark {
    uint32_t tag;
    uint32_t is_sound;
    uint64_t n_allocs;
};

static int read_marks(struct ps_tracker_reader *r, const struct ps_tracker_layout *layout,
                      struct mark **mark, uint32_t from, uint32_t end, struct ps_err *err)
{
    struct mark *grown = realloc(*mark, end * sizeof *grown);
    struct ps_tracker_entry e;

    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %u slots of tags", end);
    *mark = grown;
    for (uint32_t i = from; i < end; i++) {
        grown[i] = (struct mark){.tag = read_slot(r, i, layout, &e)};
        if (grown[i].tag == 0)
            continue;
        grown[i].is_sound = (uint32_t)has_good_counters(layout, &e);
        grown[i].n_allocs = e.nonpaged.allocs + e.paged.allocs;
    }
    return 0;
}

static void judge_size(const struct mark *mark, uint32_t n, enum ps_tracker_rule rule,
                       struct ps_tracker_proof *out)
{
    out->n_slots = n + 1;
    out->n_keys = out->n_obey = 0;
    out->n_allocs = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (mark[i].tag == 0)
            continue;
        out->n_keys++;
        out->n_allocs += mark[i].n_allocs;
        out->n_obey += rule == PS_TRACKER_BY_HASH
                           ? (uint32_t)ps_tracker_is_near(mark[i].tag, i, n - 1)
                           : mark[i].is_sound;
    }
}

enum verdict { WRONG, OPEN, RIGHT };

static enum verdict verdict_of(const struct ps_tracker_proof *p, enum ps_tracker_rule rule,
                               const struct ps_tracker_proof *smaller)
{
    /* A table of half the size obeys too; in one of twice the size half the keys do. */
    if (p->n_keys >= PS_TRACKER_MIN_KEYS && p->n_obey * UINT64_C(4) < p->n_keys * UINT64_C(3))
        return WRONG;
    if (p->n_keys < PS_TRACKER_MIN_KEYS || p->n_obey * UINT64_C(100) <= p->n_keys * UINT64_C(95))
        return OPEN;
    /* Counters say nothing about the size: empty memory behind a table makes it no larger. */
    return rule == PS_TRACKER_BY_HASH || p->n_keys > smaller->n_keys ? RIGHT : OPEN;
}

/* Ends, too, where twice as many slots have had no more keys two times. */
int ps_tracker_prove(struct ps_paging *paging, uint64_t va, const struct ps_tracker_layout *layout,
                     enum ps_tracker_rule rule, uint64_t *budget, struct ps_tracker_proof *out,
                     struct ps_err *err)
{
    struct ps_tracker_proof best = {.va = va, .layout = layout}, p = best;
    struct ps_tracker_reader r;
    struct mark *mark = NULL;
    uint32_t n_read = 0, n_keys, n_idle = 0;
    int rc = 0;

    ps_tracker_reader_init(&r, paging, va, layout->entry_bytes);
    for (unsigned bits = PS_TRACKER_MIN_BITS; bits <= PS_TRACKER_MAX_BITS && n_idle < 2; bits++) {
        const uint32_t n = UINT32_C(1) << bits;
        enum verdict verdict;

        if (*budget < n - n_read)
            break;
        *budget -= n - n_read;
        rc = read_marks(&r, layout, &mark, n_read, n, err);
        if (rc < 0)
            break;
        n_read = n;
        n_keys = p.n_keys;
        judge_size(mark, n, rule, &p);
        n_idle = p.n_keys == n_keys ? n_idle + 1 : 0;
        verdict = verdict_of(&p, rule, &best);
        if (verdict == WRONG)
            break;
        if (verdict == RIGHT)
            best = p;
    }
    free(mark);
    if (rc < 0 || best.n_keys == 0)
        return rc;
    *out = best;
    return 1;
}
