#include "tests/support/every_byte.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 40u
#define TAIL_BYTES 24u
#define STEP       13u /* between them */

uint8_t *ps_every_truth(size_t n_pages)
{
    uint8_t *truth = calloc(n_pages, PS_EVERY_PAGE);

    for (size_t page = 0; page < n_pages; page++) {
        uint8_t *bytes = truth + page * PS_EVERY_PAGE;

        for (size_t i = 0; i < PS_EVERY_PAGE; i++)
            bytes[i] = (uint8_t)(page + 1 + i % 16 * (page % 7 + 1));
        /* Some that do not pack at all, short of making the file a large one. */
        for (size_t i = 0; i < 24; i++)
            bytes[i] = (uint8_t)((page * 31 + i * 101) * 2654435761u >> 13);
    }
    return truth;
}

struct ps_every_part *ps_every_add(struct ps_every *e, size_t packed, size_t n_bytes)
{
    struct ps_every_part *part = &e->part[e->n_parts];
    const size_t at = e->n_parts ? part[-1].end : 0;

    cr_assert(e->n_parts < PS_EVERY_PARTS);
    *part = (struct ps_every_part){
        .packed = packed, .packed_end = e->file.n, .at = at, .end = at + n_bytes};
    e->n_parts++;
    return part;
}

static const struct ps_every_part *part_of(const struct ps_every *e, size_t packed)
{
    for (size_t i = 0; i < e->n_parts; i++) {
        const struct ps_every_part *p = &e->part[i];

        if ((packed >= p->packed && packed < p->packed_end) ||
            (packed >= p->size_at && packed < p->size_at + p->n_size))
            return p;
    }
    return NULL;
}

static int is_of_interest(const struct ps_every *e, size_t packed)
{
    const struct ps_every_part *p = part_of(e, packed);

    return !p || packed < p->packed + HEAD_BYTES || packed + TAIL_BYTES >= p->packed_end ||
           packed % STEP == 0;
}

/* Whether damage at 'packed' has to leave all pages of other parts readable. */
static int may_cost_others(const struct ps_every *e, const struct ps_every_part *p, size_t packed)
{
    if (!p || (e->says_where && packed >= p->packed && packed < p->packed_end))
        return !p;
    return packed < p->size_at || packed >= p->size_at + p->n_size;
}

struct counts {
    size_t n_opened, n_right, n_lost;
};

/* Compare what a damaged file gives, page by page. */
static void compare(const struct ps_every *e, struct ps_packed_case *c, size_t packed, uint8_t with,
                    struct counts *counts)
{
    const struct ps_every_part *p = part_of(e, packed);
    const int is_own_open = !e->has_checksums || ps_packed_notes(c, "temporary file");
    const size_t n_bytes = e->part[e->n_parts - 1].end;
    const size_t n_read = c->bytes && c->bytes->n_bytes < n_bytes ? (size_t)c->bytes->n_bytes
                          : c->bytes                              ? n_bytes
                                                                  : 0;
    uint8_t page[PS_EVERY_PAGE];

    for (size_t at = 0; at < n_bytes; at += PS_EVERY_PAGE) {
        const int is_own = p && at + PS_EVERY_PAGE > p->at && at < p->end;
        const size_t left = at < n_read ? n_read - at : 0;
        const size_t n = left < PS_EVERY_PAGE ? left : PS_EVERY_PAGE;
        struct ps_err err = {0};
        const int is_read = n && c->bytes->ops->read(c->bytes, at, page, n, &err) >= 0;

        counts->n_lost += !is_read;
        cr_assert(is_read || is_own || may_cost_others(e, p, packed),
                  "byte %zu ^ 0x%02x costs the page at %zu: %s", packed, with, at, err.msg);
        if (!is_read)
            continue;
        counts->n_right++;
        cr_assert((is_own && is_own_open) || memcmp(page, e->truth + at, n) == 0,
                  "byte %zu ^ 0x%02x: other bytes at %zu", packed, with, at);
    }
}

static void change(const struct ps_every *e, size_t packed, uint8_t with, struct counts *counts)
{
    struct ps_packed_case c;
    const size_t n_head = e->file.n < 64 ? e->file.n : 64;

    e->file.data[packed] ^= with;
    if (e->packing->probe(e->file.data, n_head)) {
        ps_packed_open_case(&c, e->packing, &e->file, 1);
        compare(e, &c, packed, with, counts);
        ps_packed_close_case(&c);
        counts->n_opened++;
    }
    e->file.data[packed] ^= with;
}

void ps_every_check(struct ps_every *e)
{
    static const uint8_t ways[] = {0x01, 0x10, 0x80, 0xff};
    struct counts counts = {0};

    for (size_t packed = 0; packed < e->file.n; packed++)
        for (size_t i = 0; i < sizeof ways && is_of_interest(e, packed); i++)
            change(e, packed, ways[i], &counts);
    cr_assert(counts.n_opened > 40 * e->n_parts, "%zu files were opened", counts.n_opened);
    cr_assert(counts.n_right > 0 && counts.n_lost > 0);
    free(e->file.data);
    e->file = (struct ps_packed_buffer){0};
    e->n_parts = 0;
}
