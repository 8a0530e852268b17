#include "host/output/sink/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/output/sink/write_behind.h"
#include "host/temp_files.h"

#define MAX_TEMP_NAMES 64u

struct ps_sink {
    int fd;
    char *path; /* what to replace at close; NULL when 'fd' is written directly */
    char *temp; /* beside it */
    char *name; /* for messages */
    char *buffer;
    size_t n;
    size_t cap;
    /* Of a file, once the buffer was full; NULL: there is none (yet). */
    struct ps_write_behind *behind;
    struct ps_err failure; /* code PS_OK while all is well */
};

static int create_error(const char *path, const char *what, struct ps_err *err)
{
    return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.120s: cannot create the output: %s", path, what);
}

static int write_error(struct ps_sink *s, int error, struct ps_err *err)
{
    const char *what = strerror(error);

    if (error == ENOSPC)
        what = "disk is full; free some space, or choose another place with -o";
    else if (error == EPIPE)
        what = "the reader went away before the end";
    ps_fail(&s->failure, PS_EIO, PS_AT_NONE, "%.120s: cannot write: %s", s->name, what);
    *err = s->failure;
    return -PS_EIO;
}

/* Name and create PATH.<pid>.tmp; a number joins in when an earlier run with our pid left one. */
static int create_temp(struct ps_sink *s, mode_t mode, struct ps_err *err)
{
    size_t n = strlen(s->path) + 64;

    s->temp = malloc(n);
    if (!s->temp)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output's name");
    for (unsigned i = 0; i < MAX_TEMP_NAMES; i++) {
        if (i == 0)
            snprintf(s->temp, n, "%s.%ld.tmp", s->path, (long)getpid());
        else
            snprintf(s->temp, n, "%s.%ld.%u.tmp", s->path, (long)getpid(), i);
        s->fd = open(s->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (s->fd >= 0 || errno != EEXIST)
            break;
    }
    if (s->fd >= 0) {
        ps_temp_files_add(s->temp);
        return 0;
    }
    create_error(s->path, strerror(errno), err);
    free(s->temp);
    s->temp = NULL;
    return -PS_ECREATE;
}

static int open_direct(struct ps_sink *s, const char *path, struct ps_err *err)
{
    s->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (s->fd < 0)
        return create_error(path, strerror(errno), err);
    return 0;
}

static int open_path(struct ps_sink *s, const char *path, struct ps_err *err)
{
    struct stat st;
    size_t len = strlen(path);
    int there;

    if (len == 0)
        return create_error("-o", "the name is empty", err);
    there = stat(path, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return create_error(path, "it is a directory; name a file in it", err);
    if (!there && path[len - 1] == '/')
        return create_error(path, "the name ends in a slash; name a file", err);
    if (there && !S_ISREG(st.st_mode))
        return open_direct(s, path, err);
    s->path = there ? realpath(path, NULL) : strdup(path);
    if (!s->path)
        return create_error(path, strerror(errno), err);
    return create_temp(s, there ? st.st_mode & 0777 : 0666, err);
}

static void sink_free(struct ps_sink *s)
{
    ps_write_behind_free(s->behind);
    free(s->path);
    free(s->temp);
    free(s->name);
    free(s->buffer);
    free(s);
}

int ps_sink_open(struct ps_sink **out, const char *path, struct ps_err *err)
{
    int to_stdout = !path || strcmp(path, "-") == 0;
    struct ps_sink *s = calloc(1, sizeof *s);
    int rc = 0;

    if (!s)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output");
    s->fd = STDOUT_FILENO;
    s->cap = PS_SINK_BYTES;
    s->buffer = malloc(s->cap);
    s->name = strdup(to_stdout ? "standard output" : path);
    if (!s->buffer || !s->name)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output buffer");
    else if (!to_stdout)
        rc = open_path(s, path, err);
    if (rc < 0) {
        sink_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

const char *ps_sink_temp(const struct ps_sink *s)
{
    return s->temp;
}

static int failed_before(const struct ps_sink *s, struct ps_err *err)
{
    if (s->failure.code == PS_OK)
        return 0;
    *err = s->failure;
    return -s->failure.code;
}

int ps_sink_flush(struct ps_sink *s, struct ps_err *err)
{
    const int rc = failed_before(s, err);
    int error = 0;

    if (rc < 0)
        return rc;
    if (s->behind)
        error = ps_write_behind_wait(s->behind);
    if (error == 0)
        error = ps_write_fully(s->fd, s->buffer, s->n);
    if (error)
        return write_error(s, error, err);
    s->n = 0;
    return 0;
}

/* Writing a file is copying it into the page cache, which takes as long as making what is written:
 * the one goes on while the other does. What reads a pipe gets it as soon as it can. */
static int pass_on(struct ps_sink *s, size_t n, struct ps_err *err)
{
    const int rc = failed_before(s, err);
    int error;

    if (rc < 0 || s->n == 0)
        return rc;
    if (s->temp && !s->behind)
        s->behind = ps_write_behind_new(s->fd);
    if (!s->behind)
        return ps_sink_flush(s, err);
    error = ps_write_behind_give(s->behind, &s->buffer, &s->cap, s->n, n > s->cap ? n : s->cap);
    if (error == ENOMEM)
        return ps_sink_flush(s, err);
    if (error)
        return write_error(s, error, err);
    s->n = 0;
    return 0;
}

char *ps_sink_room(struct ps_sink *s, size_t n, struct ps_err *err)
{
    char *larger;

    if (n <= s->cap - s->n)
        return s->buffer + s->n;
    if (pass_on(s, n, err) < 0)
        return NULL;
    if (n <= s->cap)
        return s->buffer;
    larger = realloc(s->buffer, n);
    if (!larger) {
        ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output buffer");
        return NULL;
    }
    s->buffer = larger;
    s->cap = n;
    return s->buffer;
}

void ps_sink_used(struct ps_sink *s, size_t n)
{
    s->n += n;
}

int ps_sink_write(struct ps_sink *s, const void *data, size_t n, struct ps_err *err)
{
    char *room = ps_sink_room(s, n, err);

    if (!room)
        return -err->code;
    memcpy(room, data, n);
    ps_sink_used(s, n);
    return 0;
}

/* A rename is on disk only once its folder is. File systems that cannot sync a folder say so
 * with EINVAL, and then there is nothing to be had. */
static int sync_folder(struct ps_sink *s, struct ps_err *err)
{
    char *copy = strdup(s->path);
    int fd;
    int rc = 0;

    if (!copy)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output's folder");
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && fsync(fd) < 0 && errno != EINVAL)
        rc = write_error(s, errno, err);
    if (fd >= 0)
        close(fd);
    free(copy);
    return rc;
}

static int put_in_place(struct ps_sink *s, struct ps_err *err)
{
    int fd = s->fd;

    if (fsync(fd) < 0)
        return write_error(s, errno, err);
    s->fd = -1;
    if (close(fd) < 0)
        return write_error(s, errno, err);
    if (rename(s->temp, s->path) < 0)
        return create_error(s->path, strerror(errno), err);
    ps_temp_files_forget(s->temp);
    free(s->temp);
    s->temp = NULL;
    return sync_folder(s, err);
}

int ps_sink_close(struct ps_sink *s, int keep, struct ps_err *err)
{
    int rc = 0;

    if (!s)
        return 0;
    if (keep || !s->temp)
        rc = ps_sink_flush(s, err);
    if (rc == 0 && keep)
        rc = ps_cancel_check(err);
    if (rc == 0 && keep && s->temp)
        rc = put_in_place(s, err);
    ps_write_behind_free(s->behind);
    s->behind = NULL;
    if (s->temp) {
        unlink(s->temp);
        ps_temp_files_forget(s->temp);
    }
    if (s->fd >= 0 && s->fd != STDOUT_FILENO && close(s->fd) < 0 && rc == 0 && keep)
        rc = write_error(s, errno, err);
    sink_free(s);
    return rc;
}
