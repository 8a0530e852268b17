/* What a result was measured on. */
#ifndef PS_HOST_BENCH_REPORT_MACHINE_H
#define PS_HOST_BENCH_REPORT_MACHINE_H

#include "host/topology.h"

struct ps_fact {
    char name[24];
    char text[160];
};

#define PS_MAX_FACTS 16u

struct ps_facts {
    unsigned n;
    struct ps_fact fact[PS_MAX_FACTS];
};

/* Date, CPU, caches, memory, system, load, versions. What cannot be found out is "unknown". */
void ps_facts_collect(struct ps_facts *facts, const struct ps_topology *topology);

void ps_facts_add(struct ps_facts *facts, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
