/* What the program is doing right now, for who asks with SIGUSR1: one line on standard error, in
 * every phase, also while something is waited for. */
#ifndef PS_HOST_REPORT_STATUS_H
#define PS_HOST_REPORT_STATUS_H

#include <stdint.h>

/* Start and stop the thread that answers; what was asked before the stop is still answered. Without
 * it, when it cannot be started, nobody answers. Once each, on the main thread. */
void ps_status_start(void);
void ps_status_stop(void);

/* The phase that begins, a string that stays valid: "looking for page tables". Any thread. */
void ps_status_phase(const char *phase);
/* On what it works, copied; the phase becomes none. */
void ps_status_target(const char *target);
/* Bytes of this phase that are done, where ps_progress is not told; the next phase forgets them. */
void ps_status_bytes(uint64_t done);

/* Ask. Async-signal-safe; any thread. */
void ps_status_request(void);

#endif
