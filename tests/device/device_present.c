/* Says whether there is an OpenCL device: exit 77 when there is none, 1 when there is none although
 * PS_REQUIRE_DEVICE promises one. Builds the program and runs the self-test on each, which also
 * fills the driver's cache for the tests that follow. */
#include <stdio.h>
#include <stdlib.h>

#include "host/opencl/opencl.h"
#include "scan/plan_compile.h"

static int try_device(const struct ps_cl_device *d, const struct ps_plan *plan)
{
    struct ps_backend *b = NULL;
    struct ps_err err = {0};
    int rc = ps_backend_opencl_open(&b, plan, d->number, 16, &err);

    if (rc == 0)
        rc = ps_backend_self_test(b, plan, &err);
    ps_backend_close(b);
    printf("%u: %s: %s\n", d->number, d->name, rc == 0 ? "self-test passed" : err.msg);
    return rc;
}

static int try_devices(const struct ps_cl_device *list, size_t n)
{
    struct ps_rule rule = {.pattern = {0x636f7250, 0xffffffff}, .info = PS_TAG_UNKNOWN};
    const struct ps_ruleset rules = {&rule, 1};
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};
    int failed = 0;

    if (ps_plan_compile(&plan, ps_era_pick(PS_ARCH_X64, 0), &rules, 0, &err) < 0) {
        puts(err.msg);
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        failed |= list[i].usable && try_device(&list[i], plan) < 0;
    free(plan);
    return failed;
}

int main(void)
{
    struct ps_cl_device *list = NULL;
    struct ps_err err = {.msg = "the platforms have no devices"};
    size_t n = 0;
    int n_usable = 0;
    int failed;

    if (ps_cl_devices(&list, &n, &err) < 0)
        n = 0;
    for (size_t i = 0; i < n; i++)
        n_usable += list[i].usable;
    if (n_usable == 0) {
        printf("NO OPENCL DEVICE: %s\n", err.msg);
        free(list);
        return getenv("PS_REQUIRE_DEVICE") ? 1 : 77;
    }
    failed = try_devices(list, n);
    free(list);
    return failed;
}
