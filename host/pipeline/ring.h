/* The ordered window between lanes and collector. */
#ifndef PS_HOST_PIPELINE_RING_H
#define PS_HOST_PIPELINE_RING_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "host/pipeline/keep.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/source.h"
#include "scan/err.h"
#include "scan/finding.h"

/* The result of one chunk. Owned by the lane that took it until ps_ring_put, by the collector
 * from then to ps_ring_done; the memory stays with the ring. */
struct ps_ring_entry {
    struct ps_finding *finding;
    size_t n;
    size_t cap;
    uint64_t n_bytes; /* of the chunk */
    uint64_t bytes_unreadable;
    struct ps_err unreadable;    /* why, code 0 if none */
    struct ps_span span;         /* what the chunk holds */
    struct ps_kept_pages kept;   /* n is 0 unless the run carves */
    struct ps_page_print *print; /* of the pages that hold hits */
    size_t n_prints;             /* 0 unless the run asks for prints */
    size_t cap_prints;
    int full;
};

struct ps_ring {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ps_ring_entry *entry;
    size_t n;
    uint64_t next_take;    /* sequence number of the next chunk to be handed out */
    uint64_t next_done;    /* ... of the next chunk for the collector */
    uint64_t n_seq;        /* how many chunks there are */
    int stop;              /* nothing more is handed out */
    struct ps_err failure; /* the first error of a lane; code 0 if none */
};

int ps_ring_init(struct ps_ring *ring, size_t n_entries, uint64_t n_seq, struct ps_err *err);
void ps_ring_fini(struct ps_ring *ring);

/* Lane: take the next sequence number, 1 and *seq, or 0 when there is none (any more, or, if not
 * 'wait', right now). */
int ps_ring_take(struct ps_ring *ring, int wait, uint64_t *seq);
struct ps_ring_entry *ps_ring_entry(struct ps_ring *ring, uint64_t seq);
void ps_ring_put(struct ps_ring *ring, uint64_t seq);

/* Anyone: end the run; the first failure is kept. err may be NULL. */
void ps_ring_stop(struct ps_ring *ring, const struct ps_err *err);

/* Collector: wait for the next chunk in sequence at most 'wait_ms'. 1: *out is it, give it back
 * with ps_ring_done; 0: not yet; -1: no more chunks, or stopped. */
int ps_ring_next(struct ps_ring *ring, unsigned wait_ms, struct ps_ring_entry **out);
void ps_ring_done(struct ps_ring *ring);

/* Room for n findings in an entry, and for the fingerprints of n_pages pages; PS_ENOMEM. */
int ps_ring_reserve(struct ps_ring_entry *e, size_t n, size_t n_pages, struct ps_err *err);

#endif
