#include "host/run/tag_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/hash_factor.h"
#include "host/log.h"

#define FIRST_BYTES ((size_t)512 * 1024)

struct file_text {
    char *bytes;
    size_t n;
    size_t cap;
};

static int open_list(const char *path, int *fd, struct ps_err *err)
{
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd < 0)
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "%.100s: cannot open this tag file (%s)", path,
                       strerror(errno));
    if (fstat(*fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(*fd);
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "%.100s: a folder; name the tag files in it one by one", path);
    }
    return 0;
}

/* One byte more than the limit is room enough to see that a file is larger. */
static int make_room(struct file_text *text, const char *path, struct ps_err *err)
{
    size_t cap = text->cap ? 2 * text->cap : FIRST_BYTES;
    char *bigger;

    if (text->n > PS_TAG_FILE_MAX_BYTES)
        return ps_fail(err, PS_EFORMAT, PS_TAG_FILE_MAX_BYTES,
                       "%.100s: larger than %zu MiB; is this a tag list?", path,
                       PS_TAG_FILE_MAX_BYTES >> 20);
    if (text->n < text->cap)
        return 0;
    bigger = realloc(text->bytes, cap);
    if (!bigger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "%.100s: no memory for this tag file", path);
    text->bytes = bigger;
    text->cap = cap;
    return 0;
}

static int read_all(int fd, const char *path, struct file_text *text, struct ps_err *err)
{
    ssize_t got = 1;

    while (got != 0) {
        int rc = make_room(text, path, err);

        if (rc < 0)
            return rc;
        got = read(fd, text->bytes + text->n, text->cap - text->n);
        if (got < 0 && errno != EINTR)
            return ps_fail(err, PS_EIO, text->n, "%.100s: reading failed at byte %zu (%s)", path,
                           text->n, strerror(errno));
        if (got > 0)
            text->n += (size_t)got;
    }
    return 0;
}

static int add_file(struct ps_tagdb *db, const char *path, struct ps_err *err)
{
    struct file_text text = {0};
    size_t n_skipped = 0;
    int fd;
    int rc = open_list(path, &fd, err);

    if (rc < 0)
        return rc;
    rc = read_all(fd, path, &text, err);
    close(fd);
    if (rc >= 0)
        rc = ps_tagdb_add_any(db, path, text.bytes, text.n, &n_skipped, err);
    if (rc >= 0 && n_skipped != 0)
        ps_log(PS_LOG_INFO, "%s: %zu lines are no tag entries", path, n_skipped);
    free(text.bytes);
    return rc;
}

int ps_tag_source_load(struct ps_tagdb **out, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_tagdb *db = NULL;
    int rc = ps_tagdb_new(&db, err);

    if (rc >= 0)
        ps_tagdb_set_factor(db, ps_hash_factor());
    for (size_t i = 0; i < opt->tag_files.n && rc >= 0; i++)
        rc = add_file(db, opt->tag_files.item[i], err);
    if (rc >= 0 && !opt->no_builtin_tags)
        rc = ps_tagdb_add_builtin(db, err);
    if (rc < 0) {
        ps_tagdb_free(db);
        return rc;
    }
    *out = db;
    return 0;
}

int ps_tag_source_patterns(struct ps_tag_pattern **out, const struct ps_options *opt,
                           struct ps_err *err)
{
    struct ps_tag_pattern *p = calloc(opt->tags.n + 1, sizeof *p);
    int rc = 0;

    *out = NULL;
    if (!p)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu tags", opt->tags.n);
    for (size_t i = 0; i < opt->tags.n && rc == 0; i++)
        rc = ps_tag_pattern_parse(opt->tags.item[i], strlen(opt->tags.item[i]), &p[i], err);
    if (rc < 0)
        free(p);
    else
        *out = p;
    return rc;
}
