/* Which files belong to a VMware machine's memory: NAME.vmem, NAME.vmss, NAME.vmsn. */
#ifndef PS_HOST_IMAGE_CONTAINERS_VMWARE_BESIDE_H
#define PS_HOST_IMAGE_CONTAINERS_VMWARE_BESIDE_H

#include <stddef.h>

#include "host/image/bytes/bytes.h"
#include "scan/err.h"

#define PS_VMWARE_PATH_BYTES 4096u

/* What extension 'path' has: ".vmem", ".vmss" or ".vmsn" in any case, also in front of another one
 * (mem.vmem.gz); NULL if none of them. Static text, in lower case. */
const char *ps_vmware_extension(const char *path);

/* The path of the file with the same name as 'path' and the extension 'ext' (in capitals if that
 * of 'path' is). 1 if it is there; 0 with the path that was tried, which is empty when it would be
 * too long. */
int ps_vmware_beside(const char *path, const char *ext, char out[PS_VMWARE_PATH_BYTES]);

/* Its last part. */
const char *ps_vmware_base_name(const char *path);

/* Open one file. The message of a failure names it. */
int ps_vmware_open_beside(struct ps_bytes **out, char *path, struct ps_err *err);

#endif
