/* Packed data -> the three decoders: they stay inside of their buffers, and what they give depends
 * on the packed data alone.
 *
 * Input: a byte that says which decoder, two with the size of the output, then the data. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/xpress/xpress.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int unpack(unsigned which, const uint8_t *in, size_t n_in, uint8_t *out, size_t n_out,
                  size_t *n)
{
    struct ps_err err = {0};
    int rc;

    *n = n_out;
    if (which == 0)
        rc = ps_lznt1_unpack(in, n_in, out, n_out, n, &err);
    else if (which == 1)
        rc = ps_xpress_unpack(in, n_in, out, n_out, &err);
    else
        rc = ps_xpress_huffman_unpack(in, n_in, out, n_out, &err);
    if (*n > n_out || (rc < 0 && (!err.msg[0] || err.at > n_in)))
        abort();
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n_in, n_out, n[2];
    uint8_t *in, *out[2];
    int rc[2];

    if (size < 3)
        return 0;
    n_in = size - 3;
    n_out = (size_t)(data[1] | data[2] << 8) + 1;
    in = malloc(n_in ? n_in : 1);
    memcpy(in, data + 3, n_in);
    for (unsigned i = 0; i < 2; i++) {
        out[i] = malloc(n_out);
        memset(out[i], i ? 0xff : 0, n_out);
        rc[i] = unpack(data[0] % 3, in, n_in, out[i], n_out, &n[i]);
    }
    if (rc[0] != rc[1] || n[0] != n[1] || (rc[0] == 0 && memcmp(out[0], out[1], n[0]) != 0)) {
        fprintf(stderr, "depends on what was in the buffer\n");
        abort();
    }
    free(out[0]);
    free(out[1]);
    free(in);
    return 0;
}
