#include "kernels/bodies.h"
#include "kernels/cpu.h"

const struct ps_kernel ps_kernels[] = {
#ifdef PS_HAVE_X86
    {"avx512", PS_CPU_AVX512, ps_scan_avx512},
    {"avx2", PS_CPU_AVX2, ps_scan_avx2},
#endif
    {"scalar", 0, ps_scan_scalar},
};

const size_t ps_n_kernels = sizeof ps_kernels / sizeof *ps_kernels;

const struct ps_kernel *ps_kernel_named(const char *name)
{
    for (size_t i = 0; i < ps_n_kernels; i++)
        if (strcmp(ps_kernels[i].name, name) == 0)
            return &ps_kernels[i];
    return NULL;
}

const struct ps_kernel *ps_kernel_pick(const char *name)
{
    uint32_t have = ps_cpu_features();

    for (size_t i = 0; i < ps_n_kernels; i++) {
        const struct ps_kernel *k = &ps_kernels[i];

        if ((k->cpu_needs & ~have) == 0 && (!name || strcmp(k->name, name) == 0))
            return k;
    }
    return NULL;
}
