/* Files without a name, for what is too large for memory. */
#ifndef PS_HOST_IMAGE_BYTES_TEMP_FILE_H
#define PS_HOST_IMAGE_BYTES_TEMP_FILE_H

#include "scan/err.h"

/* Where: 'dir' if that is not NULL, else $TMPDIR or /var/tmp. */
const char *ps_temp_dir(const char *dir);
/* A descriptor to write to and read from, which the caller closes; the file is gone with it.
 * PS_ECREATE, which says that 'what' has to be unpacked or kept there, when it cannot be made or
 * dir is PS_NO_TEMP_DIR (host/image/spec.h). */
int ps_temp_file(const char *dir, const char *what, struct ps_err *err);

#endif
