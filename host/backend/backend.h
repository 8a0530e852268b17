/* Something that runs the kernel contract on a chunk.
 *
 * A lane (one thread of the pipeline) owns one backend and 'depth' chunks: it fills a chunk,
 * submits it, and waits for the oldest one. The CPU backend has depth 1 and does all its work
 * in submit; a device has more, so that reading, transfer and scan overlap. */
#ifndef PS_HOST_BACKEND_BACKEND_H
#define PS_HOST_BACKEND_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel.h"
#include "kernels/plan.h"
#include "scan/err.h"

/* Hits of one chunk, ascending by slot. Memory owned by the chunk. */
struct ps_hits {
    struct ps_hit *hit;
    size_t n;
    size_t cap;
};

/* What a backend scans: n_pages whole pages, either mapped file memory or 'buffer'. */
struct ps_chunk {
    const uint8_t *pages;
    size_t n_pages;
    uint8_t *buffer;     /* max_pages * 4096 bytes given by chunk_init, or NULL until needed */
    size_t max_pages;
    struct ps_hits hits; /* filled by wait */
    void *priv;          /* the backend's */
};

struct ps_backend; /* a backend's own structure begins with struct ps_backend_base */

struct ps_backend_ops {
    /* Does this backend scan any readable host memory in place? If not, 'pages' must be the
     * chunk's 'buffer'. */
    int takes_mapped;
    unsigned depth; /* chunks in flight that keep it busy */
    /* Give c->buffer max_pages pages of memory that the backend reads without another copy. NULL:
     * the pipeline allocates page-aligned memory. */
    int (*chunk_init)(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
    /* Start the scan of c->pages; must not wait for it on a device. The pages stay readable and
     * unchanged until wait returns. A SIGBUS in here is the caller's to guard against. */
    int (*submit)(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
    /* Finish the scan of c and fill c->hits, growing it with ps_hits_reserve. NULL: done in
     * submit. */
    int (*wait)(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err);
    void (*chunk_fini)(struct ps_backend *b, struct ps_chunk *c); /* NULL: nothing to do */
    void (*close)(struct ps_backend *b);
};

struct ps_backend {
    const struct ps_backend_ops *ops;
    char name[64]; /* for the summary: "cpu/avx512", "opencl/NVIDIA H100" */
};

/* Make room for n hits; keeps the old ones. PS_ENOMEM. */
int ps_hits_reserve(struct ps_hits *hits, size_t n, struct ps_err *err);

/* A CPU backend that runs 'kernel'. The plan is shared and outlives it. */
int ps_backend_cpu_open(struct ps_backend **out, const struct ps_plan *plan,
                        const struct ps_kernel *kernel, struct ps_err *err);
/* Finds nothing and touches nothing: measures the pipeline's own cost. */
int ps_backend_null_open(struct ps_backend **out, struct ps_err *err);
void ps_backend_close(struct ps_backend *b); /* accepts NULL */

/* Scan the built-in test pages on 'b', which takes chunks of so many, and with the scalar kernel;
 * PS_EINTERNAL, naming the first difference, when they disagree. */
#define PS_SELF_TEST_PAGES 16u
int ps_backend_self_test(struct ps_backend *b, const struct ps_plan *plan, struct ps_err *err);

#endif
