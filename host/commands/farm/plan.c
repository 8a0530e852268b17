/* poolscan plan: every image that can be opened into tasks. */
#include "host/commands/commands.h"

#include <inttypes.h>

#include "host/cancel.h"
#include "host/farm/plan.h"
#include "host/farm/plan/make.h"
#include "host/log.h"
#include "host/open_image.h"

struct planning {
    const struct ps_options *opt;
    struct ps_farm_plan plan;
    uint64_t present;
    int first_failure; /* -PS_E... of an image that was left out, 0 if none */
};

/* An image that cannot be opened is left out, as scan goes on to the next one. */
static int plan_one(struct planning *p, const char *path, struct ps_err *err)
{
    struct ps_image *image = NULL;
    int rc = ps_open_image(&image, path, p->opt, err);

    if (rc < 0) {
        ps_log(PS_LOG_ERROR, "%s: %s", path, err->msg);
        if (p->first_failure == 0)
            p->first_failure = rc;
        return 0;
    }
    rc = ps_farm_plan_add_image(&p->plan, image, p->opt, &p->present, err);
    ps_image_close(image);
    return rc;
}

static int make_plan(struct planning *p, struct ps_err *err)
{
    const struct ps_strings *images = &p->opt->args;
    int rc = ps_farm_plan_begin(&p->plan, p->opt, err);

    for (size_t i = 0; i < images->n && rc == 0; i++) {
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = plan_one(p, images->item[i], err);
    }
    if (rc < 0 || p->plan.n_tasks == 0)
        return rc;
    rc = ps_farm_plan_seal(&p->plan, err);
    if (rc == 0)
        rc = ps_farm_plan_write(&p->plan, p->opt->output, err);
    if (rc == 0)
        ps_log(PS_LOG_INFO, "%u images, %" PRIu64 " bytes of memory, %zu tasks, plan %s",
               (unsigned)p->plan.n_images, p->present, p->plan.n_tasks, p->plan.id);
    return rc;
}

int ps_cmd_plan(const struct ps_options *opt, struct ps_err *err)
{
    struct planning p = {.opt = opt};
    int rc = make_plan(&p, err);

    ps_farm_plan_free(&p.plan);
    if (rc == 0 && p.first_failure < 0) {
        /* Said already, image by image: only the status is left to tell. */
        err->code = -p.first_failure;
        err->msg[0] = 0;
        rc = p.first_failure;
    }
    return rc;
}
