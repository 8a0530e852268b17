/* 64 bytes a step. A header's first eight bytes are one qword lane: on x64 (16-byte slots) every
 * second lane, on x86 (8-byte slots) every lane, so the era's slot size is a lane mask. The
 * vector part only rejects (the plan's quick conditions); ps_emit_if_ok decides. */
#include <immintrin.h>

#include "kernels/bodies.h"

struct quick {
    __m512i mask, value, nonzero, lo, hi;
    __mmask8 lanes;
};

static inline struct quick load_quick(const struct ps_plan *plan)
{
    return (struct quick){
        .mask = _mm512_set1_epi64((long long)plan->quick_mask),
        .value = _mm512_set1_epi64((long long)plan->quick_value),
        .nonzero = _mm512_set1_epi64((long long)plan->quick_nonzero),
        .lo = _mm512_set1_epi64((long long)plan->quick_lo),
        .hi = _mm512_set1_epi64((long long)plan->quick_hi),
        .lanes = plan->slot_shift == PS_SLOT_SHIFT_X86 ? 0xff : 0x55,
    };
}

/* Truth tables of _mm512_ternarylogic_epi64, with a = 0xf0, b = 0xcc, c = 0xaa. */
enum { XOR_OF_AND = 0x6a /* (a & b) ^ c */, OR3 = 0xfe };

/* One bit per qword of the 64 bytes at p: may a header start there? */
static inline uint64_t candidates(const struct quick *q, const uint8_t *p)
{
    __m512i v = _mm512_loadu_si512(p);
    __m512i above = _mm512_subs_epu8(v, q->hi);
    __m512i below = _mm512_subs_epu8(q->lo, v);
    __m512i bad = _mm512_ternarylogic_epi64(v, q->mask, q->value, XOR_OF_AND);
    __mmask8 ok;

    bad = _mm512_ternarylogic_epi64(bad, above, below, OR3);
    ok = _mm512_mask_testn_epi64_mask(q->lanes, bad, bad);
    return _mm512_mask_test_epi64_mask(ok, v, q->nonzero);
}

size_t ps_scan_avx512(const struct ps_plan *plan, const uint8_t *pages, size_t n_pages,
                      struct ps_hit *hits, size_t cap)
{
    const struct quick q = load_quick(plan);
    const unsigned slot_of_qword = plan->slot_shift - 3u;
    const size_t n_bytes = n_pages << PS_PAGE_SHIFT;
    size_t found = 0;

    for (size_t off = 0; off < n_bytes; off += 256) {
        const uint8_t *p = pages + off;
        uint64_t todo = candidates(&q, p) | candidates(&q, p + 64) << 8 |
                        candidates(&q, p + 128) << 16 | candidates(&q, p + 192) << 24;

        for (; todo; todo &= todo - 1) {
            uint32_t qword = (uint32_t)(off >> 3) + (uint32_t)__builtin_ctzll(todo);

            found = ps_emit_if_ok(plan, pages, qword >> slot_of_qword, hits, cap, found);
        }
    }
    return found;
}
