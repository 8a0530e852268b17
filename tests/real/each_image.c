#include "tests/real/each_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/real/unpack.h"
#include "tests/support/tmpdir.h"

static json_t *load_truth(const char *path)
{
    json_error_t why;
    json_t *truth = json_load_file(path, JSON_ALLOW_NUL, &why);

    if (!truth) {
        printf("FAILED: %s: %s\n", path, why.text);
        exit(1);
    }
    return truth;
}

size_t real_each_image(const char *const *name, size_t n_names,
                       void (*check)(size_t i, const char *raw, const json_t *truth))
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");
    struct ps_tmpdir dir;
    char folder[600], path[4096], raw[4096];
    size_t n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    snprintf(folder, sizeof folder, "%.500s%s/images",
             shared   ? shared
             : source ? source
                      : ".",
             shared ? "" : "/../shared");
    ps_tmpdir_make(&dir);
    for (size_t i = 0; i < n_names; i++) {
        json_t *truth;

        snprintf(path, sizeof path, "%s/%s.truth.json", folder, name[i]);
        if (access(path, R_OK) < 0)
            continue;
        truth = load_truth(path);
        snprintf(path, sizeof path, "%s/%s.raw.xz", folder, name[i]);
        snprintf(raw, sizeof raw, "%s/image.raw", dir.path);
        unpack_xz(path, raw);
        check(i, raw, truth);
        unlink(raw);
        json_decref(truth);
        n++;
    }
    ps_tmpdir_remove(&dir);
    if (n == 0)
        printf("##### SKIPPED: no real images in %s (PS_SHARED names the folder that holds "
               "images/) #####\n",
               folder);
    return n;
}
