/* A run small enough for oclgrind: every kind of page, 24 KiB each, x86 and x64, on the first
 * device, against the oracle. A plain program: Criterion starts processes of its own. */
#include <stdio.h>
#include <stdlib.h>

#include "host/opencl/opencl.h"
#include "tests/support/kernel_cases.h"

#define MAX_PAGES ((size_t)6)

static int check_fill(struct ps_backend *b, struct ps_chunk *chunk, const struct kernel_case *c,
                      const struct page_fill *fill, struct rng *r)
{
    struct oracle_hit *want = NULL;
    struct ps_err err = {0};
    char why[160] = "";
    size_t n;
    int same;

    fill->fill(c, r, chunk->buffer, MAX_PAGES);
    chunk->pages = chunk->buffer;
    chunk->n_pages = MAX_PAGES;
    if (b->ops->submit(b, chunk, &err) < 0 || b->ops->wait(b, chunk, &err) < 0) {
        printf("%s: %s\n", b->name, err.msg);
        return 1;
    }
    n = oracle_scan(&c->era, c->rules, c->n_rules, chunk->pages, MAX_PAGES, &want);
    same = same_hits(chunk->hits.hit, chunk->hits.n, want, n, why, sizeof why);
    printf("%s, %s: %zu hits %s\n", c->name, fill->name, n, why);
    free(want);
    return !same;
}

static int check_case(size_t era, enum kernel_rules rules, struct rng *r)
{
    struct ps_chunk chunk = {.max_pages = MAX_PAGES};
    struct ps_backend *b = NULL;
    struct ps_err err = {0};
    struct kernel_case c;
    int failed = 0;

    kernel_case_make(&c, era, rules, 1, r);
    if (ps_backend_opencl_open(&b, c.plan, 1, MAX_PAGES, &err) < 0 ||
        b->ops->chunk_init(b, &chunk, &err) < 0) {
        printf("%s\n", err.msg);
        failed = 1;
    }
    for (size_t f = 0; f < n_page_fills && !failed; f++)
        failed = check_fill(b, &chunk, &c, &page_fills[f], r);
    if (b)
        b->ops->chunk_fini(b, &chunk);
    free(chunk.hits.hit);
    ps_backend_close(b);
    kernel_case_free(&c);
    return failed;
}

int main(void)
{
    uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    struct ps_cl_device *list = NULL;
    struct ps_err err = {0};
    size_t n = 0;

    printf("seed %#llx\n", (unsigned long long)seed);
    if (ps_cl_devices(&list, &n, &err) < 0 || n == 0) {
        printf("no device: %s\n", err.msg);
        return 1;
    }
    if (check_case(0, RULES_ODD, &r) || check_case(6, RULES_15, &r)) {
        free(list);
        return 1;
    }
    printf("done on %s\n", list[0].name);
    free(list);
    return 0;
}
