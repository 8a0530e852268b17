#include "host/image/memory/release.h"

#include <sys/mman.h>
#include <unistd.h>

#define PIECE_BYTES ((uintptr_t)2 << 20)

/* Less than this waits for what is released near it: each time costs all processors an
 * interruption, and an image of many small extents has many. */
#define LATE_BYTES PIECE_BYTES

/* More than are given back at once: two parts, and what lies between them. */
#define MAX_RANGES 3u

struct ranges {
    struct ps_memory_range range[MAX_RANGES];
    unsigned n;
};

void ps_release_init(struct ps_release *release)
{
    *release = (struct ps_release){.oldest = 0};
    pthread_mutex_init(&release->lock, NULL);
}

void ps_release_fini(struct ps_release *release)
{
    pthread_mutex_destroy(&release->lock);
}

static int is_near(const struct ps_memory_range *a, const struct ps_memory_range *b)
{
    return b->begin <= a->end + LATE_BYTES && a->begin <= b->end + LATE_BYTES;
}

static void add_to(struct ps_memory_range *range, const struct ps_memory_range *more)
{
    range->begin = more->begin < range->begin ? more->begin : range->begin;
    range->end = more->end > range->end ? more->end : range->end;
}

/* A small range is put to those before it. What is to go now, maybe nothing, is in *m. */
static void put_off(struct ps_release *release, struct ps_memory_range *m)
{
    struct ps_memory_range *late = &release->late;
    const struct ps_memory_range old = *late;

    if (old.begin == old.end || !is_near(late, m)) {
        *late = *m;
        *m = old;
        return;
    }
    add_to(late, m);
    *m = (struct ps_memory_range){0};
    if (late->end - late->begin < LATE_BYTES)
        return;
    *m = *late;
    *late = (struct ps_memory_range){0};
}

static void give(struct ranges *out, struct ps_memory_range range)
{
    if (range.begin < range.end)
        out->range[out->n++] = range;
}

/* The place of what waits of this piece, or that of the oldest one, which goes for it. */
static struct ps_release_part *part_of(struct ps_release *release, uintptr_t piece,
                                       struct ranges *out)
{
    struct ps_release_part *part;

    for (unsigned i = 0; i < PS_RELEASE_PARTS; i++) {
        part = &release->part[i];
        if (part->n_bytes && part->range.begin / PIECE_BYTES == piece)
            return part;
    }
    part = &release->part[release->oldest];
    release->oldest = (release->oldest + 1) % PS_RELEASE_PARTS;
    if (part->n_bytes)
        give(out, part->range);
    part->n_bytes = 0;
    return part;
}

/* Less than a piece, inside of one. */
static void put_part(struct ps_release *release, struct ps_memory_range m, struct ranges *out)
{
    struct ps_release_part *part = part_of(release, m.begin / PIECE_BYTES, out);

    if (part->n_bytes)
        add_to(&part->range, &m);
    else
        part->range = m;
    part->n_bytes += m.end - m.begin;
    if (part->n_bytes < PIECE_BYTES)
        return;
    give(out, part->range);
    part->n_bytes = 0;
}

/* Whole pieces of *m go now, what is left at its ends waits. */
static void split(struct ps_release *release, struct ps_memory_range m, struct ranges *out)
{
    const uintptr_t first = (m.begin + PIECE_BYTES - 1) / PIECE_BYTES * PIECE_BYTES;
    const uintptr_t last = m.end / PIECE_BYTES * PIECE_BYTES;

    if (first > last) {
        put_part(release, m, out);
        return;
    }
    give(out, (struct ps_memory_range){first, last});
    if (m.begin < first)
        put_part(release, (struct ps_memory_range){m.begin, first}, out);
    if (last < m.end)
        put_part(release, (struct ps_memory_range){last, m.end}, out);
}

void ps_release_memory(struct ps_release *release, const uint8_t *mem, size_t n_bytes)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    /* Rounded out, so that pages which two ranges share do not stay behind. */
    struct ps_memory_range m = {(uintptr_t)mem / page * page,
                                ((uintptr_t)mem + n_bytes + page - 1) / page * page};
    struct ranges out = {.n = 0};

    pthread_mutex_lock(&release->lock);
    if (m.end - m.begin < LATE_BYTES)
        put_off(release, &m);
    if (m.begin < m.end)
        split(release, m, &out);
    pthread_mutex_unlock(&release->lock);
    for (unsigned i = 0; i < out.n; i++)
        madvise((void *)out.range[i].begin, out.range[i].end - out.range[i].begin, MADV_DONTNEED);
}
