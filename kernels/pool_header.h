/* Where the fields of a POOL_HEADER are, for every Windows from XP to 11 24H2.
 *
 * C11 and OpenCL C 1.2. The first eight bytes of a header are read as two little-endian
 * dwords: 'word0' (PreviousSize, PoolIndex, BlockSize, PoolType) and the PoolTag.
 *
 *            PreviousSize  PoolIndex   BlockSize    PoolType   slot (granule)
 *   x86      bits 0-8      bits 9-15   bits 16-24   bits 25-31  8 bytes
 *   x64      bits 0-7      bits 8-15   bits 16-23   bits 24-31  16 bytes
 *
 * Source: docs/POOL.md, "POOL_HEADER". BlockSize starts at bit 16 in both.
 */
#ifndef PS_KERNELS_POOL_HEADER_H
#define PS_KERNELS_POOL_HEADER_H

#define PS_PAGE_SHIFT 12u
#define PS_PAGE_BYTES 4096u

#define PS_SLOT_SHIFT_X86 3u
#define PS_SLOT_SHIFT_X64 4u

#define PS_BLOCK_SHIFT      16u
#define PS_BLOCK_MASK_X86   0x1ffu
#define PS_BLOCK_MASK_X64   0xffu
#define PS_INDEX_SHIFT_X86  9u
#define PS_INDEX_SHIFT_X64  8u
#define PS_TYPE_SHIFT_X86   25u
#define PS_TYPE_SHIFT_X64   24u

/* PROTECTED_POOL: set in the tag of a header before Windows 8 (docs/POOL.md, "Tags"). */
#define PS_TAG_PROTECTED 0x80000000u

#endif
