/* A list of runs in the header itself (PhysicalMemoryBlock), the pages behind it. */
#include "host/image/containers/crashdump/dump.h"

#include <inttypes.h>

struct block {
    uint32_t at;
    uint32_t runs_at;
    uint32_t run_bytes;
    uint32_t max_runs; /* up to the field that follows */
    uint32_t n_runs;
    uint64_t n_pages;
};

struct frames {
    uint64_t first;
    uint64_t n;
};

static struct block get_block(const struct ps_dump *d)
{
    if (d->is_64)
        return (struct block){
            0x88, 0x98, 16, (0x348 - 0x98) / 16, ps_dump_u32(d, 0x88), ps_dump_u64(d, 0x90)};
    return (struct block){
        0x64, 0x6c, 8, (0x320 - 0x6c) / 8, ps_dump_u32(d, 0x64), ps_dump_u32(d, 0x68)};
}

static struct frames get_run(const struct ps_dump *d, const struct block *b, uint32_t i)
{
    const uint32_t at = b->runs_at + i * b->run_bytes;

    if (d->is_64)
        return (struct frames){ps_le64(d->c->head + at), ps_le64(d->c->head + at + 8)};
    return (struct frames){ps_le32(d->c->head + at), ps_le32(d->c->head + at + 4)};
}

/* Not merely possible: what was never filled is a number too, and in 32 bits one that fits. */
static int is_run(const struct ps_dump *d, struct frames run)
{
    if (!d->is_64 && (run.first == PS_DUMP_FILLER || run.n == PS_DUMP_FILLER))
        return 0;
    return ps_dump_is_frames(run.first, run.n);
}

uint64_t ps_dump_n_pages(const struct ps_dump *d)
{
    const uint64_t n = get_block(d).n_pages;

    return ps_dump_is_frames(0, n) ? n : 0;
}

int ps_dump_full_is_sound(const struct ps_dump *d)
{
    const struct block b = get_block(d);
    uint64_t end = 0, n_pages = 0;

    if (!b.n_runs || b.n_runs > b.max_runs)
        return 0;
    for (uint32_t i = 0; i < b.n_runs; i++) {
        const struct frames run = get_run(d, &b, i);

        if (!run.n || !is_run(d, run) || run.first < end)
            return 0;
        end = run.first + run.n;
        n_pages += run.n;
    }
    return n_pages == b.n_pages;
}

/* How many runs to go through. A count that cannot be does not matter where the pages add up. */
static uint32_t count_runs(const struct ps_dump *d, const struct block *b)
{
    uint64_t n_pages = 0;
    uint32_t n = 0;

    if (b->n_runs && b->n_runs <= b->max_runs)
        return b->n_runs;
    ps_notes_add(&d->c->notes, PS_NOTE_WARNING,
                 "the header of the crash dump counts %" PRIu32 " runs of memory and has room for "
                 "1 to %" PRIu32 "; as many are taken as hold the %" PRIu64 " pages it counts",
                 b->n_runs, b->max_runs, b->n_pages);
    while (n < b->max_runs && n_pages < b->n_pages) {
        const struct frames run = get_run(d, b, n);

        if (!run.n || !is_run(d, run))
            break;
        n_pages += run.n;
        n++;
    }
    return n;
}

int ps_dump_full(struct ps_dump *d, struct ps_err *err)
{
    struct ps_notes *notes = &d->c->notes;
    const struct block b = get_block(d);
    struct ps_dump_pages pages = {.c = d->c, .file_off = d->header_bytes};
    const uint32_t n_runs = count_runs(d, &b);
    uint64_t end = 0;
    int rc = 0, is_mixed = 0;
    uint32_t i;

    for (i = 0; rc == 0 && i < n_runs; i++) {
        const struct frames run = get_run(d, &b, i);

        if (!is_run(d, run)) {
            ps_notes_add(notes, PS_NOTE_LOSS,
                         "run %" PRIu32 " of %" PRIu32 " in the header of the crash dump is "
                         "damaged; it and what follows it are left out",
                         i + 1, n_runs);
            break;
        }
        is_mixed |= run.n && run.first < end;
        end = run.first + run.n;
        rc = ps_dump_pages_add(&pages, run.first, run.n, err);
    }
    if (rc < 0)
        return rc;
    if (!pages.n)
        return ps_dump_refuse(d, b.at, err, "its list of memory runs is empty or damaged");
    if (is_mixed)
        ps_notes_add(notes, PS_NOTE_WARNING,
                     "the memory runs in the header of the crash dump overlap or descend; it is "
                     "damaged, and addresses may be wrong");
    if (b.n_pages && pages.n != b.n_pages)
        ps_notes_add(notes, PS_NOTE_WARNING,
                     "the memory runs of the crash dump hold %" PRIu64 " pages, and its header "
                     "counts %" PRIu64,
                     pages.n, b.n_pages);
    d->c->facts.n_pages = pages.n;
    ps_dump_name(d, "full");
    return ps_dump_pages_end(&pages, err);
}
