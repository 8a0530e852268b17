#include "host/image/runs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/grow.h"

#define PAGE 4096u

int ps_runs_add(struct ps_runs *runs, uint64_t phys, uint64_t n_bytes, uint64_t file_off,
                struct ps_err *err)
{
    struct ps_run *last = runs->n ? &runs->run[runs->n - 1] : NULL;
    struct ps_run *grown;

    if (!n_bytes)
        return 0;
    if (last && phys - last->phys == last->n_bytes && file_off - last->file_off == last->n_bytes &&
        n_bytes <= UINT64_MAX - last->n_bytes) {
        last->n_bytes += n_bytes;
        return 0;
    }
    grown = ps_grow(runs->run, runs->n, &runs->cap, sizeof *grown, err);
    if (!grown)
        return -PS_ENOMEM;
    runs->run = grown;
    runs->run[runs->n++] = (struct ps_run){phys, n_bytes, file_off};
    return 0;
}

void ps_runs_free(struct ps_runs *runs)
{
    free(runs->run);
    *runs = (struct ps_runs){0};
}

/* A run on its way, with its place in the list: the earlier one wins. */
struct ranked {
    struct ps_run run;
    size_t rank;
};

static int by_phys(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;

    if (x->run.phys != y->run.phys)
        return x->run.phys < y->run.phys ? -1 : 1;
    return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* A heap of the runs that begin at or before where the sweep is; the lowest rank on top. */
struct heap {
    struct ranked *item;
    size_t n;
};

static void sift_up(struct heap *h, size_t i)
{
    while (i > 0 && h->item[i].rank < h->item[(i - 1) / 2].rank) {
        struct ranked other = h->item[i];

        h->item[i] = h->item[(i - 1) / 2];
        h->item[(i - 1) / 2] = other;
        i = (i - 1) / 2;
    }
}

static void push(struct heap *h, const struct ranked *r)
{
    h->item[h->n] = *r;
    sift_up(h, h->n++);
}

static void pop(struct heap *h)
{
    size_t i = 0;

    h->item[0] = h->item[--h->n];
    for (;;) {
        size_t low = i;
        struct ranked other;

        for (size_t k = 2 * i + 1; k < h->n && k <= 2 * i + 2; k++)
            if (h->item[k].rank < h->item[low].rank)
                low = k;
        if (low == i)
            return;
        other = h->item[i];
        h->item[i] = h->item[low];
        h->item[low] = other;
        i = low;
    }
}

static uint64_t end_of(const struct ranked *r)
{
    return r->run.phys + r->run.n_bytes;
}

/* Cut what is not in the file or no physical address; 0: nothing is left. */
static int clip(struct ps_run *run, uint64_t file_bytes, struct ps_layout *out)
{
    uint64_t n = run->n_bytes;

    if (run->phys >= PS_PHYS_END || run->file_off >= file_bytes)
        n = 0;
    else if (n > PS_PHYS_END - run->phys)
        n = PS_PHYS_END - run->phys;
    if (n && n > file_bytes - run->file_off)
        n = file_bytes - run->file_off;
    if (out->n_missing <= UINT64_MAX - (run->n_bytes - n))
        out->n_missing += run->n_bytes - n;
    run->n_bytes = n;
    return n != 0;
}

/* Runs without overlap, ascending: at each address the one of lowest rank that covers it. */
static int flatten(struct ranked *r, size_t n, struct ps_runs *flat, struct ps_layout *out,
                   struct ps_err *err)
{
    struct heap h = {malloc((n ? n : 1) * sizeof *h.item), 0};
    uint64_t at = 0;
    uint64_t covered = 0, total = 0;
    size_t i = 0;
    int rc = h.item ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu runs", n);

    while (rc == 0 && (i < n || h.n)) {
        uint64_t end;

        if (!h.n && r[i].run.phys > at)
            at = r[i].run.phys;
        for (; i < n && r[i].run.phys <= at; i++) {
            total += r[i].run.n_bytes;
            push(&h, &r[i]);
        }
        while (h.n && end_of(&h.item[0]) <= at)
            pop(&h);
        if (!h.n)
            continue;
        end = end_of(&h.item[0]);
        if (i < n && r[i].run.phys < end)
            end = r[i].run.phys;
        rc = ps_runs_add(flat, at, end - at, h.item[0].run.file_off + (at - h.item[0].run.phys),
                         err);
        covered += end - at;
        at = end;
    }
    free(h.item);
    out->n_covered = covered;
    out->n_overlaps = total - covered;
    return rc;
}

static int add_extent(struct ps_layout *out, struct ps_extent e, struct ps_err *err)
{
    struct ps_extent *last = out->n ? &out->extent[out->n - 1] : NULL;
    struct ps_extent *grown;

    if (last && last->kind == PS_EXTENT_STORED && e.kind == PS_EXTENT_STORED &&
        e.phys - last->phys == last->n_bytes && e.file_off - last->file_off == last->n_bytes) {
        last->n_bytes += e.n_bytes;
        return 0;
    }
    grown = ps_grow(out->extent, out->n, &out->cap, sizeof *grown, err);
    if (!grown)
        return -PS_ENOMEM;
    out->extent = grown;
    out->extent[out->n++] = e;
    return 0;
}

/* Part of one page. Pieces of the same page stand behind each other and share an extent. */
static int add_piece(struct ps_layout *out, const struct ps_run *run, struct ps_err *err)
{
    const uint64_t page = run->phys - run->phys % PAGE;
    struct ps_extent *last = out->n ? &out->extent[out->n - 1] : NULL;
    struct ps_piece_run *grown;

    grown = ps_grow(out->piece, out->n_pieces, &out->pieces_cap, sizeof *grown, err);
    if (!grown)
        return -PS_ENOMEM;
    out->piece = grown;
    out->piece[out->n_pieces++] =
        (struct ps_piece_run){run->phys, (uint32_t)run->n_bytes, run->file_off};
    out->n_torn += run->n_bytes;
    if (last && last->kind == PS_EXTENT_PIECES && last->phys == page)
        return 0;
    return add_extent(out, (struct ps_extent){page, PAGE, PS_NO_FILE_OFF, PS_EXTENT_PIECES}, err);
}

/* Stored whole pages of a run, holes of the file left out. 'from': the first range that can
 * matter, since runs need not ascend in the file. */
static int add_stored(struct ps_layout *out, const struct ps_run *run,
                      const struct ps_ranges *ranges, struct ps_err *err)
{
    size_t low = 0, high = ranges->n;
    uint64_t done = 0; /* bytes of the run that are dealt with */
    int rc = 0;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (ranges->range[mid].end <= run->file_off)
            low = mid + 1;
        else
            high = mid;
    }
    for (; rc == 0 && low < ranges->n; low++) {
        const struct ps_range *r = &ranges->range[low];
        uint64_t begin = r->begin > run->file_off ? r->begin - run->file_off : 0;
        uint64_t end = r->end - run->file_off;

        if (begin >= run->n_bytes)
            break;
        begin -= begin % PAGE;
        begin = begin > done ? begin : done;
        if (end % PAGE)
            end += PAGE - end % PAGE;
        end = end < run->n_bytes ? end : run->n_bytes;
        if (begin >= end)
            continue;
        rc = add_extent(out,
                        (struct ps_extent){run->phys + begin, end - begin, run->file_off + begin,
                                           PS_EXTENT_STORED},
                        err);
        done = end;
    }
    return rc;
}

/* The end of the last page of a file is simply not there: it stays in its extent. */
static int is_torn_end(const struct ps_run *run, int is_last, uint64_t file_bytes)
{
    return is_last && run->phys % PAGE == 0 && run->file_off + run->n_bytes == file_bytes;
}

static int lay_out(const struct ps_runs *flat, const struct ps_ranges *ranges, uint64_t file_bytes,
                   struct ps_layout *out, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < flat->n; i++) {
        struct ps_run run = flat->run[i];
        struct ps_run part = run;
        uint64_t whole;

        if (is_torn_end(&run, i + 1 == flat->n, file_bytes)) {
            out->n_torn += run.n_bytes % PAGE;
            return add_stored(out, &run, ranges, err);
        }
        part.n_bytes = (PAGE - run.phys % PAGE) % PAGE;
        if (part.n_bytes > run.n_bytes)
            part.n_bytes = run.n_bytes;
        if (part.n_bytes)
            rc = add_piece(out, &part, err);
        run = (struct ps_run){run.phys + part.n_bytes, run.n_bytes - part.n_bytes,
                              run.file_off + part.n_bytes};
        whole = run.n_bytes - run.n_bytes % PAGE;
        part = (struct ps_run){run.phys, whole, run.file_off};
        if (rc == 0 && whole)
            rc = add_stored(out, &part, ranges, err);
        part = (struct ps_run){run.phys + whole, run.n_bytes - whole, run.file_off + whole};
        if (rc == 0 && part.n_bytes)
            rc = add_piece(out, &part, err);
    }
    return rc;
}

static int data_ranges(struct ps_bytes *data, struct ps_ranges *ranges, struct ps_err *err)
{
    if (data->ops->data)
        return data->ops->data(data, ranges, err);
    return ps_ranges_add(ranges, 0, data->n_bytes, err);
}

int ps_runs_extents(const struct ps_runs *runs, struct ps_bytes *data, struct ps_layout *out,
                    struct ps_err *err)
{
    struct ranked *r = malloc((runs->n ? runs->n : 1) * sizeof *r);
    struct ps_ranges ranges = {0};
    struct ps_runs flat = {0};
    size_t n = 0;
    int rc;

    *out = (struct ps_layout){0};
    if (!r)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu runs", runs->n);
    for (size_t i = 0; i < runs->n; i++) {
        r[n] = (struct ranked){runs->run[i], i};
        n += (size_t)clip(&r[n].run, data->n_bytes, out);
    }
    qsort(r, n, sizeof *r, by_phys);
    rc = flatten(r, n, &flat, out, err);
    if (rc == 0)
        rc = data_ranges(data, &ranges, err);
    if (rc == 0)
        rc = lay_out(&flat, &ranges, data->n_bytes, out, err);
    ps_ranges_free(&ranges);
    ps_runs_free(&flat);
    free(r);
    if (rc < 0)
        ps_layout_free(out);
    return rc;
}

void ps_layout_free(struct ps_layout *layout)
{
    free(layout->extent);
    free(layout->piece);
    *layout = (struct ps_layout){0};
}

const struct ps_extent *ps_layout_find(const struct ps_layout *layout, uint64_t phys)
{
    size_t low = 0;
    size_t high = layout->n;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct ps_extent *e = &layout->extent[mid];

        if (phys < e->phys)
            high = mid;
        else if (phys - e->phys >= e->n_bytes)
            low = mid + 1;
        else
            return e;
    }
    return NULL;
}
