#include "host/run/copies/copies.h"

#include <string.h>

#include "scan/copies/copy.h"

/* A page that cannot be read any more is no copy of anything. */
static int same_page(void *arg, uint64_t phys, uint64_t other)
{
    struct ps_copies *c = arg;
    struct ps_err ignored;
    uint64_t key;

    if (c->has_secret && ps_page_keys_get(&c->keys, other, &key))
        return key == c->key;
    if (!c->image) {
        c->lacks_key = 1;
        return 0;
    }
    return ps_image_read(c->image, phys, c->page[0], PS_PAGE_BYTES, &ignored) == 0 &&
           ps_image_read(c->image, other, c->page[1], PS_PAGE_BYTES, &ignored) == 0 &&
           memcmp(c->page[0], c->page[1], PS_PAGE_BYTES) == 0;
}

/* 1: a copy; 0; negative: out of memory. */
static int is_copy(struct ps_copies *c, const struct ps_page_print *p)
{
    const size_t n_seen = c->seen.n;
    uint64_t first;
    int rc;

    c->key = p->key;
    rc = p->may_be_copy
             ? ps_seen_pages_look(&c->seen, p->fingerprint, p->phys, same_page, c, &first)
             : ps_seen_pages_add(&c->seen, p->fingerprint, p->phys);
    /* Both know the same pages, so that no page of which there is a key has to be read. */
    if (c->seen.n != n_seen && c->has_secret)
        ps_page_keys_put(&c->keys, p->phys, p->key);
    return rc;
}

/* How many of the findings of a copy stay. The others of it are copies first, whatever their
 * confidence. */
static size_t sift_copy(struct ps_copies *c, const struct ps_page_print *page, struct ps_finding *f)
{
    const size_t n = page->n_findings;
    size_t n_kept = 0;

    if (!c->include) {
        c->n_left_out += n;
        return 0;
    }
    ps_copy_mark(f, n);
    for (size_t i = 0; i < n; i++)
        if (f[i].confidence >= c->min_confidence)
            f[n_kept++] = f[i];
    c->n_below += page->n_below + n - n_kept;
    return n_kept;
}

int ps_copies_sift(struct ps_copies *c, const struct ps_page_print *page, size_t n_pages,
                   struct ps_finding *f, size_t *n, struct ps_err *err)
{
    size_t from = 0, to = 0;

    for (size_t i = 0; i < n_pages; i++) {
        size_t left = page[i].n_findings;
        const int copy = is_copy(c, &page[i]);

        if (copy < 0 || c->lacks_key)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the pages seen so far");
        if (copy)
            left = sift_copy(c, &page[i], f + from);
        else
            c->n_below += page[i].n_below;
        if (to != from)
            memmove(f + to, f + from, left * sizeof *f);
        from += page[i].n_findings;
        to += left;
    }
    *n = to;
    return 0;
}

const struct ps_page_secret *ps_copies_secret(struct ps_copies *copies)
{
    if (!copies->image) {
        copies->has_secret = 1;
        return NULL;
    }
    copies->has_secret =
        ps_image_is_packed(copies->image) && ps_page_secret_draw(&copies->secret) == 0;
    return copies->has_secret ? &copies->secret : NULL;
}

void ps_copies_free(struct ps_copies *copies)
{
    ps_page_keys_free(&copies->keys);
    ps_seen_pages_free(&copies->seen);
}
