/* 32 bytes a step; otherwise the plan of avx512.c: qword lanes, reject by the quick conditions,
 * and leave the decision to ps_finish_page. */
#include <immintrin.h>

#include "kernels/bodies.h"

/* 'sizes' are the bits of BlockSize and PreviousSize. Adding 'edge' to them sets a bit of 'over'
 * when the block ends behind the page or the previous one begins before it: the number of slots
 * is a power of two, and the edge of a lane at slot s is s - 1 in the place of BlockSize and the
 * largest PreviousSize less s in its own. */
struct quick {
    __m256i mask, value, nonzero, lo, hi, sizes, edge, step, over;
    uint32_t lanes; /* for the 32 qwords of 256 bytes */
};

static inline __m256i set1(uint64_t value)
{
    return _mm256_set1_epi64x((long long)value);
}

static inline struct quick load_quick(const struct ps_plan *plan)
{
    const int x86 = plan->slot_shift == PS_SLOT_SHIFT_X86;
    const __m256i x86_slots = _mm256_set_epi64x(3, 2, 1, 0);
    const __m256i x64_slots = _mm256_set_epi64x(1, 1, 0, 0);
    const __m256i slots = x86 ? x86_slots : x64_slots;

    return (struct quick){
        .mask = set1(plan->quick_mask),
        .value = set1(plan->quick_value),
        .nonzero = set1(plan->quick_nonzero),
        .lo = set1(plan->quick_lo),
        .hi = set1(plan->quick_hi),
        .sizes = set1((uint64_t)plan->block_mask << PS_BLOCK_SHIFT | plan->prev_mask),
        .edge = _mm256_add_epi64(set1(plan->prev_mask - ((uint64_t)1 << PS_BLOCK_SHIFT)),
                                 _mm256_sub_epi64(_mm256_slli_epi64(slots, PS_BLOCK_SHIFT), slots)),
        .step = set1((uint64_t)(x86 ? 4 : 2) * (((uint64_t)1 << PS_BLOCK_SHIFT) - 1)),
        .over = set1((uint64_t)plan->slots_per_page << PS_BLOCK_SHIFT | (plan->prev_mask + 1u)),
        .lanes = x86 ? 0xffffffffu : 0x55555555u,
    };
}

/* All ones in each qword of the 32 bytes at p where a header may start. */
static inline __m256i candidates(const struct quick *q, const uint8_t *p, __m256i *edge)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    __m256i range = _mm256_or_si256(_mm256_subs_epu8(v, q->hi), _mm256_subs_epu8(q->lo, v));
    __m256i type = _mm256_xor_si256(_mm256_and_si256(v, q->mask), q->value);
    __m256i past = _mm256_add_epi64(_mm256_and_si256(v, q->sizes), *edge);
    __m256i bad = _mm256_or_si256(_mm256_or_si256(range, type), _mm256_and_si256(past, q->over));
    __m256i empty = _mm256_cmpeq_epi64(_mm256_and_si256(v, q->nonzero), zero);

    *edge = _mm256_add_epi64(*edge, q->step);
    return _mm256_andnot_si256(empty, _mm256_cmpeq_epi64(bad, zero));
}

static inline uint32_t lane_bits(__m256i lanes)
{
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

/* One bit per qword of the 256 bytes at p. */
static inline uint32_t candidates256(const struct quick *q, const uint8_t *p, __m256i *edge)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 8; i++)
        bits |= lane_bits(candidates(q, p + 32 * i, edge)) << (4 * i);
    return bits & q->lanes;
}

size_t ps_scan_avx2(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                    struct ps_hit *hits, size_t cap)
{
    const struct quick q = load_quick(plan);
    uint64_t todo[PS_TODO_WORDS];
    size_t found = 0;

    for (size_t page = 0; page < n_pages; page++) {
        const uint8_t *start = pages + (page << PS_PAGE_SHIFT);
        const uint8_t *p = start;
        __m256i edge = q.edge;
        uint64_t any = 0;

        for (unsigned i = 0; i < PS_TODO_WORDS; i++, p += 512) {
            todo[i] = candidates256(&q, p, &edge);
            todo[i] |= (uint64_t)candidates256(&q, p + 256, &edge) << 32;
            any |= todo[i];
        }
        if (any)
            found = ps_finish_page(plan, start, (uint32_t)page * plan->slots_per_page, todo, hits,
                                   cap, found);
    }
    return found;
}
