#include "tests/support/guarded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE           ((size_t)4096)
#define SENTINELS      ((size_t)8)
#define SENTINEL_BYTE  0xa5
#define SENTINEL_DWORD 0xa5a5a5a5u

static void out_of_memory(void)
{
    fputs("tests/support: out of memory\n", stderr);
    abort();
}

struct guarded_pages guarded_pages_make(size_t n_pages)
{
    struct guarded_pages g = {NULL, n_pages};
    uint8_t *all = mmap(NULL, (n_pages + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED ||
        (n_pages > 0 && mprotect(all + PAGE, n_pages * PAGE, PROT_READ | PROT_WRITE) != 0))
        out_of_memory();
    g.pages = all + PAGE;
    return g;
}

void guarded_pages_free(struct guarded_pages *g)
{
    if (g->pages)
        munmap(g->pages - PAGE, (g->n_pages + 2) * PAGE);
    g->pages = NULL;
}

struct guarded_hits guarded_hits_make(size_t cap)
{
    struct guarded_hits g = {NULL, cap};
    struct ps_hit *all = malloc((cap + 2 * SENTINELS) * sizeof *all);

    if (!all)
        out_of_memory();
    memset(all, SENTINEL_BYTE, (cap + 2 * SENTINELS) * sizeof *all);
    g.hits = all + SENTINELS;
    return g;
}

static int is_sentinel(const struct ps_hit *h)
{
    return h->slot == SENTINEL_DWORD && h->word0 == SENTINEL_DWORD && h->tag == SENTINEL_DWORD &&
           h->rule == SENTINEL_DWORD;
}

int guarded_hits_intact(const struct guarded_hits *g)
{
    for (size_t i = 0; i < SENTINELS; i++)
        if (!is_sentinel(g->hits + g->cap + i) || !is_sentinel(g->hits - SENTINELS + i))
            return 0;
    return 1;
}

void guarded_hits_free(struct guarded_hits *g)
{
    if (g->hits)
        free(g->hits - SENTINELS);
    g->hits = NULL;
}
