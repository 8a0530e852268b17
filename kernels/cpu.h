/* CPU features that kernels ask for. */
#ifndef PS_KERNELS_CPU_H
#define PS_KERNELS_CPU_H

#include <stdint.h>

#define PS_CPU_AVX2   0x1u
#define PS_CPU_AVX512 0x2u /* F, BW, DQ, VL */

/* Bits of this CPU, and of the operating system's will to save the registers. */
uint32_t ps_cpu_features(void);

#endif
