/* A failing disk, for LD_PRELOAD. It changes what one file does:
 *
 *   BAD_DISK_FILE    the file, by path
 *   BAD_DISK_RANGE   START-END in bytes: what goes wrong, goes wrong there
 *   BAD_DISK_READ    what a read that touches the range does:
 *                    eio        it fails with EIO
 *                    cut        it works, and the file is then cut to BAD_DISK_CUT bytes
 *                    int, term  that signal is sent to the process before it, once
 *                    usr1       SIGUSR1, likewise; it goes on when standard error, a file, has
 *                               the answer
 *                    int2       SIGINT, twice
 *                    hang       it never comes back; BAD_DISK_SAID, a file, is made before
 *   BAD_DISK_MAP     what mapping the file does:
 *                    refuse     it fails
 *                    poison     it works, and touching the range raises SIGBUS
 *
 * An unknown word ends the process with status 99, so that no test is about nothing. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANSWER_MS 10000

struct setup {
    const char *path;
    const char *read;
    const char *map;
    off_t start;
    off_t end;
};

static atomic_int happened;

static void unusable(const char *what)
{
    dprintf(STDERR_FILENO, "bad_disk: %s\n", what);
    _exit(99);
}

static struct setup setup_of_environment(void)
{
    struct setup s = {getenv("BAD_DISK_FILE"), getenv("BAD_DISK_READ"), getenv("BAD_DISK_MAP"), 0,
                      0};
    const char *range = getenv("BAD_DISK_RANGE");
    long long start = 0, end = 0;

    if (!s.path || !range || sscanf(range, "%lli-%lli", &start, &end) != 2)
        unusable("BAD_DISK_FILE or BAD_DISK_RANGE is missing");
    s.start = (off_t)start;
    s.end = (off_t)end;
    return s;
}

static int is_the_file(const struct setup *s, int fd)
{
    struct stat a, b;

    return fd >= 0 && fstat(fd, &a) == 0 && stat(s->path, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

static void cut(const struct setup *s)
{
    const char *bytes = getenv("BAD_DISK_CUT");

    if (!bytes || truncate(s->path, (off_t)strtoll(bytes, NULL, 0)) < 0)
        unusable("the file cannot be cut");
}

static off_t said_bytes(void)
{
    struct stat st;

    return fstat(STDERR_FILENO, &st) == 0 ? st.st_size : 0;
}

/* Who answers is another thread: what it says is to be of this moment, however busy the machine is.
 */
static void ask(void)
{
    const off_t before = said_bytes();

    kill(getpid(), SIGUSR1);
    for (int i = 0; i < ANSWER_MS && said_bytes() == before; i++)
        usleep(1000);
}

/* Something that happens once, at the first read of the range. */
static void send_signals(const struct setup *s)
{
    if (atomic_exchange(&happened, 1))
        return;
    if (strcmp(s->read, "term") == 0)
        kill(getpid(), SIGTERM);
    else if (strcmp(s->read, "int") == 0)
        kill(getpid(), SIGINT);
    else if (strcmp(s->read, "usr1") == 0)
        ask();
    else if (strcmp(s->read, "int2") == 0) {
        /* raise: both on this thread, one after the other, rather than merged into one. */
        raise(SIGINT);
        raise(SIGINT);
    } else
        unusable("BAD_DISK_READ is not a word it knows");
}

/* As a server that went away. */
static void hang(void)
{
    const char *said = getenv("BAD_DISK_SAID");
    const int fd = said ? open(said, O_WRONLY | O_CREAT, 0600) : -1;

    if (fd < 0)
        unusable("BAD_DISK_SAID cannot be made");
    close(fd);
    for (;;)
        pause();
}

typedef ssize_t pread_fn(int fd, void *buf, size_t n, off_t off);

ssize_t pread(int fd, void *buf, size_t n, off_t off)
{
    pread_fn *next = (pread_fn *)dlsym(RTLD_NEXT, "pread");
    struct setup s = setup_of_environment();
    ssize_t got;

    if (!s.read || off >= s.end || off + (off_t)n <= s.start || !is_the_file(&s, fd))
        return next(fd, buf, n, off);
    if (strcmp(s.read, "eio") == 0) {
        errno = EIO;
        return -1;
    }
    if (strcmp(s.read, "hang") == 0)
        hang();
    if (strcmp(s.read, "cut") != 0)
        send_signals(&s);
    got = next(fd, buf, n, off);
    if (strcmp(s.read, "cut") == 0 && !atomic_exchange(&happened, 1))
        cut(&s);
    return got;
}

ssize_t pread64(int fd, void *buf, size_t n, off_t off)
{
    return pread(fd, buf, n, off);
}

typedef void *mmap_fn(void *addr, size_t n, int prot, int flags, int fd, off_t off);

/* Pages behind the end of an empty file: touching them raises SIGBUS. */
static void poison(mmap_fn *next, const struct setup *s, uint8_t *mem, size_t n)
{
    int empty = memfd_create("poison", MFD_CLOEXEC);

    if (s->end > (off_t)n || empty < 0 ||
        next(mem + s->start, (size_t)(s->end - s->start), PROT_READ, MAP_PRIVATE | MAP_FIXED, empty,
             0) == MAP_FAILED)
        unusable("the mapping cannot be poisoned");
    close(empty);
}

void *mmap(void *addr, size_t n, int prot, int flags, int fd, off_t off)
{
    mmap_fn *next = (mmap_fn *)dlsym(RTLD_NEXT, "mmap");
    struct setup s;
    void *mem;

    /* The loader and malloc map long before there is an environment. */
    if (fd < 0)
        return next(addr, n, prot, flags, fd, off);
    s = setup_of_environment();
    if (!s.map || !is_the_file(&s, fd))
        return next(addr, n, prot, flags, fd, off);
    if (strcmp(s.map, "refuse") == 0) {
        errno = ENODEV;
        return MAP_FAILED;
    }
    mem = next(addr, n, prot, flags, fd, off);
    if (mem == MAP_FAILED)
        unusable("the file cannot be mapped");
    if (strcmp(s.map, "poison") == 0)
        poison(next, &s, mem, n);
    else
        unusable("BAD_DISK_MAP is not a word it knows");
    return mem;
}

void *mmap64(void *addr, size_t n, int prot, int flags, int fd, off_t off)
{
    return mmap(addr, n, prot, flags, fd, off);
}
