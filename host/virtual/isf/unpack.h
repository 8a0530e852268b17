/* A file, or what an .xz file unpacks to, as a stream of bytes. */
#ifndef PS_HOST_VIRTUAL_ISF_UNPACK_H
#define PS_HOST_VIRTUAL_ISF_UNPACK_H

#include "host/virtual/isf/json.h"

/* No file of symbols is larger when unpacked. */
#define PS_UNPACK_MAX_BYTES (UINT64_C(512) << 20)

struct ps_unpack;

/* Open 'path', packed or not, by its content. PS_ENOENT, PS_EIO, PS_ENOMEM; PS_EFORMAT for an .xz
 * file when this program was built without liblzma. The source then fails with PS_EIO, with
 * PS_EFORMAT where the packed data is damaged or longer than PS_UNPACK_MAX_BYTES. Close with
 * ps_unpack_close. */
int ps_unpack_open(struct ps_unpack **out, const char *path, struct ps_err *err);
struct ps_byte_source ps_unpack_source(struct ps_unpack *u);
void ps_unpack_close(struct ps_unpack *u); /* accepts NULL */

/* Version of liblzma; NULL: this program was built without it. */
const char *ps_unpack_lzma_version(void);

#endif
