#include "scan/bigpool/locate/locate.h"

#include "scan/bigpool/locate/finder.h"
#include "scan/bigpool/locate/read_table.h"

static int find(struct ps_bigpool_finder *finder)
{
    static int (*const methods[])(struct ps_bigpool_finder *) = {
        ps_bigpool_try_symbols,
        ps_bigpool_try_pointers,
        ps_bigpool_try_self_entries,
        ps_bigpool_try_mapped,
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof methods / sizeof *methods && rc == 0; i++) {
        rc = methods[i](finder);
        if (ps_bigpool_candidate_is_certain(&finder->best))
            break;
    }
    return rc;
}

int ps_bigpool_locate(const struct ps_bigpool_source *source, struct ps_bigpool_table *out,
                      struct ps_err *err)
{
    struct ps_bigpool_finder finder;
    int rc = ps_bigpool_finder_init(&finder, source);

    *out = (struct ps_bigpool_table){0};
    if (rc == 0)
        rc = find(&finder);
    if (rc == 0 && finder.best.n_used != 0) {
        rc = ps_bigpool_read_table(source, &finder.best, out);
        out->method = finder.method;
    }
    out->n_candidates = finder.n_seen;
    out->n_candidates_over = finder.n_over;
    ps_bigpool_finder_free(&finder);
    if (rc == 0)
        return out->method != PS_BIGPOOL_NOT_FOUND;
    ps_bigpool_table_free(out);
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the big-pool table");
}
