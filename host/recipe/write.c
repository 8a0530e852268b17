#include "host/recipe/model.h"
#include "host/recipe/system/system.h"
#include "host/temp_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_PAGES 256u

/* Pages on their way to the file. */
struct sink {
    int fd;
    int can_seek;
    uint64_t page, end; /* pages of the recipe that the file holds: those before 'end' */
    uint64_t size;      /* of the file */
    uint64_t first;     /* file offset of buffer[0] */
    size_t n;           /* bytes */
    uint8_t *buffer;    /* BATCH_PAGES pages */
};

static int flush(struct sink *s, struct ps_err *err)
{
    size_t done = 0;

    while (done < s->n) {
        ssize_t got = s->can_seek
                          ? pwrite(s->fd, s->buffer + done, s->n - done, (off_t)(s->first + done))
                          : write(s->fd, s->buffer + done, s->n - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ps_fail(err, PS_EIO, s->first + done, "cannot write the image: %s",
                           strerror(got < 0 ? errno : EIO));
        done += (size_t)got;
    }
    s->first += s->n;
    s->n = 0;
    return 0;
}

/* Bytes of the image in page 'number'. */
static size_t page_bytes(const struct sink *s, uint64_t number)
{
    uint64_t left = s->size - (number - s->page) * PS_RECIPE_PAGE;

    return left < PS_RECIPE_PAGE ? (size_t)left : PS_RECIPE_PAGE;
}

static int put_page(struct sink *s, const struct ps_recipe *r, uint64_t number, struct ps_err *err)
{
    uint64_t at = (number - s->page) * PS_RECIPE_PAGE;
    int rc = 0;

    if (s->n == BATCH_PAGES * PS_RECIPE_PAGE || at != s->first + s->n)
        rc = flush(s, err);
    if (rc < 0)
        return rc;
    if (s->n == 0)
        s->first = at;
    rc = ps_recipe_page(r, number, s->buffer + s->n, NULL, err);
    if (rc > 0 || (rc == 0 && !s->can_seek))
        s->n += page_bytes(s, number);
    return rc;
}

static int put_pages(struct sink *s, const struct ps_recipe *r, struct ps_err *err)
{
    uint64_t page = s->can_seek ? ps_recipe_next_page(r, s->page) : s->page;

    while (page < s->end) {
        int rc = put_page(s, r, page, err);

        if (rc < 0)
            return rc;
        page = s->can_seek ? ps_recipe_next_page(r, page + 1) : page + 1;
    }
    return flush(s, err);
}

/* Only a regular file can have holes and a length that is set. */
static int is_file(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* The image, or the page file behind it. */
static struct sink sink_of(const struct ps_recipe *r, int fd, int is_page_file)
{
    struct sink s = {.fd = fd, .can_seek = is_file(fd), .end = r->image_pages, .size = r->n_bytes};

    if (is_page_file) {
        s.page = r->image_pages;
        s.end = r->n_pages;
        s.size = (s.end - s.page) * PS_RECIPE_PAGE;
    }
    return s;
}

static int write_fd(const struct ps_recipe *recipe, int fd, int is_page_file, struct ps_err *err)
{
    struct sink s = sink_of(recipe, fd, is_page_file);
    int rc;

    s.buffer = malloc(BATCH_PAGES * (size_t)PS_RECIPE_PAGE);
    if (!s.buffer)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory to build the image");
    if (s.can_seek && ftruncate(fd, 0) < 0)
        rc = ps_fail(err, PS_EIO, 0, "cannot empty the image file: %s", strerror(errno));
    else
        rc = put_pages(&s, recipe, err);
    if (rc == 0 && s.can_seek && ftruncate(fd, (off_t)s.size) < 0)
        rc =
            ps_fail(err, PS_EIO, s.size, "cannot set the length of the image: %s", strerror(errno));
    free(s.buffer);
    return rc;
}

int ps_recipe_write_fd(const struct ps_recipe *recipe, int fd, struct ps_err *err)
{
    return write_fd(recipe, fd, 0, err);
}

/* mkstemp makes files private; an image is as readable as any other new file. */
static void widen_mode(int fd)
{
    mode_t mask = umask(0);

    umask(mask);
    if (fchmod(fd, 0666 & ~mask) < 0)
        return;
}

static int write_and_rename(const struct ps_recipe *recipe, int fd, const char *temporary,
                            const char *path, int is_page_file, struct ps_err *err)
{
    int rc = write_fd(recipe, fd, is_page_file, err);

    if (rc < 0)
        return rc;
    widen_mode(fd);
    if (fsync(fd) < 0)
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write %.100s: %s", path, strerror(errno));
    if (rename(temporary, path) < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "cannot create %.100s: %s", path,
                       strerror(errno));
    return 0;
}

/* A FIFO or a device is written as it is: renaming a file over /dev/null would replace it. */
static int write_special(const struct ps_recipe *recipe, const char *path, int is_page_file,
                         struct ps_err *err)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "cannot write %.100s: %s", path,
                       strerror(errno));
    rc = write_fd(recipe, fd, is_page_file, err);
    if (close(fd) < 0 && rc == 0)
        rc = ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write %.100s: %s", path, strerror(errno));
    return rc;
}

static int write_regular(const struct ps_recipe *recipe, const char *path, int is_page_file,
                         struct ps_err *err)
{
    char *temporary;
    int fd, rc;

    if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "not enough memory to build the image");
    fd = mkstemp(temporary);
    if (fd >= 0)
        ps_temp_files_add(temporary);
    if (fd < 0) {
        rc =
            ps_fail(err, PS_ECREATE, PS_AT_NONE, "cannot create %.100s: %s", path, strerror(errno));
    } else {
        rc = write_and_rename(recipe, fd, temporary, path, is_page_file, err);
        close(fd);
        if (rc < 0)
            unlink(temporary);
        ps_temp_files_forget(temporary);
    }
    free(temporary);
    return rc;
}

static int write_path(const struct ps_recipe *recipe, const char *path, int is_page_file,
                      struct ps_err *err)
{
    char *target = realpath(path, NULL); /* a symbolic link stays one */
    struct stat st;
    int rc;

    if (target && stat(target, &st) == 0 && !S_ISREG(st.st_mode))
        rc = write_special(recipe, target, is_page_file, err);
    else
        rc = write_regular(recipe, target ? target : path, is_page_file, err);
    free(target);
    return rc;
}

int ps_recipe_write(const struct ps_recipe *recipe, const char *path, struct ps_err *err)
{
    return write_path(recipe, path, 0, err);
}

int ps_recipe_write_page_file(const struct ps_recipe *recipe, const char *path, struct ps_err *err)
{
    if (recipe->n_pages == recipe->image_pages)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "the recipe has no page file; write in it: pagefile pages=N");
    return write_path(recipe, path, 1, err);
}

/* --- the truth --- */

void ps_rcp_print_tag(FILE *out, uint32_t tag)
{
    for (int i = 0; i < 4; i++) {
        unsigned c = tag >> (8 * i) & 0xffu;

        if (c < 0x20 || c > 0x7e || c == '\\')
            fprintf(out, "\\\\x%02x", c);
        else if (c == '"')
            fputs("\\\"", out);
        else
            fputc((int)c, out);
    }
}

static void print_planted(FILE *out, const struct ps_recipe *r, uint64_t phys,
                          const struct ps_planted *h)
{
    static const char *const states[] = {"allocated", "free", "stale", "decoy"};
    static const char *const allocators[] = {"none", "classic", "lfh", "vs"};

    if (phys / PS_RECIPE_PAGE < r->image_pages)
        fprintf(out, "{\"Offset\":\"0x%016llx\",\"Tag\":\"", (unsigned long long)phys);
    else
        fputs("{\"Offset\":null,\"Tag\":\"", out);
    ps_rcp_print_tag(out, h->tag);
    fprintf(out,
            "\",\"TagRaw\":\"0x%08x\",\"NumberOfBytes\":%u,\"BlockSize\":%u,\"PreviousSize\":%u,"
            "\"PoolTypeRaw\":%u,\"State\":\"%s\",\"Allocator\":\"%s\",\"Copy\":%s,"
            "\"Torn\":%s,\"Line\":%u",
            h->tag, h->n_bytes, h->units, h->prev, h->type, states[h->state],
            allocators[h->allocator], h->is_copy ? "true" : "false",
            h->is_torn ? "true" : "false", h->line);
    ps_rcp_system_where(r, phys, out);
    if (h->process)
        fprintf(out, ",\"Process\":\"0x%016llx\"", (unsigned long long)h->process);
    fputs("}\n", out);
}

int ps_recipe_truth(const struct ps_recipe *recipe, FILE *out, struct ps_err *err)
{
    struct ps_planted_page planted;
    uint8_t page[PS_RECIPE_PAGE];

    ps_rcp_system_truth(recipe, out);
    for (uint64_t n = ps_recipe_next_page(recipe, 0); n < recipe->n_pages;
         n = ps_recipe_next_page(recipe, n + 1)) {
        int rc = ps_recipe_page(recipe, n, page, &planted, err);

        if (rc < 0)
            return rc;
        for (size_t i = 0; i < planted.n; i++) {
            uint64_t phys = n * PS_RECIPE_PAGE + planted.header[i].offset;

            if (n >= recipe->image_pages || phys + 8 <= recipe->n_bytes)
                print_planted(out, recipe, phys, &planted.header[i]);
        }
    }
    if (fflush(out) != 0 || ferror(out))
        return ps_fail(err, PS_EIO, PS_AT_NONE, "cannot write the list of headers: %s",
                       strerror(errno));
    return 0;
}
