/* The memory that an image has, counted without its holes: offsets into its extents, one behind the
 * other. */
#ifndef PS_HOST_IMAGE_PRESENT_H
#define PS_HOST_IMAGE_PRESENT_H

#include <stdint.h>

#include "host/image/image.h"

/* Bytes that are present in [start, end), both multiples of 4096. */
uint64_t ps_image_present(const struct ps_image *image, uint64_t start, uint64_t end);

/* Physical address of the byte that 'offset' present bytes of [start, end) come before; 'end' when
 * there are no more than that. */
uint64_t ps_image_present_address(const struct ps_image *image, uint64_t start, uint64_t end,
                                  uint64_t offset);

/* Where the addresses of the image end when it is scanned as 'may_get_hole' says: rounded up to a
 * page, one page at least, and for a raw image whose page tables may still say that it lacks its
 * PCI hole as much higher as any such hole could make it. */
uint64_t ps_image_present_end(const struct ps_image *image, int may_get_hole);

#endif
