#include "host/recipe/heap/heap.h"

#define OLD_CONSTANT 0xa2e64eada2e64eadull

#define X64_CONTEXT                                                                                \
    .signature = 0x10, .shifts = 8, .max_bytes = 0x10, .sub = 0x18, .heap = 0x38,                  \
    .list_head = 0x48, .count = 0x58, .context_bytes = 0xc0, .head_pages = 2, .descriptor = 0x20,  \
    .flags = 0x18, .lfh_counts = 0x20, .lfh_offsets = 0x28, .lfh_commit = 0x2c, .vs_size = 0x20

/* As the type information of these builds has them, the newest first. */
static const struct ps_rcp_heap_shape shapes[] = {
    {.is_x64 = 1,
     .first_build = 26100,
     .n_pools = 0x3910,
     .pool_node = 0x3940,
     .contexts = 0x140,
     .vs_context = 0x2c0,
     .lfh_context = 0x340,
     .lfh_bitmap = 0x40,
     .is_new_lfh = 1,
     X64_CONTEXT},
    {.is_x64 = 1,
     .first_build = 22621,
     .n_pools = 0x3910,
     .pool_node = 0x3940,
     .contexts = 0x140,
     .vs_context = 0x2c0,
     .lfh_context = 0x380,
     .lfh_bitmap = 0x30,
     .segment_constant = OLD_CONSTANT,
     X64_CONTEXT},
    {.is_x64 = 1,
     .first_build = 20348,
     .n_pools = 0x38e0,
     .pool_node = 0x3900,
     .contexts = 0x140,
     .vs_context = 0x2c0,
     .lfh_context = 0x380,
     .lfh_bitmap = 0x30,
     .segment_constant = OLD_CONSTANT,
     X64_CONTEXT},
    {.is_x64 = 1,
     .first_build = 18362,
     .n_pools = 0x38d0,
     .pool_node = 0x3900,
     .contexts = 0x100,
     .vs_context = 0x280,
     .lfh_context = 0x340,
     .lfh_bitmap = 0x30,
     .segment_constant = OLD_CONSTANT,
     X64_CONTEXT},
    {.is_x64 = 1,
     .first_build = 17763,
     .n_pools = 0x30c8,
     .pool_node = 0x3100,
     .contexts = 0x100,
     .vs_context = 0x280,
     .lfh_context = 0x340,
     .lfh_bitmap = 0x30,
     .segment_constant = OLD_CONSTANT,
     X64_CONTEXT},
    {.first_build = 18362,
     .n_pools = 0x1c70,
     .pool_node = 0x1c80,
     .contexts = 0x100,
     .vs_context = 0x200,
     .lfh_context = 0x2c0,
     .lfh_bitmap = 0x20,
     .segment_constant = OLD_CONSTANT & 0xffffffffu,
     .signature = 8,
     .shifts = 4,
     .max_bytes = 0xc,
     .sub = 0x14,
     .heap = 0x24,
     .list_head = 0x44,
     .count = 0x4c,
     .context_bytes = 0x80,
     .head_pages = 1,
     .descriptor = 0x10,
     .flags = 0xc,
     .lfh_counts = 0x10,
     .lfh_offsets = 0x18,
     .lfh_commit = 0x1c,
     .vs_size = 0x14},
};

const struct ps_rcp_heap_shape *ps_rcp_heap_shape_of(const struct ps_rcp_era *era)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (shapes[i].is_x64 == (era->is_x64 != 0) && era->build >= shapes[i].first_build)
            return &shapes[i];
    return NULL;
}

uint32_t ps_rcp_heap_put_word(const struct ps_rcp_heaps *heaps, uint8_t *to, uint64_t v)
{
    if (!heaps->shape->is_x64) {
        ps_rcp_put32(to, (uint32_t)v);
        return 4;
    }
    ps_rcp_put64(to, v);
    return 8;
}
