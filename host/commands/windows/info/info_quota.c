#include <inttypes.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/pool/bigpool.h"
#include "host/virtual/pool/quota.h"

static void add_cookie(struct ps_cells *c, const struct ps_quota *q)
{
    const struct ps_cookie *k = &q->cookie;

    ps_info_row(c, "ExpPoolQuotaCookie");
    if (k->method == PS_COOKIE_NOT_FOUND) {
        ps_cells_set(c, PS_INFO_HOW,
                     "not known: %zu clusters in %zu headers of %zu pages; %zu of %zu values fit",
                     k->n_clusters, q->n_samples, q->n_pages, k->n_fits, k->n_candidates);
        return;
    }
    ps_cells_set_address(c, PS_INFO_VALUE, k->value);
    ps_cells_set(c, PS_INFO_HOW,
                 "%s: explains %zu of %zu clusters in %zu headers of %zu pages, %zu processes",
                 ps_cookie_method_name(k->method), k->n_explained, k->n_clusters, q->n_samples,
                 q->n_pages, k->n_processes);
}

static void add_quota(struct ps_cells *c, const struct ps_quota *q)
{
    static const char *const how[] = {
        [PS_QUOTA_PLAIN] = "ProcessBilled is the EPROCESS",
        [PS_QUOTA_MIXED] = "ProcessBilled is mixed with a cookie and the header's address",
        [PS_QUOTA_TAIL] = "the last four bytes of a block are the EPROCESS",
    };

    ps_info_row(c, "QuotaRule");
    ps_cells_set(c, PS_INFO_VALUE, "%s", ps_quota_rule_name(q->rule));
    ps_cells_set(c, PS_INFO_HOW, "%s", how[q->rule]);
    if (q->rule == PS_QUOTA_MIXED)
        add_cookie(c, q);
    ps_info_row(c, "Processes");
    if (q->processes.n == 0) {
        ps_cells_set(c, PS_INFO_HOW, "no process at PsInitialSystemProcess");
        return;
    }
    ps_cells_set(c, PS_INFO_VALUE, "%zu", q->processes.n);
    if (q->processes.links_at)
        ps_cells_set(c, PS_INFO_HOW, "ActiveProcessLinks at 0x%x, ImageFileName at 0x%x",
                     q->processes.links_at, q->processes.name_at);
    else
        ps_cells_set(c, PS_INFO_HOW, "PsInitialSystemProcess only: no list found in it");
}

/* The same as a scan finds: from the same map and table. */
static int open_quota(struct ps_quota *q, struct ps_address_space *as, const struct ps_options *opt,
                      const struct ps_inverse_map *map, struct ps_err *err)
{
    struct ps_bigpool_table table;
    struct ps_regions regions;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const struct ps_quota_source source = {
        .space = as, .map = map, .regions = &regions, .table = &table, .lock = &lock};
    uint64_t n_unreadable = 0;
    int rc = ps_address_space_bigpool(as, opt, map, &table, &n_unreadable, err);

    if (rc >= 0) {
        ps_regions_init(&regions, ps_address_space_arch(as), as->build,
                        table.method == PS_BIGPOOL_NOT_FOUND ? NULL : &table);
        rc = ps_quota_open(q, &source, err);
    }
    if (rc == 0)
        rc = ps_quota_settle(q, err);
    ps_bigpool_table_free(&table);
    return rc;
}

int ps_info_quota(struct ps_cells *c, struct ps_address_space *as, const struct ps_options *opt,
                  struct ps_err *err)
{
    struct ps_inverse_map *map = NULL;
    struct ps_quota q = {0};
    int rc = ps_address_space_map(as, &map, err);

    if (rc == 0)
        rc = open_quota(&q, as, opt, map, err);
    if (rc == 0)
        add_quota(c, &q);
    ps_quota_close(&q);
    ps_inverse_map_free(map);
    return rc;
}
