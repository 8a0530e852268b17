/* Bytes -> samples and processes that exist; the search for the cookie ends, and what it finds
 * keeps its promises.
 *
 * Input: flags (symbol), number of known processes, number of clusters, then eight bytes per known
 * process, and nine per cluster (key, how many samples); the rest is one page of headers. A process
 * exists where the sum of its address's bytes is even. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/quota/cookie.h"
#include "scan/quota/owners.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static int exists(void *arg, uint64_t va)
{
    uint64_t sum = 0;

    (void)arg;
    if (!ps_quota_possible(PS_ARCH_X64, va))
        die("asked for an address that is not possible");
    for (; va; va >>= 8)
        sum += va & 0xff;
    return (sum & 1) == 0;
}

struct input {
    const uint8_t *at;
    size_t left;
};

static uint64_t take(struct input *in, size_t n)
{
    uint64_t v = 0;

    n = n < in->left ? n : in->left;
    memcpy(&v, in->at, n);
    in->at += n;
    in->left -= n;
    return v;
}

static void check(const struct ps_cookie_search *search, const struct ps_cookie *c)
{
    if (c->method == PS_COOKIE_NOT_FOUND && (c->n_processes != 0 || c->value != 0))
        die("processes without a cookie");
    if (c->method == PS_COOKIE_HISTOGRAM && (c->n_fits != 1 || c->n_explained < 2))
        die("a guess");
    if (c->method == PS_COOKIE_SYMBOL && (!search->has_symbol || c->value != search->symbol))
        die("another symbol");
    for (size_t i = 0; i < c->n_processes; i++)
        if (!exists(NULL, c->process[i]) || (i > 0 && c->process[i] <= c->process[i - 1]))
            die("no process, or out of order");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ps_quota_samples samples;
    static struct ps_cookie cookie;
    static uint8_t page[4096];
    uint64_t known[256];
    struct input in = {data, size};
    const uint64_t flags = take(&in, 1);
    const size_t n_known = (size_t)take(&in, 1), n_clusters = (size_t)take(&in, 1);
    struct ps_cookie_search search = {.samples = &samples, .known = known, .is_process = exists};
    struct ps_owners owners = {.era = ps_era_pick(flags & 2 ? PS_ARCH_X86 : PS_ARCH_X64, 0)};
    struct ps_err err;

    samples.n = 0;
    for (size_t i = 0; i < n_known; i++)
        known[i] = take(&in, 8);
    search.n_known = n_known;
    for (size_t i = 0; i < n_clusters; i++) {
        const uint64_t key = take(&in, 8);

        for (uint64_t n = take(&in, 1); n > 0; n--)
            ps_quota_sample_add(&samples, key, 0);
    }
    memset(page, 0, sizeof page);
    memcpy(page, in.at, in.left < sizeof page ? in.left : sizeof page);
    ps_quota_sample_page(&samples, owners.era, page, 0xffff800012345000u);
    search.has_symbol = flags & 1;
    search.symbol = flags << 40;
    if (ps_cookie_find(&search, &cookie, &err) < 0)
        die(err.msg);
    check(&search, &cookie);
    owners.rule = ps_quota_rule_of(owners.era->arch, (uint32_t)flags << 8);
    owners.cookie = cookie.value;
    owners.known = cookie.process;
    owners.n_known = cookie.n_processes;
    for (uint32_t at = 0; at < sizeof page; at += 16)
        (void)ps_owner_of_header(&owners, page, at, 0xffff800012345000u);
    return 0;
}
