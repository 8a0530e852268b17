/* A zdmp file: whatever it says, what opens can be read, or fails with a message. */
#include <stdlib.h>
#include <string.h>

#include "host/image/packed/packing.h"
#include "tests/support/memory_bytes.h"

#define READ_BYTES 4096u
#define READ_LIMIT ((uint64_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_some(struct ps_bytes *bytes)
{
    const uint64_t n = bytes->n_bytes < READ_LIMIT ? bytes->n_bytes : READ_LIMIT;

    for (uint64_t at = 0; at < n; at += READ_BYTES) {
        const size_t part = n - at < READ_BYTES ? (size_t)(n - at) : READ_BYTES;
        uint8_t buf[READ_BYTES];
        struct ps_err err = {0};

        if (bytes->ops->read(bytes, at, buf, part, &err) < 0 && !err.msg[0])
            abort();
    }
}

/* Blocks may be up to 256 MiB large, which takes its time: here they are 64 KiB at most. */
static int is_small(const uint8_t *data)
{
    return data[0x12] == 0 && data[0x13] == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ps_image_spec spec = {.n_threads = 1};
    struct ps_memory_bytes m;
    struct ps_notes notes = {0};
    const struct ps_packed packed = {&m.bytes, NULL, &spec, &notes};
    struct ps_bytes *bytes;
    struct ps_err err = {0};

    if (!ps_packing_zdmp.probe(data, size < 64 ? size : 64) || !is_small(data))
        return 0;
    ps_memory_bytes_init(&m, data, size);
    if (ps_packing_zdmp.open(&bytes, &packed, &err) < 0) {
        if (!err.msg[0] || m.n_closed)
            abort();
        return 0;
    }
    read_some(bytes);
    bytes->ops->close(bytes);
    if (m.n_closed != 1)
        abort();
    return 0;
}
