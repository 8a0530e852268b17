#include "host/farm/plan/make.h"

#include <stdlib.h>

#include "host/absolute.h"
#include "host/farm/plan/cut.h"
#include "host/farm/plan/options.h"
#include "host/run/tag_source.h"

int ps_farm_plan_begin(struct ps_farm_plan *plan, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_tagdb *tags = NULL;
    struct ps_tag_pattern *pattern = NULL;
    int rc = ps_tag_source_load(&tags, opt, err);

    /* A plan that no task could follow is refused here. */
    if (rc == 0)
        rc = ps_tag_source_patterns(&pattern, opt, err);
    if (rc == 0)
        rc = ps_farm_plan_set_options(plan, opt, tags, err);
    free(pattern);
    ps_tagdb_free(tags);
    return rc;
}

int ps_farm_plan_add_image(struct ps_farm_plan *plan, const struct ps_image *image,
                           const struct ps_options *opt, uint64_t *present, struct ps_err *err)
{
    struct ps_farm_span span;
    char *absolute = NULL;
    int rc = ps_farm_span(image, opt, &span, err);

    if (rc == 0)
        rc = ps_absolute_path(&absolute, ps_image_path(image), err);
    if (rc == 0)
        rc = ps_farm_cut(plan, image, absolute, &span, err);
    if (rc == 0)
        *present += span.present;
    free(absolute);
    return rc;
}
