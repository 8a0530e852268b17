#include "host/image/containers/vmware/tags.h"

#include <string.h>

#include "host/image/le.h"

/* The first byte of a tag: how many indices, and how many bytes of data, or one of these. */
#define SIZE_MASK       0x3fu
#define SIZE_COMPRESSED 62u
#define SIZE_BLOCK      63u
#define INDICES_SHIFT   6u

#define PAD_BYTES       2u
/* Flags, length of the name, name, indices, two sizes, length of the padding. */
#define HEAD_BYTES_MAX (2u + 255u + 4u * PS_VMWARE_INDICES + 2u * 8u + PAD_BYTES)

/* The sizes of a block and the padding in front of its data, at head + *n; 0: not all there. */
static int parse_block(const struct ps_vmware_tags *tags, const uint8_t *head, size_t n_head,
                       size_t *n, struct ps_vmware_tag *out)
{
    const size_t n_size = tags->is_wide ? 8 : 4;
    const uint8_t *p = head + *n;

    if (n_head - *n < 2 * n_size + PAD_BYTES)
        return 0;
    out->n_stored = tags->is_wide ? ps_le64(p) : ps_le32(p);
    out->n_in_memory = tags->is_wide ? ps_le64(p + n_size) : ps_le32(p + n_size);
    *n += 2 * n_size + PAD_BYTES + ps_le16(p + 2 * n_size);
    return 1;
}

/* 0: the bytes end before the head of the tag does. */
static int parse(const struct ps_vmware_tags *tags, const uint8_t *head, size_t n_head,
                 struct ps_vmware_tag *out)
{
    const unsigned size = head[0] & SIZE_MASK;
    const size_t n_name = head[1];
    size_t n = 2;

    *out = (struct ps_vmware_tag){.n_indices = head[0] >> INDICES_SHIFT, .n_stored = size};
    out->n_in_memory = size;
    out->is_compressed = size == SIZE_COMPRESSED;
    if (n_head - n < n_name + (size_t)4 * out->n_indices)
        return 0;
    memcpy(out->name, head + n, n_name);
    n += n_name;
    for (unsigned i = 0; i < out->n_indices; i++, n += 4)
        out->index[i] = ps_le32(head + n);
    if (size >= SIZE_COMPRESSED && !parse_block(tags, head, n_head, &n, out))
        return 0;
    out->data_off = tags->at + n;
    return 1;
}

int ps_vmware_tag_next(struct ps_vmware_tags *tags, struct ps_vmware_tag *out, struct ps_err *err)
{
    struct ps_bytes *bytes = tags->bytes;
    uint8_t head[HEAD_BYTES_MAX];
    size_t n = sizeof head;
    int rc;

    if (tags->at >= bytes->n_bytes || bytes->n_bytes - tags->at < 2)
        return 0;
    if (n > bytes->n_bytes - tags->at)
        n = (size_t)(bytes->n_bytes - tags->at);
    rc = bytes->ops->read(bytes, tags->at, head, n, err);
    if (rc < 0)
        return rc;
    tags->is_ended = head[0] == 0 && head[1] == 0;
    if (tags->is_ended || !parse(tags, head, n, out))
        return 0;
    tags->at =
        out->n_stored <= UINT64_MAX - out->data_off ? out->data_off + out->n_stored : UINT64_MAX;
    return 1;
}

int ps_vmware_tag_number(const struct ps_vmware_tags *tags, const struct ps_vmware_tag *tag,
                         uint64_t off, size_t n_bytes, uint64_t *out, struct ps_err *err)
{
    struct ps_bytes *bytes = tags->bytes;
    uint8_t b[8] = {0};
    int rc;

    if (tag->is_compressed || n_bytes > sizeof b || off > tag->n_stored ||
        n_bytes > tag->n_stored - off || tag->data_off > bytes->n_bytes ||
        off > bytes->n_bytes - tag->data_off || n_bytes > bytes->n_bytes - tag->data_off - off)
        return 0;
    rc = bytes->ops->read(bytes, tag->data_off + off, b, n_bytes, err);
    *out = ps_le64(b);
    return rc < 0 ? rc : 1;
}
