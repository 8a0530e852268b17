#include "host/bench/report/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void ps_series_add(struct ps_series *s, double value)
{
    if (s->n < PS_SERIES_MAX)
        s->v[s->n++] = value;
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* Sorts v. */
static double median_of(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct ps_stat ps_series_stat(const struct ps_series *s)
{
    double v[PS_SERIES_MAX];
    struct ps_stat stat = {.n = s->n};

    if (s->n == 0)
        return stat;
    memcpy(v, s->v, s->n * sizeof *v);
    stat.median = median_of(v, s->n);
    stat.min = v[0];
    stat.max = v[s->n - 1];
    for (size_t i = 0; i < s->n; i++)
        v[i] = fabs(s->v[i] - stat.median);
    stat.spread = median_of(v, s->n);
    return stat;
}

double ps_bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
