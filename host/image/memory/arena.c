#include "host/image/memory/arena.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define UNIT_BYTES ((size_t)2 << 20) /* a huge page */

/* Huge pages that are free take a fourth of the time of small ones; but the system may have to make
 * them first, or to get them from the host of a virtual machine, and then they take several times
 * as long. So they are taken as long as they cost less than so much each, which small ones would
 * cost (0.6 ms), but for some bad luck. */
#define UNIT_NS  600000u
#define SLACK_NS 4000000u

/* Since Linux 5.14; older ones refuse it, and the pages come when they are touched. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* Gives back what is too much at both ends. */
static uint8_t *align(uint8_t *mem, size_t n_all, size_t n_bytes)
{
    const size_t before = round_up((uintptr_t)mem, UNIT_BYTES) - (uintptr_t)mem;
    const size_t behind = n_all - before - n_bytes;

    if (before)
        munmap(mem, before);
    if (behind)
        munmap(mem + before + n_bytes, behind);
    return mem + before;
}

int ps_arena_init(struct ps_arena *arena, uint64_t n_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *mem;
    size_t n;

    *arena = (struct ps_arena){0};
    if (!n_bytes || n_bytes > SIZE_MAX / 2)
        return 0;
    n = round_up((size_t)n_bytes, page);
    arena->is_there = calloc(n / UNIT_BYTES + 1, sizeof *arena->is_there);
    if (!arena->is_there)
        return 0;
    mem = mmap(NULL, n + UNIT_BYTES, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mem == MAP_FAILED) {
        free(arena->is_there);
        *arena = (struct ps_arena){0};
        return 0;
    }
    arena->mem = align(mem, n + UNIT_BYTES, n);
    arena->n_bytes = n;
    madvise(arena->mem, n, MADV_HUGEPAGE);
    return 1;
}

/* Time of the processor: who was interrupted did not wait for memory. */
static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void prepare_unit(struct ps_arena *arena, size_t unit)
{
    const size_t off = unit * UNIT_BYTES;
    const size_t left = arena->n_bytes - off;
    const uint64_t begin = now_ns();
    uint64_t ns;
    unsigned n;

    madvise(arena->mem + off, left < UNIT_BYTES ? left : UNIT_BYTES, MADV_POPULATE_WRITE);
    if (atomic_load(&arena->has_small))
        return;
    n = atomic_fetch_add(&arena->n_there, 1) + 1;
    ns = now_ns() - begin;
    ns += atomic_fetch_add(&arena->ns, ns);
    if (ns > (uint64_t)n * UNIT_NS + SLACK_NS && !atomic_exchange(&arena->has_small, 1))
        madvise(arena->mem, arena->n_bytes, MADV_NOHUGEPAGE);
}

void ps_arena_prepare(struct ps_arena *arena, size_t off, size_t n_bytes)
{
    const size_t end = off + n_bytes;

    for (size_t unit = off / UNIT_BYTES; unit * UNIT_BYTES < end; unit++)
        if (!atomic_load(&arena->is_there[unit]) && !atomic_exchange(&arena->is_there[unit], 1))
            prepare_unit(arena, unit);
}

void ps_arena_cut(struct ps_arena *arena, uint64_t n_bytes)
{
    const size_t n = round_up((size_t)n_bytes, (size_t)sysconf(_SC_PAGESIZE));

    if (!n || n >= arena->n_bytes)
        return;
    munmap(arena->mem + n, arena->n_bytes - n);
    arena->n_bytes = n;
}

void ps_arena_forget(struct ps_arena *arena, size_t off, size_t n_bytes)
{
    madvise(arena->mem + off, n_bytes, MADV_DONTNEED);
}

void ps_arena_fini(struct ps_arena *arena)
{
    if (arena->mem)
        munmap(arena->mem, arena->n_bytes);
    free(arena->is_there);
    *arena = (struct ps_arena){0};
}
