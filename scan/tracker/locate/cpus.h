/* The tables of the processors: an array of pointers, ExPoolTagTables (Windows 7 and later). */
#ifndef PS_SCAN_TRACKER_LOCATE_CPUS_H
#define PS_SCAN_TRACKER_LOCATE_CPUS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/tracker/locate/proof.h"
#include "scan/tracker/table.h"
#include "scan/windows/va_range.h"

/* Slots that may be compared in all of a search. */
#define PS_TRACKER_CPU_SLOTS (UINT64_C(1) << 24)

struct ps_tracker_cpus_spec {
    struct ps_paging *paging;
    const struct ps_tracker_proof *keys; /* the table that has the keys */
    uint32_t n_cpus;                     /* 0: not known */
};

struct ps_tracker_cpus {
    uint64_t array_va; /* 0: none */
    size_t n;
    uint64_t va[PS_TRACKER_MAX_TABLES];
};

/* Among the data: the longest run of pointers to tables that have the same tags in the same slots,
 * or no page at all between two such. Not more of them than there are processors. 1 and *out (which
 * may hold the table of the keys too), or 0: there is no table but that one. PS_ENOMEM. */
int ps_tracker_cpus_find(const struct ps_tracker_cpus_spec *spec, const struct ps_va_range *data,
                         size_t n_data, struct ps_tracker_cpus *out, struct ps_err *err);

/* The same where the array is known to begin: at 'va', or where the pointer at 'va' leads. */
int ps_tracker_cpus_at(const struct ps_tracker_cpus_spec *spec, uint64_t va,
                       struct ps_tracker_cpus *out, struct ps_err *err);

#endif
