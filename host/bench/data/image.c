#include "host/bench/data/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/bench/data/file_read.h"
#include "host/bench/data/pages.h"
#include "host/log.h"
#include "host/recipe/recipe.h"

static int make_file(char *path, size_t n, const char *name, struct ps_err *err)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    snprintf(path, n, "%.80s/poolscan-bench-%s-XXXXXX", folder && *folder ? folder : "/tmp", name);
    fd = mkstemp(path);
    if (fd >= 0)
        return fd;
    path[0] = 0;
    return ps_fail(err, PS_ECREATE, PS_AT_NONE,
                   "cannot make a temporary file (%s); set TMPDIR to a folder with room",
                   strerror(errno));
}

static int make_tags(struct ps_bench *b, struct ps_err *err)
{
    int fd = make_file(b->made_tags, sizeof b->made_tags, "tags", err);
    int rc = fd < 0 ? fd : ps_bench_tags_write(b->tags, fd, err);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int write_image(struct ps_bench *b, int fd, struct ps_err *err)
{
    struct ps_recipe *recipe = NULL;
    char *text = NULL;
    int rc = ps_pages_recipe(&text, &ps_page_mixes[PS_PAGE_MIX_IMAGE], b->tags, b->opt->bench_bytes,
                             1, err);

    if (rc == 0)
        rc = ps_recipe_parse(&recipe, text, strlen(text), NULL, 0, err);
    if (rc == 0)
        rc = ps_recipe_write_fd(recipe, fd, err);
    ps_recipe_free(recipe);
    free(text);
    return rc;
}

static int make_image(struct ps_bench *b, struct ps_err *err)
{
    int fd = make_file(b->made_image, sizeof b->made_image, "image", err);
    int rc = fd;

    if (fd < 0)
        return rc;
    ps_log(PS_LOG_INFO, "making %s, %" PRIu64 " MiB", b->made_image, b->opt->bench_bytes >> 20);
    rc = write_image(b, fd, err);
    close(fd);
    b->image = b->made_image;
    return rc;
}

static int warm(struct ps_bench *b, struct ps_err *err)
{
    double seconds;
    uint64_t sum;
    struct stat st;
    int rc =
        ps_file_read_once(&ps_file_readers[0], b->image, 1, b->reader->sum, &seconds, &sum, err);

    if (rc == 0 && stat(b->image, &st) == 0)
        b->image_bytes = (uint64_t)st.st_size;
    return rc;
}

int ps_bench_image_open(struct ps_bench *b, struct ps_err *err)
{
    int rc = make_tags(b, err);

    b->image_name = "made";
    if (rc == 0 && b->opt->args.n > 0) {
        b->image = b->opt->args.item[0];
        b->image_name = strrchr(b->image, '/') ? strrchr(b->image, '/') + 1 : b->image;
    } else if (rc == 0) {
        rc = make_image(b, err);
    }
    return rc < 0 ? rc : warm(b, err);
}

void ps_bench_image_close(struct ps_bench *b)
{
    if (b->made_image[0])
        unlink(b->made_image);
    if (b->made_tags[0])
        unlink(b->made_tags);
    b->made_image[0] = b->made_tags[0] = 0;
}
