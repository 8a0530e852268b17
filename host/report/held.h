/* Findings that wait until it is sure that they are right, in order. */
#ifndef PS_HOST_REPORT_HELD_H
#define PS_HOST_REPORT_HELD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "scan/err.h"
#include "scan/finding.h"

/* So many wait in memory: 72 MiB. More go to a temporary file. */
#define PS_HELD_MOST ((size_t)1 << 20)

/* Begin with temp_dir set and all else zero. Free with ps_held_free. */
struct ps_held {
    const char *temp_dir; /* as ps_image_spec.temp_dir */
    struct ps_finding *f;
    size_t n, cap;
    int fd;             /* with n_written */
    uint64_t n_written; /* findings in the file, which come before those in memory */
};

/* PS_ENOMEM; PS_ECREATE or PS_EIO when the file cannot be written. */
int ps_held_add(struct ps_held *h, const struct ps_finding *f, size_t n, struct ps_err *err);
/* Give all of them, in order; a value below 0 ends that and is returned. PS_EIO. */
int ps_held_give(struct ps_held *h,
                 int (*sink)(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err),
                 void *arg, struct ps_err *err);
void ps_held_free(struct ps_held *h);

#endif
