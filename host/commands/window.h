/* --skip and --limit: a part of the memory that an image has, as a --range of that image. */
#ifndef PS_HOST_COMMANDS_WINDOW_H
#define PS_HOST_COMMANDS_WINDOW_H

#include "host/image/image.h"
#include "host/options.h"

/* Prepare *window, a copy of the options that is scanned by. */
void ps_window_init(struct ps_options *window);

/* Set its range to what --skip and --limit mean in 'image', which is open and not scanned yet;
 * without them nothing. Finds the page tables of a raw image first, for they may move its
 * addresses. As ps_address_space_attach. */
int ps_window_use(struct ps_options *window, struct ps_image *image, struct ps_err *err);

#endif
