/* 32 bytes a step; otherwise the plan of avx512.c: qword lanes, reject by the quick conditions,
 * and leave the decision to ps_emit_if_ok. */
#include <immintrin.h>

#include "kernels/bodies.h"

struct quick {
    __m256i mask, value, nonzero, lo, hi;
    uint64_t lanes; /* for the 32 qwords of 256 bytes */
};

static inline struct quick load_quick(const struct ps_plan *plan)
{
    return (struct quick){
        .mask = _mm256_set1_epi64x((long long)plan->quick_mask),
        .value = _mm256_set1_epi64x((long long)plan->quick_value),
        .nonzero = _mm256_set1_epi64x((long long)plan->quick_nonzero),
        .lo = _mm256_set1_epi64x((long long)plan->quick_lo),
        .hi = _mm256_set1_epi64x((long long)plan->quick_hi),
        .lanes = plan->slot_shift == PS_SLOT_SHIFT_X86 ? 0xffffffffu : 0x55555555u,
    };
}

/* All ones in each qword of the 32 bytes at p where a header may start. */
static inline __m256i candidates(const struct quick *q, const uint8_t *p)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i v = _mm256_loadu_si256((const __m256i *)p);
    __m256i range = _mm256_or_si256(_mm256_subs_epu8(v, q->hi), _mm256_subs_epu8(q->lo, v));
    __m256i type = _mm256_xor_si256(_mm256_and_si256(v, q->mask), q->value);
    __m256i ok = _mm256_cmpeq_epi64(_mm256_or_si256(range, type), zero);
    __m256i empty = _mm256_cmpeq_epi64(_mm256_and_si256(v, q->nonzero), zero);

    return _mm256_andnot_si256(empty, ok);
}

static inline uint64_t lane_bits(__m256i lanes)
{
    return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

/* One bit per qword of the 128 bytes at p. Candidates are rare: one test for all four. */
static inline uint64_t candidates128(const struct quick *q, const uint8_t *p)
{
    __m256i a = candidates(q, p);
    __m256i b = candidates(q, p + 32);
    __m256i c = candidates(q, p + 64);
    __m256i d = candidates(q, p + 96);
    __m256i any = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));

    if (_mm256_testz_si256(any, any))
        return 0;
    return lane_bits(a) | lane_bits(b) << 4 | lane_bits(c) << 8 | lane_bits(d) << 12;
}

size_t ps_scan_avx2(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                    struct ps_hit *hits, size_t cap)
{
    const struct quick q = load_quick(plan);
    const unsigned slot_of_qword = plan->slot_shift - 3u;
    const size_t n_bytes = n_pages << PS_PAGE_SHIFT;
    size_t found = 0;

    for (size_t off = 0; off < n_bytes; off += 256) {
        const uint8_t *p = pages + off;
        uint64_t todo = (candidates128(&q, p) | candidates128(&q, p + 128) << 16) & q.lanes;

        for (; todo; todo &= todo - 1) {
            uint32_t qword = (uint32_t)(off >> 3) + (uint32_t)__builtin_ctzll(todo);

            found = ps_emit_if_ok(plan, pages, qword >> slot_of_qword, hits, cap, found);
        }
    }
    return found;
}
