#include "host/run/scan_summary.h"

#include "host/report/summary.h"

void ps_scan_summary_print(const struct ps_options *opt, const struct ps_scan_totals *t,
                           const struct ps_digest *digest, const char *backend, double seconds,
                           int interrupted)
{
    char hex[PS_DIGEST_HEX_BYTES];
    const struct ps_summary s = {
        .n_images = t->images,
        .n_bytes = t->bytes_scanned,
        .n_findings = t->findings,
        .n_with_address = t->with_address,
        .n_unmapped = t->unmapped,
        .n_in_big_pool = t->in_big_pool,
        .n_copies_left_out = t->copies_left_out,
        .n_below = t->below,
        .min_confidence = opt->min_confidence,
        .n_big = t->big,
        .n_big_elsewhere = t->big_elsewhere,
        .n_paged_out = t->pages_paged_out,
        .n_paged_out_missing = t->pages_missing,
        .n_hole_bytes = t->bytes_hole,
        .n_unreadable_bytes = t->bytes_unreadable,
        .n_torn_bytes = t->bytes_torn,
        .n_missing_bytes = t->bytes_missing,
        .seconds = seconds,
        .backend = backend,
        .digest = hex,
        .interrupted = interrupted,
    };

    ps_digest_hex(digest, hex);
    ps_summary_print(stderr, &s, opt->status_json);
}
