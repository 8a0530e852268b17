#include "host/virtual/pagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/log.h"

#define PAGE UINT64_C(4096)

static void complain(struct ps_pagefile *f, uint64_t off, const char *why)
{
    if (!atomic_flag_test_and_set(&f->said))
        ps_log(PS_LOG_WARN,
               "page file %s: byte 0x%" PRIx64 ": %s; the pages that cannot be read are missing",
               f->path, off, why);
}

static size_t read_pagefile(void *arg, unsigned file, uint64_t off, void *buf, size_t n_bytes)
{
    struct ps_pagefile_set *s = arg;
    struct ps_pagefile *f;
    size_t done = 0;
    uint64_t end;

    if (file >= PS_PAGEFILES_MAX || s->files.n_pages[file] == 0)
        return 0;
    f = &s->file[file];
    end = s->files.n_pages[file] * PAGE;
    if (off >= end)
        return 0;
    if (n_bytes > end - off)
        n_bytes = (size_t)(end - off);
    while (done < n_bytes) {
        ssize_t got = pread(f->fd, (uint8_t *)buf + done, n_bytes - done, (off_t)(off + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            complain(f, off + done, got < 0 ? strerror(errno) : "the file became shorter");
            break;
        }
        done += (size_t)got;
    }
    return done;
}

/* "N=" in front of the name; a name that begins like that can be written ./N=. */
static int split_name(const char *text, size_t place, unsigned *number, const char **path,
                      struct ps_err *err)
{
    const size_t n_digits = strspn(text, "0123456789");
    unsigned n = 0;

    *number = (unsigned)place;
    *path = text;
    if (n_digits > 0 && text[n_digits] == '=') {
        for (size_t i = 0; i < n_digits && n < PS_PAGEFILES_MAX; i++)
            n = 10 * n + (unsigned)(text[i] - '0');
        *number = n;
        *path = text + n_digits + 1;
    }
    if (*number >= PS_PAGEFILES_MAX || **path == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--pagefile %.80s: write FILE or N=FILE, where N is the number of the page "
                       "file, 0 to 15",
                       text);
    return 0;
}

static int open_one(struct ps_pagefile_set *s, unsigned number, const char *path,
                    struct ps_err *err)
{
    struct ps_pagefile *f = &s->file[number];
    struct stat st;
    off_t end;

    if (f->path)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "--pagefile: number %u is given twice; say which one with N=FILE", number);
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        return ps_fail(err, errno == ENOENT ? PS_ENOENT : PS_EIO, PS_AT_NONE,
                       "--pagefile %.100s: %s", path, strerror(errno));
    f->path = path;
    atomic_flag_clear(&f->said);
    s->n++;
    end = fstat(f->fd, &st) == 0 && !S_ISDIR(st.st_mode) ? lseek(f->fd, 0, SEEK_END) : -1;
    if (end < (off_t)PAGE)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "--pagefile %.100s: not a file of at least one page (4096 bytes)", path);
    s->files.n_pages[number] = (uint64_t)end / PAGE;
    return 0;
}

int ps_pagefile_set_open(struct ps_pagefile_set *s, const struct ps_strings *names,
                         struct ps_err *err)
{
    int rc = 0;

    memset(s, 0, sizeof *s);
    s->files.read = read_pagefile;
    s->files.arg = s;
    for (size_t i = 0; i < names->n && rc == 0; i++) {
        unsigned number = 0;
        const char *path = NULL;

        rc = split_name(names->item[i], i, &number, &path, err);
        if (rc == 0)
            rc = open_one(s, number, path, err);
    }
    return rc;
}

void ps_pagefile_set_close(struct ps_pagefile_set *s)
{
    for (size_t i = 0; i < PS_PAGEFILES_MAX; i++)
        if (s->file[i].path)
            close(s->file[i].fd);
}
