/* Reading a plan: anything may stand in it. */
#include "host/farm/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
    struct ps_farm_plan plan;
    char id[PS_DIGEST_HEX_BYTES]; /* as the header has it */
    uint64_t n_tasks, n_images;   /* likewise */
    size_t line;                  /* from 1 */
    struct ps_err *err;
};

__attribute__((format(printf, 2, 3))) static int bad(const struct reader *r, const char *fmt, ...)
{
    char msg[160];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    return ps_fail(r->err, PS_EFORMAT, r->line, "line %zu: %s", r->line, msg);
}

/* What plan.c refuses has no line yet. */
static int with_line(const struct reader *r, int rc)
{
    char why[sizeof r->err->msg];

    if (rc != -PS_EFORMAT)
        return rc;
    memcpy(why, r->err->msg, sizeof why);
    return bad(r, "%s", why);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int get_number(const struct reader *r, const json_t *object, const char *key, uint64_t *out)
{
    const json_t *v = json_object_get(object, key);

    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return bad(r, "\"%s\" must be a whole number", key);
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

static int get_address(const struct reader *r, const json_t *object, const char *key, uint64_t *out)
{
    const char *s = text_of(object, key);
    size_t n;

    if (!s || strncmp(s, "0x", 2) != 0)
        return bad(r, "\"%s\" must be an address such as \"0x1000\"", key);
    n = strspn(s + 2, "0123456789abcdef");
    if (n == 0 || n > 16 || s[2 + n] != '\0')
        return bad(r, "\"%s\" must be an address such as \"0x1000\"", key);
    *out = strtoull(s + 2, NULL, 16);
    return 0;
}

static int get_digest(const struct reader *r, const json_t *object, const char *key,
                      char out[PS_DIGEST_HEX_BYTES])
{
    const char *s = text_of(object, key);

    if (!s || strlen(s) != PS_DIGEST_HEX_BYTES - 1 ||
        strspn(s, "0123456789abcdef") != PS_DIGEST_HEX_BYTES - 1)
        return bad(r, "\"%s\" must be 32 hexadecimal digits", key);
    memcpy(out, s, PS_DIGEST_HEX_BYTES);
    return 0;
}

static int nibble(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Undo PS_TEXT_EXACT of host/output/text.h in place: "\xNN" is a byte, and no other backslash is
 * there. Returns 0 when that is not so. */
static int unescape(char *s)
{
    char *to = s;

    while (*s) {
        int high, low;

        if (*s != '\\') {
            *to++ = *s++;
            continue;
        }
        if (s[1] != 'x' || (high = nibble(s[2])) < 0 || (low = nibble(s[3])) < 0 ||
            (high == 0 && low == 0))
            return 0;
        *to++ = (char)(high << 4 | low);
        s += 4;
    }
    *to = '\0';
    return 1;
}

/* The text of 'v' in memory of its own. */
static int get_text(const struct reader *r, const json_t *v, const char *key, char **out)
{
    char *s;

    if (!json_is_string(v))
        return bad(r, "\"%s\" must be text", key);
    s = strdup(json_string_value(v));
    if (!s)
        return ps_fail(r->err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    if (!unescape(s)) {
        free(s);
        return bad(r, "\"%s\": a backslash must begin \\xNN, a byte that is not zero", key);
    }
    *out = s;
    return 0;
}

static int read_version(struct reader *r, const json_t *object)
{
    char *s = NULL;
    int rc = get_text(r, json_object_get(object, "version"), "version", &s);

    if (rc == 0)
        rc = ps_farm_plan_text(&r->plan, s, &r->plan.version, r->err);
    free(s);
    return rc;
}

static int read_words(struct reader *r, const json_t *object)
{
    const json_t *list = json_object_get(object, "options");
    int rc = json_is_array(list) ? 0 : bad(r, "\"options\" must be a list of words");

    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        char *s = NULL;

        rc = get_text(r, json_array_get(list, i), "options", &s);
        if (rc == 0)
            rc = with_line(r, ps_farm_plan_word(&r->plan, s, r->err));
        free(s);
    }
    return rc;
}

/* A field that this version does not know could mean anything. */
static int check_fields(const struct reader *r, const json_t *object, size_t n)
{
    if (json_object_size(object) != n)
        return bad(r, "%zu fields, expected %zu", json_object_size(object), n);
    return 0;
}

static int read_header(struct reader *r, const json_t *object)
{
    const json_t *form = json_object_get(object, "poolscan_plan");
    int rc;

    if (!json_is_integer(form))
        return bad(r, "no plan of poolscan: make one with 'poolscan plan'");
    if (json_integer_value(form) != 1)
        return bad(r, "a plan of form %" PRId64 ", and this version reads form 1",
                   (int64_t)json_integer_value(form));
    if ((rc = check_fields(r, object, 9)) < 0 || (rc = get_digest(r, object, "id", r->id)) < 0 ||
        (rc = read_version(r, object)) < 0 || (rc = read_words(r, object)) < 0 ||
        (rc = get_digest(r, object, "options_id", r->plan.options_id)) < 0 ||
        (rc = get_digest(r, object, "tags_id", r->plan.tags_id)) < 0 ||
        (rc = get_number(r, object, "task_bytes", &r->plan.task_bytes)) < 0 ||
        (rc = get_number(r, object, "images", &r->n_images)) < 0)
        return rc;
    return get_number(r, object, "tasks", &r->n_tasks);
}

static int get_part(const struct reader *r, const json_t *object, enum ps_farm_part *out)
{
    const char *s = text_of(object, "part");

    for (enum ps_farm_part p = PS_FARM_RANGE; s && p <= PS_FARM_WHOLE; p++) {
        if (strcmp(s, ps_farm_part_name(p)) == 0) {
            *out = p;
            return 0;
        }
    }
    return bad(r, "\"part\" must be range, virtual or whole");
}

static int read_task(struct reader *r, const json_t *object)
{
    struct ps_farm_task task = {0};
    uint64_t number = 0;
    char *image = NULL;
    int rc;

    if ((rc = check_fields(r, object, 7)) < 0 ||
        (rc = get_number(r, object, "task", &number)) < 0 ||
        (rc = get_number(r, object, "size", &task.image_bytes)) < 0 ||
        (rc = get_digest(r, object, "identity", task.identity)) < 0 ||
        (rc = get_part(r, object, &task.part)) < 0 ||
        (rc = get_address(r, object, "start", &task.start)) < 0 ||
        (rc = get_address(r, object, "end", &task.end)) < 0)
        return rc;
    if (number != r->plan.n_tasks)
        return bad(r, "task %" PRIu64 ", expected task %zu", number, r->plan.n_tasks);
    rc = get_text(r, json_object_get(object, "image"), "image", &image);
    task.image = image;
    if (rc == 0)
        rc = with_line(r, ps_farm_plan_add(&r->plan, &task, r->err));
    free(image);
    return rc;
}

static int read_line(struct reader *r, const char *text, size_t n)
{
    json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    int rc;

    r->line++;
    if (!json_is_object(object))
        rc = bad(r, "no JSON object");
    else
        rc = r->line == 1 ? read_header(r, object) : read_task(r, object);
    json_decref(object);
    return rc;
}

static int read_lines(struct reader *r, const char *text, size_t n)
{
    int rc = n > 0 ? 0 : ps_fail(r->err, PS_EFORMAT, 1, "the file is empty");

    while (n > 0 && rc == 0) {
        const char *end = memchr(text, '\n', n);
        const size_t n_line = end ? (size_t)(end - text) : n;

        rc = read_line(r, text, n_line);
        text += end ? n_line + 1 : n_line;
        n -= end ? n_line + 1 : n_line;
    }
    return rc;
}

static int check_whole(struct reader *r)
{
    int rc;

    if (r->plan.n_tasks != r->n_tasks)
        return bad(r, "the plan ends after %zu of %" PRIu64 " tasks", r->plan.n_tasks, r->n_tasks);
    if (r->plan.n_images != r->n_images)
        return bad(r, "%u images, line 1 counts %" PRIu64, (unsigned)r->plan.n_images, r->n_images);
    rc = with_line(r, ps_farm_plan_seal(&r->plan, r->err));
    if (rc == 0 && strcmp(r->plan.id, r->id) != 0) {
        r->line = 1;
        rc = bad(r, "the id is not that of the plan, which was changed or damaged: make it anew");
    }
    return rc;
}

int ps_farm_plan_parse(struct ps_farm_plan *out, const char *text, size_t n, struct ps_err *err)
{
    struct reader r = {.err = err};
    int rc = read_lines(&r, text, n);

    if (rc == 0)
        rc = check_whole(&r);
    if (rc < 0)
        ps_farm_plan_free(&r.plan);
    else
        *out = r.plan;
    return rc;
}

struct plan_file {
    char *text;
    size_t n;
};

static int read_all(int fd, struct plan_file *file, size_t n_bytes, struct ps_err *err)
{
    ssize_t got = 1;

    file->text = malloc(n_bytes + 1);
    if (!file->text)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a plan");
    while (file->n < n_bytes && got != 0) {
        got = read(fd, file->text + file->n, n_bytes - file->n);
        if (got < 0 && errno != EINTR)
            return ps_fail(err, PS_EIO, file->n, "reading failed at byte %zu (%s)", file->n,
                           strerror(errno));
        file->n += got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int read_file(const char *path, struct plan_file *file, struct ps_err *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;
    int rc;

    if (fd < 0)
        return ps_fail(err, errno == ENOENT || errno == ENOTDIR ? PS_ENOENT : PS_EIO, PS_AT_NONE,
                       "cannot open this plan (%s)", strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        rc = ps_fail(err, PS_EFORMAT, PS_AT_NONE, "a plan must be a regular file");
    else if ((uint64_t)st.st_size > PS_FARM_PLAN_MAX_BYTES)
        rc = ps_fail(err, PS_EFORMAT, PS_AT_NONE, "larger than 1 GiB: this is no plan");
    else
        rc = read_all(fd, file, (size_t)st.st_size, err);
    close(fd);
    return rc;
}

/* Say which file it is about. */
static int name_file(const char *path, int rc, struct ps_err *err)
{
    const struct ps_err why = *err;

    return ps_fail(err, (enum ps_code) - rc, why.at, "%.90s: %.160s", path, why.msg);
}

int ps_farm_plan_read(struct ps_farm_plan *out, const char *path, struct ps_err *err)
{
    struct plan_file file = {0};
    int rc = read_file(path, &file, err);

    if (rc == 0)
        rc = ps_farm_plan_parse(out, file.text, file.n, err);
    free(file.text);
    return rc < 0 ? name_file(path, rc, err) : 0;
}
