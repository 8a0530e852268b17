/* Bytes -> a Volatility 3 symbol file: reading ends, and its result does not depend on how large
 * the pieces are in which the bytes come. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/virtual/isf/isf.h"
#include "tests/support/text_in_steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static int read_by(const uint8_t *data, size_t size, size_t step, struct ps_isf *isf,
                   struct ps_err *err)
{
    struct text t = {data, size, step};

    return ps_isf_read((struct ps_byte_source){.read = read_text, .arg = &t}, isf, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_isf whole, pieces;
    struct ps_err err = {0}, other = {0};
    const int rc = read_by(data, size, SIZE_MAX, &whole, &err);

    if (rc != read_by(data, size, 5, &pieces, &other))
        die("pieces are read in another way");
    if (rc < 0 && (rc != -PS_EFORMAT || strcmp(err.msg, other.msg) != 0))
        die(err.msg);
    if (whole.n_symbols != pieces.n_symbols ||
        memcmp(whole.rva, pieces.rva, sizeof whole.rva) != 0 ||
        memcmp(whole.pdb.guid, pieces.pdb.guid, sizeof whole.pdb.guid) != 0)
        die("pieces give other symbols");
    for (unsigned i = 0; i < PS_N_SYMBOLS; i++)
        if (whole.rva[i] >= PS_PE_MAX_BYTES)
            die("symbol far away");
    if (strlen(whole.pdb.name) >= sizeof whole.pdb.name)
        die("PDB name");
    return 0;
}
