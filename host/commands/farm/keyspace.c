/* poolscan keyspace: how much memory images hold, for whoever cuts them by hand. */
#include "host/commands/commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/cancel.h"
#include "host/farm/plan/cut.h"
#include "host/image/present.h"
#include "host/log.h"
#include "host/open_image.h"
#include "host/output/listing.h"

enum { COL_IMAGE, COL_ID, COL_PRESENT, COL_START, COL_END, COL_TASK, COL_TASKS, N_COLUMNS };

static const struct ps_column columns[N_COLUMNS] = {
    [COL_IMAGE] = {.name = "Image", .title = "Image", .may_cut = 1},
    [COL_ID] = {.name = "ImageId"},
    [COL_PRESENT] = {.name = "PresentBytes", .title = "Present", .kind = PS_COLUMN_BYTES},
    [COL_START] = {.name = "Start", .title = "Start"},
    [COL_END] = {.name = "End", .title = "End"},
    [COL_TASK] = {.name = "TaskBytes", .title = "A task", .kind = PS_COLUMN_BYTES},
    [COL_TASKS] = {.name = "Tasks", .title = "Tasks", .kind = PS_COLUMN_LITERAL},
};

struct row {
    char id[PS_DIGEST_HEX_BYTES];
    char present[24], start[24], end[24], task[24], tasks[24];
};

struct keyspace {
    const struct ps_options *opt;
    struct row *row;
    const char **cell;
    size_t n_rows;
    int first_failure;
};

static void put_row(struct keyspace *k, const char *path, const struct ps_image *image,
                    const struct ps_farm_span *span)
{
    struct row *r = &k->row[k->n_rows];
    const char **cell = &k->cell[k->n_rows * N_COLUMNS];
    const uint64_t end = k->opt->has_range ? span->end : ps_image_present_end(image, 0);
    const uint64_t tasks = span->n_ranges > 1 ? span->n_ranges + 1 : 1;

    snprintf(r->id, sizeof r->id, "%s", ps_image_id(image));
    snprintf(r->present, sizeof r->present, "%" PRIu64, span->present);
    snprintf(r->start, sizeof r->start, "0x%016" PRIx64, span->start);
    snprintf(r->end, sizeof r->end, "0x%016" PRIx64, end);
    snprintf(r->task, sizeof r->task, "%" PRIu64, k->opt->task_bytes);
    snprintf(r->tasks, sizeof r->tasks, "%" PRIu64, tasks);
    cell[COL_IMAGE] = path;
    cell[COL_ID] = r->id;
    cell[COL_PRESENT] = r->present;
    cell[COL_START] = r->start;
    cell[COL_END] = r->end;
    cell[COL_TASK] = r->task;
    cell[COL_TASKS] = r->tasks;
    k->n_rows++;
}

static int add_one(struct keyspace *k, const char *path, struct ps_err *err)
{
    struct ps_image *image = NULL;
    struct ps_farm_span span;
    int rc = ps_open_image(&image, path, k->opt, err);

    if (rc < 0) {
        ps_log(PS_LOG_ERROR, "%s: %s", path, err->msg);
        if (k->first_failure == 0)
            k->first_failure = rc;
        return 0;
    }
    rc = ps_farm_span(image, k->opt, &span, err);
    if (rc == 0)
        put_row(k, path, image, &span);
    ps_image_close(image);
    return rc;
}

static int add_all(struct keyspace *k, struct ps_err *err)
{
    const struct ps_strings *images = &k->opt->args;
    int rc = 0;

    k->row = calloc(images->n, sizeof *k->row);
    k->cell = calloc(images->n, N_COLUMNS * sizeof *k->cell);
    if (!k->row || !k->cell)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    for (size_t i = 0; i < images->n && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = add_one(k, images->item[i], err);
    }
    return rc;
}

int ps_cmd_keyspace(const struct ps_options *opt, struct ps_err *err)
{
    struct keyspace k = {.opt = opt};
    int rc = add_all(&k, err);

    if (rc == 0 && k.n_rows > 0) {
        const struct ps_listing listing = {
            .column = columns, .n_columns = N_COLUMNS, .cell = k.cell, .n_rows = k.n_rows};

        rc = ps_listing_write(&listing, opt->format, opt->output, err);
    }
    free(k.row);
    free(k.cell);
    if (rc == 0 && k.first_failure < 0) {
        err->code = -k.first_failure;
        err->msg[0] = 0;
        rc = k.first_failure;
    }
    return rc;
}
