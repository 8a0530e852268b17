/* A check of each real image against its truth file. */
#ifndef PS_TESTS_REAL_EACH_IMAGE_H
#define PS_TESTS_REAL_EACH_IMAGE_H

#include <jansson.h>
#include <stddef.h>

/* Unpack the images of these names, one after another, and call check with the number of the name,
 * the path of the raw image and the truth. Those that are not there are passed over; a truth that
 * cannot be read ends the program. Returns how many were checked; with none it has said so, loudly,
 * and the program should exit with 77. The images are in PS_SHARED, else in ../shared beside
 * PS_SOURCE. */
size_t real_each_image(const char *const *name, size_t n_names,
                       void (*check)(size_t i, const char *raw, const json_t *truth));

#endif
