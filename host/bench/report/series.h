/* Repeated measurements of one thing. */
#ifndef PS_HOST_BENCH_REPORT_SERIES_H
#define PS_HOST_BENCH_REPORT_SERIES_H

#include <stddef.h>

#define PS_SERIES_MAX 1000u

struct ps_series {
    size_t n;
    double v[PS_SERIES_MAX];
};

struct ps_stat {
    size_t n; /* 0: nothing was measured */
    double median, min, max;
    double spread; /* median distance from the median */
};

/* Add one value; values beyond PS_SERIES_MAX are dropped. */
void ps_series_add(struct ps_series *s, double value);
struct ps_stat ps_series_stat(const struct ps_series *s);

/* Seconds on a clock that only moves forward. */
double ps_bench_now(void);

#endif
