#include "scan/bigpool/word_vote.h"

#include "scan/bigpool/entry.h"

#define PAGE_BYTES 4096u

/* The type of Vista to 8.1 is a small number; later it stands eight bits higher, above a byte that
 * is 0. Freed entries have theirs still. */
void ps_bigpool_word_vote_page(struct ps_bigpool_word_vote *vote,
                               const struct ps_bigpool_geometry *g, const uint8_t *page,
                               uint32_t phase)
{
    const struct ps_bigpool_layout *plain =
        ps_bigpool_layout_find(g->arch, g->entry_bytes, PS_BIGPOOL_TYPE);

    for (uint32_t at = phase; plain && at <= PAGE_BYTES - g->entry_bytes; at += g->entry_bytes) {
        struct ps_bigpool_entry e;

        ps_bigpool_entry_decode(plain, page + at, g->entry_bytes, &e);
        if (e.state != PS_BIGPOOL_ALLOCATED && e.state != PS_BIGPOOL_FREED)
            continue;
        vote->n_plain += e.type < 0x1000 && (e.type & 0xff) != 0;
        vote->n_packed += e.type >= 0x1000 && (e.type & 0xff) == 0;
    }
}

const struct ps_bigpool_layout *ps_bigpool_word_vote_pick(const struct ps_bigpool_word_vote *vote,
                                                          const struct ps_bigpool_geometry *g,
                                                          enum ps_bigpool_family family,
                                                          uint32_t build)
{
    const struct ps_bigpool_layout *packed = ps_bigpool_family_layout(g, family);
    const struct ps_bigpool_layout *plain =
        ps_bigpool_layout_find(g->arch, g->entry_bytes, PS_BIGPOOL_TYPE);

    if (family == PS_BIGPOOL_IN_PAGES || !plain)
        return packed;
    if (vote->n_plain != vote->n_packed)
        return vote->n_plain > vote->n_packed ? plain : packed;
    return build && ps_bigpool_layout_pick(g->arch, build) == plain ? plain : packed;
}
