#include "scan/merge/big_findings.h"

#include <stdlib.h>

#include "kernels/pool_header.h"
#include "scan/merge/big_owner.h"
#include "scan/pool/evidence.h"
#include "scan/tags/tag.h"

static int is_wanted(const struct ps_big_findings_spec *s, const struct ps_bigpool_entry *e)
{
    if (e->state == PS_BIGPOOL_FREED && !s->show_free)
        return 0;
    for (size_t i = 0; i < s->n_patterns; i++)
        if (ps_tag_pattern_matches(s->pattern[i], e->tag) ||
            ps_tag_pattern_matches(s->pattern[i], e->tag & ~PS_TAG_PROTECTED))
            return 1;
    return s->n_patterns == 0;
}

static int is_printable(uint32_t tag)
{
    for (unsigned i = 0; i < 32; i += 8)
        if ((tag >> i & 0xff) < 0x20 || (tag >> i & 0xff) > 0x7e)
            return 0;
    return 1;
}

static uint32_t evidence_of(const struct ps_big_findings_spec *s, const struct ps_bigpool_row *row)
{
    const struct ps_bigpool_table *t = s->table;
    const uint32_t info = ps_tagdb_find(s->tags, row->entry.tag);
    uint32_t evidence = PS_EV_BIG_ENTRY;

    if (info != PS_TAG_UNKNOWN)
        evidence |= ps_tagdb_at(s->tags, info).pattern.mask == UINT32_MAX ? PS_EV_TAG_KNOWN
                                                                           : PS_EV_TAG_WILDCARD;
    else if (is_printable(row->entry.tag & ~PS_TAG_PROTECTED))
        evidence |= PS_EV_TAG_PRINTABLE;
    if (t->hash != PS_BIGPOOL_NO_HASH &&
        ps_bigpool_distance(ps_bigpool_home(t->hash, row->entry.va, t->n_slots), row->slot,
                            t->n_slots) < PS_BIGPOOL_NEAR)
        evidence |= PS_EV_BIG_HASH;
    return evidence;
}

struct first_page {
    uint64_t phys;
    int no_execute;
};

/* Who found the table through page tables has asked them for its rows too. */
static int find_page(const struct ps_big_findings_spec *s, const struct ps_bigpool_row *row,
                     struct first_page *out)
{
    struct ps_walk walk;

    if (ps_bigpool_method_is_virtual(s->table->method)) {
        *out = (struct first_page){row->first_phys, row->first_no_execute != 0};
        return row->first_phys != PS_BIGPOOL_NO_PHYS;
    }
    if (ps_paging_walk(s->paging, row->entry.va, &walk) != PS_WALK_MAPPED)
        return 0;
    *out = (struct first_page){walk.phys, walk.no_execute};
    return 1;
}

/* Where the first byte is; the page of a freed allocation may be another's by now. */
static void set_page(const struct ps_big_findings_spec *s, const struct ps_bigpool_row *row,
                     struct ps_finding *f)
{
    struct first_page page;

    if (!s->paging)
        return;
    f->mapped = PS_MAPPED_NO;
    if (!find_page(s, row, &page))
        return;
    f->mapped = PS_MAPPED_YES;
    f->evidence |= PS_EV_MAPPED;
    if (f->pool == PS_POOL_NONPAGED && page.no_execute)
        f->pool = PS_POOL_NONPAGED_NX;
    f->phys = page.phys;
}

static enum ps_big_type big_type(const struct ps_bigpool_table *t)
{
    if (t->layout->word == PS_BIGPOOL_PAGES)
        return PS_BIG_TYPE_NONE;
    return t->names == PS_BIGPOOL_POOL_FLAGS ? PS_BIG_TYPE_POOL_FLAGS : PS_BIG_TYPE_POOL_TYPE;
}

static struct ps_finding finding_of(const struct ps_big_findings_spec *s,
                                    const struct ps_bigpool_row *row)
{
    const struct ps_bigpool_entry *e = &row->entry;
    struct ps_finding f = {
        .phys = PS_NOWHERE,
        .file_off = PS_NOWHERE,
        .va = e->va,
        .n_bytes = e->n_bytes,
        .tag = e->tag,
        .word0 = e->type,
        .info = ps_tagdb_find(s->tags, e->tag),
        .evidence = evidence_of(s, row),
        .status = e->state == PS_BIGPOOL_FREED ? PS_STATUS_FREE : PS_STATUS_ALLOCATED,
        .allocator = PS_ALLOCATOR_BIG,
        .source = PS_SOURCE_BIGPOOL,
        .pool = (uint8_t)ps_regions_type_pool(s->table, e->type),
        .big_type = (uint8_t)big_type(s->table),
    };

    if (e->state == PS_BIGPOOL_ALLOCATED)
        set_page(s, row, &f);
    f.process = ps_big_owner(s->owners, s->table, e);
    if (f.process)
        f.evidence |= PS_EV_BILLED;
    f.confidence = ps_evidence_score(f.evidence);
    return f;
}

static int is_inside(const struct ps_big_findings_spec *s, const struct ps_finding *f)
{
    if (f->phys == PS_NOWHERE)
        return s->start == 0 && s->end == UINT64_MAX;
    return f->phys >= s->start && f->phys < s->end;
}

static int is_sure_enough(const struct ps_big_findings_spec *s, const struct ps_finding *f)
{
    if (f->confidence >= s->min_confidence)
        return 1;
    if (s->n_below)
        ++*s->n_below;
    return 0;
}

/* Rows come by slot, which decides between equals: qsort is not stable, so nothing may be equal. It
 * stands in in_big meanwhile, which an entry has no use for. */
static int compare(const void *a, const void *b)
{
    const struct ps_finding *x = a;
    const struct ps_finding *y = b;

    if (x->phys != y->phys)
        return x->phys < y->phys ? -1 : 1;
    if (x->va != y->va)
        return x->va < y->va ? -1 : 1;
    return x->in_big < y->in_big ? -1 : x->in_big > y->in_big;
}

static size_t count_wanted(const struct ps_big_findings_spec *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->table->n_rows; i++)
        n += is_wanted(s, &s->table->row[i].entry) != 0;
    return n;
}

static size_t collect(const struct ps_big_findings_spec *s, struct ps_finding *f)
{
    size_t n = 0;

    for (size_t i = 0; i < s->table->n_rows; i++) {
        const struct ps_bigpool_row *row = &s->table->row[i];

        if (!is_wanted(s, &row->entry))
            continue;
        f[n] = finding_of(s, row);
        f[n].in_big = row->slot;
        n += is_inside(s, &f[n]) && is_sure_enough(s, &f[n]);
    }
    return n;
}

int ps_big_findings(struct ps_finding **out, size_t *n, const struct ps_big_findings_spec *spec,
                    struct ps_err *err)
{
    struct ps_finding *f = calloc(count_wanted(spec) + 1, sizeof *f);

    if (!f)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu big allocations",
                       spec->table->n_rows);
    *n = collect(spec, f);
    qsort(f, *n, sizeof *f, compare);
    for (size_t i = 0; i < *n; i++)
        f[i].in_big = 0;
    *out = f;
    return 0;
}
