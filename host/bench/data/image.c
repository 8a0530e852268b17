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
#include "host/temp_files.h"

static int make_file(char *path, size_t n, const char *name, struct ps_err *err)
{
    const char *folder = getenv("TMPDIR");
    int fd;

    snprintf(path, n, "%.80s/poolscan-bench-%s-XXXXXX", folder && *folder ? folder : "/tmp", name);
    fd = mkstemp(path);
    if (fd >= 0) {
        ps_temp_files_add(path);
        return fd;
    }
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

/* For an image of 64 MiB. */
static const struct ps_recipe_param small_image[] = {
    {"SIZE", "64M"},
    {"NONPAGED_LFH", "0x1800-0x18ff"},
    {"NONPAGED_VS", "0x1900-0x1aff"},
    {"NONPAGED", "0x1800-0x1aff"},
    {"PAGED_LFH", "0x1b00-0x1bff"},
    {"PAGED_VS", "0x1c00-0x1cff"},
    {"PAGED", "0x1b00-0x1cff"},
    {"OTHER", "0x2000-0x2fff"},
    {"BIG", "0x3000-0x3fff"},
    {"N_BIG", "200"},
};

#define LARGE_IMAGE ((uint64_t)1 << 30)

/* A line of the truth. */
static void count_planted(const char *line, struct ps_bench_truth *truth)
{
    const int allocated = strstr(line, "\"State\":\"allocated\"") != NULL;

    if (strstr(line, "\"Kind\":\"big\""))
        truth->big += (unsigned)allocated;
    else if (strstr(line, "\"Mapped\":true"))
        truth->headers += allocated || strstr(line, "\"State\":\"stale\"");
}

static int read_truth(const struct ps_recipe *recipe, struct ps_bench_truth *truth,
                      struct ps_err *err)
{
    FILE *list = tmpfile();
    char line[1024];
    int rc;

    if (!list)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "cannot make a temporary file (%s)",
                       strerror(errno));
    rc = ps_recipe_truth(recipe, list, err);
    rewind(list);
    while (rc == 0 && fgets(line, sizeof line, list))
        count_planted(line, truth);
    fclose(list);
    return rc;
}

int ps_bench_virtual_image(struct ps_bench *b, struct ps_err *err)
{
    const int is_small = b->opt->bench_bytes < LARGE_IMAGE;
    const size_t n_params = is_small ? sizeof small_image / sizeof *small_image : 0;
    struct ps_recipe *recipe = NULL;
    double seconds;
    uint64_t sum;
    int fd = make_file(b->made_virtual, sizeof b->made_virtual, "virtual", err);
    int rc = fd;

    if (fd < 0)
        return rc;
    ps_log(PS_LOG_INFO, "making %s, with page tables", b->made_virtual);
    rc = ps_recipe_parse(&recipe, ps_bench_recipe, ps_bench_recipe_bytes, small_image, n_params,
                         err);
    if (rc == 0)
        rc = ps_recipe_write_fd(recipe, fd, err);
    close(fd);
    if (rc == 0)
        rc = read_truth(recipe, &b->virtual_truth, err);
    ps_recipe_free(recipe);
    if (rc == 0)
        rc = ps_file_read_once(&ps_file_readers[0], b->made_virtual, 1, b->reader->sum, &seconds,
                               &sum, err);
    return rc;
}

void ps_bench_image_close(struct ps_bench *b)
{
    if (b->made_virtual[0])
        unlink(b->made_virtual);
    if (b->made_image[0])
        unlink(b->made_image);
    if (b->made_tags[0])
        unlink(b->made_tags);
    b->made_image[0] = b->made_tags[0] = b->made_virtual[0] = 0;
}
