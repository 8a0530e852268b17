/* Open an image as the options say, and tell what its reader noticed. */
#ifndef PS_HOST_OPEN_IMAGE_H
#define PS_HOST_OPEN_IMAGE_H

#include "host/image/image.h"
#include "host/options.h"
#include "scan/err.h"

/* ps_image_open (host/image/image.h) with --threads, --temp-dir, --unpack-memory and the
 * --pci-hole that is given, PS_EARG where there is none; its notes go to the log. The
 * options outlive the image. */
int ps_open_image(struct ps_image **out, const char *path, const struct ps_options *opt,
                  struct ps_err *err);
/* The same for a scan, which reads everything once if the options let it: the image may then be one
 * that is passing (ps_image_is_passing). */
int ps_open_image_to_scan(struct ps_image **out, const char *path, const struct ps_options *opt,
                          struct ps_err *err);

/* Say again what the reader of an open image noticed, under that name. */
void ps_log_image_notes(const struct ps_image *image, const char *path);

/* Say that pages of which the file has only a part are scanned, if there are such. */
void ps_warn_if_torn(const struct ps_image *image);

#endif
