/* Little-endian numbers out of foreign bytes, by copy: they may lie at any address. */
#ifndef PS_HOST_IMAGE_LE_H
#define PS_HOST_IMAGE_LE_H

#include <stdint.h>

static inline uint16_t ps_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t ps_le32(const uint8_t *p)
{
    return ps_le16(p) | (uint32_t)ps_le16(p + 2) << 16;
}

static inline uint64_t ps_le64(const uint8_t *p)
{
    return ps_le32(p) | (uint64_t)ps_le32(p + 4) << 32;
}

#endif
