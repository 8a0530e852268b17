/* Whatever a gzip file holds, opening and reading it ends, in bytes or in an error. */
#include <stddef.h>
#include <stdint.h>

#include "tests/support/open_packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_fuzz_packed(&ps_packing_gzip, data, size);
    return 0;
}
