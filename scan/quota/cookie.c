#include "scan/quota/cookie.h"

#include <stdlib.h>
#include <string.h>

#include "scan/quota/billed.h"

struct cluster {
    uint64_t key;
    uint32_t n; /* samples */
};

struct candidate {
    uint64_t value;
    uint32_t votes;
};

/* What a value makes of the clusters. */
struct verdict {
    uint32_t samples; /* explained */
    uint32_t clusters;
    uint32_t processes; /* of these clusters, those of a process */
};

struct solver {
    const struct ps_cookie_search *search;
    struct cluster cluster[PS_QUOTA_MAX_SAMPLES / 2];
    size_t n_clusters;
    uint32_t n_samples; /* in clusters */
    struct candidate candidate[PS_QUOTA_MAX_VOTERS * (PS_QUOTA_MAX_KNOWN + 1)];
    size_t n_candidates;
};

const char *ps_cookie_method_name(enum ps_cookie_method method)
{
    static const char *const names[] = {"none", "histogram", "symbol"};

    return names[method];
}

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_key(const void *a, const void *b)
{
    return compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

static int by_weight(const void *a, const void *b)
{
    const struct cluster *x = a, *y = b;

    return x->n != y->n ? (x->n > y->n ? -1 : 1) : compare(x->key, y->key);
}

static int by_value(const void *a, const void *b)
{
    return compare(((const struct candidate *)a)->value, ((const struct candidate *)b)->value);
}

static int by_votes(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return x->votes != y->votes ? (x->votes > y->votes ? -1 : 1) : compare(x->value, y->value);
}

/* 'key' is sorted. */
static void make_clusters(struct solver *s, const uint64_t *key, size_t n)
{
    size_t end;

    for (size_t i = 0; i < n; i = end) {
        for (end = i + 1; end < n && key[end] == key[i]; end++)
            ;
        if (end - i > 1)
            s->cluster[s->n_clusters++] = (struct cluster){key[i], (uint32_t)(end - i)};
    }
    qsort(s->cluster, s->n_clusters, sizeof *s->cluster, by_weight);
    if (s->n_clusters > PS_QUOTA_MAX_CLUSTERS)
        s->n_clusters = PS_QUOTA_MAX_CLUSTERS;
    for (size_t i = 0; i < s->n_clusters; i++)
        s->n_samples += s->cluster[i].n;
}

/* Each pair of a large cluster and a process votes for the value that would bring them together,
 * the cluster itself for being the one of nobody. */
static void take_votes(struct solver *s)
{
    const size_t n_known =
        s->search->n_known < PS_QUOTA_MAX_KNOWN ? s->search->n_known : PS_QUOTA_MAX_KNOWN;
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < s->n_clusters && i < PS_QUOTA_MAX_VOTERS; i++) {
        s->candidate[n++] = (struct candidate){s->cluster[i].key, 1};
        for (size_t k = 0; k < n_known; k++)
            s->candidate[n++] = (struct candidate){s->cluster[i].key ^ s->search->known[k], 1};
    }
    qsort(s->candidate, n, sizeof *s->candidate, by_value);
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && s->candidate[kept - 1].value == s->candidate[i].value)
            s->candidate[kept - 1].votes++;
        else
            s->candidate[kept++] = s->candidate[i];
    }
    qsort(s->candidate, kept, sizeof *s->candidate, by_votes);
    s->n_candidates = kept;
}

static int is_process(const struct solver *s, uint64_t va)
{
    return ps_quota_possible(PS_ARCH_X64, va) && s->search->is_process(s->search->arg, va);
}

/* Heaviest first, so that a wrong value is soon given up: when it has missed 'may_miss' samples. */
static struct verdict judge(const struct solver *s, uint64_t value, uint32_t may_miss)
{
    struct verdict v = {0};
    uint32_t missed = 0;

    for (size_t i = 0; i < s->n_clusters && missed <= may_miss; i++) {
        const struct cluster *c = &s->cluster[i];
        const int is_nobody = c->key == value;

        if (is_nobody || is_process(s, c->key ^ value)) {
            v.samples += c->n;
            v.clusters++;
            v.processes += !is_nobody;
        } else {
            missed += c->n;
        }
    }
    return v;
}

/* Two clusters of processes fit two values, each the other way round. */
static int is_enough(const struct verdict *v)
{
    return v->processes >= 3 || (v->processes >= 1 && v->clusters > v->processes);
}

static int fits(const struct solver *s, const struct verdict *v)
{
    return is_enough(v) && v->samples >= s->n_samples - s->n_samples / 10;
}

struct best {
    uint64_t value;
    uint32_t clusters;
    uint32_t votes; /* UINT32_MAX: a cluster, and no pair can do what it does */
    size_t n;       /* values that explain as many clusters */
};

static void try_value(const struct solver *s, const struct candidate *c, struct best *best)
{
    const struct verdict v = judge(s, c->value, s->n_samples / 10);

    if (!fits(s, &v) || v.clusters < best->clusters)
        return;
    if (v.clusters > best->clusters)
        *best = (struct best){c->value, v.clusters, c->votes, 0};
    best->n++;
}

static int is_cluster(const struct solver *s, uint64_t value)
{
    for (size_t i = 0; i < s->n_clusters; i++)
        if (s->cluster[i].key == value)
            return 1;
    return 0;
}

/* Values with more votes first; the clusters themselves in any case, for the sum of two of them is
 * no address unless one is right, which costs nothing to see. */
static void solve(struct solver *s, struct ps_cookie *out)
{
    struct best best = {0};
    size_t tried = 0;
    size_t i;

    for (i = 0; i < s->n_clusters; i++)
        try_value(s, &(struct candidate){s->cluster[i].key, UINT32_MAX}, &best);
    for (i = 0; i < s->n_candidates && tried < PS_QUOTA_MAX_CANDIDATES; i++)
        if (!is_cluster(s, s->candidate[i].value)) {
            try_value(s, &s->candidate[i], &best);
            tried++;
        }
    out->n_candidates = tried + s->n_clusters;
    out->n_fits = best.n;
    /* One that was not tried may do as well if it has as many votes. */
    if (best.n != 1 || (i < s->n_candidates && s->candidate[i].votes >= best.votes))
        return;
    out->method = PS_COOKIE_HISTOGRAM;
    out->value = best.value;
}

/* Of an image where nothing speaks against it, a symbol is right. */
static void try_symbol(const struct solver *s, struct ps_cookie *out)
{
    struct verdict v;

    if (!s->search->has_symbol)
        return;
    v = judge(s, s->search->symbol, s->n_samples);
    if (v.samples < s->n_samples / 2)
        return;
    out->method = PS_COOKIE_SYMBOL;
    out->value = s->search->symbol;
    out->n_candidates = 1;
    out->n_fits = 1;
}

/* All that the samples name, of clusters or not. 'key' is sorted. */
static void list_processes(const struct solver *s, const uint64_t *key, size_t n,
                           struct ps_cookie *out)
{
    for (size_t i = 0; i < n && out->n_processes < PS_QUOTA_MAX_PROCESSES; i++) {
        const uint64_t va = key[i] ^ out->value;

        if ((i == 0 || key[i] != key[i - 1]) && va != 0 && is_process(s, va))
            out->process[out->n_processes++] = va;
    }
    qsort(out->process, out->n_processes, sizeof *out->process, by_key);
}

static void find(struct solver *s, uint64_t *key, size_t n, struct ps_cookie *out)
{
    qsort(key, n, sizeof *key, by_key);
    make_clusters(s, key, n);
    try_symbol(s, out);
    if (out->method == PS_COOKIE_NOT_FOUND && s->n_clusters > 1) {
        take_votes(s);
        solve(s, out);
    }
    out->n_clusters = s->n_clusters;
    if (out->method == PS_COOKIE_NOT_FOUND)
        return;
    out->n_explained = judge(s, out->value, s->n_samples).clusters;
    list_processes(s, key, n, out);
}

int ps_cookie_find(const struct ps_cookie_search *search, struct ps_cookie *out, struct ps_err *err)
{
    struct solver *s = calloc(1, sizeof *s);
    uint64_t *key = malloc(sizeof search->samples->key);
    int rc = 0;

    memset(out, 0, sizeof *out);
    if (s && key) {
        s->search = search;
        memcpy(key, search->samples->key, search->samples->n * sizeof *key);
        find(s, key, search->samples->n, out);
    } else {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the quota cookie");
    }
    free(key);
    free(s);
    return rc;
}
