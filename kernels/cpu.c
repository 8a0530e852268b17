#include "kernels/cpu.h"

uint32_t ps_cpu_features(void)
{
    uint32_t f = 0;

#if defined(__x86_64__) || defined(__i386__)
    /* The builtins also ask XGETBV whether the operating system saves the wide registers. */
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
        f |= PS_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        f |= PS_CPU_AVX512;
#endif
    return f;
}
