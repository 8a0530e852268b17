/* One kernel on the calling thread. */
#include "host/backend/backend.h"

#include <stdio.h>
#include <stdlib.h>

struct cpu_backend {
    struct ps_backend base;
    const struct ps_plan *plan;
    const struct ps_kernel *kernel;
};

static int cpu_submit(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err)
{
    struct cpu_backend *cpu = (struct cpu_backend *)b;
    size_t n = cpu->kernel->scan(cpu->plan, c->pages, c->n_pages, c->hits.hit, c->hits.cap);

    if (n > c->hits.cap) {
        /* Rare, and then for a whole image: pages full of headers. The buffer keeps its size. */
        int rc = ps_hits_reserve(&c->hits, n, err);

        if (rc < 0)
            return rc;
        n = cpu->kernel->scan(cpu->plan, c->pages, c->n_pages, c->hits.hit, c->hits.cap);
    }
    /* A mapped file may change between the two passes: never believe more than there is. */
    c->hits.n = n < c->hits.cap ? n : c->hits.cap;
    return 0;
}

static void cpu_close(struct ps_backend *b)
{
    free(b);
}

static const struct ps_backend_ops cpu_ops = {
    .takes_mapped = 1,
    .depth = 1,
    .submit = cpu_submit,
    .close = cpu_close,
};

int ps_backend_cpu_open(struct ps_backend **out, const struct ps_plan *plan,
                        const struct ps_kernel *kernel, struct ps_err *err)
{
    struct cpu_backend *cpu = calloc(1, sizeof *cpu);

    if (!cpu)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    cpu->base.ops = &cpu_ops;
    snprintf(cpu->base.name, sizeof cpu->base.name, "cpu/%s", kernel->name);
    cpu->plan = plan;
    cpu->kernel = kernel;
    *out = &cpu->base;
    return 0;
}
