/* Mapped memory of a file, given back when nobody needs it any more.
 *
 * It goes in whole pieces as the system maps them, huge pages of 2 MiB where it can: one that is
 * given back in two parts is taken apart first, and what is left of it faults in anew. So what is
 * less than a piece waits for the rest, which readers in order release soon. */
#ifndef PS_HOST_IMAGE_MEMORY_RELEASE_H
#define PS_HOST_IMAGE_MEMORY_RELEASE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define PS_RELEASE_PARTS 16u

struct ps_memory_range {
    uintptr_t begin, end; /* equal: none */
};

/* Of a piece that waits for the rest. */
struct ps_release_part {
    struct ps_memory_range range; /* around all that was released of it */
    size_t n_bytes;               /* that were released */
};

/* Private. */
struct ps_release {
    pthread_mutex_t lock;        /* of all below */
    struct ps_memory_range late; /* small ones that lie near each other */
    struct ps_release_part part[PS_RELEASE_PARTS];
    unsigned oldest; /* of the parts */
};

void ps_release_init(struct ps_release *release);
/* What waits is not given back: its mapping goes, and all of it with that. */
void ps_release_fini(struct ps_release *release);

/* n_bytes at 'mem', all in the one mapping of this, are not needed any more. The pages at its ends
 * go as a whole, and so may what lies between ranges that are less than 2 MiB apart: for whoever
 * reads there still, it comes back. Some of it, 34 MiB at most, may wait. Any thread. */
void ps_release_memory(struct ps_release *release, const uint8_t *mem, size_t n_bytes);

#endif
