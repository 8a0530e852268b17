/* ExpPoolQuotaCookie without symbols: the value that turns what headers have stored into
 * processes. */
#ifndef PS_SCAN_QUOTA_COOKIE_H
#define PS_SCAN_QUOTA_COOKIE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/quota/sample.h"

#define PS_QUOTA_MAX_CLUSTERS   64u   /* the largest ones */
#define PS_QUOTA_MAX_VOTERS     16u   /* of these: they are paired with known processes */
#define PS_QUOTA_MAX_KNOWN      128u  /* known processes that are made use of */
#define PS_QUOTA_MAX_CANDIDATES 64u   /* that are tried beside the clusters themselves */
#define PS_QUOTA_MAX_PROCESSES  1024u /* that are kept */

enum ps_cookie_method {
    PS_COOKIE_NOT_FOUND,
    PS_COOKIE_HISTOGRAM, /* the only value that fits what headers have stored */
    PS_COOKIE_SYMBOL,    /* the variable, which no header contradicts */
};

/* "none", "histogram", "symbol". */
const char *ps_cookie_method_name(enum ps_cookie_method method);

struct ps_cookie_search {
    const struct ps_quota_samples *samples;
    const uint64_t *known; /* addresses of processes; may be few, or none */
    size_t n_known;
    /* Is there an EPROCESS at this address? Only asked of possible ones (ps_quota_possible). */
    int (*is_process)(void *arg, uint64_t va);
    void *arg;
    int has_symbol; /* ExpPoolQuotaCookie could be read ... */
    uint64_t symbol;
};

struct ps_cookie {
    enum ps_cookie_method method;
    uint64_t value;
    size_t n_clusters, n_explained; /* clusters, and those that the value explains */
    size_t n_candidates;            /* values that were tried */
    size_t n_fits;                  /* ... and explain as many clusters: of two none is taken */
    uint64_t process[PS_QUOTA_MAX_PROCESSES]; /* that headers name, ascending */
    size_t n_processes;
};

/* Find it. A cluster is a key that two or more samples have: one process, or nobody. A value is
 * right that explains nine tenths of all samples in clusters, three clusters or the one of nobody
 * and a process, and more clusters than any other value. What does not decide leaves
 * PS_COOKIE_NOT_FOUND: it is never guessed. A symbol is taken unless it explains less than half of
 * the samples in clusters. Reads no memory but through is_process, which is asked
 * PS_QUOTA_MAX_CLUSTERS times for each candidate at most. PS_ENOMEM. */
int ps_cookie_find(const struct ps_cookie_search *search, struct ps_cookie *out,
                   struct ps_err *err);

#endif
