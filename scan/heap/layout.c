#include "scan/heap/layout.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Descriptors and segments are the same in all layouts of an architecture. */
#define SEGMENT_X64                                                                                \
    .arch = PS_ARCH_X64, .signature = 0x10, .context_bytes = 0xc0, .unit_shift = 8,                \
    .first_descriptor = 0xa, .list_head = 0x48, .segment_signature = 0x10,                         \
    .descriptor_bytes = 0x20, .range_flags = 0x18, .unit_size = 0x1f, .flags_mask = 0xff

const struct ps_heap_layout ps_heap_layouts[] = {
    {SEGMENT_X64, .name = "17763", .first_build = 17763, .contexts = 0x100},
    {SEGMENT_X64, .name = "20348", .first_build = 20348, .contexts = 0x140},
    {SEGMENT_X64, .name = "26100", .first_build = 26100, .contexts = 0x140,
     .lfh_key = {0x390, 0x398, 0x3d0, 0x3d8}},
    {.name = "18362-x86",
     .arch = PS_ARCH_X86,
     .first_build = 17763,
     .signature = 8,
     .contexts = 0x100,
     .context_bytes = 0x80,
     .unit_shift = 4,
     .first_descriptor = 6,
     .list_head = 0x44,
     .segment_signature = 8,
     .descriptor_bytes = 0x10,
     .range_flags = 0xc,
     .unit_size = 0xf,
     .flags_mask = 0x1f},
};
const size_t ps_n_heap_layouts = COUNT(ps_heap_layouts);

const struct ps_lfh_layout ps_lfh_layouts[] = {
    {.name = "17763",
     .arch = PS_ARCH_X64,
     .first_build = 17763,
     .free_count = 0x20,
     .block_count = 0x22,
     .withheld = 0x27,
     .offsets = 0x28,
     .bitmap = 0x30},
    {.name = "26100",
     .arch = PS_ARCH_X64,
     .first_build = 26100,
     .free_count = 0x20,
     .block_count = 0x22,
     .withheld = 0x25,
     .offsets = 0x28,
     .bitmap = 0x40,
     .private_form = 0x33},
    {.name = "17763-x86",
     .arch = PS_ARCH_X86,
     .first_build = 17763,
     .free_count = 0x10,
     .block_count = 0x12,
     .withheld = 0x17,
     .offsets = 0x18,
     .bitmap = 0x20},
};
const size_t ps_n_lfh_layouts = COUNT(ps_lfh_layouts);

const struct ps_vs_layout ps_vs_layouts[] = {
    {"17763", PS_ARCH_X64, 0x20, 0x22, 0x30},
    {"26200", PS_ARCH_X64, 0x20, 0x24, 0x30},
    {"17763-x86", PS_ARCH_X86, 0x14, 0x16, 0x18},
};
const size_t ps_n_vs_layouts = COUNT(ps_vs_layouts);

const struct ps_heap_state_layout ps_heap_state_layouts[] = {
    {"17763", PS_ARCH_X64, 0x30c8, 0x3100, 0x86100, 3},
    {"18362", PS_ARCH_X64, 0x38d0, 0x3900, 0x86900, 4},
    {"20348", PS_ARCH_X64, 0x38e0, 0x3900, 0x86900, 4},
    {"22621", PS_ARCH_X64, 0x3910, 0x3940, 0x86940, 4},
    {"26200", PS_ARCH_X64, 0x3974, 0x3980, 0x86980, 4},
};
const size_t ps_n_heap_state_layouts = COUNT(ps_heap_state_layouts);
