/* A hibernation file of any version: whatever it says, its pages can be read. */
#include <stddef.h>
#include <stdint.h>

#include "host/log.h"
#include "tests/support/open_container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ps_log_set_level(1, 0); /* damaged pages are told to the log */
    ps_fuzz_container(&ps_reader_hiber, data, size);
    return 0;
}
