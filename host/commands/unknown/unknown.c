/* poolscan tags --unknown: the tags of a result that nobody knows, and who has them in his code. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/commands/commands.h"
#include "host/commands/unknown/drivers.h"
#include "host/results/result.h"
#include "host/commands/unknown/tallies.h"
#include "host/log.h"
#include "host/output/listing.h"
#include "host/run/tag_source.h"

/* So many drivers of a tag are named. */
#define MAX_NAMED 8u

enum { TAG, TAG_RAW, ALLOCATIONS, FREED, BYTES, POOLS, OFFSET, EXACT_IN, BYTES_IN, N_FIELDS };

static const struct ps_column columns[N_FIELDS] = {
    [TAG] = {"Tag", "Tag", PS_COLUMN_TEXT, 0},
    [TAG_RAW] = {"TagRaw", "TagRaw", PS_COLUMN_TEXT, 0},
    [ALLOCATIONS] = {"Allocations", "Allocations", PS_COLUMN_LITERAL, 0},
    [FREED] = {"Freed", "Freed", PS_COLUMN_LITERAL, 0},
    [BYTES] = {"Bytes", "Bytes", PS_COLUMN_BYTES, 0},
    [POOLS] = {"PoolTypes", "PoolTypes", PS_COLUMN_LIST, 0},
    [OFFSET] = {"Offset", "Offset", PS_COLUMN_TEXT, 0},
    [EXACT_IN] = {"ExactIn", "ExactIn", PS_COLUMN_LIST, 0},
    [BYTES_IN] = {"BytesIn", "BytesIn", PS_COLUMN_LIST, 1},
};

/* One run, and the row that is being written. */
struct unknown {
    const char *path;
    struct ps_tagdb *tags;
    struct ps_tallies tallies;
    struct ps_result_about about;
    struct ps_drivers drivers;
    size_t n_tags; /* known ones too */
    char text[N_FIELDS][(MAX_NAMED + 1) * PS_MODULE_NAME_BYTES];
    const char *cell[N_FIELDS];
};

static int64_t read_file(void *arg, void *buf, size_t n_bytes, struct ps_err *err)
{
    FILE *file = arg;
    size_t got;
    int rc;

    errno = 0;
    got = fread(buf, 1, n_bytes, file);
    if (got == 0 && ferror(file))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "read: %s", strerror(errno));
    rc = ps_cancel_check(err);
    return rc < 0 ? rc : (int64_t)got;
}

static int on_row(void *arg, const struct ps_result_row *row, struct ps_err *err)
{
    struct unknown *u = arg;

    return ps_tallies_add(&u->tallies, row, err);
}

/* The message of the reader, with the file and what it should have been. */
static int blame(const struct unknown *u, struct ps_err *err)
{
    const struct ps_err why = *err;

    if (why.code != PS_EFORMAT)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.100s: %.140s", u->path, why.msg);
    return ps_fail(err, PS_EFORMAT, why.at,
                   "%.80s: no result of scan, find, bigpools or used with --format jsonl: %.90s",
                   u->path, why.msg);
}

static int read_result(struct unknown *u, const struct ps_options *opt, struct ps_err *err)
{
    const struct ps_result_sink sink = {
        .row = on_row, .arg = u, .min_confidence = opt->min_confidence};
    const int is_stdin = strcmp(opt->unknown, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(opt->unknown, "rb");
    int rc;

    u->path = is_stdin ? "standard input" : opt->unknown;
    if (!file)
        return ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE, "%.100s: open: %s",
                       u->path, strerror(errno));
    rc = ps_result_read((struct ps_byte_source){.read = read_file, .arg = file}, &sink, &u->about,
                        err);
    if (!is_stdin)
        fclose(file);
    if (rc < 0)
        return rc == -PS_ECANCEL || rc == -PS_ETEMP ? rc : blame(u, err);
    u->n_tags = u->tallies.n;
    ps_tallies_keep_unknown(&u->tallies);
    return 0;
}

/* What the output wrote as \xNN is a byte of the path; 0: it is no path of that kind. */
static int path_of(const char *text, char *path)
{
    while (*text) {
        char digits[3] = {0};

        if (*text != '\\') {
            *path++ = *text++;
            continue;
        }
        if (text[1] != 'x' || strspn(text + 2, "0123456789abcdef") < 2)
            return 0;
        memcpy(digits, text + 2, 2);
        *path++ = (char)strtoul(digits, NULL, 16);
        text += 4;
    }
    *path = '\0';
    return 1;
}

/* The image that the rows name, into 'path'; NULL, and why, where they do not name one. */
static const char *image_of(const struct ps_result_about *about, char *path)
{
    if (about->has_image && !about->has_other_images && path_of(about->image, path) && path[0])
        return path;
    ps_log(PS_LOG_WARN, "drivers are not listed: the result names %s; give IMAGE behind it",
           about->has_other_images ? "more than one image" : "no image that can be opened");
    return NULL;
}

static int find_drivers(struct unknown *u, const struct ps_options *opt, struct ps_err *err)
{
    const struct ps_result_about *about = &u->about;
    char path[PS_JSON_TEXT_BYTES];
    struct ps_drivers_image image = {.id = about->has_other_images ? "" : about->image_id};

    if (u->tallies.n == 0)
        return 0;
    image.is_from_result = opt->args.n == 0;
    image.path = image.is_from_result ? image_of(about, path) : opt->args.item[0];
    return image.path ? ps_drivers_find(&u->drivers, &image, &u->tallies, opt, err) : 0;
}

/* --- rows --- */

__attribute__((format(printf, 3, 4))) static void set(struct unknown *u, size_t field,
                                                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(u->text[field], sizeof u->text[field], format, args);
    va_end(args);
    u->cell[field] = u->text[field];
}

/* The names of modules that have the tag as an operand, or only as bytes. */
static void set_drivers(struct unknown *u, size_t field, const struct ps_driver_ref *ref, size_t n,
                        int exact)
{
    char *text = u->text[field];
    size_t used = 0, n_more = 0, n_named = 0;

    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *name = u->drivers.list->module[ref[i].module].name;

        if ((ref[i].exact != 0) != exact)
            continue;
        if (n_named++ < MAX_NAMED)
            used += (size_t)snprintf(text + used, sizeof u->text[field] - used, "%s%s",
                                     used ? "|" : "", *name ? name : "?");
        else
            n_more++;
    }
    if (n_more)
        snprintf(text + used, sizeof u->text[field] - used, "|(%zu more)", n_more);
    u->cell[field] = text;
}

static const char *const *make_row(void *arg, size_t row)
{
    static const char *const pools[] = {"", "NonPaged", "Paged", "NonPaged|Paged"};
    struct unknown *u = arg;
    const struct ps_tally *y = &u->tallies.tally[row];

    memset(u->cell, 0, sizeof u->cell);
    u->cell[TAG] = ps_tag_print(y->tag, u->text[TAG]);
    set(u, TAG_RAW, "0x%08" PRIx32, y->tag);
    set(u, ALLOCATIONS, "%" PRIu64, y->n_live);
    set(u, FREED, "%" PRIu64, y->n_freed);
    set(u, BYTES, "%" PRIu64, y->n_bytes);
    u->cell[POOLS] = pools[y->pools & 3u];
    if (y->offset != PS_RESULT_NOWHERE)
        set(u, OFFSET, "0x%016" PRIx64, y->offset);
    if (u->drivers.list) {
        size_t n;
        const struct ps_driver_ref *ref = ps_drivers_of(&u->drivers, row, &n);

        set_drivers(u, EXACT_IN, ref, n, 1);
        set_drivers(u, BYTES_IN, ref, n, 0);
    }
    return u->cell;
}

static void print_summary(const struct unknown *u)
{
    const struct ps_drivers *d = &u->drivers;

    fprintf(stderr,
            "poolscan: %" PRIu64 " rows of %zu tags, %zu of these unknown; passed over: %" PRIu64
            " below the confidence, %" PRIu64 " inside big allocations, %" PRIu64
            " without a tag, %" PRIu64 " of more tags than are counted\n",
            u->about.n_rows, u->n_tags, u->tallies.n, u->about.n_below, u->about.n_content,
            u->about.n_no_tag, u->tallies.n_left_out);
    if (d->list)
        fprintf(stderr,
                "poolscan: %zu modules%s: %" PRIu64 " pages of code searched, %" PRIu64
                " missing; %" PRIu64 " mentions left out\n",
                d->list->n, d->list->is_whole ? "" : " of a list that breaks", d->code.n_pages,
                d->code.n_missing, d->n_left_out);
}

static int write_rows(struct unknown *u, const struct ps_options *opt, struct ps_err *err)
{
    return ps_listing_write(&(struct ps_listing){.name = "unknown",
                                                 .column = columns,
                                                 .n_columns = N_FIELDS,
                                                 .n_rows = u->tallies.n,
                                                 .row = make_row,
                                                 .arg = u},
                            opt->format, opt->output, err);
}

static int run(struct unknown *u, const struct ps_options *opt, struct ps_err *err)
{
    int rc = ps_tag_source_load(&u->tags, opt, err);

    u->tallies.tags = u->tags;
    u->tallies.exact = opt->exact;
    if (rc >= 0)
        rc = read_result(u, opt, err);
    if (rc >= 0)
        rc = find_drivers(u, opt, err);
    if (rc >= 0)
        rc = write_rows(u, opt, err);
    if (rc >= 0 && !opt->quiet)
        print_summary(u);
    return rc;
}

int ps_cmd_unknown(const struct ps_options *opt, struct ps_err *err)
{
    struct unknown *u = calloc(1, sizeof *u);
    int rc;

    if (!u)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags of a result");
    rc = run(u, opt, err);
    ps_drivers_free(&u->drivers);
    ps_tallies_free(&u->tallies);
    ps_tagdb_free(u->tags);
    free(u);
    return rc;
}
