/* The tag lists of a VMware saved state (.vmss, .vmsn): named values, one behind the other. */
#ifndef PS_HOST_IMAGE_CONTAINERS_VMWARE_TAGS_H
#define PS_HOST_IMAGE_CONTAINERS_VMWARE_TAGS_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "scan/err.h"

#define PS_VMWARE_INDICES 3u

struct ps_vmware_tag {
    char name[256]; /* ends with 0 */
    unsigned n_indices;
    uint32_t index[PS_VMWARE_INDICES];
    uint64_t data_off; /* in the file; n_stored bytes, which may reach past its end */
    uint64_t n_stored;
    uint64_t n_in_memory; /* unpacked */
    int is_compressed;
};

struct ps_vmware_tags {
    struct ps_bytes *bytes;
    uint64_t at;  /* of the next tag */
    int is_wide;  /* sizes of blocks have 8 bytes, not 4 */
    int is_ended; /* the list ended as it should */
};

/* The next tag; 'tags' is then behind its data. 1: *out is it, 0: the list has ended, or what
 * follows is none in the file (is_ended says which). PS_EIO. */
int ps_vmware_tag_next(struct ps_vmware_tags *tags, struct ps_vmware_tag *out, struct ps_err *err);

/* The little-endian number of n_bytes (8 at most) at byte 'off' of a tag's data; 1, or 0 when they
 * are not all there. PS_EIO. */
int ps_vmware_tag_number(const struct ps_vmware_tags *tags, const struct ps_vmware_tag *tag,
                         uint64_t off, size_t n_bytes, uint64_t *out, struct ps_err *err);

#endif
