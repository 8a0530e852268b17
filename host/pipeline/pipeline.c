#include "host/pipeline/pipeline.h"

#include <stdlib.h>

#include "host/cancel.h"
#include "host/pipeline/lane.h"
#include "kernels/pool_header.h"

/* How often the collector looks for a cancellation while nothing arrives. */
#define POLL_MS 50u

/* Chunks that may wait for the collector, so that a slow chunk or a slow writer does not stop the
 * lanes at once. */
static size_t ring_entries(unsigned n_lanes, unsigned depth)
{
    return (size_t)n_lanes * (depth + 1) + 2;
}

static unsigned max_depth(const struct ps_pipeline_spec *spec)
{
    unsigned depth = 1;

    for (unsigned i = 0; i < spec->n_lanes; i++)
        if (spec->lanes[i].backend->ops->depth > depth)
            depth = spec->lanes[i].backend->ops->depth;
    return depth;
}

size_t ps_pipeline_chunk_pages(const struct ps_machine *machine, unsigned n_lanes, unsigned depth,
                               unsigned slot_shift, uint64_t want_bytes)
{
    /* Worst case: a header in each slot. A chunk in flight costs its bytes and hits, a ring entry
     * its findings, and its bytes once more when all of them are kept. */
    const uint64_t hits = sizeof(struct ps_hit) >> 2;
    const uint64_t in_flight = (4 + (hits << (4 - slot_shift))) * n_lanes * depth;
    const uint64_t waiting =
        (4 + ((sizeof(struct ps_finding) >> 2) << (4 - slot_shift))) * ring_entries(n_lanes, depth);
    const uint64_t most = PS_PIPELINE_MEMORY_BYTES / (in_flight + waiting) * 4;
    /* The judge reads the pages that hold hits once more: they should still be in the cache. */
    const uint64_t share = machine->l3_bytes * machine->n_l3 / n_lanes / 2;
    uint64_t bytes = want_bytes ? want_bytes : 8u << 20;
    uint64_t pow2 = PS_PAGE_BYTES;

    if (!want_bytes && depth == 1 && share && share < bytes)
        bytes = share > 512u << 10 ? share : 512u << 10;
    if (bytes > most)
        bytes = most;
    if (want_bytes)
        return bytes < PS_PAGE_BYTES ? 1 : (size_t)(bytes / PS_PAGE_BYTES);
    while (pow2 * 2 <= bytes)
        pow2 *= 2;
    return (size_t)(pow2 / PS_PAGE_BYTES);
}

uint64_t ps_pipeline_total(struct ps_image *image, uint64_t start, uint64_t end)
{
    size_t n;
    const struct ps_extent *e = ps_image_extents(image, &n);
    uint64_t total = 0;

    for (size_t i = 0; i < n; i++) {
        uint64_t from = e[i].phys > start ? e[i].phys : start;
        uint64_t skip = from - e[i].phys;
        uint64_t left = skip < e[i].n_bytes && from < end ? e[i].n_bytes - skip : 0;

        total += left < end - from ? left : from < end ? end - from : 0;
    }
    return total;
}

static uint64_t end_of(const struct ps_source *source, const struct ps_span *span)
{
    const struct ps_piece last = ps_source_piece(source, span, span->n_pieces - 1);
    const uint64_t end = last.phys + last.n_bytes;

    return end + (PS_PAGE_BYTES - end % PS_PAGE_BYTES) % PS_PAGE_BYTES;
}

static int give(const struct ps_run_state *run, const struct ps_ring_entry *e, struct ps_err *err)
{
    struct ps_chunk_result r = {
        .end = end_of(&run->source, &e->span),
        .n_bytes = e->n_bytes,
        .bytes_unreadable = e->bytes_unreadable,
        .unreadable = e->unreadable,
        .finding = e->finding,
        .n_findings = e->n,
        .print = e->print,
        .n_prints = e->n_prints,
        .kept_phys = e->kept.phys,
        .kept = e->kept.bytes,
        .n_kept = e->kept.n,
    };

    return run->spec->on_chunk(run->spec->arg, &r, err);
}

/* The collector: entries in order until there are no more. */
static int collect(struct ps_run_state *run, struct ps_err *err)
{
    struct ps_ring_entry *e;
    int rc;

    for (;;) {
        int got = ps_ring_next(&run->ring, POLL_MS, &e);

        if (got < 0)
            return 0;
        rc = ps_cancel_check(err);
        if (rc == 0 && got) {
            rc = give(run, e, err);
            ps_ring_done(&run->ring);
        }
        if (rc < 0)
            return rc;
    }
}

static int start_lanes(struct ps_run_state *run, struct ps_lane *lanes, struct ps_err *err)
{
    for (unsigned i = 0; i < run->spec->n_lanes; i++) {
        lanes[i] = (struct ps_lane){.run = run, .index = i};
        if (pthread_create(&lanes[i].thread, NULL, ps_lane_main, &lanes[i]) != 0)
            return ps_fail(err, PS_ENOMEM, i, "cannot start thread %u", i + 1);
        lanes[i].started = 1;
    }
    return 0;
}

static int run_lanes(struct ps_run_state *run, struct ps_lane *lanes, struct ps_err *err)
{
    int rc = start_lanes(run, lanes, err);

    if (rc == 0)
        rc = collect(run, err);
    ps_ring_stop(&run->ring, NULL);
    for (unsigned i = 0; i < run->spec->n_lanes; i++)
        if (lanes[i].started)
            pthread_join(lanes[i].thread, NULL);
    if (rc == 0 && run->ring.failure.code != 0) {
        *err = run->ring.failure;
        rc = -err->code;
    }
    return rc;
}

int ps_pipeline_run(const struct ps_pipeline_spec *spec, struct ps_err *err)
{
    struct ps_run_state run = {.spec = spec};
    struct ps_lane *lanes = calloc(spec->n_lanes, sizeof *lanes);
    int rc;

    if (!lanes)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    rc = ps_source_init(&run.source, spec->image, spec->range_start, spec->range_end,
                        (uint64_t)spec->chunk_pages * PS_PAGE_BYTES, err);
    if (rc == 0)
        rc = ps_ring_init(&run.ring, ring_entries(spec->n_lanes, max_depth(spec)),
                          ps_source_count(&run.source), err);
    if (rc == 0)
        rc = run_lanes(&run, lanes, err);
    ps_ring_fini(&run.ring);
    ps_source_fini(&run.source);
    free(lanes);
    return rc;
}
