#include "host/virtual/pool/heap.h"

#include <time.h>

#include "host/log.h"
#include "host/virtual/windows_kernel.h"
#include "scan/heap/locate/locate.h"

/* A system call for each of them: not out of the mapping, which would stay resident. */
static size_t read_phys(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    struct ps_err ignored;

    return ps_image_read(arg, phys, buf, n_bytes, &ignored) == 0 ? n_bytes : 0;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int ps_address_space_heap(struct ps_address_space *as, const struct ps_options *opt,
                          struct ps_heap_map **out, struct ps_err *err)
{
    struct ps_va_range data[PS_KERNEL_MAX_RANGES];
    struct ps_heap_source source = {.data = data, .memory = {.read = read_phys}};
    double start;
    int rc;

    *out = NULL;
    if (!as->has_dtb || (as->build != 0 && as->build < PS_SEGMENT_HEAP_BUILD))
        return 0;
    rc = ps_address_space_kernel(as, opt, err);
    if (rc < 0 || (as->build != 0 && as->build < PS_SEGMENT_HEAP_BUILD))
        return rc;
    source.n_data = ps_address_space_kernel_data(as, data);
    source.paging = as->paging;
    source.arch = ps_address_space_arch(as);
    source.build = as->build;
    source.pool_state = ps_address_space_sure_symbol(as, PS_SYMBOL_ExPoolState);
    source.heap_globals = ps_address_space_sure_symbol(as, PS_SYMBOL_RtlpHpHeapGlobals);
    source.memory.arg = as->image;
    start = now_ms();
    rc = ps_heap_find(&source, out, err);
    ps_log(PS_LOG_DEBUG, "segment heaps in %.2f ms", now_ms() - start);
    return rc;
}
