/* A process that dies at a chosen moment, as kill -9 or a power cut end it, for LD_PRELOAD:
 *
 *   KILL_AT_BYTES   after so many bytes were written to files of KILL_AT_DIR: what is more is not
 *                   written
 *   KILL_AT_CALL    before the call of that number, from 1, among mkdir, fsync, rename, link,
 *                   unlink and rmdir */
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_llong n_bytes;
static atomic_llong n_calls;

static void die(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static long long number_of(const char *name)
{
    const char *text = getenv(name);

    return text ? atoll(text) : -1;
}

static int is_in_dir(int fd)
{
    const char *dir = getenv("KILL_AT_DIR");
    char link[64], path[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n < 0 || !dir)
        return 0;
    path[n] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/';
}

typedef ssize_t write_fn(int fd, const void *buf, size_t n);

ssize_t write(int fd, const void *buf, size_t n)
{
    write_fn *next = (write_fn *)dlsym(RTLD_NEXT, "write");
    const long long limit = number_of("KILL_AT_BYTES");
    long long before;

    if (limit < 0 || !is_in_dir(fd))
        return next(fd, buf, n);
    before = atomic_fetch_add(&n_bytes, (long long)n);
    if (before + (long long)n < limit)
        return next(fd, buf, n);
    if (before < limit && next(fd, buf, (size_t)(limit - before)) < 0)
        perror("kill_at");
    die();
    return -1;
}

static void count_call(void)
{
    if (atomic_fetch_add(&n_calls, 1) + 1 == number_of("KILL_AT_CALL"))
        die();
}

typedef int path_fn(const char *path);
typedef int paths_fn(const char *from, const char *to);

int mkdir(const char *path, mode_t mode)
{
    int (*next)(const char *, mode_t) = (int (*)(const char *, mode_t))dlsym(RTLD_NEXT, "mkdir");

    count_call();
    return next(path, mode);
}

int fsync(int fd)
{
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

    count_call();
    return next(fd);
}

int rename(const char *from, const char *to)
{
    paths_fn *next = (paths_fn *)dlsym(RTLD_NEXT, "rename");

    count_call();
    return next(from, to);
}

int link(const char *from, const char *to)
{
    paths_fn *next = (paths_fn *)dlsym(RTLD_NEXT, "link");

    count_call();
    return next(from, to);
}

int unlink(const char *path)
{
    path_fn *next = (path_fn *)dlsym(RTLD_NEXT, "unlink");

    count_call();
    return next(path);
}

int rmdir(const char *path)
{
    path_fn *next = (path_fn *)dlsym(RTLD_NEXT, "rmdir");

    count_call();
    return next(path);
}
