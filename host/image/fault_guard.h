/* Touching mapped files safely: a page of a mapping can vanish (the file is truncated) or fail
 * (EIO), and the kernel then raises SIGBUS. */
#ifndef PS_HOST_IMAGE_FAULT_GUARD_H
#define PS_HOST_IMAGE_FAULT_GUARD_H

#include <stdint.h>

/* Install the process-wide SIGBUS handler. Call once, before threads start. */
void ps_fault_guard_init(void);

/* Run fn(arg). Returns 0, or 1 when a SIGBUS inside [mem, mem + n_bytes) ended it early. Wherever
 * fn touches that memory it must hold no lock and own nothing that it would have to give back: it
 * may call what locks, reads files or allocates, if that is done before it touches mem again and is
 * given no pointer to it. A SIGBUS elsewhere has its usual effect. Any thread. Of nested
 * ones only the innermost is on guard. */
int ps_fault_guard(const void *mem, uint64_t n_bytes, void (*fn)(void *arg), void *arg);

#endif
