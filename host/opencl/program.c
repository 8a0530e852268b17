#include "host/opencl/program.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/opencl/device/clerr.h"

#define BUILD_OPTIONS "-cl-std=CL1.2"

/* The cache: programs in use. Building takes a good part of a second, and every lane of a device
 * needs the same one; the lock is held meanwhile so that it is built once. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ps_cl_program *in_use;

/* The first line of the log that says error, else its first line; cut in place. */
static const char *line_of_log(char *log)
{
    char *first = NULL;
    char *save = NULL;

    for (char *line = strtok_r(log, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strstr(line, "error") || strstr(line, "Error"))
            return line;
        if (!first && line[strspn(line, " \t")] != '\0')
            first = line;
    }
    return first ? first : "the build log is empty";
}

static int build_failed(const struct ps_cl_program *p, const char *name, int status,
                        struct ps_err *err)
{
    size_t n = 0;
    char *log = NULL;
    int rc;

    if (p->cl->clGetProgramBuildInfo(p->program, p->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &n) ==
        CL_SUCCESS)
        log = calloc(1, n + 1);
    if (log)
        p->cl->clGetProgramBuildInfo(p->program, p->device, CL_PROGRAM_BUILD_LOG, n, log, NULL);
    rc = ps_fail(err, PS_EDEVICE, PS_AT_NONE, "%.60s: clBuildProgram failed: %s (%d): %.120s", name,
                 ps_cl_status_name(status), status,
                 log ? line_of_log(log) : "there is no build log");
    free(log);
    return rc;
}

static int build(struct ps_cl_program *p, const char *name, struct ps_err *err)
{
    const struct ps_cl_api *cl = p->cl;
    const char *more = getenv("PS_CL_BUILD_OPTIONS");
    const char *source = (const char *)ps_cl_source;
    size_t n_bytes = ps_cl_source_bytes;
    char options[512];
    cl_int rc;

    snprintf(options, sizeof options, "%s %s", BUILD_OPTIONS, more ? more : "");
    p->context = cl->clCreateContext(NULL, 1, &p->device, NULL, NULL, &rc);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clCreateContext", rc);
    p->program = cl->clCreateProgramWithSource(p->context, 1, &source, &n_bytes, &rc);
    if (rc != CL_SUCCESS)
        return ps_cl_fail(err, "clCreateProgramWithSource", rc);
    rc = cl->clBuildProgram(p->program, 1, &p->device, options, NULL, NULL);
    return rc == CL_SUCCESS ? 0 : build_failed(p, name, rc, err);
}

static void destroy(struct ps_cl_program *p)
{
    if (p->program)
        p->cl->clReleaseProgram(p->program);
    if (p->context)
        p->cl->clReleaseContext(p->context);
    free(p);
}

static int make(struct ps_cl_program **out, const struct ps_cl_api *cl, cl_device_id device,
                const char *name, struct ps_err *err)
{
    struct ps_cl_program *p = calloc(1, sizeof *p);
    int rc;

    if (!p)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for an OpenCL program");
    p->cl = cl;
    p->device = device;
    rc = build(p, name, err);
    if (rc < 0) {
        destroy(p);
        return rc;
    }
    *out = p;
    return 0;
}

int ps_cl_program_get(struct ps_cl_program **out, const struct ps_cl_api *cl, cl_device_id device,
                      const char *name, struct ps_err *err)
{
    struct ps_cl_program *p;
    int rc = 0;

    pthread_mutex_lock(&lock);
    p = in_use;
    while (p && p->device != device)
        p = p->next;
    if (!p) {
        rc = make(&p, cl, device, name, err);
        if (rc == 0) {
            p->next = in_use;
            in_use = p;
        }
    }
    if (rc == 0) {
        p->users++;
        *out = p;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void ps_cl_program_put(struct ps_cl_program *p)
{
    struct ps_cl_program **at = &in_use;

    if (!p)
        return;
    pthread_mutex_lock(&lock);
    if (--p->users == 0) {
        while (*at != p)
            at = &(*at)->next;
        *at = p->next;
        destroy(p);
    }
    pthread_mutex_unlock(&lock);
}
