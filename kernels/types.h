/* Fixed-width names that exist in C11 and in OpenCL C 1.2, which has no <stdint.h>. */
#ifndef PS_KERNELS_TYPES_H
#define PS_KERNELS_TYPES_H

#ifdef __OPENCL_VERSION__
typedef uchar ps_u8;
typedef ushort ps_u16;
typedef uint ps_u32;
typedef ulong ps_u64;
/* Address space of the compiled plan: one copy for the whole device. */
#define PS_PLAN_AS __global
#else
#include <stdint.h>
typedef uint8_t ps_u8;
typedef uint16_t ps_u16;
typedef uint32_t ps_u32;
typedef uint64_t ps_u64;
#define PS_PLAN_AS
#endif

#endif
