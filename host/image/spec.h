/* How an image is to be opened, where there is a choice. */
#ifndef PS_HOST_IMAGE_SPEC_H
#define PS_HOST_IMAGE_SPEC_H

#include <stdint.h>

#define PS_NO_TEMP_DIR "none"

/* All zero is the default. Strings are the caller's and outlive the image. */
struct ps_image_spec {
    unsigned n_threads;   /* that unpack compressed images; 0: as many as there are CPUs online */
    const char *temp_dir; /* for what can only be unpacked as a whole; NULL: $TMPDIR, /var/tmp;
                           * PS_NO_TEMP_DIR: nowhere */
    int in_order; /* read from the lowest address to the highest, and hardly anywhere else: blocks
                   * that are slow to enter are then none the less unpacked where they are wanted */
    int all; /* every page will be read: what of a packed image stays in memory may be unpacked
              * ahead */
    uint64_t unpack_memory; /* bytes that may be taken to keep what was unpacked, beside the little
                             * that unpacking needs in any case; 0: none */
    int once; /* all of it is read once, in order (ps_image_read_once), and hardly anything before
               * that: what can only be unpacked as a whole may then be read while it is unpacked,
               * and ps_image_finish says whether that went well */
    uint64_t max_unpacked; /* bytes that a compressed image may unpack to, and then decoders get
                            * little memory; 0: more than any machine has */
};

#endif
