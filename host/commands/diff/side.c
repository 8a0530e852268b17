#include "host/commands/diff/side.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/log.h"
#include "host/results/database.h"
#include "host/results/result.h"
#include "host/virtual/pool/tracker.h"

#define PROBE_BYTES 16u

static int add(struct ps_tag_usages *u, uint32_t tag, uint64_t n, uint64_t n_bytes,
               struct ps_err *err)
{
    int out_of_memory;
    struct ps_tag_usage *s = ps_tag_usages_at(u, tag, &out_of_memory);

    if (out_of_memory)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags");
    if (s) {
        s->header_blocks = ps_side_sum(s->header_blocks, n);
        s->header_bytes = ps_side_sum(s->header_bytes, n_bytes);
    }
    return 0;
}

static int on_row(void *arg, const struct ps_result_row *row, struct ps_err *err)
{
    struct ps_side *side = arg;

    if (row->has_counted) {
        side->has_counted = 1;
        if (add(&side->counted, row->tag, row->n_live, row->n_bytes, err) < 0)
            return -err->code;
    }
    return add(&side->found, row->tag, row->n_found, row->n_found_bytes, err);
}

/* --- images --- */

static uint64_t alive(const struct ps_tracker_layout *layout, const struct ps_tracker_counts *c)
{
    const int64_t diff = ps_tracker_diff(layout, c);

    return diff < 0 ? 0 : (uint64_t)diff;
}

static int count_tracker(struct ps_side *side, const struct ps_tracker_table *t, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < t->n_rows && rc == 0; i++) {
        const struct ps_tracker_entry *e = &t->row[i].entry;

        rc = add(&side->counted, e->tag,
                 ps_side_sum(alive(t->layout, &e->nonpaged), alive(t->layout, &e->paged)),
                 ps_side_sum(e->nonpaged.bytes, e->paged.bytes), err);
    }
    return rc;
}

static int open_image(struct ps_side *side, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_tracker_table tracker = {0};
    int rc = ps_address_space_open(&side->as, opt, side->path, err);

    if (rc >= 0)
        rc = ps_address_space_tracker(&side->as, opt, &tracker, err);
    side->has_counted = rc > 0;
    if (rc > 0)
        rc = count_tracker(side, &tracker, err);
    ps_tracker_table_free(&tracker);
    return rc < 0 ? rc : 0;
}

int ps_side_find(struct ps_side *side, const struct ps_options *opt, struct ps_err *err)
{
    int rc;

    if (side->has_found)
        return 0;
    rc = ps_tag_usages_scan(&side->found, opt, side->as.image, &side->went_on, &side->late);
    side->has_found = 1;
    if (rc < 0 && !side->went_on) {
        *err = side->late;
        return rc;
    }
    return 0;
}

/* --- results --- */

static int64_t read_file(void *arg, void *buf, size_t n_bytes, struct ps_err *err)
{
    size_t got;
    int rc;

    errno = 0;
    got = fread(buf, 1, n_bytes, arg);
    if (got == 0 && ferror((FILE *)arg))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "read: %s", strerror(errno));
    rc = ps_cancel_check(err);
    return rc < 0 ? rc : (int64_t)got;
}

static int read_result(struct ps_side *side, FILE *file, struct ps_err *err)
{
    const struct ps_result_sink sink = {
        .row = on_row, .arg = side, .min_confidence = PS_TAG_USAGE_CONFIDENCE};
    struct ps_result_about about;

    side->has_found = 1;
    if (side->kind == PS_SIDE_SQLITE)
        return ps_result_database_read(side->path, &sink, err);
    return ps_result_read((struct ps_byte_source){.read = read_file, .arg = file}, &sink, &about,
                          err);
}

/* JSON begins with an object or a list of objects; a scan that found nothing is an empty file. */
static enum ps_side_kind probe(const char *head, size_t n)
{
    static const char sqlite[PROBE_BYTES] = "SQLite format 3";

    if (n == PROBE_BYTES && memcmp(head, sqlite, n) == 0)
        return PS_SIDE_SQLITE;
    if (n == 0 || (n > 1 && memcmp(head, "{\"", 2) == 0) || (n > 1 && memcmp(head, "[\n", 2) == 0))
        return PS_SIDE_JSON;
    return PS_SIDE_IMAGE;
}

/* The messages of the readers do not name the file; those of images do, or are said with it. */
static int blame(const char *path, struct ps_err *err)
{
    const struct ps_err why = *err;

    if (why.code == PS_ECANCEL || why.code == PS_ETEMP || strstr(why.msg, path))
        return -why.code;
    return ps_fail(err, (enum ps_code)why.code, why.at, "%.100s: %.140s", path, why.msg);
}

int ps_side_open(struct ps_side *side, const char *path, const struct ps_options *opt,
                 struct ps_err *err)
{
    FILE *file = fopen(path, "rb");
    char head[PROBE_BYTES];
    int rc;

    side->path = path;
    if (!file)
        return ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE, "%.100s: %s", path,
                       errno == ENOENT ? "no such file" : strerror(errno));
    side->kind = probe(head, fread(head, 1, sizeof head, file));
    rewind(file);
    rc = side->kind == PS_SIDE_IMAGE ? open_image(side, opt, err) : read_result(side, file, err);
    fclose(file);
    return rc < 0 ? blame(path, err) : 0;
}

void ps_side_close(struct ps_side *side)
{
    ps_tag_usages_free(&side->counted);
    ps_tag_usages_free(&side->found);
    if (side->kind == PS_SIDE_IMAGE)
        ps_address_space_close(&side->as);
}
