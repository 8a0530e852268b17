/* What takes long to find and is seldom asked for: it is found when it is asked for first. */
#ifndef PS_HOST_THREADS_LATE_H
#define PS_HOST_THREADS_LATE_H

#include <pthread.h>

#include "scan/err.h"

/* All zero: there is nothing to find. */
struct ps_late {
    pthread_mutex_t *lock; /* held while it is found: one for all that is found in the same place */
    int (*find)(void *arg, struct ps_err *err); /* 0 or an error */
    void *arg;
    int is_done;
    int rc; /* of find, with is_done */
    struct ps_err err;
};

/* Find it, unless somebody has. Any thread; what was found is seen by all that have called this.
 * find must take a wish to stop (host/cancel.h) for an end, and nobody may use what it then leaves:
 * it was not asked to the end. */
void ps_late_ask(struct ps_late *late);

/* The error of find; 0: it went well, or nobody has asked. Any thread. */
int ps_late_error(struct ps_late *late, struct ps_err *err);

#endif
