/* A process that is in the middle of its work, for LD_PRELOAD. It stops (SIGSTOP) when it writes to
 * or syncs a file whose name ends with ".tmp" for the STOP_HERE_AT-th time, once only:
 *
 *   STOP_HERE        a file that does not exist yet; the process number is written to it first.
 *                    Where it exists already nothing happens: the next one who does the same work
 *                    gets through.
 *   STOP_HERE_AT     1 or more
 *
 * Without STOP_HERE nothing happens; other nonsense ends the process with status 99. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long n_events;

static void unusable(const char *what)
{
    dprintf(STDERR_FILENO, "stop_here: %s\n", what);
    _exit(99);
}

static int is_temporary(int fd)
{
    char link[64], name[4096];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, name, sizeof name);
    return n > 4 && memcmp(name + n - 4, ".tmp", 4) == 0;
}

/* The name appears with the number in it, or a reader could see an empty file. */
static void stop(const char *path)
{
    char temporary[4096], text[32];
    int n = snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    int fd = n < (int)sizeof temporary ? open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600) : -1;

    if (fd < 0)
        unusable("STOP_HERE cannot be written");
    n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (write(fd, text, (size_t)n) != n)
        unusable("STOP_HERE cannot be written");
    close(fd);
    if (link(temporary, path) == 0) {
        unlink(temporary);
        raise(SIGSTOP);
    }
}

static void look(int fd)
{
    const char *path = getenv("STOP_HERE");
    const char *at = getenv("STOP_HERE_AT");

    if (!path || !is_temporary(fd))
        return;
    if (!at || atol(at) < 1)
        unusable("STOP_HERE_AT is missing");
    if (atomic_fetch_add(&n_events, 1) + 1 == atol(at) && access(path, F_OK) != 0)
        stop(path);
}

typedef ssize_t write_fn(int fd, const void *buf, size_t n);
typedef ssize_t pwrite_fn(int fd, const void *buf, size_t n, off_t off);
typedef int fsync_fn(int fd);

ssize_t write(int fd, const void *buf, size_t n)
{
    look(fd);
    return ((write_fn *)dlsym(RTLD_NEXT, "write"))(fd, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t off)
{
    look(fd);
    return ((pwrite_fn *)dlsym(RTLD_NEXT, "pwrite"))(fd, buf, n, off);
}

int fsync(int fd)
{
    look(fd);
    return ((fsync_fn *)dlsym(RTLD_NEXT, "fsync"))(fd);
}
