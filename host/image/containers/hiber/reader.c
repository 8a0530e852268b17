#include <string.h>

#include "host/image/containers/hiber/hiber.h"
#include "host/image/containers/hiber/versions.h"
#include "host/image/le.h"

#define LENGTH_SELF_AT 0x0cu
#define LENGTH_SELF_8  0x2c8u /* of the shortest header of Windows 8 or later */

static int has_signature(const struct ps_container *c, const char *signature)
{
    return c->n_head >= 4 && !memcmp(c->head, signature, 4);
}

/* RSTR, while it resumes, is what a log of NTFS begins with too. */
static int is_restoring(const struct ps_container *c)
{
    return has_signature(c, "RSTR") && c->n_head >= PS_HIBER_PAGE &&
           (ps_le32(c->head + 0x14) == PS_HIBER_PAGE || ps_le32(c->head + 0x18) == PS_HIBER_PAGE) &&
           ps_le32(c->head + LENGTH_SELF_AT) < PS_HIBER_PAGE;
}

static int is_wiped(const struct ps_container *c)
{
    if (c->n_head < PS_HIBER_PAGE)
        return 0;
    for (size_t i = 0; i < PS_HIBER_PAGE; i++)
        if (c->head[i])
            return 0;
    return 1;
}

static int has_blocks(const struct ps_container *c)
{
    struct ps_err err;
    uint64_t page;

    return ps_hiber_first_block(c, &page, &err) > 0;
}

static int hiber_probe(const struct ps_container *c)
{
    return has_signature(c, "HIBR") || has_signature(c, "hibr") || has_signature(c, "WAKE") ||
           has_signature(c, "wake") || is_restoring(c) || (is_wiped(c) && has_blocks(c));
}

static int hiber_open(struct ps_container *c, struct ps_err *err)
{
    const uint32_t length = c->n_head < PS_HIBER_PAGE ? 0 : ps_le32(c->head + LENGTH_SELF_AT);

    if (has_signature(c, "hibr") || has_signature(c, "wake") ||
        (length && length < LENGTH_SELF_8) || (!length && has_blocks(c)))
        return ps_hiber_open_tables(c, err);
    return ps_hiber_open_sets(c, err);
}

const struct ps_reader ps_reader_hiber = {
    .name = "hibernation file",
    .probe = hiber_probe,
    .open = hiber_open,
};
