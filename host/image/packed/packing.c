#include "host/image/packed/packing.h"

#include <string.h>

#define HEAD_BYTES 64u

/* One row each, the most likely ones first. */
const struct ps_packing *const ps_packings[] = {
    /* clang-format off */
    &ps_packing_zstd,
    &ps_packing_gzip,
    &ps_packing_xz,
    &ps_packing_lz4,
    &ps_packing_ewf,
    &ps_packing_zdmp,
    NULL, /* this one ends the table */
    /* clang-format on */
};
const size_t ps_n_packings = sizeof ps_packings / sizeof *ps_packings - 1;

static int find(struct ps_bytes *bytes, const struct ps_packing **out, struct ps_err *err)
{
    uint8_t head[HEAD_BYTES];
    const size_t n = bytes->n_bytes < HEAD_BYTES ? (size_t)bytes->n_bytes : HEAD_BYTES;
    int rc = bytes->ops->read(bytes, 0, head, n, err);

    *out = NULL;
    for (size_t i = 0; rc == 0 && i < ps_n_packings && !*out; i++)
        if (ps_packings[i]->probe(head, n))
            *out = ps_packings[i];
    return rc;
}

static void append(char *format, size_t n_format, const char *name)
{
    const size_t n = strlen(format);
    const size_t n_name = strlen(name);

    if (n_name + 2 > n_format - n)
        return;
    memcpy(format + n, name, n_name);
    memcpy(format + n + n_name, " ", 2);
}

static int unpack(struct ps_bytes **bytes, const struct ps_packing *packing,
                  const struct ps_packed *packed, struct ps_err *err)
{
    if (!packing->open)
        return ps_fail(err, PS_EFORMAT, 0,
                       "format %s: this build lacks %s; unpack it, or build with that library",
                       packing->name, packing->library);
    return packing->open(bytes, packed, err);
}

static void count_memory(const struct ps_bytes *bytes, struct ps_image_spec *spec)
{
    if (bytes->ops->stays)
        spec->unpack_memory -=
            bytes->n_bytes < spec->unpack_memory ? bytes->n_bytes : spec->unpack_memory;
}

int ps_packed_open(struct ps_bytes **bytes, const char *path, struct ps_image_spec *spec,
                   struct ps_notes *notes, char *format, size_t n_format, struct ps_err *err)
{
    const struct ps_packing *packing;

    for (unsigned layer = 0;; layer++) {
        const struct ps_packed packed = {*bytes, layer == 0 ? path : NULL, spec, notes};
        int rc = find(*bytes, &packing, err);

        if (rc < 0 || !packing)
            return rc;
        if ((*bytes)->ops->finish)
            return ps_fail(err, PS_EFORMAT, 0, "format %s: in bytes that go by", packing->name);
        if (layer == PS_PACKED_LAYERS)
            return ps_fail(err, PS_EFORMAT, 0,
                           "format %s: packed more than %u times; unpack it and scan the result",
                           packing->name, PS_PACKED_LAYERS);
        rc = unpack(bytes, packing, &packed, err);
        if (rc < 0)
            return rc;
        count_memory(*bytes, spec);
        append(format, n_format, packing->name);
    }
}
