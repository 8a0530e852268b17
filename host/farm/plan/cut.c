#include "host/farm/plan/cut.h"

#include <string.h>

#include "host/image/present.h"
#include "host/image/runs.h"
#include "kernels/pool_header.h"

int ps_farm_span(const struct ps_image *image, const struct ps_options *opt,
                 struct ps_farm_span *out, struct ps_err *err)
{
    const int may_get_hole = opt->pci_hole == PS_PCI_HOLE_AUTO && !opt->physical_only;
    const uint64_t task_pages = opt->task_bytes / PS_PAGE_BYTES;
    uint64_t pages;

    out->start = opt->has_range ? opt->range_start : 0;
    out->end = opt->has_range ? opt->range_end : ps_image_present_end(image, may_get_hole);
    if (out->end > PS_PHYS_END)
        out->end = PS_PHYS_END;
    if (out->start >= out->end)
        return ps_fail(err, PS_EARG, PS_AT_NONE, "--range begins behind any physical address");
    out->present = ps_image_present(image, out->start, out->end);
    pages = out->present / PS_PAGE_BYTES + (out->present % PS_PAGE_BYTES != 0);
    out->n_ranges = pages / task_pages + (pages % task_pages != 0);
    if (out->n_ranges == 0)
        out->n_ranges = 1;
    return 0;
}

static int add_ranges(struct ps_farm_plan *plan, const struct ps_image *image,
                      const struct ps_farm_span *span, struct ps_farm_task *task,
                      struct ps_err *err)
{
    const uint64_t pages = span->present / PS_PAGE_BYTES + (span->present % PS_PAGE_BYTES != 0);
    const uint64_t each = pages / span->n_ranges;
    const uint64_t more = pages % span->n_ranges; /* so many ranges have a page more */
    int rc = 0;

    task->part = PS_FARM_RANGE;
    task->end = span->start;
    for (uint64_t i = 0; i < span->n_ranges && rc == 0; i++) {
        const uint64_t n_bytes = (each + (i < more)) * PS_PAGE_BYTES;

        task->start = task->end;
        task->end = i + 1 < span->n_ranges
                        ? ps_image_present_address(image, task->start, span->end, n_bytes)
                        : span->end;
        rc = ps_farm_plan_add(plan, task, err);
    }
    return rc;
}

int ps_farm_cut(struct ps_farm_plan *plan, const struct ps_image *image, const char *path,
                const struct ps_farm_span *span, struct ps_err *err)
{
    struct ps_farm_task task = {
        .image = path,
        .image_bytes = ps_image_file_bytes(image),
        .part = PS_FARM_WHOLE,
        .start = span->start,
        .end = span->end,
    };
    int rc = 0;

    memcpy(task.identity, ps_image_id(image), sizeof task.identity);
    if (span->n_ranges > 1) {
        rc = add_ranges(plan, image, span, &task, err);
        task.part = PS_FARM_VIRTUAL;
        task.start = span->start;
    }
    return rc == 0 ? ps_farm_plan_add(plan, &task, err) : rc;
}
