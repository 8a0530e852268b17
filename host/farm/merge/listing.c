#include "host/farm/merge/listing.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/farm/task.h"

/* 1 if a shard of some task is called so. */
static int is_planned(const struct ps_farm_plan *plan, const char *name)
{
    const size_t n = strcspn(name, "0123456789");
    const unsigned long number = strtoul(name + n, NULL, 10);
    char own[64];

    if (number >= plan->n_tasks)
        return 0;
    snprintf(own, sizeof own, PS_FARM_SHARD_NAME, (unsigned)number);
    return strcmp(own, name) == 0;
}

void ps_farm_list(struct ps_farm_listing *out, const struct ps_farm_plan *plan, const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;

    *out = (struct ps_farm_listing){.n_planned = 0};
    while (d && (e = readdir(d))) {
        if (fnmatch("*.shard", e->d_name, 0) != 0)
            continue;
        if (is_planned(plan, e->d_name))
            out->n_planned++;
        else if (out->n_extra++ == 0 || strcmp(e->d_name, out->extra) < 0)
            snprintf(out->extra, sizeof out->extra, "%s", e->d_name);
    }
    if (d)
        closedir(d);
}
