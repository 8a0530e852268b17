/* Bytes -> a result that is read back: reading ends, its rows do not depend on how large the pieces
 * are in which the bytes come, and what the tallies say is what the rows sum up to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/unknown/tallies.h"
#include "host/results/result.h"
#include "tests/support/text_in_steps.h"

#define NO_SUM UINT64_C(0xcbf29ce484222325)

struct rows {
    struct ps_tallies *tallies; /* or NULL */
    uint64_t sum, n, n_live, n_freed;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static void mix(uint64_t *sum, uint64_t value)
{
    *sum = (*sum ^ value) * UINT64_C(0x100000001b3);
}

static int on_row(void *arg, const struct ps_result_row *row, struct ps_err *err)
{
    struct rows *r = arg;

    if ((row->pools & ~3u) || (row->n_live > 0 && row->n_freed > 0))
        die("a row that cannot be");
    mix(&r->sum, row->tag);
    mix(&r->sum, row->pools);
    mix(&r->sum, row->n_live);
    mix(&r->sum, row->n_freed);
    mix(&r->sum, row->n_bytes);
    mix(&r->sum, row->offset);
    r->n++;
    r->n_live += row->n_live;
    r->n_freed += row->n_freed;
    return r->tallies ? ps_tallies_add(r->tallies, row, err) : 0;
}

static int read_by(const uint8_t *data, size_t size, size_t step, struct rows *rows,
                   struct ps_result_about *about, struct ps_err *err)
{
    struct text t = {data, size, step};
    const struct ps_result_sink sink = {on_row, rows, (uint32_t)(size % 101)};

    return ps_result_read((struct ps_byte_source){.read = read_text, .arg = &t}, &sink, about, err);
}

static void check_tallies(struct ps_tallies *t, const struct rows *rows)
{
    uint64_t n_live = 0, n_freed = 0;

    ps_tallies_keep_unknown(t);
    for (size_t i = 0; i < t->n; i++) {
        if (i > 0 && t->tally[i].n_live > t->tally[i - 1].n_live)
            die("order");
        n_live += t->tally[i].n_live;
        n_freed += t->tally[i].n_freed;
    }
    /* Sums that stop at the largest number are none; they take two rows of used. */
    if (n_freed != rows->n_freed ||
        (n_live != rows->n_live && t->n > 0 && t->tally[0].n_live != UINT64_MAX))
        die("tallies");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_tagdb *db = NULL;
    struct ps_tallies tallies = {0};
    struct rows whole = {.sum = NO_SUM, .tallies = &tallies}, pieces = {.sum = NO_SUM};
    struct ps_result_about a, b;
    struct ps_err err = {0}, other = {0};
    int rc;

    if (ps_tagdb_new(&db, &err) < 0)
        die(err.msg);
    tallies.tags = db;
    rc = read_by(data, size, SIZE_MAX, &whole, &a, &err);
    if (rc != read_by(data, size, 3, &pieces, &b, &other))
        die("pieces are read in another way");
    if (rc < 0 && (rc != -PS_EFORMAT || strcmp(err.msg, other.msg) != 0))
        die(err.msg);
    if (whole.sum != pieces.sum || memcmp(&a, &b, sizeof a) != 0 || a.n_rows != whole.n)
        die("pieces give other rows");
    check_tallies(&tallies, &whole);
    ps_tallies_free(&tallies);
    ps_tagdb_free(db);
    return 0;
}
