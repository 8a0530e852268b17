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

/* What is not as the rules say. */
static void get_breaks(struct decoder *d, struct ps_finding *f, unsigned rules, unsigned breaks)
{
    struct ps_finding_model *m = &d->model;

    if (breaks & PS_BREAK_FILE) {
        f->file_off = get(d, 8);
        m->file_ahead = f->file_off - f->phys;
    }
    if (breaks & PS_BREAK_VA_PAGES)
        m->va_ahead += (uint64_t)(int64_t)(int32_t)get(d, 4) * 4096;
    if (breaks & PS_BREAK_VA)
        m->va_ahead = get(d, 8) - f->phys;
    if (breaks & (PS_BREAK_VA_PAGES | PS_BREAK_VA))
        f->va = f->phys + m->va_ahead;
    if (breaks & PS_BREAK_BYTES)
        f->n_bytes = get(d, rules & PS_WIRE_X86 ? 8 : 4);
    if (breaks & PS_BREAK_CHARGE)
        get_charge(d, breaks);
    f->in_big = m->charge.in_big;
    f->process = m->charge.process;
}

static void get_finding(struct decoder *d, struct ps_finding *f)
{
    struct ps_finding_model *m = &d->model;
    const unsigned rules = *d->p++;
    const unsigned breaks = rules & PS_WIRE_BREAKS ? *d->p++ : 0;
    const unsigned width = 8u << (rules & PS_WIRE_DISTANCE);
    const uint64_t distance = ps_wire_load(d->p, 8) & UINT64_MAX >> (64 - width);
    const uint8_t *rest = d->p + width / 8;
    const uint32_t word0 = (uint32_t)ps_wire_load(rest + 2, 4);

    d->p = rest + 6;
    d->bad |= rules > PS_WIRE_RULES;
    if (breaks & PS_BREAK_NAMES)
        get_names(d, rest[0]);
    if (breaks & PS_BREAK_MARKS)
        get_marks(d, rest[1]);
    m->phys += distance << 3 | distance >> 61;
    f->phys = m->phys;
    f->file_off = m->phys + m->file_ahead;
    f->va = rules & PS_WIRE_NO_VA ? 0 : m->phys + m->va_ahead;
    f->in_big = m->charge.in_big;
    f->process = m->charge.process;
    f->n_bytes = rules & PS_WIRE_X86 ? ps_finding_bytes_x86(word0) : ps_finding_bytes_x64(word0);
    f->tag = m->names_in[rest[0]].tag;
    f->word0 = word0;
    f->info = m->names_in[rest[0]].info;
    memcpy((uint8_t *)f + PS_MARKS_AT, &m->marks_in[rest[1]], PS_MARKS_BYTES);
    if (breaks)
        get_breaks(d, f, rules, breaks);
}

/* Go on in the copy when what is left may be less than a finding wants to look at. */
static void turn_to_tail(struct decoder *d)
{
    const size_t left = (size_t)(d->end - d->p);

    memset(d->tail, 0, sizeof d->tail);
    memcpy(d->tail, d->p, left);
    d->p = d->tail;
    d->end = d->tail + left;
    d->is_tail = 1;
}

static int is_in_order(const struct ps_finding *last, const struct ps_finding *f)
{
    return f->phys > last->phys ||
           (f->phys == last->phys && (f->phys != PS_NOWHERE || f->va >= last->va));
}

static size_t decode(struct decoder *d, struct ps_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!d->is_tail && (size_t)(d->end - d->p) < REACH)
            turn_to_tail(d);
        get_finding(d, &f[i]);
        d->bad |= i && !is_in_order(&f[i - 1], &f[i]);
        if (d->bad || d->p > d->end)
            return i;
    }
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
