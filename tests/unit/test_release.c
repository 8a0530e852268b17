/* Memory that is given back: anonymous memory, which reads as zeros once it was. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/image/memory/release.h"
#include "tests/support/rng.h"

#define PAGE  ((size_t)4096)
#define PIECE ((size_t)2 << 20)
#define BYTES ((size_t)96 << 20)
/* What may wait: a part of each of 16 pieces, and small ranges. */
#define MOST_WAITING (PS_RELEASE_PARTS * PIECE + PIECE)

static uint8_t *mem;
static struct ps_release release;

static void begin(void)
{
    mem = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert(mem != MAP_FAILED);
    /* So that each page is given back by itself. */
    madvise(mem, BYTES, MADV_NOHUGEPAGE);
    memset(mem, 1, BYTES);
    ps_release_init(&release);
}

static void end(void)
{
    ps_release_fini(&release);
    munmap(mem, BYTES);
}

static int is_given_back(size_t page)
{
    return mem[page * PAGE] == 0;
}

/* Pages in [from, to) that are given back. */
static size_t given_back(size_t from, size_t to)
{
    size_t n = 0;

    for (size_t page = from / PAGE; page < to / PAGE; page++)
        n += (size_t)is_given_back(page);
    return n;
}

TestSuite(release, .init = begin, .fini = end);

/* Chunks that end inside of pieces, one after the other, as from a container with a header. */
Test(release, all_but_the_ends_goes_in_order)
{
    const size_t chunk = 3 * PIECE / 2, first = 5 * PAGE + 0x18;
    size_t at = first;

    for (; at + chunk <= BYTES; at += chunk)
        ps_release_memory(&release, mem + at, chunk);
    cr_assert_eq(given_back(0, first / PAGE * PAGE), 0);
    cr_assert_geq(given_back(first / PAGE * PAGE, at / PAGE * PAGE),
                  (at - first - 2 * PIECE) / PAGE);
}

Test(release, a_piece_goes_as_a_whole)
{
    uint8_t *piece = mem + (PIECE - (uintptr_t)mem % PIECE) % PIECE;
    const size_t from = (size_t)(piece - mem);

    ps_release_memory(&release, piece - PIECE / 2 - PIECE, 2 * PIECE);
    cr_assert_eq(given_back(from, from + PIECE), 0);
    ps_release_memory(&release, piece + PIECE / 2, 2 * PIECE);
    cr_assert_eq(given_back(from, from + PIECE), PIECE / PAGE);
}

/* Threads that finish out of order. */
Test(release, order_does_not_matter)
{
    const size_t chunk = 3 * PIECE / 2, n = BYTES / chunk;

    for (size_t i = 0; i < n; i++)
        ps_release_memory(&release, mem + (i ^ 1) * chunk, chunk);
    cr_assert_geq(given_back(0, n * chunk), (n * chunk - 2 * PIECE) / PAGE);
}

/* Is one of the pages [from, to) asked for? */
static int any(const uint8_t *asked, size_t from, size_t to)
{
    for (size_t page = from; page < to; page++)
        if (asked[page])
            return 1;
    return 0;
}

/* What lies between two ranges that are near each other may go with them. */
static int may_go(const uint8_t *asked, size_t page)
{
    const size_t n_pages = BYTES / PAGE, near = PIECE / PAGE;

    return any(asked, page < near ? 0 : page - near, page + 1) &&
           any(asked, page, page + near < n_pages ? page + near + 1 : n_pages);
}

/* Ranges of any size and place: nothing else goes, and little waits. */
static void release_any(unsigned n_ranges)
{
    const uint64_t seed = rng_seed();
    uint8_t *asked = calloc(BYTES / PAGE, 1);
    struct rng rng = rng_make(seed);
    size_t n_waiting = 0;

    cr_assert(asked);
    for (unsigned i = 0; i < n_ranges; i++) {
        const size_t at = rng_below(&rng, BYTES - 1);
        const size_t most = i % 3 ? PAGE : 4 * PIECE;
        const size_t n = 1 + rng_below(&rng, (uint32_t)(BYTES - at < most ? BYTES - at : most));

        for (size_t page = at / PAGE; page * PAGE < at + n; page++)
            asked[page] = 1;
        ps_release_memory(&release, mem + at, n);
    }
    for (size_t page = 0; page < BYTES / PAGE; page++) {
        cr_assert(!is_given_back(page) || may_go(asked, page), "page %zu, seed 0x%llx", page,
                  (unsigned long long)seed);
        n_waiting += asked[page] && !is_given_back(page);
    }
    cr_assert_leq(n_waiting, MOST_WAITING / PAGE, "%zu, seed 0x%llx", n_waiting,
                  (unsigned long long)seed);
    free(asked);
}

Test(release, nothing_else_goes)
{
    release_any(24);
}

Test(release, little_waits)
{
    release_any(3000);
}
