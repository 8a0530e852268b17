#include "scan/merge/merge.h"

/* How many of f[0 .. n-1] come before 'phys'. */
static size_t count_before(const struct ps_finding *f, size_t n, uint64_t phys)
{
    size_t low = 0;

    while (low < n) {
        size_t mid = low + (n - low) / 2;

        if (f[mid].phys < phys)
            low = mid + 1;
        else
            n = mid;
    }
    return low;
}

/* Big allocations up to and at 'phys'. */
static int give_big(struct ps_merge *m, uint64_t phys, struct ps_err *err)
{
    const size_t first = m->at;

    while (m->at < m->n_big && m->big[m->at].phys <= phys)
        m->at++;
    return m->at == first ? 0 : m->sink(m->arg, m->big + first, m->at - first, err);
}

int ps_merge_headers(struct ps_merge *m, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    size_t done = 0;
    int rc = 0;

    while (done < n && rc >= 0) {
        size_t slice = n - done;

        rc = give_big(m, f[done].phys, err);
        if (m->at < m->n_big)
            slice = count_before(f + done, n - done, m->big[m->at].phys);
        if (rc >= 0 && slice)
            rc = m->sink(m->arg, f + done, slice, err);
        done += slice;
    }
    return rc;
}

int ps_merge_finish(struct ps_merge *m, struct ps_err *err)
{
    return give_big(m, PS_NOWHERE, err);
}
