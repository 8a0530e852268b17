/* One image through the backends, results in order.
 *
 * A lane is one thread with one backend and ops->depth chunks. All lanes take the next chunk,
 * in sequence, from one source over the image's extents; each maps or reads it, scans it, judges
 * the pages that hold hits, and leaves its findings in the ring entry of that sequence number.
 * The calling thread takes the entries in order. A lane may run ahead of it by the ring's size
 * only, which bounds the memory. */
#ifndef PS_HOST_PIPELINE_PIPELINE_H
#define PS_HOST_PIPELINE_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

#include "host/backend/backend.h"
#include "host/image/image.h"
#include "host/topology.h"
#include "scan/err.h"
#include "scan/finding.h"
#include "scan/pool/era.h"
#include "scan/tags/ruleset.h"

struct ps_lane_spec {
    struct ps_backend *backend; /* used by this lane alone while the pipeline runs */
    int pci_domain, pci_bus, pci_device, pci_function; /* of its device; bus -1: a CPU worker */
};

/* A page that holds hits, and how many findings of it there are. */
struct ps_page_print {
    uint64_t phys;
    uint32_t fingerprint; /* equal pages have equal ones (host/digest.h) */
    uint16_t n_findings;  /* not dropped by min_confidence or show_free; may be 0 */
    uint16_t n_below;     /* findings dropped by min_confidence alone */
    uint16_t may_be_copy; /* ps_copy_possible */
    uint64_t key;         /* ps_digest_page_key, with a page_secret */
};

/* What one chunk of the image gave. Pages and findings ascend by physical address, over all chunks
 * of a run too; where a chunk ends depends on how many lanes there are, what it says of a page does
 * not. */
struct ps_chunk_result {
    uint64_t end;              /* every page of the range below this address is dealt with */
    uint64_t n_bytes;          /* of the image, in the chunk */
    uint64_t bytes_unreadable; /* of these, in pages that could not be read */
    struct ps_err unreadable;  /* why the first of them could not; code 0 if none */
    struct ps_finding *finding;
    size_t n_findings;
    const struct ps_page_print *print; /* of the pages that hold hits; their n_findings add up */
    size_t n_prints;                   /* 0 unless prints were asked for */
    const uint64_t *kept_phys;         /* of pages that may be of a big-pool table */
    const uint8_t *kept;               /* these pages, 4096 bytes each */
    size_t n_kept;
};

struct ps_pipeline_spec {
    struct ps_image *image;
    const struct ps_plan *plan;
    const struct ps_era *era;
    const struct ps_ruleset *rules;
    const struct ps_topology *topology;
    const struct ps_lane_spec *lanes;
    unsigned n_lanes;
    size_t chunk_pages;              /* from ps_pipeline_chunk_pages, or fewer */
    uint64_t range_start, range_end; /* physical, end exclusive, multiples of 4096 */
    unsigned min_confidence;
    int show_free;
    /* Judges the n hits of one page of 4096 bytes as ps_page_judge does, which is done where it is
     * NULL; phys and file_off of f are set, min_confidence and show_free have dropped nothing yet.
     * Called by all lanes at once, under the fault guard. The page may be the mapped file's, and
     * change. */
    void (*judge)(const void *arg, const uint8_t *page, const struct ps_hit *hit, size_t n,
                  struct ps_finding *f);
    const void *judge_arg;
    /* Pages that may be of a big-pool table of these architectures are kept (PS_BIGPOOL_X86 |
     * PS_BIGPOOL_X64; 0: none). Whole pages only. */
    unsigned keep_arches;
    int prints;                               /* pages that hold hits get a print */
    const struct ps_page_secret *page_secret; /* NULL: pages get no key */
    int no_map; /* read into buffers even where the image could be mapped */
    /* Lanes are bound to no processor: other threads unpack for them, and would have to make way
     * wherever a lane that is bound to theirs wakes up. */
    int is_unbound;
    /* Called on the calling thread, chunk after chunk. What *r points to is valid during the call,
     * and the findings may be changed in it. A negative return ends the run with that error. */
    int (*on_chunk)(void *arg, struct ps_chunk_result *r, struct ps_err *err);
    void *arg;
};

/* Bytes of the image inside [start, end): what n_bytes of all chunks adds up to. */
uint64_t ps_pipeline_total(struct ps_image *image, uint64_t start, uint64_t end);

/* Run to the end, an error, or a cancellation (host/cancel.h; the error is PS_ECANCEL or
 * PS_ETEMP). Pages that cannot be read are no error here: the chunks tell. Not reentrant for the
 * same image. */
int ps_pipeline_run(const struct ps_pipeline_spec *spec, struct ps_err *err);

/* Memory that chunks, hits and findings may take at worst, over all lanes. */
#define PS_PIPELINE_MEMORY_BYTES ((uint64_t)400 << 20)

/* How many pages a chunk should have: 'want_bytes' if not 0, else what suits the caches; never
 * more than the memory bound allows (pages that hold a header in each slot), never less than
 * one page. 'depth' is the largest of the backends'. */
size_t ps_pipeline_chunk_pages(const struct ps_machine *machine, unsigned n_lanes, unsigned depth,
                               unsigned slot_shift, uint64_t want_bytes);

#endif
