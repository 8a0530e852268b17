#include "host/pipeline/lane.h"

#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/digest.h"
#include "host/image/fault_guard.h"
#include "host/pipeline/load.h"
#include "kernels/pool_header.h"
#include "scan/copies/copy.h"
#include "scan/pool/page_judge.h"

/* More in flight than any backend asks for is refused here rather than allocated. */
#define MAX_DEPTH 8u

/* How far ahead of the scan a cold file is asked for (docs/IMAGES.md has the measurement). */
#define READ_AHEAD_BYTES ((uint64_t)32 << 20)

/* One chunk of a lane, between submit and delivery. */
struct flight {
    struct ps_chunk chunk;
    struct ps_span span;
    uint64_t seq;
    int mapped;
    void *own_buffer; /* allocated here, not by the backend */
};

/* A lane at work. 'first' is the oldest of 'n' flights in the circle. */
struct work {
    struct ps_run_state *run;
    struct ps_backend *backend;
    struct flight flight[MAX_DEPTH];
    unsigned depth, first, n;
};

/* Arguments and result of a step that runs under the fault guard. */
struct guarded_step {
    struct work *w;
    struct flight *f;
    struct ps_ring_entry *entry;
    struct ps_err err;
    int rc;
};

static int ensure_buffer(struct work *w, struct flight *f, struct ps_err *err)
{
    size_t n_bytes = f->chunk.max_pages * PS_PAGE_BYTES;

    if (f->chunk.buffer)
        return 0;
    f->own_buffer = ps_topology_alloc(w->run->spec->topology, n_bytes);
    if (!f->own_buffer)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a chunk of %zu bytes",
                       n_bytes);
    f->chunk.buffer = f->own_buffer;
    return 0;
}

static void guarded_submit(void *arg)
{
    struct guarded_step *s = arg;

    s->rc = s->w->backend->ops->submit(s->w->backend, &s->f->chunk, &s->err);
}

/* Give the findings of the page at 'phys' their addresses, and judge them. */
static void judge_page(const struct ps_pipeline_spec *spec, uint64_t phys, const uint8_t *page,
                       const struct ps_hit *hit, struct ps_finding *f, size_t n)
{
    const uint64_t page_off = ps_image_page_off(spec->image, phys);

    for (size_t k = 0; k < n; k++) {
        const uint64_t off = ((uint64_t)hit[k].slot << spec->plan->slot_shift) % PS_PAGE_BYTES;

        f[k].phys = phys + off;
        f[k].file_off =
            page_off != PS_NO_FILE_OFF ? page_off + off : ps_image_file_off(spec->image, f[k].phys);
    }
    if (spec->judge)
        spec->judge(spec->judge_arg, page, hit, n, f);
    else
        ps_page_judge(spec->era, spec->rules, page, hit, n, f);
}

/* How many of the findings stay; *n_below are dropped by their confidence alone. */
static size_t keep_wanted(const struct ps_pipeline_spec *spec, struct ps_finding *f, size_t n,
                          uint16_t *n_below)
{
    size_t n_kept = 0;

    for (size_t k = 0; k < n; k++) {
        if (f[k].status == PS_STATUS_FREE && !spec->show_free)
            continue;
        if (f[k].confidence >= spec->min_confidence)
            f[n_kept++] = f[k];
        else
            ++*n_below;
    }
    return n_kept;
}

static void guarded_judge(void *arg)
{
    struct guarded_step *s = arg;
    const struct ps_pipeline_spec *spec = s->w->run->spec;
    const struct ps_chunk *c = &s->f->chunk;
    const unsigned page_slots_shift = PS_PAGE_SHIFT - spec->plan->slot_shift;
    struct ps_source_pages pages = ps_source_pages(&s->w->run->source, &s->f->span);
    struct ps_finding *out = s->entry->finding;
    size_t n_out = 0;
    size_t n;

    s->entry->n_prints = 0;
    for (size_t i = 0; i < c->hits.n; i += n) {
        const struct ps_hit *hit = &c->hits.hit[i];
        const size_t number = hit->slot >> page_slots_shift;
        const uint8_t *page = c->pages + number * PS_PAGE_BYTES;
        struct ps_page_print print = {.phys = ps_source_page(&pages, number)};

        for (n = 1; i + n < c->hits.n && hit[n].slot >> page_slots_shift == number; n++)
            ;
        judge_page(spec, print.phys, page, hit, out + n_out, n);
        if (spec->prints) {
            print.fingerprint = ps_digest_page(page);
            print.may_be_copy = (uint16_t)ps_copy_possible(&out[n_out]);
            if (spec->page_secret)
                print.key = ps_digest_page_key(spec->page_secret, page);
        }
        print.n_findings = (uint16_t)keep_wanted(spec, out + n_out, n, &print.n_below);
        n_out += print.n_findings;
        if (spec->prints)
            s->entry->print[s->entry->n_prints++] = print;
    }
    s->entry->n = n_out;
    s->rc = 0;
}

static void guarded_look(void *arg)
{
    struct guarded_step *s = arg;
    const struct ps_chunk *c = &s->f->chunk;

    ps_kept_look(&s->entry->kept, c->pages, c->n_pages, s->w->run->spec->keep_arches);
}

static void guarded_copy(void *arg)
{
    struct guarded_step *s = arg;

    ps_kept_copy(&s->entry->kept, s->f->chunk.pages);
}

/* Run a step that touches the chunk's pages. 1: the mapped file gave way under it. */
static int run_step(struct guarded_step *s, void (*step)(void *))
{
    const struct flight *f = s->f;

    if (f->mapped)
        return ps_fault_guard(f->chunk.pages, f->chunk.n_pages * PS_PAGE_BYTES, step, s);
    step(s);
    return 0;
}

static int load(struct work *w, struct flight *f, struct ps_ring_entry *e, int may_map,
                struct ps_err *err)
{
    struct ps_image *image = w->run->spec->image;
    int rc;

    f->mapped = may_map && w->backend->ops->takes_mapped && !w->run->spec->no_map &&
                ps_load_map(image, &w->run->source, &f->span, &f->chunk);
    if (f->mapped)
        return 0;
    rc = ensure_buffer(w, f, err);
    if (rc == 0)
        ps_load_read(image, &w->run->source, &f->span, &f->chunk, e);
    return rc;
}

static int submit(struct work *w, struct flight *f, struct ps_err *err)
{
    struct ps_ring_entry *e = ps_ring_entry(&w->run->ring, f->seq);
    struct guarded_step s = {.w = w, .f = f, .entry = e};
    int rc = load(w, f, e, 1, err);

    if (rc == 0 && run_step(&s, guarded_submit)) {
        /* Read it instead: that tells which pages are gone, and keeps the others. */
        rc = load(w, f, e, 0, err);
        if (rc == 0)
            guarded_submit(&s);
    }
    if (rc == 0 && s.rc < 0) {
        *err = s.err;
        rc = s.rc;
    }
    return rc;
}

static int reserve(const struct work *w, const struct flight *f, struct ps_ring_entry *e,
                   struct ps_err *err)
{
    const size_t n_hits = f->chunk.hits.n;
    const size_t n_pages = n_hits < f->chunk.n_pages ? n_hits : f->chunk.n_pages;

    return ps_ring_reserve(e, n_hits, w->run->spec->prints ? n_pages : 0, err);
}

static int judge(struct work *w, struct flight *f, struct ps_err *err)
{
    struct ps_ring_entry *e = ps_ring_entry(&w->run->ring, f->seq);
    struct guarded_step s = {.w = w, .f = f, .entry = e};
    int rc = reserve(w, f, e, err);

    if (rc < 0 || !run_step(&s, guarded_judge))
        return rc;
    /* The file gave way between scan and judge: do both again on what can be read. */
    rc = load(w, f, e, 0, err);
    if (rc == 0)
        rc = w->backend->ops->submit(w->backend, &f->chunk, err);
    if (rc == 0 && w->backend->ops->wait)
        rc = w->backend->ops->wait(w->backend, &f->chunk, err);
    if (rc == 0)
        rc = reserve(w, f, e, err);
    if (rc == 0)
        guarded_judge(&s);
    return rc;
}

static void locate_kept(const struct work *w, const struct flight *f, struct ps_kept_pages *k)
{
    struct ps_source_pages pages = ps_source_pages(&w->run->source, &f->span);

    for (size_t i = 0; i < k->n; i++)
        k->phys[i] = ps_source_page(&pages, k->index[i]);
}

/* Keep the pages that may be of the big-pool table. */
static int keep(struct work *w, struct flight *f, struct ps_err *err)
{
    struct ps_ring_entry *e = ps_ring_entry(&w->run->ring, f->seq);
    struct guarded_step s = {.w = w, .f = f, .entry = e};
    int rc;

    e->kept.n = 0;
    if (w->run->spec->keep_arches == 0)
        return 0;
    rc = ps_kept_room(&e->kept, f->chunk.n_pages, err);
    if (rc < 0)
        return rc;
    if (run_step(&s, guarded_look)) {
        /* What can be read of it was judged already; a table's pages are worth a second look. */
        rc = load(w, f, e, 0, err);
        if (rc < 0)
            return rc;
        guarded_look(&s);
    }
    rc = ps_kept_reserve(&e->kept, err);
    if (rc == 0 && run_step(&s, guarded_copy))
        e->kept.n = 0;
    if (rc == 0)
        locate_kept(w, f, &e->kept);
    return rc;
}

/* Finish the oldest flight and hand its findings over. */
static int deliver(struct work *w, struct ps_err *err)
{
    struct flight *f = &w->flight[w->first];
    int rc = 0;

    if (w->backend->ops->wait)
        rc = w->backend->ops->wait(w->backend, &f->chunk, err);
    if (rc == 0)
        rc = judge(w, f, err);
    if (rc == 0)
        rc = keep(w, f, err);
    if (f->mapped)
        ps_image_release(w->run->spec->image, f->chunk.pages, f->chunk.n_pages * PS_PAGE_BYTES);
    w->first = (w->first + 1) % w->depth;
    w->n--;
    if (rc == 0)
        ps_ring_put(&w->run->ring, f->seq);
    return rc;
}

/* Many short pieces are asked for as what they lie in, unless they lie far apart. */
static void ask_for(struct ps_image *image, const struct ps_source *source,
                    const struct ps_span *span)
{
    const struct ps_extent *first = &source->extent[span->extent];
    const struct ps_extent *last = first + (span->n_pieces - 1);
    const uint64_t begin = first->file_off;
    const uint64_t end = last->file_off + last->n_bytes;

    if (span->n_pieces > 1 && first->kind == PS_EXTENT_STORED && last->kind == PS_EXTENT_STORED &&
        begin < end && end - begin <= 2 * source->chunk_bytes) {
        ps_image_will_need_bytes(image, begin, end - begin);
        return;
    }
    for (size_t i = 0; i < span->n_pieces; i++) {
        const struct ps_piece piece = ps_source_piece(source, span, i);

        ps_image_will_need(image, piece.phys, piece.n_bytes);
    }
}

/* Ask for the span that some lane will take READ_AHEAD_BYTES later. */
static void read_ahead(const struct work *w, uint64_t seq)
{
    const struct ps_source *source = &w->run->source;
    uint64_t ahead = READ_AHEAD_BYTES / source->chunk_bytes;
    struct ps_span span;

    ahead = ahead ? ahead : 1;
    if (ahead >= ps_source_count(source) - seq)
        return;
    span = ps_source_span(source, seq + ahead);
    ask_for(w->run->spec->image, source, &span);
}

/* Take the next span, if there is one, and start it. Waits only when nothing is in flight. */
static int start_next(struct work *w, int *started, struct ps_err *err)
{
    struct flight *f = &w->flight[(w->first + w->n) % w->depth];
    struct ps_ring_entry *e;

    *started = !ps_cancel_requested() && ps_ring_take(&w->run->ring, w->n == 0, &f->seq);
    if (!*started)
        return 0;
    f->span = ps_source_span(&w->run->source, f->seq);
    e = ps_ring_entry(&w->run->ring, f->seq);
    e->n = 0;
    e->n_prints = 0;
    e->n_bytes = f->span.n_bytes;
    e->span = f->span;
    e->bytes_unreadable = 0;
    e->unreadable.code = 0;
    w->n++;
    read_ahead(w, f->seq);
    return submit(w, f, err);
}

/* Fill the lane, then finish the oldest flight, until there is nothing more to take. Only an
 * empty lane waits for the ring, so only then does 'not started' mean the end. */
static int work_loop(struct work *w, struct ps_err *err)
{
    for (;;) {
        int started = 0;
        int rc = 0;

        if (w->n < w->depth)
            rc = start_next(w, &started, err);
        if (rc == 0 && !started && w->n == 0)
            return 0;
        if (rc == 0 && (!started || w->n == w->depth))
            rc = deliver(w, err);
        if (rc < 0)
            return rc;
    }
}

static int open_flights(struct work *w, struct ps_err *err)
{
    const struct ps_backend_ops *ops = w->backend->ops;
    int rc = 0;

    w->depth = ops->depth < 1 ? 1 : ops->depth > MAX_DEPTH ? MAX_DEPTH : ops->depth;
    for (unsigned i = 0; i < w->depth && rc == 0; i++) {
        w->flight[i].chunk.max_pages = w->run->spec->chunk_pages;
        if (ops->chunk_init)
            rc = ops->chunk_init(w->backend, &w->flight[i].chunk, err);
    }
    return rc;
}

static void close_flights(struct work *w)
{
    const struct ps_backend_ops *ops = w->backend->ops;
    struct ps_err ignored;

    /* After an error: a device may still be reading the buffers. */
    for (; w->n > 0; w->n--, w->first = (w->first + 1) % w->depth)
        if (ops->wait)
            ops->wait(w->backend, &w->flight[w->first].chunk, &ignored);
    for (unsigned i = 0; i < w->depth; i++) {
        struct flight *f = &w->flight[i];

        if (ops->chunk_fini)
            ops->chunk_fini(w->backend, &f->chunk);
        ps_topology_release(w->run->spec->topology, f->own_buffer,
                            f->chunk.max_pages * PS_PAGE_BYTES);
        free(f->chunk.hits.hit);
    }
}

static void bind_lane(const struct ps_lane *lane)
{
    const struct ps_pipeline_spec *spec = lane->run->spec;
    const struct ps_lane_spec *l = &spec->lanes[lane->index];

    if (l->pci_bus >= 0)
        ps_topology_bind_near_pci(spec->topology, l->pci_domain, l->pci_bus, l->pci_device,
                                  l->pci_function);
    else if (!spec->is_unbound)
        ps_topology_bind_worker(spec->topology, lane->index, spec->n_lanes);
}

void *ps_lane_main(void *arg)
{
    struct ps_lane *lane = arg;
    struct work *w = calloc(1, sizeof *w);
    struct ps_err err = {0};
    int rc;

    if (!w) {
        ps_fail(&err, PS_ENOMEM, PS_AT_NONE, "out of memory");
        ps_ring_stop(&lane->run->ring, &err);
        return NULL;
    }
    w->run = lane->run;
    w->backend = lane->run->spec->lanes[lane->index].backend;
    bind_lane(lane);
    rc = open_flights(w, &err);
    if (rc == 0)
        rc = work_loop(w, &err);
    if (rc < 0)
        ps_ring_stop(&lane->run->ring, &err);
    close_flights(w);
    free(w);
    return NULL;
}
