#include "scan/physmem.h"

uint64_t ps_physmem_frames(const struct ps_physmem *mem)
{
    uint64_t n = 0;

    for (size_t i = 0; i < mem->n_runs; i++)
        n += mem->run[i].n_bytes / PS_FRAME_BYTES;
    return n;
}

uint64_t ps_physmem_frame(const struct ps_physmem *mem, uint64_t phys)
{
    uint64_t n = 0;

    for (size_t i = 0; i < mem->n_runs && phys >= mem->run[i].phys; i++) {
        const struct ps_phys_run *r = &mem->run[i];

        if (phys - r->phys < r->n_bytes)
            return n + (phys - r->phys) / PS_FRAME_BYTES;
        n += r->n_bytes / PS_FRAME_BYTES;
    }
    return UINT64_MAX;
}
