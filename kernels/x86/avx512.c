/* 64 bytes a step. A header's first eight bytes are one qword lane: on x64 (16-byte slots) every
 * second lane, on x86 (8-byte slots) every lane, so the era's slot size is a lane mask. The
 * vector part only rejects (the plan's quick conditions); ps_finish_page decides.
 *
 * A load that is not aligned takes two cache lines, which costs a scan a twentieth. So all loads
 * but a page's first and last are aligned, and where pages are not (those of a mapped container),
 * a lane is so many slots further ahead as the page begins behind a line: its 'shift'. */
#include <immintrin.h>

#include "kernels/bodies.h"

/* 'sizes' are the bits of BlockSize and PreviousSize. Adding 'edge' to them sets a bit of 'over'
 * when the block ends behind the page or the previous one begins before it: the number of slots
 * is a power of two, and the edge of a lane at slot s is s - 1 in the place of BlockSize and the
 * largest PreviousSize less s in its own. */
struct quick {
    __m512i mask, value, nonzero, lo, hi, sizes, edge, step, over;
    __mmask8 lanes;
};

static inline __m512i set1(uint64_t value)
{
    return _mm512_set1_epi64((long long)value);
}

static inline struct quick load_quick(const struct ps_plan *plan, unsigned shift)
{
    const int x86 = plan->slot_shift == PS_SLOT_SHIFT_X86;
    const __m512i x86_slots =
        _mm512_sub_epi64(_mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0), set1(shift));
    const __m512i slots = x86 ? x86_slots : _mm512_srai_epi64(x86_slots, 1);

    return (struct quick){
        .mask = set1(plan->quick_mask),
        .value = set1(plan->quick_value),
        .nonzero = set1(plan->quick_nonzero),
        .lo = set1(plan->quick_lo),
        .hi = set1(plan->quick_hi),
        .sizes = set1((uint64_t)plan->block_mask << PS_BLOCK_SHIFT | plan->prev_mask),
        .edge = _mm512_add_epi64(set1(plan->prev_mask - ((uint64_t)1 << PS_BLOCK_SHIFT)),
                                 _mm512_sub_epi64(_mm512_slli_epi64(slots, PS_BLOCK_SHIFT), slots)),
        .step = set1((uint64_t)(x86 ? 8 : 4) * (((uint64_t)1 << PS_BLOCK_SHIFT) - 1)),
        .over = set1((uint64_t)plan->slots_per_page << PS_BLOCK_SHIFT | (plan->prev_mask + 1u)),
        .lanes = (__mmask8)(x86 ? 0xffu : 0x5555u << shift % 2),
    };
}

/* Truth tables of vpternlogq, whose inputs are a = 0xf0, b = 0xcc, c = 0xaa. */
enum { XOR_OF_AND = (0xf0 & 0xcc) ^ 0xaa, OR3 = 0xf0 | 0xcc | 0xaa, OR_AND = 0xf0 | (0xcc & 0xaa) };

/* One bit per qword of v: may a header start there? */
static inline uint64_t candidates(const struct quick *q, __m512i v, __m512i *edge)
{
    __m512i above = _mm512_subs_epu8(v, q->hi);
    __m512i below = _mm512_subs_epu8(q->lo, v);
    __m512i bad = _mm512_ternarylogic_epi64(v, q->mask, q->value, XOR_OF_AND);
    __m512i past = _mm512_add_epi64(_mm512_and_si512(v, q->sizes), *edge);
    __mmask8 ok;

    bad = _mm512_ternarylogic_epi64(bad, above, below, OR3);
    bad = _mm512_ternarylogic_epi64(bad, past, q->over, OR_AND);
    *edge = _mm512_add_epi64(*edge, q->step);
    ok = _mm512_mask_testn_epi64_mask(q->lanes, bad, bad);
    return _mm512_mask_test_epi64_mask(ok, v, q->nonzero);
}

/* One bit per qword of the 512 bytes at p, of which the first vector is v. */
static inline uint64_t candidates512(const struct quick *q, __m512i v, const uint8_t *p,
                                     __m512i *edge)
{
    uint64_t bits = candidates(q, v, edge);

    for (unsigned i = 1; i < 8; i++)
        bits |= candidates(q, _mm512_loadu_si512(p + 64 * i), edge) << (8 * i);
    return bits;
}

/* The candidates of a page that is aligned, or whose plan has no shift. Any at all? */
static inline uint64_t look(const struct quick *q, const uint8_t *page,
                            uint64_t todo[PS_TODO_WORDS])
{
    __m512i edge = q->edge;
    uint64_t any = 0;

    for (unsigned i = 0; i < PS_TODO_WORDS; i++, page += 512) {
        todo[i] = candidates512(q, _mm512_loadu_si512(page), page, &edge);
        any |= todo[i];
    }
    return any;
}

/* Of a page that begins 'shift' lanes behind a line. What is masked is not read. */
static inline uint64_t look_shifted(const struct quick *q, const uint8_t *page, unsigned shift,
                                    uint64_t todo[PS_TODO_WORDS])
{
    const uint8_t *p = page - 8 * (size_t)shift;
    __m512i edge = q->edge;
    __m512i v = _mm512_maskz_loadu_epi64((__mmask8)(0xffu << shift), p);
    uint64_t word = candidates512(q, v, p, &edge);
    uint64_t any = 0;

    for (unsigned i = 0; i < PS_TODO_WORDS; i++) {
        uint64_t next;

        p += 512;
        if (i + 1 < PS_TODO_WORDS) {
            next = candidates512(q, _mm512_loadu_si512(p), p, &edge);
        } else {
            v = _mm512_maskz_loadu_epi64((__mmask8)(0xffu >> (8 - shift)), p);
            next = candidates(q, v, &edge);
        }
        todo[i] = word >> shift | next << (64 - shift);
        any |= todo[i];
        word = next;
    }
    return any;
}

size_t ps_scan_avx512(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                      struct ps_hit *hits, size_t cap)
{
    const unsigned shift = (unsigned)((uintptr_t)pages % 64 / 8);
    const struct quick q = load_quick(plan, shift);
    uint64_t todo[PS_TODO_WORDS];
    size_t found = 0;

    for (size_t page = 0; page < n_pages; page++) {
        const uint8_t *start = pages + (page << PS_PAGE_SHIFT);

        if (shift ? look_shifted(&q, start, shift, todo) : look(&q, start, todo))
            found = ps_finish_page(plan, start, (uint32_t)page * plan->slots_per_page, todo, hits,
                                   cap, found);
    }
    return found;
}
