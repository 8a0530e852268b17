/* Bytes that somebody else closes. */
#ifndef PS_HOST_IMAGE_CONTAINERS_HIBER_BORROWED_H
#define PS_HOST_IMAGE_CONTAINERS_HIBER_BORROWED_H

#include "host/image/bytes/bytes.h"

/* The same bytes: 'of' outlives them, and to close them leaves it open. They cannot be mapped.
 * NULL: out of memory. */
struct ps_bytes *ps_borrowed_bytes(struct ps_bytes *of);

#endif
