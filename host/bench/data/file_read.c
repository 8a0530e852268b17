#include "host/bench/data/file_read.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/bench/report/series.h"
#include "kernels/pool_header.h"

#define MAX_THREADS 256u

const struct ps_file_reader ps_file_readers[] = {
    {"mmap sum", 0, 0},
    {"mmap sum 2 MiB ahead", 0, 2 << 20},
    {"mmap sum 16 MiB ahead", 0, 16 << 20},
    {"pread 256 KiB", 256 << 10, 0},
    {"pread 1 MiB", 1 << 20, 0},
    {"pread 4 MiB", 4 << 20, 0},
};

const size_t ps_n_file_readers = sizeof ps_file_readers / sizeof *ps_file_readers;

/* The part of one thread. */
struct part {
    const struct ps_file_reader *how;
    ps_memory_sum_fn *sum_fn;
    int fd;
    const uint8_t *mem;
    uint64_t start, end;
    uint64_t sum;
    int failed; /* errno */
    pthread_t thread;
    int started;
};

static void sum_mapped(struct part *p)
{
    const uint64_t step = p->how->fault_bytes ? p->how->fault_bytes : (uint64_t)1 << 20;

    for (uint64_t at = p->start; at < p->end; at += step) {
        size_t n = (size_t)(p->end - at < step ? p->end - at : step);

#ifdef MADV_POPULATE_READ
        if (p->how->fault_bytes)
            madvise((void *)(uintptr_t)(p->mem + at), n, MADV_POPULATE_READ);
#endif
        p->sum += p->sum_fn(p->mem + at, n);
    }
}

static void read_into_buffer(struct part *p)
{
    uint8_t *buffer = aligned_alloc(PS_PAGE_BYTES, p->how->read_bytes);

    for (uint64_t at = p->start; buffer && at < p->end && !p->failed;) {
        uint64_t left = p->end - at;
        size_t n = left < p->how->read_bytes ? (size_t)left : p->how->read_bytes;
        ssize_t got = pread(p->fd, buffer, n, (off_t)at);

        if (got <= 0)
            p->failed = got < 0 ? errno : EIO;
        else
            at += (uint64_t)got;
    }
    if (!buffer)
        p->failed = ENOMEM;
    p->sum = p->end - p->start;
    free(buffer);
}

static void *read_part(void *arg)
{
    struct part *p = arg;

    if (p->how->read_bytes)
        read_into_buffer(p);
    else
        sum_mapped(p);
    return NULL;
}

static void read_parts(const struct part *whole, unsigned n_threads, struct part *parts)
{
    const uint64_t share = (whole->end / n_threads + (1 << 20)) >> 20 << 20;

    for (unsigned i = 0; i < n_threads; i++) {
        parts[i] = *whole;
        parts[i].start = i * share < whole->end ? i * share : whole->end;
        parts[i].end = (i + 1) * share < whole->end ? (i + 1) * share : whole->end;
    }
    for (unsigned i = 1; i < n_threads; i++)
        parts[i].started = pthread_create(&parts[i].thread, NULL, read_part, &parts[i]) == 0;
    read_part(&parts[0]);
    for (unsigned i = 1; i < n_threads; i++) {
        if (parts[i].started)
            pthread_join(parts[i].thread, NULL);
        else
            read_part(&parts[i]);
    }
}

/* Open, map if that is the way, read, unmap, close: all of it counts. */
static int read_file(struct part *whole, const char *path, unsigned n_threads, struct part *parts)
{
    void *mem = NULL;

    whole->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (whole->fd < 0)
        return errno;
    if (!whole->how->read_bytes)
        mem = mmap(NULL, whole->end, PROT_READ, MAP_PRIVATE, whole->fd, 0);
    if (mem != MAP_FAILED) {
        whole->mem = mem;
        read_parts(whole, n_threads, parts);
    }
    if (mem && mem != MAP_FAILED)
        munmap(mem, whole->end);
    close(whole->fd);
    return mem == MAP_FAILED ? ENOMEM : 0;
}

int ps_file_read_once(const struct ps_file_reader *how, const char *path, unsigned n_threads,
                      ps_memory_sum_fn *sum_fn, double *seconds, uint64_t *sum, struct ps_err *err)
{
    struct part parts[MAX_THREADS];
    struct part whole = {.how = how, .sum_fn = sum_fn};
    struct stat st;
    double start;
    int failed;

    if (stat(path, &st) != 0)
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "%.100s: %s", path, strerror(errno));
    whole.end = (uint64_t)st.st_size / PS_PAGE_BYTES * PS_PAGE_BYTES;
    n_threads = n_threads < MAX_THREADS ? n_threads : MAX_THREADS;
    start = ps_bench_now();
    failed = read_file(&whole, path, n_threads, parts);
    *seconds = ps_bench_now() - start;
    *sum = 0;
    for (unsigned i = 0; i < n_threads && !failed; i++) {
        failed = parts[i].failed;
        *sum += parts[i].sum;
    }
    return failed ? ps_fail(err, PS_EIO, PS_AT_NONE, "%.100s: reading failed (%s)", path,
                            strerror(failed))
                  : 0;
}
