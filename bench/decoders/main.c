/* bench_decoders KIND FILE THREADS: unpack FILE (gzip, zstd, lz4, xz, ewf) with the library of that
 * format, print how many MB/s came out. The ceiling of a scan of FILE (bench/containers.sh). KIND
 * memory: take as much new memory as FILE has bytes. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench/decoders/decoders.h"

#define MAX_THREADS 256u

static const struct {
    const char *name;
    decode_fn *decode;
} kinds[] = {
    {"gzip", decode_gzip}, {"zstd", decode_zstd}, {"lz4", decode_lz4},
    {"xz", decode_xz},     {"ewf", decode_ewf},   {"memory", decode_memory},
};

void die(const char *what)
{
    fprintf(stderr, "bench_decoders: %s\n", what);
    exit(1);
}

struct pieces {
    piece_fn *fn;
    void *arg;
    size_t n;
    atomic_size_t next;
    atomic_uint_fast64_t n_bytes;
};

static void *pieces_main(void *arg)
{
    struct pieces *p = arg;
    void *state = NULL;
    uint64_t n_bytes = 0;
    size_t i;

    while ((i = atomic_fetch_add(&p->next, 1)) < p->n)
        n_bytes += p->fn(p->arg, &state, i);
    atomic_fetch_add(&p->n_bytes, n_bytes);
    return NULL;
}

uint64_t decode_pieces(piece_fn *fn, void *arg, size_t n_pieces, unsigned n_threads)
{
    struct pieces p = {.fn = fn, .arg = arg, .n = n_pieces};
    pthread_t thread[MAX_THREADS];

    for (unsigned i = 1; i < n_threads; i++)
        if (pthread_create(&thread[i], NULL, pieces_main, &p) != 0)
            die("no thread");
    pieces_main(&p);
    for (unsigned i = 1; i < n_threads; i++)
        pthread_join(thread[i], NULL);
    return atomic_load(&p.n_bytes);
}

static void map_file(struct packed_file *file)
{
    struct stat st;
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
        die("cannot open the file");
    file->n_bytes = (size_t)st.st_size;
    file->bytes = mmap(NULL, file->n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file->bytes == MAP_FAILED)
        die("cannot map the file");
    close(fd);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct packed_file file = {.n_threads = argc == 4 ? (unsigned)atoi(argv[3]) : 0};

    if (file.n_threads < 1 || file.n_threads > MAX_THREADS)
        die("usage: bench_decoders KIND FILE THREADS");
    file.path = argv[2];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        double start = now();
        uint64_t n_bytes;

        if (strcmp(kinds[i].name, argv[1]) != 0)
            continue;
        map_file(&file);
        n_bytes = kinds[i].decode(&file);
        printf("%.1f MB/s, %llu bytes\n", (double)n_bytes / 1e6 / (now() - start),
               (unsigned long long)n_bytes);
        return 0;
    }
    die("no such kind");
}
