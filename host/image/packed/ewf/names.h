/* The names of the segment files of an E01 image: NAME.E01 ... NAME.E99, NAME.EAA ... NAME.ZZZ. */
#ifndef PS_HOST_IMAGE_PACKED_EWF_NAMES_H
#define PS_HOST_IMAGE_PACKED_EWF_NAMES_H

#include <stddef.h>

/* The name, without its folder, of segment 'number' (from 1 on) of the image whose first segment is
 * like 'path', in 'name'. 0 when 'path' is not named so, or no such segment can be. */
int ps_ewf_name(char *name, size_t n_name, const char *path, size_t number);

#endif
