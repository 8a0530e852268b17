/* Windows XP to 7: tables of page numbers, each followed by the blocks that hold those pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/image/containers/hiber/hiber.h"
#include "host/image/containers/hiber/versions.h"
#include "host/image/le.h"

#define PAGES_END (PS_PHYS_END / PS_HIBER_PAGE)

/* One _PO_MEMORY_RANGE_ARRAY. */
struct table {
    const struct ps_hiber_ranges *how;
    uint64_t page; /* of the file, that it is in */
    uint64_t next; /* page of the next one; 0: it is the last */
    int is_full;   /* else the link may be a left-over */
    uint32_t n_ranges;
    uint64_t n_pages;
    uint8_t bytes[PS_HIBER_PAGE];
};

struct range {
    uint64_t first;
    uint64_t n;
};

static uint64_t number(const struct ps_hiber_ranges *how, const uint8_t *at)
{
    return how->is_x86 ? ps_le32(at) : ps_le64(at);
}

static struct range range_of(const struct table *t, uint32_t i)
{
    const uint8_t *at = t->bytes + t->how->first_at + i * t->how->stride;
    const uint64_t first = number(t->how, at + t->how->start_at);
    const uint64_t end = number(t->how, at + t->how->end_at);

    if (first >= end || end > PAGES_END)
        return (struct range){0, 0};
    return (struct range){first, end - first};
}

/* 1: *t is a table as 'how' says, up to its first range that cannot be; 0: it is none. */
static int read_table(const struct ps_container *c, const struct ps_hiber_ranges *how,
                      uint64_t page, struct table *t, struct ps_err *err)
{
    const uint32_t n_most = (PS_HIBER_PAGE - how->first_at) / how->stride;
    uint32_t n;
    int rc;

    if (page >= c->bytes->n_bytes / PS_HIBER_PAGE) /* whole ones */
        return 0;
    rc = ps_hiber_read(c, page * PS_HIBER_PAGE, t->bytes, PS_HIBER_PAGE, err);
    if (rc < 0)
        return rc;
    n = ps_le32(t->bytes + how->count_at);
    if (!n || n > n_most)
        return 0;
    t->how = how;
    t->page = page;
    t->next = number(how, t->bytes + how->next_at);
    t->is_full = n == n_most;
    t->n_pages = 0;
    for (t->n_ranges = 0; t->n_ranges < n && range_of(t, t->n_ranges).n; t->n_ranges++)
        t->n_pages += range_of(t, t->n_ranges).n;
    return t->n_ranges == n || t->n_ranges > 0;
}

static int is_whole(const struct table *t)
{
    return t->n_ranges == ps_le32(t->bytes + t->how->count_at);
}

/* The block at 'off', of a table with n_left pages left. 1: *set is filled; 0: none. */
static int block_at(const struct ps_container *c, uint64_t off, uint64_t n_left,
                    struct ps_hiber_set *set, struct ps_err *err)
{
    uint8_t head[PS_HIBER_BLOCK_HEAD];
    const int rc = ps_hiber_read(c, off, head, sizeof head, err);

    if (rc <= 0)
        return rc;
    return ps_hiber_head(PS_HIBER_BLOCKS, head, (size_t)rc,
                         n_left < PS_HIBER_SET_PAGES ? (uint32_t)n_left : PS_HIBER_SET_PAGES,
                         set) &&
           (uint64_t)set->n_head + set->n_data <= c->bytes->n_bytes - off;
}

/* Are there just as many blocks behind the table as it has pages for? Another version's table can
 * look like one, but not tell the right number. */
static int fits(const struct ps_container *c, const struct table *t, struct ps_err *err)
{
    uint64_t off = (t->page + 1) * PS_HIBER_PAGE;
    struct ps_hiber_set set;
    int rc = 1;

    if (!is_whole(t))
        return 0;
    for (uint64_t left = t->n_pages; left && rc > 0; left -= set.n_pages) {
        rc = block_at(c, off, left, &set, err);
        if (rc > 0)
            off += set.n_head + set.n_data + set.n_padding;
        else
            set.n_pages = 0;
    }
    if (rc <= 0)
        return rc;
    rc = block_at(c, off, 1, &set, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (!t->next || !t->is_full)
        return 1;
    if (t->next < off / PS_HIBER_PAGE || t->next >= c->bytes->n_bytes / PS_HIBER_PAGE)
        return 0;
    return block_at(c, (t->next + 1) * PS_HIBER_PAGE, PS_HIBER_SET_PAGES, &set, err);
}

/* The pages of a table, out of the blocks behind it. */
struct walk {
    struct ps_container *c;
    struct ps_hiber_index *index;
    uint64_t off;     /* of the next block */
    uint64_t n_left;  /* pages of the table without a block */
    uint32_t n_block; /* pages left of the last block, the last of the index */
};

/* 1: w->n_block pages more; 0: there is no block. */
static int next_block(struct walk *w, struct ps_err *err)
{
    struct ps_hiber_set set;
    int rc = block_at(w->c, w->off, w->n_left, &set, err);

    if (rc <= 0)
        return rc;
    rc = ps_hiber_index_add(w->index, w->off, &set, err);
    if (rc < 0)
        return rc;
    w->off = w->index->end;
    w->n_left -= set.n_pages;
    w->n_block = set.n_pages;
    return 1;
}

/* 1: all of the range has blocks; 0: not. */
static int walk_range(struct walk *w, struct range r, struct ps_err *err)
{
    while (r.n) {
        int rc = w->n_block ? 1 : next_block(w, err);
        const uint64_t n = r.n < w->n_block ? r.n : w->n_block;

        if (rc <= 0)
            return rc;
        rc = ps_runs_add(&w->c->runs, r.first * PS_HIBER_PAGE, n * PS_HIBER_PAGE,
                         w->index->n_bytes - (uint64_t)w->n_block * PS_HIBER_PAGE, err);
        if (rc < 0)
            return rc;
        r.first += n;
        r.n -= n;
        w->n_block -= (uint32_t)n;
    }
    return 1;
}

/* *n_lost: pages without a block. */
static int walk_table(struct ps_container *c, struct ps_hiber_index *index, const struct table *t,
                      uint64_t *n_lost, struct ps_err *err)
{
    struct walk w = {
        .c = c, .index = index, .off = (t->page + 1) * PS_HIBER_PAGE, .n_left = t->n_pages};
    int rc = 1;

    for (uint32_t i = 0; i < t->n_ranges && rc > 0; i++)
        rc = walk_range(&w, range_of(t, i), err);
    *n_lost += w.n_left;
    return rc < 0 ? rc : 0;
}

/* The table that *t leads to, in its place. 1; 0: there is none; or -PS_E.... Windows links tables
 * that are full. The link of another one counts if what it leads to follows at once and is a table
 * with all of its blocks. */
static int next_table(const struct ps_container *c, const struct ps_hiber_index *index,
                      struct table *t, int *n_damaged, struct ps_err *err)
{
    const uint64_t behind = (index->end + PS_HIBER_PAGE - 1) / PS_HIBER_PAGE;
    const uint64_t next = t->next;
    const int is_full = t->is_full;
    int rc = 0;

    if (!next || (!is_full && next != behind))
        return 0;
    if (next > t->page)
        rc = read_table(c, t->how, next, t, err);
    if (rc > 0 && !is_full)
        return fits(c, t, err);
    *n_damaged += rc == 0 && is_full;
    return rc;
}

static int walk_tables(struct ps_container *c, struct ps_hiber_index *index, struct table *t,
                       struct ps_err *err)
{
    uint64_t n_lost = 0;
    int n_damaged = 0;
    int rc = 1;

    while (rc > 0) {
        n_damaged += !is_whole(t);
        rc = walk_table(c, index, t, &n_lost, err);
        if (rc == 0)
            rc = next_table(c, index, t, &n_damaged, err);
    }
    if (n_lost)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "%" PRIu64 " pages that the tables name could not be found; the file is cut "
                     "short or damaged",
                     n_lost);
    if (n_damaged)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "a table of page numbers is damaged: its pages, and those of tables that "
                     "only it leads to, are missing");
    return rc;
}

/* A version that the file can be of, with its first table in *t; NULL: none, or *rc is negative.
 * 'strictly': the blocks behind the table agree. */
static const struct ps_hiber_version *find_version(const struct ps_container *c, int by_header,
                                                   int strictly, uint64_t first_block,
                                                   struct table *t, int *rc, struct ps_err *err)
{
    *rc = 0;
    for (size_t i = 0; i < ps_n_hiber_versions; i++) {
        const struct ps_hiber_version *v = &ps_hiber_versions[i];
        const uint64_t page = by_header ? ps_hiber_first_table(c, v) : first_block - 1;

        if (!page || page == UINT64_MAX)
            continue;
        *rc = read_table(c, v->ranges, page, t, err);
        if (*rc > 0 && strictly)
            *rc = fits(c, t, err);
        if (*rc != 0)
            return *rc > 0 ? v : NULL;
    }
    return NULL;
}

static const struct ps_hiber_version *best_version(const struct ps_container *c,
                                                   uint64_t first_block, int *by_header,
                                                   struct table *t, int *rc, struct ps_err *err)
{
    static const struct {
        int by_header, strictly;
    } ways[] = {{1, 1}, {0, 1}, {1, 0}, {0, 0}};

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const struct ps_hiber_version *v;

        *by_header = ways[i].by_header;
        v = find_version(c, *by_header, ways[i].strictly, first_block, t, rc, err);
        if (v || *rc < 0)
            return v;
    }
    return NULL;
}

static int is_resumed(const struct ps_container *c)
{
    return memcmp(c->head, "hibr", 4) != 0 && memcmp(c->head, "HIBR", 4) != 0;
}

static int read_tables(struct ps_container *c, struct ps_hiber_index *index, struct ps_err *err)
{
    const struct ps_hiber_version *v;
    struct table t;
    uint64_t first_block;
    int by_header;
    int rc = ps_hiber_first_block(c, &first_block, err);

    if (rc <= 0)
        return rc;
    v = best_version(c, first_block, &by_header, &t, &rc, err);
    if (!v)
        return rc;
    if (is_resumed(c))
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "Windows has resumed from this hibernation file; its pages may be old or "
                     "overwritten in part");
    snprintf(c->name, sizeof c->name, "hibernation file (%s)", v->ranges->name);
    c->facts.machine = v->ranges->is_x86 ? PS_MACHINE_X86 : PS_MACHINE_X64;
    rc = ps_hiber_version_facts(c, v, by_header, err);
    return rc < 0 ? rc : walk_tables(c, index, &t, err);
}

int ps_hiber_open_tables(struct ps_container *c, struct ps_err *err)
{
    struct ps_hiber_index index = {.form = PS_HIBER_BLOCKS};
    int rc = read_tables(c, &index, err);

    if (rc == 0 && !index.n)
        rc = ps_fail(err, PS_EFORMAT, 0,
                     "hibernation file of Windows 7 or before: no page of memory in it; it was "
                     "wiped, or is damaged");
    if (rc == 0) {
        ps_hiber_turn_runs(c);
        rc = ps_hiber_index_open(c, &index, err);
    }
    ps_hiber_index_free(&index);
    return rc;
}
