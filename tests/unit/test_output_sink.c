/* Files that appear whole or not at all, and what happens when writing fails. */
#include "host/output/sink/sink.h"

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

#include "tests/support/output_run.h"

static char folder[64];
static char path[128];

static void set_up(void)
{
    strcpy(folder, "/tmp/ps_sink_XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out.jsonl", folder);
}

static size_t count_files(void)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    cr_assert_not_null(d);
    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static void tear_down(void)
{
    DIR *d = opendir(folder);

    for (const struct dirent *e = readdir(d); e; e = readdir(d))
        unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(folder);
}

TestSuite(output_sink, .init = set_up, .fini = tear_down);

static struct ps_sink *open_sink(const char *where)
{
    struct ps_sink *s = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_sink_open(&s, where, &err), 0, "%s", err.msg);
    return s;
}

static void put_file(const char *text)
{
    FILE *f = fopen(path, "w");

    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
}

static void check_file(const char *want)
{
    char *text = read_file(path, NULL);

    cr_assert_not_null(text);
    cr_assert_str_eq(text, want);
    free(text);
}

static void check_open_fails(const char *where, const char *word)
{
    struct ps_sink *s = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_sink_open(&s, where, &err), -PS_ECREATE, "%s", where);
    cr_assert_null(s);
    cr_assert(strstr(err.msg, word), "%s", err.msg);
}

Test(output_sink, target_is_old_until_close_and_new_after)
{
    struct ps_err err = {0};
    struct ps_sink *s;

    put_file("old");
    s = open_sink(path);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_flush(s, &err), 0);
    check_file("old");
    cr_assert_eq(count_files(), 2);
    cr_assert_eq(ps_sink_close(s, 1, &err), 0);
    check_file("new");
    cr_assert_eq(count_files(), 1);
}

Test(output_sink, closed_without_keep_leaves_nothing)
{
    struct ps_err err = {0};
    struct ps_sink *s = open_sink(path);

    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_flush(s, &err), 0);
    cr_assert_eq(ps_sink_close(s, 0, &err), 0);
    cr_assert_eq(count_files(), 0);

    put_file("old");
    s = open_sink(path);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_close(s, 0, &err), 0);
    check_file("old");
    cr_assert_eq(count_files(), 1);
}

Test(output_sink, left_over_temporary_name_is_stepped_over)
{
    struct ps_err err = {0};
    char temp[192];
    struct ps_sink *s;
    FILE *f;

    snprintf(temp, sizeof temp, "%s.%ld.tmp", path, (long)getpid());
    f = fopen(temp, "w");
    cr_assert_not_null(f);
    fclose(f);
    s = open_sink(path);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_close(s, 1, &err), 0);
    check_file("new");
    cr_assert_eq(access(temp, F_OK), 0);
}

Test(output_sink, symbolic_link_stays_a_link)
{
    struct ps_err err = {0};
    char link_path[128];
    struct ps_sink *s;
    struct stat st;

    snprintf(link_path, sizeof link_path, "%s/link", folder);
    put_file("old");
    cr_assert_eq(symlink("out.jsonl", link_path), 0);
    s = open_sink(link_path);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_close(s, 1, &err), 0);
    cr_assert_eq(lstat(link_path, &st), 0);
    cr_assert(S_ISLNK(st.st_mode));
    check_file("new");
}

Test(output_sink, what_cannot_be_created)
{
    char where[192];

    check_open_fails(folder, "directory");
    check_open_fails("", "empty");
    snprintf(where, sizeof where, "%s/none/out", folder);
    check_open_fails(where, "No such file");
    snprintf(where, sizeof where, "%s/none/", folder);
    check_open_fails(where, "slash");
    cr_assert_eq(count_files(), 0);
}

Test(output_sink, full_disk)
{
    struct ps_sink *s = open_sink("/dev/full");
    struct ps_err err = {0};

    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_flush(s, &err), -PS_EIO);
    cr_assert(strstr(err.msg, "/dev/full") && strstr(err.msg, "disk is full"), "%s", err.msg);
    cr_assert_null(ps_sink_room(s, PS_SINK_BYTES, &err));
    memset(&err, 0, sizeof err);
    cr_assert_eq(ps_sink_close(s, 1, &err), -PS_EIO);
    cr_assert(strstr(err.msg, "disk is full"), "%s", err.msg);
}

Test(output_sink, full_disk_on_standard_output)
{
    int full = open("/dev/full", O_WRONLY);
    struct ps_sink *s = open_sink("-");
    struct ps_err err = {0};

    cr_assert_geq(full, 0);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    dup2(full, STDOUT_FILENO);
    cr_assert_eq(ps_sink_close(s, 1, &err), -PS_EIO);
    cr_assert(strstr(err.msg, "standard output") && strstr(err.msg, "disk is full"), "%s", err.msg);
}

/* A file that may not grow stands in for a disk that fills up half way. */
Test(output_sink, failed_file_leaves_the_old_one)
{
    struct rlimit limit = {4096, 4096};
    struct ps_err err = {0};
    struct ps_sink *s;
    char block[1024] = {0};
    int rc = 0;

    put_file("old");
    s = open_sink(path);
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    /* One buffer may be on its way while the next is filled: the third is too many. */
    for (size_t i = 0; i < 3 * PS_SINK_BYTES / sizeof block && rc == 0; i++)
        rc = ps_sink_write(s, block, sizeof block, &err);
    cr_assert_eq(rc, -PS_EIO);
    cr_assert_eq(ps_sink_close(s, 1, &err), -PS_EIO);
    check_file("old");
    cr_assert_eq(count_files(), 1);
}

Test(output_sink, closed_pipe)
{
    struct ps_err err = {0};
    struct ps_sink *s;
    int ends[2];

    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    s = open_sink(NULL);
    close(ends[0]);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_flush(s, &err), -PS_EIO);
    cr_assert(strstr(err.msg, "standard output") && strstr(err.msg, "reader went away"), "%s",
              err.msg);
    cr_assert_eq(ps_sink_close(s, 0, &err), -PS_EIO);
}

Test(output_sink, fifo_is_written_and_not_replaced)
{
    struct ps_err err = {0};
    struct ps_sink *s;
    struct stat st;
    char text[8] = {0};
    int reader;

    cr_assert_eq(mkfifo(path, 0600), 0);
    reader = open(path, O_RDWR | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    s = open_sink(path);
    cr_assert_eq(ps_sink_write(s, "new", 3, &err), 0);
    cr_assert_eq(ps_sink_close(s, 1, &err), 0);
    cr_assert_eq(read(reader, text, sizeof text), 3);
    cr_assert_str_eq(text, "new");
    cr_assert_eq(stat(path, &st), 0);
    cr_assert(S_ISFIFO(st.st_mode));
    close(reader);
}

/* Rooms of all sizes, larger than the buffer too, come out in order and complete. */
Test(output_sink, rooms_of_all_sizes)
{
    static const size_t size[] = {1, PS_SINK_BYTES, 7, PS_SINK_BYTES + 1, 3 * PS_SINK_BYTES, 2};
    struct ps_err err = {0};
    struct ps_sink *s = open_sink(path);
    size_t at = 0;
    size_t n = 0;
    char *text;

    for (size_t i = 0; i < sizeof size / sizeof *size; i++) {
        char *room = ps_sink_room(s, size[i], &err);

        cr_assert_not_null(room);
        memset(room, 'a' + (int)i, size[i]);
        ps_sink_used(s, size[i]);
    }
    cr_assert_eq(ps_sink_close(s, 1, &err), 0);
    text = read_file(path, &n);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        for (size_t k = 0; k < size[i]; k++)
            cr_assert(at < n && text[at++] == 'a' + (int)i, "room %zu, byte %zu", i, k);
    cr_assert_eq(at, n);
    free(text);
}
