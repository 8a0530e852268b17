#include "scan/bigpool/locate/read_table.h"

#include <stdlib.h>
#include <string.h>

#include "scan/bigpool/word_vote.h"
#include "scan/hash.h"

#define PAGE_BYTES ((size_t)PS_FRAME_BYTES)

/* Bounds of the largest allocation: a GiB, and 16 TiB, the largest system VA region. */
#define MIN_MAX_PAGES (UINT64_C(1) << 18)
#define MAX_MAX_PAGES (UINT64_C(1) << 32)

struct reader {
    const struct ps_bigpool_source *source;
    const struct ps_bigpool_candidate *c;
    const struct ps_bigpool_geometry *g;
    struct ps_bigpool_table *table;
    size_t n_pages, n_read;
    uint8_t **page;
    uint64_t *phys;
    uint8_t *is_damaged;
    uint64_t *frame;     /* a set: the frames that were read, plus 1; 0: nothing */
    unsigned frame_bits; /* of its places: at least twice the pages that are read */
    struct ps_bigpool_word_vote vote;
};

static size_t n_frames(const struct reader *r)
{
    return (size_t)1 << r->frame_bits;
}

static int reader_init(struct reader *r)
{
    r->n_pages = (size_t)(((uint64_t)r->g->entry_bytes << r->c->log2) / PAGE_BYTES);
    r->frame_bits = 6;
    while (n_frames(r) < 2 * r->n_pages && n_frames(r) < 2 * (size_t)PS_BIGPOOL_READ_PAGES)
        r->frame_bits++;
    r->page = calloc(r->n_pages, sizeof *r->page);
    r->phys = calloc(r->n_pages, sizeof *r->phys);
    r->is_damaged = calloc(r->n_pages, sizeof *r->is_damaged);
    r->frame = calloc(n_frames(r), sizeof *r->frame);
    return r->page && r->phys && r->is_damaged && r->frame ? 0 : -PS_ENOMEM;
}

static void reader_free(struct reader *r)
{
    for (size_t i = 0; r->page && i < r->n_pages; i++)
        free(r->page[i]);
    free(r->page);
    free(r->phys);
    free(r->is_damaged);
    free(r->frame);
}

/* 1 the first time. */
static int take_frame(struct reader *r, uint64_t phys)
{
    const uint64_t key = phys / PAGE_BYTES + 1;
    size_t at = ps_hash_home(key, r->source->factor, r->frame_bits);

    for (; r->frame[at] != 0; at = (at + 1) & (n_frames(r) - 1))
        if (r->frame[at] == key)
            return 0;
    r->frame[at] = key;
    return 1;
}

static int is_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

/* What the page is; a page of zeros was never written by the Windows kernel. */
static void judge(struct reader *r, size_t i)
{
    const uint32_t phase = ps_bigpool_phase(r->g, i);
    struct ps_bigpool_look look;

    if (!ps_bigpool_page_look_as(r->page[i], r->c->geometry, phase, &look) ||
        !(look.families & 1u << r->c->family)) {
        r->is_damaged[i] = 1;
        r->table->n_pages_damaged++;
        r->table->n_pages_found++;
        return;
    }
    ps_bigpool_word_vote_page(&r->vote, r->g, r->page[i], phase);
    if (look.n_used != 0 || look.has_ends)
        r->table->n_pages_found++;
    else
        r->table->n_pages_empty++;
}

static int read_page(struct reader *r, size_t i)
{
    struct ps_paging *paging = r->source->paging;
    const uint64_t va = r->c->va + (uint64_t)i * PAGE_BYTES;
    uint8_t bytes[PS_FRAME_BYTES];

    if (va < r->c->va || ps_paging_read(paging, va, bytes, PAGE_BYTES) < PAGE_BYTES ||
        is_zero(bytes))
        return 0;
    if (!ps_paging_translate(paging, va, &r->phys[i])) {
        r->phys[i] = PS_BIGPOOL_NO_PHYS;
    } else if (!take_frame(r, r->phys[i])) {
        r->table->n_pages_aliased++;
        return 0;
    }
    r->page[i] = malloc(PAGE_BYTES);
    if (!r->page[i])
        return -PS_ENOMEM;
    memcpy(r->page[i], bytes, PAGE_BYTES);
    r->n_read++;
    judge(r, i);
    return 0;
}

static int read_pages(struct reader *r)
{
    struct ps_bigpool_table *t = r->table;
    int rc = 0;

    t->n_pages = r->n_pages;
    for (size_t i = 0; i < r->n_pages && rc == 0; i++) {
        if (r->n_read >= PS_BIGPOOL_READ_PAGES)
            t->n_pages_over++;
        else
            rc = read_page(r, i);
    }
    t->n_pages_missing = t->n_pages - t->n_pages_found - t->n_pages_empty - t->n_pages_over;
    return rc;
}

static int by_address(const void *a, const void *b)
{
    const struct ps_bigpool_row *x = *(struct ps_bigpool_row *const *)a;
    const struct ps_bigpool_row *y = *(struct ps_bigpool_row *const *)b;

    return (x->entry.va > y->entry.va) - (x->entry.va < y->entry.va);
}

/* By address, so that neighbours share the tables that were read last. */
static int translate_rows(struct reader *r)
{
    struct ps_paging *paging = r->source->paging;
    struct ps_bigpool_table *t = r->table;
    struct ps_bigpool_row **live = calloc(t->n_allocated + 1, sizeof *live);
    size_t n = 0;

    if (!live)
        return -PS_ENOMEM;
    for (size_t i = 0; i < t->n_rows; i++)
        if (t->row[i].entry.state == PS_BIGPOOL_ALLOCATED)
            live[n++] = &t->row[i];
    qsort(live, n, sizeof *live, by_address);
    for (size_t i = 0; i < n; i++) {
        struct ps_walk walk;

        if (ps_paging_walk(paging, live[i]->entry.va, &walk) != PS_WALK_MAPPED)
            continue;
        live[i]->first_phys = walk.phys;
        live[i]->first_no_execute = (uint32_t)walk.no_execute;
    }
    free(live);
    return 0;
}

/* As much as memory and page files hold. An image may lack the end of memory, so that is no less
 * than a GiB. */
static uint64_t largest_allocation(const struct ps_paging *paging)
{
    const struct ps_physmem *mem = paging->mem;
    const struct ps_phys_run *last = mem->run + mem->n_runs;
    uint64_t n_pages = mem->n_runs == 0 ? 0 : (last[-1].phys + last[-1].n_bytes) / PAGE_BYTES;

    for (size_t i = 0; paging->pagefiles && i < PS_PAGEFILES_MAX; i++)
        n_pages += paging->pagefiles->n_pages[i];
    if (n_pages < MIN_MAX_PAGES)
        return MIN_MAX_PAGES * PAGE_BYTES;
    return n_pages < MAX_MAX_PAGES ? n_pages * PAGE_BYTES : MAX_MAX_PAGES * PAGE_BYTES;
}

int ps_bigpool_read_table(const struct ps_bigpool_source *source,
                          const struct ps_bigpool_candidate *c, struct ps_bigpool_table *out)
{
    struct reader r = {
        .source = source, .c = c, .g = &ps_bigpool_geometries[c->geometry], .table = out};
    int rc;

    *out = (struct ps_bigpool_table){.hash = c->hash,
                                     .va = c->va,
                                     .pointer_va = c->pointer_va,
                                     .n_slots = UINT32_C(1) << c->log2};
    rc = reader_init(&r);
    if (rc == 0)
        rc = read_pages(&r);
    if (rc == 0) {
        const struct ps_bigpool_pages pages = {.page = (const uint8_t *const *)r.page,
                                               .phys = r.phys,
                                               .is_damaged = r.is_damaged,
                                               .n = r.n_pages,
                                               .max_bytes = largest_allocation(source->paging)};

        out->layout = ps_bigpool_word_vote_pick(&r.vote, r.g, c->family, source->build);
        rc = ps_bigpool_table_fill(out, r.g, &pages);
    }
    if (rc == 0)
        rc = translate_rows(&r);
    reader_free(&r);
    return rc;
}
