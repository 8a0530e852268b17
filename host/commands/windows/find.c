/* poolscan find: every allocation of a tag. */
#include <inttypes.h>
#include <stdio.h>

#include "host/commands/cells.h"
#include "host/commands/commands.h"
#include "host/image/fault_guard.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/run/session.h"

enum {
    ALLOCATION,
    OFFSET,
    TAG,
    POOL,
    NUMBER_OF_BYTES,
    STATUS,
    ALLOCATOR,
    CONFIDENCE,
    COMPONENT,
    KIND,
    DESCRIPTION,
    N_FIELDS
};

static const struct ps_column columns[N_FIELDS] = {
    [ALLOCATION] = {"Allocation", "Allocation", PS_COLUMN_TEXT, 0},
    [OFFSET] = {"Offset", "Offset", PS_COLUMN_TEXT, 0},
    [TAG] = {"Tag", "Tag", PS_COLUMN_TEXT, 0},
    [POOL] = {"Pool", "Pool", PS_COLUMN_TEXT, 0},
    [NUMBER_OF_BYTES] = {"NumberOfBytes", "Bytes", PS_COLUMN_LITERAL, 0},
    [STATUS] = {"Status", "Status", PS_COLUMN_TEXT, 0},
    [ALLOCATOR] = {"Allocator", "Allocator", PS_COLUMN_TEXT, 0},
    [CONFIDENCE] = {"Confidence", "Confidence", PS_COLUMN_LITERAL, 0},
    [COMPONENT] = {"Component", "Component", PS_COLUMN_TEXT, 0},
    [KIND] = {"Kind", "Kind", PS_COLUMN_TEXT, 0},
    [DESCRIPTION] = {"Description", "Description", PS_COLUMN_TEXT, 1},
};

struct finder {
    const struct ps_tagdb *tags;
    struct ps_cells cells;
};

static void explain(struct finder *f, uint32_t at)
{
    struct ps_tag_info info;

    if (at == PS_TAG_UNKNOWN)
        return;
    info = ps_tagdb_at(f->tags, at);
    if (*info.component)
        ps_cells_set(&f->cells, COMPONENT, "%s", info.component);
    if (*info.kind)
        ps_cells_set(&f->cells, KIND, "%s", info.kind);
    if (*info.description)
        ps_cells_set(&f->cells, DESCRIPTION, "%s", info.description);
}

static void add_row(struct finder *f, const struct ps_finding *from)
{
    const char *pool = ps_pool_kind_name((enum ps_pool_kind)from->pool);
    char tag[PS_TAG_TEXT_BYTES];

    ps_cells_row(&f->cells);
    if (from->va)
        ps_cells_set_address(&f->cells, ALLOCATION, from->va);
    if (from->phys != PS_NOWHERE)
        ps_cells_set_address(&f->cells, OFFSET, from->phys);
    ps_cells_set(&f->cells, TAG, "%s", ps_tag_print(from->tag, tag));
    if (pool)
        ps_cells_set(&f->cells, POOL, "%s", pool);
    ps_cells_set(&f->cells, NUMBER_OF_BYTES, "%" PRIu64, from->n_bytes);
    ps_cells_set(&f->cells, STATUS, "%s", ps_status_name((enum ps_status)from->status));
    ps_cells_set(&f->cells, ALLOCATOR, "%s", ps_allocator_name((enum ps_allocator)from->allocator));
    ps_cells_set(&f->cells, CONFIDENCE, "%u", from->confidence);
    explain(f, from->info);
}

static int on_findings(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    struct finder *finder = arg;

    for (size_t i = 0; i < n; i++)
        add_row(finder, &f[i]);
    if (finder->cells.failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the rows of the table");
    return 0;
}

/* What could not be read is told after the table of all that could. */
static int scan_image(struct ps_scan_session *s, const char *path, struct ps_scan_totals *totals,
                      struct finder *f, struct ps_err *err)
{
    struct ps_image *image = NULL;
    struct ps_err late = {0};
    int went_on = 0;
    int rc = ps_open_image(&image, path, s->opt, err);

    if (rc == 0)
        rc = ps_scan_session_image(s, image, NULL, totals, &went_on, err);
    ps_image_close(image);
    if (rc < 0 && !went_on) {
        late = *err;
        return ps_fail(err, (enum ps_code)late.code, late.at, "%.80s: %.160s", path, late.msg);
    }
    if (rc < 0) {
        late = *err;
        ps_log(PS_LOG_ERROR, "%s: %s", path, err->msg);
        err->msg[0] = 0;
    }
    rc = ps_cells_write(&f->cells, columns, s->opt, err);
    if (rc == 0 && late.code) {
        err->code = late.code;
        err->msg[0] = 0;
        rc = -late.code;
    }
    return rc;
}

static int find_table(const struct ps_options *opt, struct ps_err *err)
{
    struct finder f = {.cells = {.n_columns = N_FIELDS}};
    struct ps_scan_totals totals = {0};
    struct ps_scan_session s;
    int rc = ps_scan_session_open(&s, opt, err);

    ps_fault_guard_init();
    f.tags = s.tags;
    s.on_findings = on_findings;
    s.findings_arg = &f;
    if (rc == 0)
        rc = scan_image(&s, opt->args.item[0], &totals, &f, err);
    if (rc == 0 && !opt->quiet)
        fprintf(stderr,
                "poolscan: %" PRIu64 " allocations, %" PRIu64 " of them big; %" PRIu64
                " below confidence %u left out\n",
                totals.findings, totals.big, totals.below, opt->min_confidence);
    if (rc == 0 && opt->fail_if_none && totals.findings == 0)
        rc = ps_fail(err, PS_ENONE, PS_AT_NONE, "nothing found (--fail-if-none)");
    ps_cells_free(&f.cells);
    ps_scan_session_free(&s);
    return rc;
}

/* A scan for one tag; where people read it, with a row for each allocation instead of one for the
 * tag. */
int ps_cmd_find(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_options scan = *opt;

    scan.args = (struct ps_strings){opt->args.item, 1};
    scan.tags = (struct ps_strings){opt->args.item + 1, 1};
    return ps_output_is_table(opt->format, opt->output) ? find_table(&scan, err)
                                                        : ps_cmd_scan(&scan, err);
}
