#include "host/run/receiver.h"

#include <inttypes.h>

void ps_losses_add(struct ps_losses *l, const struct ps_chunk_result *r)
{
    l->bytes_unreadable += r->bytes_unreadable;
    if (l->first.code == 0 && r->unreadable.code != 0)
        l->first = r->unreadable;
}

int ps_losses_tell(const struct ps_losses *l, struct ps_err *err)
{
    if (l->bytes_unreadable)
        return ps_fail(err, (enum ps_code)l->first.code, l->first.at,
                       "%" PRIu64 " bytes could not be read, all others were scanned: %.150s",
                       l->bytes_unreadable, l->first.msg);
    if (l->has_loss)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "a part of the image is missing (see the warnings), all that is there was "
                       "scanned");
    return 0;
}
