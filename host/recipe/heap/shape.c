#include "host/recipe/heap/heap.h"

#define OLD_CONSTANT 0xa2e64eada2e64eadull

/* pool-internals 3.2 to 3.4, the newest first. */
static const struct ps_rcp_heap_shape shapes[] = {
    {26100, 0x3910, 0x3940, 0x140, 0x2c0, 0x340, 0x40, 0},
    {22621, 0x3910, 0x3940, 0x140, 0x2c0, 0x380, 0x30, OLD_CONSTANT},
    {20348, 0x38e0, 0x3900, 0x140, 0x2c0, 0x380, 0x30, OLD_CONSTANT},
    {18362, 0x38d0, 0x3900, 0x100, 0x280, 0x340, 0x30, OLD_CONSTANT},
    {17763, 0x30c8, 0x3100, 0x100, 0x280, 0x340, 0x30, OLD_CONSTANT},
};

const struct ps_rcp_heap_shape *ps_rcp_heap_shape_of(uint32_t build)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (build >= shapes[i].first_build)
            return &shapes[i];
    return NULL;
}
