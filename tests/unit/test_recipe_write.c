/* How an image reaches a file: holes stay holes, and a failure leaves nothing behind. */
#include "host/recipe/recipe.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/ps_recipe.XXXXXX");
    cr_assert(mkdtemp(folder));
}

/* Names in the folder; removes them. */
static int empty_folder(void)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    int n = 0;

    while ((e = readdir(dir)))
        if (e->d_name[0] != '.') {
            unlinkat(dirfd(dir), e->d_name, 0);
            n++;
        }
    closedir(dir);
    return n;
}

static void remove_folder(void)
{
    empty_folder();
    rmdir(folder);
}

TestSuite(recipe_write, .init = make_folder, .fini = remove_folder);

static char *in_folder(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static struct ps_recipe *parse(const char *text)
{
    struct ps_recipe *r = NULL;
    struct ps_err err = {.msg = ""};

    cr_assert_eq(ps_recipe_parse(&r, text, strlen(text), NULL, 0, &err), 0, "%s", err.msg);
    return r;
}

Test(recipe_write, holes_stay_holes)
{
    struct ps_recipe *r = parse("size 0x100000010\nat 0x40000000 hex 5a\nat 0x100000008 hex 77\n");
    struct ps_err err;
    uint8_t byte;
    off_t data;
    int fd;

    cr_assert_eq(ps_recipe_write(r, in_folder("image"), &err), 0, "%s", err.msg);
    fd = open(in_folder("image"), O_RDONLY);
    cr_assert_eq(lseek(fd, 0, SEEK_END), 0x100000010);
    cr_assert_eq(pread(fd, &byte, 1, 0x40000000), 1);
    cr_assert_eq(byte, 0x5a);
    cr_assert_eq(pread(fd, &byte, 1, 0x100000008), 1);
    cr_assert_eq(byte, 0x77);
    data = lseek(fd, 0, SEEK_DATA);
    cr_assert(data == 0x40000000 || data == 0, "a file system without holes says 0");
    close(fd);
    ps_recipe_free(r);
    cr_assert_eq(empty_folder(), 1);
}

Test(recipe_write, every_page_stands_where_it_belongs)
{
    struct ps_recipe *r = parse("size 3M\npages 0-99 random\npages 300- random\npage 350 zero\n");
    uint8_t want[PS_RECIPE_PAGE], got[PS_RECIPE_PAGE];
    struct ps_err err;
    int fd;

    cr_assert_eq(ps_recipe_write(r, in_folder("image"), &err), 0, "%s", err.msg);
    fd = open(in_folder("image"), O_RDONLY);
    for (uint64_t n = 0; n < 768; n++) {
        ps_recipe_page(r, n, want, NULL, &err);
        cr_assert_eq(pread(fd, got, sizeof got, (off_t)(n * sizeof got)), sizeof got);
        cr_assert_arr_eq(got, want, sizeof got);
    }
    close(fd);
    ps_recipe_free(r);
}

Test(recipe_write, a_pipe_gets_every_byte)
{
    struct ps_recipe *r = parse("size 20010\nat 0x4e20 hex 11\npage 1 ones\n");
    uint8_t got[32768];
    struct ps_err err;
    size_t n = 0;
    ssize_t k;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(ps_recipe_write_fd(r, ends[1], &err), 0, "%s", err.msg);
    close(ends[1]);
    while ((k = read(ends[0], got + n, sizeof got - n)) > 0)
        n += (size_t)k;
    cr_assert_eq(n, 20010);
    cr_assert_eq(got[0x4e20], 0x11);
    cr_assert_eq(got[0x1000], 0xff);
    cr_assert_eq(got[0x2000], 0);
    close(ends[0]);
    ps_recipe_free(r);
}

Test(recipe_write, failure_leaves_the_old_file)
{
    struct ps_recipe *r = parse("size 64k\npage 0 ones\npage 1 copy from=0\npage 2 copy from=1\n");
    struct ps_err err;
    char word[8] = "";
    FILE *f = fopen(in_folder("image"), "w");

    fputs("old", f);
    fclose(f);
    cr_assert_eq(ps_recipe_write(r, in_folder("image"), &err), -PS_EARG);
    f = fopen(in_folder("image"), "r");
    cr_assert(fgets(word, sizeof word, f));
    fclose(f);
    cr_assert_str_eq(word, "old");
    cr_assert_eq(empty_folder(), 1, "no temporary file stays");
    ps_recipe_free(r);
}

Test(recipe_write, a_full_disk_is_an_input_output_error)
{
    struct ps_recipe *r = parse("size 4M\npages 0- random\n");
    struct rlimit small = {1 << 20, 1 << 20};
    struct ps_err err;

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    cr_assert_eq(ps_recipe_write(r, in_folder("image"), &err), -PS_EIO);
    cr_assert_eq(empty_folder(), 0);
    ps_recipe_free(r);
}

Test(recipe_write, a_link_stays_a_link_and_a_device_a_device)
{
    struct ps_recipe *r = parse("size 4k\npage 0 ones\n");
    struct ps_err err;
    struct stat st;
    char target[128];

    snprintf(target, sizeof target, "%s/target", folder);
    fclose(fopen(target, "w"));
    cr_assert_eq(symlink(target, in_folder("link")), 0);
    cr_assert_eq(ps_recipe_write(r, in_folder("link"), &err), 0, "%s", err.msg);
    cr_assert_eq(lstat(in_folder("link"), &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    cr_assert_eq(stat(target, &st), 0);
    cr_assert_eq(st.st_size, 4096);
    cr_assert_eq(ps_recipe_write(r, "/dev/null", &err), 0, "%s", err.msg);
    cr_assert_eq(stat("/dev/null", &st), 0);
    cr_assert(S_ISCHR(st.st_mode));
    ps_recipe_free(r);
}

Test(recipe_write, what_cannot_be_created)
{
    struct ps_recipe *r = parse("size 4k\n");
    struct ps_err err;

    cr_assert_eq(ps_recipe_write(r, in_folder("no/such/folder"), &err), -PS_ECREATE);
    cr_assert_eq(ps_recipe_write(r, folder, &err), -PS_ECREATE);
    ps_recipe_free(r);
}

Test(recipe_write, the_sample_parses)
{
    struct ps_recipe *r = NULL;
    struct ps_planted_page planted;
    uint8_t page[PS_RECIPE_PAGE];
    struct ps_err err = {.msg = ""};
    size_t headers = 0;

    cr_assert_eq(ps_recipe_parse(&r, ps_recipe_sample, ps_recipe_sample_bytes, NULL, 0, &err), 0,
                 "line %d: %s", (int)err.at, err.msg);
    cr_assert_eq(ps_recipe_size(r), 64 << 20);
    for (uint64_t n = 0; n < 16384; n++) {
        cr_assert_geq(ps_recipe_page(r, n, page, &planted, &err), 0, "%s", err.msg);
        for (size_t i = 0; i < planted.n; i++)
            headers += planted.header[i].state == PS_PLANTED_ALLOCATED;
    }
    cr_assert_gt(headers, 2000);
    ps_recipe_free(r);
}
