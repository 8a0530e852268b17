/* The list of a LiME file: whatever it says, the extents lie in the file. */
#include <stddef.h>
#include <stdint.h>

#include "tests/support/open_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_fuzz_container(&ps_reader_lime, data, size);
    return 0;
}
