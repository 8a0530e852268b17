#include "scan/copies/seen_pages.h"

#include <stdlib.h>

#define FIRST_BITS 12u
/* Places looked at for one page: fingerprints come to a few dozen at worst, forged ones to all. */
#define MAX_STEPS  1024u
#define PAGE_SHIFT 12u

/* Half of a fingerprint of 64 bits is enough: who has the same one is compared in full. */
struct ps_seen_place {
    uint32_t fingerprint;
    uint32_t frame_1; /* number of the frame and one; 0: free */
};

static size_t n_places(const struct ps_seen_pages *s)
{
    return s->bits ? (size_t)1 << s->bits : 0;
}

/* The top bits, so that a larger table is filled in the order of the smaller one. */
static size_t home(const struct ps_seen_pages *s, uint32_t fingerprint)
{
    return fingerprint >> (32 - s->bits);
}

static size_t next(const struct ps_seen_pages *s, size_t at)
{
    return (at + 1) & (n_places(s) - 1);
}

static void put(struct ps_seen_pages *s, struct ps_seen_place page)
{
    size_t at = home(s, page.fingerprint);

    while (s->place[at].frame_1 != 0)
        at = next(s, at);
    s->place[at] = page;
    s->n++;
}

/* The earliest of equal ones must stay in front: begin behind a free place, where no run of places
 * is cut in two. */
static int grow(struct ps_seen_pages *s)
{
    struct ps_seen_pages larger = {.bits = s->bits ? s->bits + 1 : FIRST_BITS,
                                   .n_forgotten = s->n_forgotten};
    const size_t n = n_places(s);
    size_t start = 0;

    larger.place = calloc((size_t)1 << larger.bits, sizeof *larger.place);
    if (!larger.place)
        return -1;
    while (start < n && s->place[start].frame_1 != 0)
        start++;
    for (size_t i = 0; i < n; i++)
        if (s->place[(start + i) & (n - 1)].frame_1 != 0)
            put(&larger, s->place[(start + i) & (n - 1)]);
    free(s->place);
    *s = larger;
    return 0;
}

static int make_room(struct ps_seen_pages *s)
{
    if (s->n < n_places(s) / 4 * 3 || s->bits == PS_SEEN_MAX_BITS)
        return 0;
    return grow(s);
}

/* At the free place that the search ended with. If it gave up before that, the page is not worth
 * one. */
static void remember(struct ps_seen_pages *s, uint32_t fingerprint, uint64_t phys, size_t at)
{
    const uint64_t frame = phys >> PAGE_SHIFT;

    if (s->place[at].frame_1 != 0 || s->n >= n_places(s) / 4 * 3 || frame >= UINT32_MAX) {
        s->n_forgotten++;
        return;
    }
    s->place[at] = (struct ps_seen_place){fingerprint, (uint32_t)frame + 1};
    s->n++;
}

int ps_seen_pages_look(struct ps_seen_pages *s, uint32_t fingerprint, uint64_t phys,
                       ps_same_page_fn *same, void *arg, uint64_t *first)
{
    unsigned n_equal = 0, n_steps = 0;
    size_t at;

    if (make_room(s) < 0)
        return -1;
    for (at = home(s, fingerprint); s->place[at].frame_1 != 0 && n_steps < MAX_STEPS;
         at = next(s, at), n_steps++) {
        const uint64_t seen = (uint64_t)(s->place[at].frame_1 - 1) << PAGE_SHIFT;

        if (s->place[at].fingerprint != fingerprint)
            continue;
        if (same && same(arg, phys, seen)) {
            *first = seen;
            return 1;
        }
        if (++n_equal == PS_SEEN_MAX_EQUAL)
            break;
    }
    remember(s, fingerprint, phys, at);
    return 0;
}

int ps_seen_pages_add(struct ps_seen_pages *s, uint32_t fingerprint, uint64_t phys)
{
    return ps_seen_pages_look(s, fingerprint, phys, NULL, NULL, NULL);
}

void ps_seen_pages_free(struct ps_seen_pages *s)
{
    free(s->place);
    *s = (struct ps_seen_pages){.bits = 0};
}
