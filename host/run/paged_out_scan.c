#include "host/run/paged_out_scan.h"

#include <string.h>

#include "host/cancel.h"
#include "host/virtual/paged_out.h"
#include "kernels/kernel.h"
#include "kernels/pool_header.h"
#include "scan/pool/page_judge.h"

#define MAX_HITS (PS_PAGE_BYTES >> PS_SLOT_SHIFT_X86)

struct work {
    const struct ps_paged_out_scan *scan;
    struct ps_err *err;
    int rc;
    uint64_t n_below;
    _Alignas(64) uint8_t page[PS_PAGE_BYTES];
    struct ps_hit hit[MAX_HITS];
    struct ps_finding finding[MAX_HITS];
};

static size_t keep_wanted(struct work *w, struct ps_finding *f, size_t n)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (f[i].status == PS_STATUS_FREE && !w->scan->show_free)
            continue;
        if (f[i].confidence >= w->scan->min_confidence)
            f[n_kept++] = f[i];
        else
            w->n_below++;
    }
    return n_kept;
}

static int on_page(void *arg, const struct ps_paged_out *page)
{
    struct work *w = arg;
    const struct ps_paged_out_scan *s = w->scan;
    size_t n;

    w->rc = ps_cancel_check(w->err);
    memcpy(w->page, page->bytes, sizeof w->page);
    n = ps_kernel_pick("scalar")->scan(s->plan, w->page, 1, w->hit, MAX_HITS);
    if (w->rc < 0 || n == 0)
        return w->rc;
    ps_page_judge(s->era, s->rules, w->page, w->hit, n, w->finding);
    for (size_t i = 0; i < n; i++)
        w->finding[i].phys = (uint64_t)w->hit[i].slot << s->plan->slot_shift;
    ps_locate_paged_out(s->locator, page->va, w->page, w->finding, n);
    n = keep_wanted(w, w->finding, n);
    if (n)
        w->rc = s->on_findings(s->arg, w->finding, n, w->err);
    return w->rc;
}

int ps_paged_out_scan(const struct ps_paged_out_scan *scan, struct ps_paged_out_result *result,
                      struct ps_err *err)
{
    struct ps_paged_out_counts counts = {0};
    struct work w = {.scan = scan, .err = err};
    int rc;

    *result = (struct ps_paged_out_result){0};
    if (!scan->space->has_dtb)
        return 0;
    rc = ps_paged_out_each(scan->space, on_page, &w, &counts, err);
    result->n_pages = counts.n_read;
    result->n_missing = counts.n_missing;
    result->n_below = w.n_below;
    return w.rc < 0 ? w.rc : rc;
}
