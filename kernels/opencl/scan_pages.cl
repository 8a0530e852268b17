/* The kernel contract (kernels/kernel.h) as OpenCL C 1.2. cmake/embed_cl.cmake puts types.h,
 * pool_header.h, plan.h and pool_check.h in front of it.
 *
 * One load is 16 bytes: one slot of x64, two of x86. Neighbouring work-items load neighbouring 16
 * bytes, and each goes on at a stride of the global size, four loads in flight. The quick
 * conditions are plain arithmetic with one branch at the end, which almost no work-item takes.
 * Hits come in any order and count past the cap. They are rare, so the counter is a plain atomic:
 * collecting them per work-group would cost a barrier in every group and gain nothing. */
#include "kernels/pool_check.h"

/* The quick conditions of the plan, held in registers; two dwords are what devices compute with. */
struct quick {
    uint2 mask;
    uint2 value;
    uint2 nonzero;
    uint2 lo;
    uint2 hi;
};

static inline struct quick load_quick(__global const struct ps_plan *plan)
{
    struct quick q;

    q.mask = as_uint2(plan->quick_mask);
    q.value = as_uint2(plan->quick_value);
    q.nonzero = as_uint2(plan->quick_nonzero);
    q.lo = as_uint2(plan->quick_lo);
    q.hi = as_uint2(plan->quick_hi);
    return q;
}

/* 0x80 in each byte where a < b. */
static inline uint2 bytes_less(uint2 a, uint2 b)
{
    uint2 low = (a | 0x80808080u) - (b & 0x7f7f7f7fu);

    return ((~a & b) | (~(a ^ b) & ~low)) & 0x80808080u;
}

static inline uint may_be_header(struct quick q, uint2 v)
{
    uint2 bad = ((v & q.mask) ^ q.value) | bytes_less(v, q.lo) | bytes_less(q.hi, v);
    uint2 some = v & q.nonzero;

    return (uint)((bad.x | bad.y) == 0) & (uint)((some.x | some.y) != 0);
}

/* What every search has at hand. */
struct search {
    __global const struct ps_plan *plan;
    __global uint4 *hits;
    __global uint *n_hits;
    uint cap;
};

static void emit_if_ok(struct search s, uint slot, uint2 v)
{
    uint rule;
    uint at;

    if (!ps_header_ok(s.plan, slot & (s.plan->slots_per_page - 1u), v.x))
        return;
    rule = ps_tag_rule(s.plan, v.y);
    if (rule == PS_RULE_NONE)
        return;
    at = atomic_inc(s.n_hits);
    if (at < s.cap)
        s.hits[at] = (uint4)(slot, v.x, v.y, rule);
}

/* Unit number 'unit' holds v: one slot, or two ('two' is the same in all work-items). */
static inline void scan_unit(struct search s, struct quick q, uint two, uint unit, uint4 v)
{
    if (may_be_header(q, v.xy))
        emit_if_ok(s, unit << two, v.xy);
    if (two && may_be_header(q, v.zw))
        emit_if_ok(s, (unit << 1) + 1u, v.zw);
}

/* 'pages' has n_units * 16 bytes. *n_hits is zero at the start. */
__kernel void scan_pages(__global const struct ps_plan *plan, __global const uint4 *pages,
                         uint n_units, __global uint4 *hits, uint cap, __global uint *n_hits)
{
    const uint stride = (uint)get_global_size(0);
    const uint two = PS_SLOT_SHIFT_X64 - plan->slot_shift;
    struct quick q = load_quick(plan);
    struct search s;
    uint unit = (uint)get_global_id(0);

    s.plan = plan;
    s.hits = hits;
    s.n_hits = n_hits;
    s.cap = cap;
    for (; n_units > 3u * stride && unit < n_units - 3u * stride; unit += 4u * stride) {
        uint4 a = pages[unit];
        uint4 b = pages[unit + stride];
        uint4 c = pages[unit + 2u * stride];
        uint4 d = pages[unit + 3u * stride];

        scan_unit(s, q, two, unit, a);
        scan_unit(s, q, two, unit + stride, b);
        scan_unit(s, q, two, unit + 2u * stride, c);
        scan_unit(s, q, two, unit + 3u * stride, d);
    }
    for (; unit < n_units; unit += stride)
        scan_unit(s, q, two, unit, pages[unit]);
}
