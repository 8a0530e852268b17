#include "scan/physmem.h"

uint64_t ps_physmem_end(const struct ps_physmem *mem)
{
    const struct ps_phys_run *last = mem->n_runs ? &mem->run[mem->n_runs - 1] : NULL;
    const uint64_t end = last ? last->phys + last->n_bytes : 0;

    return mem->end > end ? mem->end : end;
}

uint64_t ps_physmem_frames(const struct ps_physmem *mem)
{
    const struct ps_phys_run *last = mem->run + mem->n_runs;

    return mem->n_runs == 0 ? 0 : last[-1].frame + last[-1].n_bytes / PS_FRAME_BYTES;
}

size_t ps_physmem_run_at(const struct ps_physmem *mem, uint64_t phys)
{
    size_t lo = 0, hi = mem->n_runs;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        const struct ps_phys_run *r = &mem->run[mid];

        if (phys >= r->phys && phys - r->phys >= r->n_bytes)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

uint64_t ps_physmem_frame(const struct ps_physmem *mem, uint64_t phys)
{
    const size_t i = ps_physmem_run_at(mem, phys);

    if (i == mem->n_runs || phys < mem->run[i].phys)
        return UINT64_MAX;
    return mem->run[i].frame + (phys - mem->run[i].phys) / PS_FRAME_BYTES;
}
