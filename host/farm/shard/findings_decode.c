#include "host/farm/shard/fields.h"
#include "host/farm/shard/findings.h"

#include <string.h>

#include "scan/tags/tagdb.h"

/* Bytes that one finding looks at, at most. */
#define REACH 80u

_Static_assert(REACH >= PS_FINDING_MAX_BYTES, "a finding never looks behind its reach");

/* Where the bytes come from: the payload, and near its end a copy with room behind it, so that only
 * the place behind a finding needs to be looked at. */
struct decoder {
    struct ps_finding_model model;
    enum ps_source_kind source;
    size_t n_tags;
    const uint8_t *p, *end;
    uint8_t tail[2 * REACH];
    int is_tail;
    int bad;
};

static uint64_t get(struct decoder *d, unsigned n_bytes)
{
    const uint64_t value = ps_wire_load(d->p, n_bytes);

    d->p += n_bytes;
    return value;
}

static void get_names(struct decoder *d, unsigned slot)
{
    const uint32_t tag = (uint32_t)get(d, 4);
    const uint32_t info = (uint32_t)get(d, 4);

    d->bad |= info != PS_TAG_UNKNOWN && info >= d->n_tags;
    d->model.names_in[slot] = (struct ps_finding_names){tag, info};
}

static uint8_t get_upto(struct decoder *d, unsigned most)
{
    const unsigned value = *d->p++;

    d->bad |= value > most;
    return (uint8_t)value;
}

static void get_marks(struct decoder *d, unsigned slot)
{
    struct ps_finding f = {.evidence = (uint32_t)get(d, 4)};

    f.confidence = get_upto(d, 100);
    f.status = get_upto(d, PS_STATUS_STALE);
    f.allocator = get_upto(d, PS_ALLOCATOR_BIG);
    f.source = get_upto(d, PS_SOURCE_BIGPOOL);
    f.mapped = get_upto(d, PS_MAPPED_YES);
    f.pool = get_upto(d, PS_POOL_NONPAGED_NX);
    f.big_type = get_upto(d, PS_BIG_TYPE_POOL_FLAGS);
    d->bad |= f.source != d->source;
    memcpy(&d->model.marks_in[slot], (const uint8_t *)&f + PS_MARKS_AT, PS_MARKS_BYTES);
}

static void get_charge(struct decoder *d, unsigned breaks)
{
    struct ps_finding_charge *in = &d->model.charge_in[get(d, 1)];

    if (breaks & PS_BREAK_NEW_CHARGE) {
        in->in_big = get(d, 8);
        in->process = get(d, 8);
    }
    d->model.charge = *in;
}

/* Where the next finding is, and what addresses are told from: apart from the decoder, so that they
 * stay in registers from one finding to the next. */
struct cursor {
    const uint8_t *p;
    uint64_t phys, file_ahead, va_ahead;
};

/* What is not as the rules say, behind all that is. */
static struct cursor get_breaks(struct decoder *d, struct cursor at, struct ps_finding *f,
                                unsigned rules, unsigned breaks)
{
    struct ps_finding_model *m = &d->model;

    if (breaks & PS_BREAK_FILE) {
        f->file_off = get(d, 8);
        at.file_ahead = f->file_off - f->phys;
    }
    if (breaks & PS_BREAK_VA_PAGES)
        at.va_ahead += (uint64_t)(int64_t)(int32_t)get(d, 4) * 4096;
    if (breaks & PS_BREAK_VA)
        at.va_ahead = get(d, 8) - f->phys;
    if (breaks & (PS_BREAK_VA_PAGES | PS_BREAK_VA))
        f->va = f->phys + at.va_ahead;
    if (breaks & PS_BREAK_BYTES)
        f->n_bytes = get(d, rules & PS_WIRE_X86 ? 8 : 4);
    if (breaks & PS_BREAK_CHARGE)
        get_charge(d, breaks);
    f->in_big = m->charge.in_big;
    f->process = m->charge.process;
    at.p = d->p;
    return at;
}

/* All of it but what is not as the rules say; 'slots' is where its slots and word0 are. */
static inline void fill(const struct decoder *d, const struct cursor *at, const uint8_t *slots,
                        unsigned rules, struct ps_finding *f)
{
    const struct ps_finding_model *m = &d->model;
    const uint32_t word0 = (uint32_t)ps_wire_load(slots + 2, 4);

    f->phys = at->phys;
    f->file_off = at->phys + at->file_ahead;
    f->va = rules & PS_WIRE_NO_VA ? 0 : at->phys + at->va_ahead;
    f->in_big = m->charge.in_big;
    f->process = m->charge.process;
    f->n_bytes = rules & PS_WIRE_X86 ? ps_finding_bytes_x86(word0) : ps_finding_bytes_x64(word0);
    f->tag = m->names_in[slots[0]].tag;
    f->word0 = word0;
    f->info = m->names_in[slots[0]].info;
    memcpy((uint8_t *)f + PS_MARKS_AT, &m->marks_in[slots[1]], PS_MARKS_BYTES);
}

/* One of any form. */
static struct cursor get_any(struct decoder *d, struct cursor at, struct ps_finding *f)
{
    const unsigned rules = *at.p++;
    const unsigned breaks = rules & PS_WIRE_BREAKS ? *at.p++ : 0;
    const unsigned width = 1u << (rules & PS_WIRE_DISTANCE);
    const uint64_t distance = ps_wire_load(at.p, 8) & UINT64_MAX >> (64 - 8 * width);
    const uint8_t *slots = at.p + width;

    d->p = slots + 6;
    d->bad |= rules > PS_WIRE_RULES;
    if (breaks & PS_BREAK_NAMES)
        get_names(d, slots[0]);
    if (breaks & PS_BREAK_MARKS)
        get_marks(d, slots[1]);
    at.phys += distance << 3 | distance >> 61;
    fill(d, &at, slots, rules, f);
    return get_breaks(d, at, f, rules, breaks);
}

/* Nearly all are of one form, of which it is known where the next one begins before anything of it
 * has been read. */
static inline struct cursor get_finding(struct decoder *d, struct cursor at, struct ps_finding *f)
{
    const unsigned rules = *at.p;

    if (rules & ~(unsigned)(PS_WIRE_NO_VA | PS_WIRE_X86))
        return get_any(d, at, f);
    at.phys += (uint64_t)at.p[1] << 3;
    fill(d, &at, at.p + 2, rules, f);
    at.p += PS_FINDING_MIN_BYTES;
    return at;
}

/* Go on in the copy when what is left may be less than a finding wants to look at. */
static const uint8_t *turn_to_tail(struct decoder *d, const uint8_t *p)
{
    const size_t left = (size_t)(d->end - p);

    memset(d->tail, 0, sizeof d->tail);
    memcpy(d->tail, p, left);
    d->end = d->tail + left;
    d->is_tail = 1;
    return d->tail;
}

static int is_in_order(const struct ps_finding *last, const struct ps_finding *f)
{
    return f->phys > last->phys ||
           (f->phys == last->phys && (f->phys != PS_NOWHERE || f->va >= last->va));
}

static size_t decode(struct decoder *d, struct ps_finding *f, size_t n)
{
    struct cursor at = {.p = d->p};

    for (size_t i = 0; i < n; i++) {
        if ((size_t)(d->end - at.p) < REACH && !d->is_tail)
            at.p = turn_to_tail(d, at.p);
        at = get_finding(d, at, &f[i]);
        if (d->bad || at.p > d->end || (i && !is_in_order(&f[i - 1], &f[i])))
            return i;
    }
    d->p = at.p;
    return n;
}

size_t ps_shard_get_findings(struct ps_wire_in *w, struct ps_shard_room *room,
                             enum ps_source_kind source)
{
    const size_t n = ps_shard_get_count(w, PS_SHARD_MAX_FINDINGS, PS_FINDING_MIN_BYTES);
    struct decoder d = {.source = source, .n_tags = room->n_tags, .p = w->p, .end = w->p + w->left};
    size_t left;

    if (w->bad)
        return 0;
    ps_finding_model_begin(&d.model, source);
    if (decode(&d, room->finding, n) < n) {
        w->bad = 1;
        return 0;
    }
    left = (size_t)(d.end - d.p);
    w->p += w->left - left;
    w->left = left;
    return n;
}
