#include "host/recipe/model.h"

#include "host/recipe/quota/quota.h"

#include <strings.h>

/* Request bits of POOL_TYPE that reach the header, by name. */
static const struct {
    const char *name;
    uint32_t request;
} type_words[] = {
    {"NonPaged", 0x00},     {"NonPagedPool", 0x00}, {"Paged", 0x01},   {"PagedPool", 0x01},
    {"CacheAligned", 0x04}, {"Quota", 0x08},        {"Session", 0x20}, {"Verifier", 0x40},
};

/* Up to Windows 2003 the stored value is one more than the request and 4 marks a block in use;
 * from Vista on the request stays and 2 marks it. */
#define NT5_IN_USE   0x04u
#define VISTA_IN_USE 0x02u

uint32_t ps_rcp_type_in_use(const struct ps_rcp_era *era, uint32_t request)
{
    return ps_rcp_is_nt5(era) ? ((request & 0x69u) + 1u) | NT5_IN_USE : request | VISTA_IN_USE;
}

int ps_rcp_type_is_in_use(const struct ps_rcp_era *era, uint32_t type)
{
    if (!ps_rcp_is_nt5(era))
        return (type & VISTA_IN_USE) != 0;
    return (type & NT5_IN_USE) != 0 || type == 1u || type == 2u;
}

int ps_rcp_type_is_paged(const struct ps_rcp_era *era, uint32_t type)
{
    return ps_rcp_is_nt5(era) ? !(type & 1u) : (int)(type & 1u);
}

static int type_word(struct ps_rcp_word w, uint32_t *request)
{
    for (size_t i = 0; i < sizeof type_words / sizeof *type_words; i++)
        if (strlen(type_words[i].name) == w.n && strncasecmp(w.s, type_words[i].name, w.n) == 0) {
            *request |= type_words[i].request;
            return 0;
        }
    return -1;
}

int ps_rcp_type(const struct ps_rcp_era *era, struct ps_rcp_word w, uint32_t *out)
{
    uint32_t request = 0;
    uint64_t raw;

    if (ps_rcp_number(w, &raw) == 0) {
        *out = (uint32_t)raw;
        return raw <= (era->is_x64 ? 0xffu : 0x7fu) ? 0 : -1;
    }
    if (w.n == 4 && strncasecmp(w.s, "Free", 4) == 0) {
        *out = 0;
        return 0;
    }
    while (w.n > 0) {
        size_t end = ps_rcp_find(w, "|+");

        if (type_word(ps_rcp_part(w, 0, end), &request) < 0 || end + 1 == w.n)
            return -1;
        w = ps_rcp_part(w, end + 1, w.n);
    }
    *out = ps_rcp_type_in_use(era, request);
    return 0;
}

uint32_t ps_rcp_max_units(const struct ps_rcp_era *era)
{
    return era->is_x64 ? 0xffu : 0x1ffu;
}

uint32_t ps_rcp_word0(const struct ps_rcp_era *era, const struct ps_rcp_header *h)
{
    if (era->is_x64)
        return h->prev | h->index << 8 | h->units << 16 | h->type << 24;
    return h->prev | h->index << 9 | h->units << 16 | h->type << 25;
}

void ps_rcp_uproot(struct ps_planted_page *planted, uint32_t first, uint32_t n)
{
    size_t kept = 0;

    if (!planted)
        return;
    for (size_t i = 0; i < planted->n; i++) {
        uint32_t at = planted->header[i].offset;

        if (at + 8u <= first || at >= first + n)
            planted->header[kept++] = planted->header[i];
    }
    planted->n = kept;
}

/* Keeps the list ascending. Headers never overlap (ps_rcp_uproot), so it cannot overflow. */
static void note(struct ps_planted_page *planted, const struct ps_planted *h)
{
    size_t i;

    if (!planted || planted->n == PS_RECIPE_PAGE_MAX_HEADERS)
        return;
    for (i = planted->n; i > 0 && planted->header[i - 1].offset > h->offset; i--)
        planted->header[i] = planted->header[i - 1];
    planted->header[i] = *h;
    planted->n++;
}

void ps_rcp_plant(struct ps_rcp_page *pg, uint32_t offset, const struct ps_rcp_header *header,
                  uint32_t line)
{
    const struct ps_rcp_era *era = &pg->stmt->era;
    struct ps_rcp_header copy = *header, *h = &copy;
    uint32_t unit = ps_rcp_unit(era);
    uint32_t left = PS_RECIPE_PAGE - offset;
    uint32_t n = unit < left ? unit : left;
    const uint64_t process = ps_rcp_quota_header(pg, offset, h);
    uint8_t raw[16];

    ps_rcp_put32(raw, ps_rcp_word0(era, h));
    ps_rcp_put32(raw + 4, h->tag);
    ps_rcp_put64(raw + 8, h->billed);
    memcpy(pg->b + offset, raw, n);
    ps_rcp_uproot(pg->planted, offset, n);
    if (n < 8)
        return;
    note(pg->planted, &(struct ps_planted){
                          .offset = offset,
                          .tag = h->tag,
                          .word0 = ps_rcp_word0(era, h),
                          .n_bytes = h->units * unit,
                          .units = h->units,
                          .prev = h->prev,
                          .type = h->type,
                          .line = line,
                          .state = h->state,
                          .allocator = h->allocator,
                          .process = process,
                      });
}

void ps_rcp_plant_decoy(struct ps_rcp_page *pg, uint32_t tag_offset, uint32_t tag)
{
    if (tag_offset < 4 || tag_offset > PS_RECIPE_PAGE - 4u)
        return;
    ps_rcp_uproot(pg->planted, tag_offset - 4u, 8);
    note(pg->planted, &(struct ps_planted){
                          .offset = tag_offset - 4u,
                          .tag = tag,
                          .line = pg->stmt->line,
                          .state = PS_PLANTED_DECOY,
                      });
}
