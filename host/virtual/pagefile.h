/* The files of --pagefile as the page files that scan/ reads. */
#ifndef PS_HOST_VIRTUAL_PAGEFILE_H
#define PS_HOST_VIRTUAL_PAGEFILE_H

#include <stdatomic.h>

#include "host/options.h"
#include "scan/err.h"
#include "scan/pagefile.h"

struct ps_pagefile {
    const char *path; /* NULL: no such page file */
    int fd;
    atomic_flag said; /* that it cannot be read */
};

/* Fields are private but for 'files'. */
struct ps_pagefile_set {
    struct ps_pagefiles files;
    size_t n; /* files that are open */
    struct ps_pagefile file[PS_PAGEFILES_MAX];
};

/* Open what the options name: "FILE" is the page file whose number is its place among the options,
 * "N=FILE" number N (0 to 15). PS_EARG for a number twice or too large, PS_ENOENT, PS_EIO,
 * PS_EFORMAT for what has no bytes to read. *s must not move, and the strings of *names outlive it.
 * Close with ps_pagefile_set_close in any case. A page that cannot be read later costs that page;
 * the first one of each file is said as a warning. */
int ps_pagefile_set_open(struct ps_pagefile_set *s, const struct ps_strings *names,
                         struct ps_err *err);
void ps_pagefile_set_close(struct ps_pagefile_set *s); /* accepts one that is all zero */

#endif
