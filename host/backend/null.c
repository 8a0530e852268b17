/* Finds nothing and touches nothing: what is left is the pipeline's own cost. */
#include "host/backend/backend.h"

#include <stdlib.h>
#include <string.h>

static int null_submit(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err)
{
    (void)b;
    (void)err;
    c->hits.n = 0;
    return 0;
}

static void null_close(struct ps_backend *b)
{
    free(b);
}

static const struct ps_backend_ops null_ops = {
    .takes_mapped = 1,
    .depth = 1,
    .submit = null_submit,
    .close = null_close,
};

int ps_backend_null_open(struct ps_backend **out, struct ps_err *err)
{
    struct ps_backend *b = calloc(1, sizeof *b);

    if (!b)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    b->ops = &null_ops;
    strcpy(b->name, "null");
    *out = b;
    return 0;
}
