#include "host/threads/late.h"

void ps_late_ask(struct ps_late *late)
{
    if (!late->lock)
        return;
    pthread_mutex_lock(late->lock);
    if (!late->is_done)
        late->rc = late->find(late->arg, &late->err);
    late->is_done = 1;
    pthread_mutex_unlock(late->lock);
}

int ps_late_error(struct ps_late *late, struct ps_err *err)
{
    int rc;

    if (!late->lock)
        return 0;
    pthread_mutex_lock(late->lock);
    rc = late->is_done && late->rc < 0 ? late->rc : 0;
    if (rc < 0)
        *err = late->err;
    pthread_mutex_unlock(late->lock);
    return rc;
}
