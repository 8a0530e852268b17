/* Images in crumbs: every page is in one chunk, once, in order, with its own bytes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "host/pipeline/load.h"
#include "host/pipeline/source.h"
#include "tests/support/made_dump.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define PAGE     4096u
#define N_FRAMES 40u

static struct made_dump d;
static struct ps_tmpdir dir;

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(spans, .init = set_up, .fini = tear_down);

/* Each page begins with its frame number. */
static uint64_t put_page(uint64_t at, uint64_t frame)
{
    made_dump_put64(&d, at, frame);
    made_dump_put64(&d, at + PAGE - 8, frame);
    return at + PAGE;
}

/* Up to 11 frames in order of the file; 1 in 'present' for each. */
static void make_bitmap(struct rng *rng, uint8_t *present)
{
    uint64_t at = 0x2040;
    uint64_t n = 0;

    made_dump_init(&d, 1, 6);
    made_dump_bitmap(&d, "FDMP", at, 0, N_FRAMES);
    for (uint64_t frame = 0; frame < N_FRAMES && n < 11; frame++) {
        if (rng_below(rng, 3))
            continue;
        made_dump_bit(&d, frame);
        at = put_page(at, frame);
        present[frame] = 1;
        n++;
    }
    made_dump_put64(&d, 0x2028, n);
}

/* The same out of order: the runs of the header lie in the file as they come. */
static void make_runs(struct rng *rng, uint8_t *present)
{
    uint64_t at = 0x2000;
    uint32_t n = 0;

    made_dump_init(&d, 1, 1);
    while (n < 11) {
        const uint64_t frame = rng_below(rng, N_FRAMES);

        if (present[frame])
            continue;
        made_dump_run(&d, n++, frame, 1);
        at = put_page(at, frame);
        present[frame] = 1;
    }
    made_dump_counts(&d, n, n);
}

static struct ps_image *open_made(void)
{
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_write(&dir, "d", d.bytes, d.n_bytes), NULL, &err),
                 0, "%s", err.msg);
    return image;
}

static void check_pages(const struct ps_chunk *c, struct ps_source_pages *pages, uint8_t *present,
                        uint64_t *next)
{
    for (size_t i = 0; i < c->n_pages; i++) {
        const uint64_t phys = ps_source_page(pages, i);
        uint64_t begin, end;

        memcpy(&begin, c->pages + i * PAGE, 8);
        memcpy(&end, c->pages + i * PAGE + PAGE - 8, 8);
        cr_assert(phys >= *next && phys / PAGE < N_FRAMES && phys % PAGE == 0);
        cr_assert_eq(present[phys / PAGE], 1);
        cr_assert(begin == phys / PAGE && end == begin, "frame %llu holds %llu",
                  (unsigned long long)(phys / PAGE), (unsigned long long)begin);
        present[phys / PAGE] = 2;
        *next = phys + PAGE;
    }
}

/* Returns how many chunks were mapped though they have several pieces. */
static unsigned check_source(struct ps_image *image, const struct ps_source *s, uint8_t *present)
{
    struct ps_chunk c = {.max_pages = (size_t)(s->chunk_bytes / PAGE)};
    struct ps_ring_entry e = {.n = 0};
    unsigned n_mapped = 0;
    uint64_t next = 0;

    c.buffer = malloc((size_t)s->chunk_bytes);
    for (uint64_t seq = 0; seq < ps_source_count(s); seq++) {
        const struct ps_span span = ps_source_span(s, seq);
        struct ps_source_pages pages = ps_source_pages(s, &span);
        uint64_t again = next;
        uint8_t copy[N_FRAMES];

        cr_assert(span.n_bytes > 0 && span.n_bytes <= s->chunk_bytes && span.n_pieces > 0);
        memcpy(copy, present, sizeof copy);
        ps_load_read(image, s, &span, &c, &e);
        cr_assert_eq(c.n_pages * PAGE, span.n_bytes);
        check_pages(&c, &pages, copy, &again);
        if (ps_load_map(image, s, &span, &c)) {
            n_mapped += span.n_pieces > 1;
            pages = ps_source_pages(s, &span);
            again = next;
            memcpy(copy, present, sizeof copy);
            check_pages(&c, &pages, copy, &again);
        }
        memcpy(present, copy, sizeof copy);
        next = again;
    }
    cr_assert_eq(e.bytes_unreadable, 0);
    free(c.buffer);
    return n_mapped;
}

static void check_all(int in_order)
{
    unsigned n_mapped = 0, n_chunks = 0, n_extents = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct rng rng = rng_make(seed);
        uint8_t present[N_FRAMES] = {0};
        const uint64_t first = rng_below(&rng, 10), last = 10 + rng_below(&rng, N_FRAMES);
        const uint64_t n_pages = 1 + rng_below(&rng, 12);
        struct ps_image *image;
        struct ps_source s;
        struct ps_err err;
        size_t n;

        if (in_order)
            make_bitmap(&rng, present);
        else
            make_runs(&rng, present);
        image = open_made();
        cr_assert_eq(ps_source_init(&s, image, first * PAGE, last * PAGE, n_pages * PAGE, &err), 0);
        n_mapped += check_source(image, &s, present);
        for (uint64_t frame = 0; frame < N_FRAMES; frame++)
            cr_assert(present[frame] != (frame >= first && frame < last ? 1 : 2), "seed %llu",
                      (unsigned long long)seed);
        ps_image_extents(image, &n);
        n_extents += (unsigned)n;
        n_chunks += (unsigned)ps_source_count(&s);
        ps_source_fini(&s);
        ps_image_close(image);
    }
    cr_assert(n_chunks < n_extents * 2 / 3, "%u chunks of %u extents", n_chunks, n_extents);
    cr_assert_eq(n_mapped > 20, in_order, "%u are mapped", n_mapped);
}

Test(spans, behind_each_other_in_the_file)
{
    check_all(1);
}

Test(spans, anywhere_in_the_file)
{
    check_all(0);
}
