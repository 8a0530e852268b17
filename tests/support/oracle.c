#include "tests/support/oracle.h"

#include <stdio.h>
#include <stdlib.h>

struct header {
    uint32_t previous_size;
    uint32_t block_size;
    uint32_t pool_type;
    uint8_t tag[4];
};

/* x86: the fields are 9, 7, 9 and 7 bits, so BlockSize borrows the low bit of byte 3. */
static struct header decode(const struct oracle_era *era, const uint8_t *p)
{
    struct header h = {
        .tag = {p[4], p[5], p[6], p[7]}
    };

    if (era->x86) {
        h.previous_size = p[0] + 256u * (p[1] % 2u);
        h.block_size = p[2] + 256u * (p[3] % 2u);
        h.pool_type = p[3] / 2u;
    } else {
        h.previous_size = p[0];
        h.block_size = p[2];
        h.pool_type = p[3];
    }
    return h;
}

/* XP and 2003 store the request plus one. A request is one of three kinds (nonpaged, paged, must
 * succeed), with 4 (cache aligned; Windows puts its in-use bit there), 8 (quota), and either 0x10
 * (raise) or any of 0x20 (session) and 0x40 (verifier). */
static int nt5_in_use(uint32_t type)
{
    static const uint8_t flags[] = {0x00, 0x10, 0x20, 0x40, 0x60};

    for (uint32_t kind = 0; kind < 3; kind++)
        for (uint32_t low = 0; low < 16; low += 4)
            for (size_t i = 0; i < sizeof flags; i++)
                if (type == flags[i] + low + kind + 1)
                    return 1;
    return 0;
}

/* Vista and later: bit 2 says in use; 0x10 and 0x80 are never stored. */
static int vista_legal(uint32_t type)
{
    return type < 0x80 && type / 0x10u % 2u == 0;
}

static int type_legal(const struct oracle_era *era, uint32_t type)
{
    if (era->nt5 && (nt5_in_use(type) || (era->with_free && type == 0)))
        return 1;
    return era->vista && vista_legal(type) && (era->with_free || type / 2u % 2u == 1);
}

static int header_legal(const struct oracle_era *era, const struct header *h, uint32_t offset)
{
    uint32_t granule = era->x86 ? 8 : 16;
    uint32_t least = era->with_free ? 1 : 2;

    if (h->block_size < least || offset + h->block_size * granule > 4096)
        return 0;
    if (!type_legal(era, h->pool_type))
        return 0;
    if (h->previous_size * granule > offset)
        return 0;
    if (era->classic_only && h->previous_size == 0 && offset != 0)
        return 0;
    if (era->segment_only && h->previous_size != 0 && h->pool_type / 4u % 2u == 0)
        return 0;
    return !era->segment_only || h->previous_size * granule < 256;
}

static uint32_t fixed_bytes(uint32_t mask)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < 4; i++)
        n += (mask >> 8 * i & 0xff) == 0xff;
    return n;
}

static uint32_t fixed_start(uint32_t mask)
{
    uint32_t n = 0;

    while (n < 4 && (mask >> 8 * n & 0xff) == 0xff)
        n++;
    return n;
}

static int more_specific(struct oracle_rule a, struct oracle_rule b)
{
    if (fixed_bytes(a.mask) != fixed_bytes(b.mask))
        return fixed_bytes(a.mask) > fixed_bytes(b.mask);
    if (fixed_start(a.mask) != fixed_start(b.mask))
        return fixed_start(a.mask) > fixed_start(b.mask);
    for (unsigned i = 0; i < 4; i++)
        if ((a.mask >> 8 * i & 0xff) != (b.mask >> 8 * i & 0xff))
            return (a.mask >> 8 * i & 0xff) != 0;
    return 0;
}

static int rule_matches(struct oracle_rule rule, const uint8_t tag[4])
{
    for (unsigned i = 0; i < 4; i++) {
        int fixed = (rule.mask >> 8 * i & 0xff) == 0xff;

        if (fixed && tag[i] != (rule.value >> 8 * i & 0xff))
            return 0;
        if (!fixed && (tag[i] < 0x20 || tag[i] > 0x7e))
            return 0;
    }
    return 1;
}

/* Index of the most specific rule that matches, or n_rules. */
static size_t best_rule(const struct oracle_era *era, const struct oracle_rule *rules,
                        size_t n_rules, const uint8_t raw_tag[4])
{
    uint8_t tag[4] = {raw_tag[0], raw_tag[1], raw_tag[2], raw_tag[3]};
    size_t best = n_rules;

    if (era->protected_tags)
        tag[3] = tag[3] % 0x80;
    for (size_t i = 0; i < n_rules; i++) {
        struct oracle_rule rule = rules[i];

        if (era->protected_tags)
            rule.value %= 0x80000000u;
        if (rule_matches(rule, tag) && (best == n_rules || more_specific(rule, rules[best])))
            best = i;
    }
    return best;
}

static uint32_t dword(const uint8_t *p)
{
    return p[0] + ((uint32_t)p[1] << 8) + ((uint32_t)p[2] << 16) + ((uint32_t)p[3] << 24);
}

static void append(struct oracle_hit **list, size_t *n, struct oracle_hit hit)
{
    /* Grows at the powers of two. */
    if ((*n & (*n - 1)) == 0) {
        struct oracle_hit *more = realloc(*list, (*n ? *n * 2 : 1) * sizeof **list);

        if (!more) {
            fputs("oracle: out of memory\n", stderr);
            abort();
        }
        *list = more;
    }
    (*list)[(*n)++] = hit;
}

size_t oracle_scan(const struct oracle_era *era, const struct oracle_rule *rules, size_t n_rules,
                   const uint8_t *pages, size_t n_pages, struct oracle_hit **out)
{
    uint32_t granule = era->x86 ? 8 : 16;
    struct oracle_hit *list = NULL;
    size_t n = 0;

    for (size_t page = 0; page < n_pages; page++) {
        for (uint32_t offset = 0; offset < 4096; offset += granule) {
            const uint8_t *p = pages + page * 4096 + offset;
            struct header h = decode(era, p);
            size_t rule;

            if (!header_legal(era, &h, offset))
                continue;
            rule = best_rule(era, rules, n_rules, h.tag);
            if (rule < n_rules)
                append(&list, &n,
                       (struct oracle_hit){(uint32_t)((page * 4096 + offset) / granule), dword(p),
                                           dword(p + 4), (uint32_t)rule});
        }
    }
    *out = list;
    return n;
}
