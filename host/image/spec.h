/* How an image is to be opened, where there is a choice. */
#ifndef PS_HOST_IMAGE_SPEC_H
#define PS_HOST_IMAGE_SPEC_H

#include <stdint.h>

/* All zero is the default. Strings are the caller's and outlive the image. */
struct ps_image_spec {
    unsigned n_threads;    /* that unpack compressed images; 0: as many as there are CPUs online */
    const char *temp_dir;  /* for what can only be unpacked as a whole; NULL: $TMPDIR, /var/tmp */
    uint64_t max_unpacked; /* bytes that a compressed image may unpack to, and then decoders get
                            * little memory; 0: more than any machine has */
};

#endif
