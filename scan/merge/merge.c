#include "scan/merge/merge.h"

/* Does big allocation 'b' come before header 'f', or at the same place? */
static int comes_first(const struct ps_finding *b, const struct ps_finding *f)
{
    if (b->phys != f->phys)
        return b->phys < f->phys;
    return f->phys != PS_NOWHERE || b->va <= f->va;
}

/* How many of f[0 .. n-1] come before 'b'. */
static size_t count_before(const struct ps_finding *f, size_t n, const struct ps_finding *b)
{
    size_t low = 0;

    while (low < n) {
        size_t mid = low + (n - low) / 2;

        if (!comes_first(b, &f[mid]))
            low = mid + 1;
        else
            n = mid;
    }
    return low;
}

/* Big allocations from the one at m->at to the one before 'end'. */
static int give_big(struct ps_merge *m, size_t end, struct ps_err *err)
{
    const size_t first = m->at;

    m->at = end;
    return end == first ? 0 : m->sink(m->arg, m->big + first, end - first, err);
}

/* Have a next big allocation at m->at, if there is one at all. */
static int refill(struct ps_merge *m, struct ps_err *err)
{
    int rc;

    if (m->at < m->n_big || !m->more)
        return 0;
    m->at = m->n_big = 0;
    rc = m->more(m->more_arg, &m->big, &m->n_big, err);
    if (rc < 0 || m->n_big == 0)
        m->more = NULL;
    return rc;
}

/* All big allocations that come before 'f', or at the same place. */
static int give_before(struct ps_merge *m, const struct ps_finding *f, struct ps_err *err)
{
    int rc = refill(m, err);

    while (rc >= 0 && m->at < m->n_big && comes_first(&m->big[m->at], f)) {
        size_t end = m->at + 1;

        while (end < m->n_big && comes_first(&m->big[end], f))
            end++;
        rc = give_big(m, end, err);
        if (rc >= 0)
            rc = refill(m, err);
    }
    return rc;
}

int ps_merge_headers(struct ps_merge *m, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    size_t done = 0;
    int rc = 0;

    while (done < n && rc >= 0) {
        size_t slice = n - done;

        rc = give_before(m, &f[done], err);
        if (m->at < m->n_big)
            slice = count_before(f + done, n - done, &m->big[m->at]);
        if (rc >= 0 && slice)
            rc = m->sink(m->arg, f + done, slice, err);
        done += slice;
    }
    return rc;
}

int ps_merge_finish(struct ps_merge *m, struct ps_err *err)
{
    int rc = refill(m, err);

    while (rc >= 0 && m->at < m->n_big) {
        rc = give_big(m, m->n_big, err);
        if (rc >= 0)
            rc = refill(m, err);
    }
    return rc;
}
