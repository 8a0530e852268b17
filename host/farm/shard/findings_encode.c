#include "host/farm/shard/fields.h"
#include "host/farm/shard/findings.h"

#include <string.h>

/* Findings that room is made for at once. */
#define BLOCK 64u

_Static_assert(PS_MARKS_BYTES == 12 && offsetof(struct ps_finding, pad) == PS_MARKS_AT + 11,
               "marks are the end of a finding");

/* The model, and what of it the reader does not need. */
struct encoder {
    struct ps_finding_model model;
    unsigned n_new;
};

void ps_finding_model_begin(struct ps_finding_model *m, enum ps_source_kind source)
{
    const struct ps_finding f = {.source = (uint8_t)source};

    memset(m, 0, sizeof *m);
    memset(m->names_in, 0xff, sizeof m->names_in);
    for (size_t i = 0; i < PS_FINDING_SLOTS; i++)
        memcpy(&m->marks_in[i], (const uint8_t *)&f + PS_MARKS_AT, PS_MARKS_BYTES);
}

/* A number of 8 bits that two like each other seldom share. */
static unsigned mix(uint64_t value)
{
    return (unsigned)((value * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
}

static int has_names(const struct ps_finding_model *m, unsigned slot, const struct ps_finding *f)
{
    return m->names_in[slot].tag == f->tag && m->names_in[slot].info == f->info;
}

/* Two slots are looked at, and taken in turn, so that two common tags need not fight for one. */
static unsigned slot_of_names(struct encoder *e, const struct ps_finding *f, unsigned *breaks)
{
    struct ps_finding_model *m = &e->model;
    unsigned slot = mix(f->tag);

    if (has_names(m, slot, f))
        return slot;
    if (has_names(m, slot ^ 1, f))
        return slot ^ 1;
    slot ^= e->n_new++ & 1;
    m->names_in[slot] = (struct ps_finding_names){f->tag, f->info};
    *breaks |= PS_BREAK_NAMES;
    return slot;
}

static unsigned slot_of_marks(struct encoder *e, const struct ps_finding *f, unsigned *breaks)
{
    struct ps_finding_marks *in = e->model.marks_in;
    const uint8_t *marks = (const uint8_t *)f + PS_MARKS_AT;
    uint64_t some;
    unsigned slot;

    memcpy(&some, marks + PS_MARKS_BYTES - sizeof some, sizeof some);
    slot = mix(some ^ (uint64_t)f->evidence << 24);
    if (memcmp(&in[slot], marks, PS_MARKS_BYTES) == 0)
        return slot;
    if (memcmp(&in[slot ^ 1], marks, PS_MARKS_BYTES) == 0)
        return slot ^ 1;
    slot ^= e->n_new++ & 1;
    memcpy(&in[slot], marks, PS_MARKS_BYTES);
    *breaks |= PS_BREAK_MARKS;
    return slot;
}

static unsigned break_of_va(const struct ps_finding_model *m, const struct ps_finding *f)
{
    const uint64_t more = f->va - f->phys - m->va_ahead;

    if (f->va == 0 || more == 0)
        return 0;
    /* As many pages forth or back as 32 bits can tell. */
    return more % 4096 == 0 && more + (UINT64_C(1) << 43) < UINT64_C(1) << 44 ? PS_BREAK_VA_PAGES
                                                                              : PS_BREAK_VA;
}

static unsigned rule_of_bytes(const struct ps_finding *f, unsigned *breaks)
{
    if (f->n_bytes == ps_finding_bytes_x64(f->word0))
        return 0;
    if (f->n_bytes == ps_finding_bytes_x86(f->word0))
        return PS_WIRE_X86;
    *breaks |= PS_BREAK_BYTES;
    return f->n_bytes > UINT32_MAX ? PS_WIRE_X86 : 0;
}

static uint8_t *store(uint8_t *to, uint64_t value, unsigned n_bytes)
{
    ps_wire_store(to, value, n_bytes);
    return to + n_bytes;
}

static uint8_t *put_marks(uint8_t *to, const struct ps_finding *f)
{
    to = store(to, f->evidence, 4);
    *to++ = f->confidence;
    *to++ = f->status;
    *to++ = f->allocator;
    *to++ = f->source;
    *to++ = f->mapped;
    *to++ = f->pool;
    *to++ = f->big_type;
    return to;
}

static uint8_t *put_va(struct ps_finding_model *m, uint8_t *to, const struct ps_finding *f,
                       unsigned breaks)
{
    const uint64_t ahead = f->va - f->phys;

    to = breaks & PS_BREAK_VA ? store(to, f->va, 8) : store(to, (ahead - m->va_ahead) >> 12, 4);
    m->va_ahead = ahead;
    return to;
}

static uint8_t *put_charge(struct ps_finding_model *m, uint8_t *to, const struct ps_finding *f,
                           unsigned breaks)
{
    const unsigned slot = mix(f->process ^ f->in_big);

    m->charge = (struct ps_finding_charge){f->in_big, f->process};
    m->charge_in[slot] = m->charge;
    *to++ = (uint8_t)slot;
    if (breaks & PS_BREAK_NEW_CHARGE) {
        to = store(to, f->in_big, 8);
        to = store(to, f->process, 8);
    }
    return to;
}

static unsigned break_of_charge(const struct ps_finding_model *m, const struct ps_finding *f)
{
    const struct ps_finding_charge *in = &m->charge_in[mix(f->process ^ f->in_big)];

    if (m->charge.process == f->process && m->charge.in_big == f->in_big)
        return 0;
    if (in->process == f->process && in->in_big == f->in_big)
        return PS_BREAK_CHARGE;
    return PS_BREAK_CHARGE | PS_BREAK_NEW_CHARGE;
}

static uint8_t *put_breaks(struct ps_finding_model *m, uint8_t *to, const struct ps_finding *f,
                           unsigned rules, unsigned breaks)
{
    if (breaks & PS_BREAK_NAMES) {
        to = store(to, f->tag, 4);
        to = store(to, f->info, 4);
    }
    if (breaks & PS_BREAK_MARKS)
        to = put_marks(to, f);
    if (breaks & PS_BREAK_FILE) {
        to = store(to, f->file_off, 8);
        m->file_ahead = f->file_off - f->phys;
    }
    if (breaks & (PS_BREAK_VA_PAGES | PS_BREAK_VA))
        to = put_va(m, to, f, breaks);
    if (breaks & PS_BREAK_BYTES)
        to = store(to, f->n_bytes, rules & PS_WIRE_X86 ? 8 : 4);
    return breaks & PS_BREAK_CHARGE ? put_charge(m, to, f, breaks) : to;
}

/* At most PS_FINDING_MAX_BYTES, and not one byte more is touched. */
static uint8_t *put_finding(struct encoder *e, uint8_t *to, const struct ps_finding *f)
{
    struct ps_finding_model *m = &e->model;
    const uint64_t far = f->phys - m->phys;
    const uint64_t distance = far >> 3 | far << 61;
    const unsigned width =
        (unsigned)(distance > 0xff) + (distance > 0xffff) + (distance > UINT32_MAX);
    unsigned breaks = break_of_va(m, f) | break_of_charge(m, f);
    const unsigned names = slot_of_names(e, f, &breaks);
    const unsigned marks = slot_of_marks(e, f, &breaks);
    unsigned rules = width | rule_of_bytes(f, &breaks);

    breaks |= f->file_off - f->phys != m->file_ahead ? PS_BREAK_FILE : 0;
    rules |= (f->va == 0 ? PS_WIRE_NO_VA : 0u) | (breaks ? PS_WIRE_BREAKS : 0u);
    to[0] = (uint8_t)rules;
    to[1] = (uint8_t)breaks;
    to = store(to + 1 + (breaks != 0), distance, 8) - 8 + (1u << width);
    *to++ = (uint8_t)names;
    *to++ = (uint8_t)marks;
    to = store(to, f->word0, 4);
    m->phys = f->phys;
    return breaks ? put_breaks(m, to, f, rules, breaks) : to;
}

void ps_shard_encode_findings(struct ps_wire_out *w, enum ps_source_kind source,
                              const struct ps_finding *f, size_t n)
{
    struct encoder e = {.n_new = 0};

    ps_wire_put(w, n, 4);
    ps_finding_model_begin(&e.model, source);
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t some = n - i < BLOCK ? n - i : BLOCK;
        uint8_t *const room = ps_wire_room(w, some * PS_FINDING_MAX_BYTES);
        uint8_t *to = room;

        if (!room)
            return;
        for (size_t k = 0; k < some; k++)
            to = put_finding(&e, to, &f[i + k]);
        w->n += (size_t)(to - room);
    }
}
