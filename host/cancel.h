/* The wish to stop, from a signal handler or from anywhere else. */
#ifndef PS_HOST_CANCEL_H
#define PS_HOST_CANCEL_H

#include "scan/err.h"

/* Ask everything to stop with 'code': PS_ECANCEL (the user) or PS_ETEMP (a scheduler). The first
 * wish stays. Any thread, and async-signal-safe. */
void ps_cancel_request(enum ps_code code);

/* The code of the wish, or 0 when there is none. Costs one load; long loops look once a chunk. */
int ps_cancel_requested(void);

/* Fails with that code and one sentence; 0 when there is no wish. */
int ps_cancel_check(struct ps_err *err);

#endif
