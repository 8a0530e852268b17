/* poolscan diff: what changed of each pool tag between two images or results. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/commands/diff/side.h"
#include "host/log.h"
#include "host/run/tag_source.h"

enum {
    TAG,
    WHAT,
    ALLOCS_A,
    ALLOCS_B,
    ALLOCS_CHANGE,
    BYTES_A,
    BYTES_B,
    BYTES_CHANGE,
    COMPONENT,
    DESCRIPTION,
    N_FIELDS
};

static const struct ps_column columns[N_FIELDS] = {
    [TAG] = {"Tag", "TAG", PS_COLUMN_TEXT, 0},
    [WHAT] = {"What", "WHAT", PS_COLUMN_TEXT, 0},
    [ALLOCS_A] = {"AllocsA", "ALLOCS A", PS_COLUMN_LITERAL, 0},
    [ALLOCS_B] = {"AllocsB", "ALLOCS B", PS_COLUMN_LITERAL, 0},
    [ALLOCS_CHANGE] = {"AllocsChange", "CHANGE", PS_COLUMN_LITERAL, 0},
    [BYTES_A] = {"BytesA", "BYTES A", PS_COLUMN_LITERAL, 0},
    [BYTES_B] = {"BytesB", "BYTES B", PS_COLUMN_LITERAL, 0},
    [BYTES_CHANGE] = {"BytesChange", "CHANGE", PS_COLUMN_LITERAL, 0},
    [COMPONENT] = {"Component", "COMPONENT", PS_COLUMN_TEXT, 1},
    [DESCRIPTION] = {"Description", "DESCRIPTION", PS_COLUMN_TEXT, 1},
};

/* [0] of A, [1] of B. */
struct row {
    uint32_t tag;
    uint64_t n[2];
    uint64_t n_bytes[2];
};

struct diff {
    struct ps_side side[2];
    int by_found; /* compared is what was found, not what Windows counted */
    struct ps_tagdb *tags;
    struct ps_tag_pattern *pattern;
    size_t n_patterns;
    struct row *row; /* those that differ */
    size_t n_rows, n_same, n_new, n_vanished;
};

static const struct ps_tag_usages *usages_of(const struct diff *d, size_t i)
{
    return d->by_found ? &d->side[i].found : &d->side[i].counted;
}

static int is_there(const struct row *r, size_t i)
{
    return r->n[i] != 0 || r->n_bytes[i] != 0;
}

static void compare_tag(struct diff *d, uint32_t tag)
{
    struct row r = {.tag = tag};

    if (!ps_tag_patterns_match(d->pattern, d->n_patterns, tag))
        return;
    for (size_t i = 0; i < 2; i++) {
        const struct ps_tag_usage *s = ps_tag_usages_find(usages_of(d, i), tag);

        r.n[i] = s ? ps_side_sum(s->header_blocks, s->big_allocations) : 0;
        r.n_bytes[i] = s ? ps_side_sum(s->header_bytes, s->big_bytes) : 0;
    }
    if (r.n[0] == r.n[1] && r.n_bytes[0] == r.n_bytes[1]) {
        d->n_same += is_there(&r, 0) != 0;
        return;
    }
    d->n_new += !is_there(&r, 0);
    d->n_vanished += !is_there(&r, 1);
    d->row[d->n_rows++] = r;
}

/* All tags of A, and those of B that A does not have. */
static int compare(struct diff *d, struct ps_err *err)
{
    const struct ps_tag_usages *a = usages_of(d, 0), *b = usages_of(d, 1);

    d->row = calloc(a->n + b->n + 1, sizeof *d->row);
    if (!d->row)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", a->n + b->n);
    for (size_t i = 0; i < a->n; i++)
        compare_tag(d, a->usage[i].tag);
    for (size_t i = 0; i < b->n; i++)
        if (!ps_tag_usages_find(a, b->usage[i].tag))
            compare_tag(d, b->usage[i].tag);
    return 0;
}

/* --- order --- */

static int by_tag(const void *a, const void *b)
{
    return ps_tag_compare(((const struct row *)a)->tag, ((const struct row *)b)->tag);
}

static uint64_t distance(const uint64_t pair[2])
{
    return pair[0] < pair[1] ? pair[1] - pair[0] : pair[0] - pair[1];
}

static int by_change(const struct row *x, const struct row *y, int bytes_first)
{
    const uint64_t bx = distance(x->n_bytes), by = distance(y->n_bytes);
    const uint64_t nx = distance(x->n), ny = distance(y->n);

    if (bytes_first && bx != by)
        return bx < by ? 1 : -1;
    if (nx != ny)
        return nx < ny ? 1 : -1;
    if (bx != by)
        return bx < by ? 1 : -1;
    return by_tag(x, y);
}

static int by_bytes(const void *a, const void *b)
{
    return by_change(a, b, 1);
}

static int by_allocs(const void *a, const void *b)
{
    return by_change(a, b, 0);
}

static void sort_rows(struct diff *d, const char *by)
{
    qsort(d->row, d->n_rows, sizeof *d->row,
          strcmp(by, "tag") == 0      ? by_tag
          : strcmp(by, "allocs") == 0 ? by_allocs
                                      : by_bytes);
}

/* --- rows --- */

/* The change as a number with its sign, which has no room for the last bit of forged ones. */
static void set_pair(struct ps_cells *c, size_t column, const uint64_t pair[2])
{
    ps_cells_set(c, column, "%" PRIu64, pair[0]);
    ps_cells_set(c, column + 1, "%" PRIu64, pair[1]);
    ps_cells_set(c, column + 2, "%s%" PRIu64, pair[1] < pair[0] ? "-" : "", distance(pair));
}

static int write_rows(const struct diff *d, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_cells cells = {.n_columns = N_FIELDS};
    char text[PS_TAG_TEXT_BYTES];
    int rc;

    for (size_t i = 0; i < d->n_rows; i++) {
        const struct row *r = &d->row[i];

        ps_cells_row(&cells);
        ps_cells_set(&cells, TAG, "%s", ps_tag_print(r->tag, text));
        ps_cells_set(&cells, WHAT, "%s",
                     !is_there(r, 0)   ? "new"
                     : !is_there(r, 1) ? "vanished"
                                       : "changed");
        set_pair(&cells, ALLOCS_A, r->n);
        set_pair(&cells, BYTES_A, r->n_bytes);
        ps_cells_explain(&cells, d->tags, r->tag,
                         &(struct ps_tag_columns){COMPONENT, PS_NO_COLUMN, DESCRIPTION});
    }
    rc = ps_cells_write(&cells, columns, opt, err);
    ps_cells_free(&cells);
    return rc;
}

static void print_summary(const struct diff *d)
{
    fprintf(stderr,
            "poolscan: compared is %s; %zu tags differ, %zu of them new and %zu vanished, %zu are "
            "the same; %" PRIu64 " allocations of more tags than are counted\n",
            d->by_found ? "what is found of each tag" : "what Windows counts of each tag",
            d->n_rows, d->n_new, d->n_vanished, d->n_same,
            usages_of(d, 0)->n_over + usages_of(d, 1)->n_over);
}

/* --- the verb --- */

static int open_sides(struct diff *d, const struct ps_options *opt, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++)
        rc = ps_side_open(&d->side[i], opt->args.item[i], opt, err);
    d->by_found = !d->side[0].has_counted || !d->side[1].has_counted;
    for (size_t i = 0; i < 2 && rc == 0 && d->by_found; i++)
        rc = ps_side_find(&d->side[i], opt, err);
    return rc;
}

static int run(struct diff *d, const struct ps_options *opt, struct ps_err *err)
{
    int rc = ps_tag_source_patterns(&d->pattern, opt, err);

    d->n_patterns = opt->tags.n;
    if (rc == 0)
        rc = ps_tag_source_load(&d->tags, opt, err);
    if (rc == 0)
        rc = open_sides(d, opt, err);
    if (rc == 0)
        rc = compare(d, err);
    if (rc < 0)
        return rc;
    sort_rows(d, opt->sort);
    rc = write_rows(d, opt, err);
    if (rc == 0 && !opt->quiet)
        print_summary(d);
    return rc;
}

/* What could not be read of an image is told after everything else. */
static int tell_late(const struct diff *d, struct ps_err *err)
{
    for (size_t i = 0; i < 2; i++)
        if (d->side[i].went_on) {
            const struct ps_err *late = &d->side[i].late;

            return ps_fail(err, (enum ps_code)late->code, late->at, "%.80s: %.160s",
                           d->side[i].path, late->msg);
        }
    return 0;
}

int ps_cmd_diff(const struct ps_options *opt, struct ps_err *err)
{
    struct diff *d = calloc(1, sizeof *d);
    int rc;

    if (!d)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags");
    rc = run(d, opt, err);
    if (rc == 0)
        rc = tell_late(d, err);
    if (rc == 0 && opt->fail_if_different && d->n_rows > 0)
        rc = ps_fail(err, PS_ENONE, PS_AT_NONE, "%zu tags differ (--fail-if-different)", d->n_rows);
    free(d->row);
    free(d->pattern);
    ps_tagdb_free(d->tags);
    ps_side_close(&d->side[0]);
    ps_side_close(&d->side[1]);
    free(d);
    return rc;
}
