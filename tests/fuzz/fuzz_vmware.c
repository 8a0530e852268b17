/* Bytes -> a VMware saved state: what holds for every container, and for its list of tags. */
#include <stdio.h>
#include <stdlib.h>

#include "host/image/containers/vmware/state.h"
#include "tests/support/open_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s: 0x%llx\n", what, (unsigned long long)at);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_vmware_state s;
    struct ps_memory_bytes m;
    struct ps_err err;

    ps_fuzz_container(&ps_reader_vmware_state, data, size);
    ps_memory_bytes_init(&m, data, size);
    if (size == 0 || ps_vmware_state_read(&s, &m.bytes, &err) < 0)
        return 0;
    if (ps_vmware_regions(&s) > PS_VMWARE_REGIONS || ps_vmware_regions(&s) > s.n_regions)
        die("more regions than are said", s.n_regions);
    if (ps_vmware_regions(&s) == 0 && ps_vmware_regions_end(&s) != 0)
        die("an end without regions", ps_vmware_regions_end(&s));
    if (s.n_memory_blocks && s.memory_off < 12)
        die("memory in the header", s.memory_off);
    return 0;
}
