/* Volatility 3 ISF files (--symbols): JSON, plain or packed with xz. */
#ifndef PS_HOST_VIRTUAL_ISF_ISF_H
#define PS_HOST_VIRTUAL_ISF_ISF_H

#include "host/virtual/isf/json.h"
#include "scan/windows/kernel/pe.h"
#include "scan/windows/symbols/symbols.h"

/* What poolscan keeps of such a file. */
struct ps_isf {
    struct ps_pdb_id pdb;       /* the PDB it was made from */
    uint32_t rva[PS_N_SYMBOLS]; /* 0: not in it */
    uint64_t n_symbols;         /* all that it has */
};

/* Read the file. PS_EFORMAT, with the line where there is one, for what is no such file of a
 * Windows kernel; PS_ENOENT, PS_EIO, PS_ENOMEM. The message does not name the file. Memory does not
 * depend on its size. */
int ps_isf_load(const char *path, struct ps_isf *out, struct ps_err *err);

/* The same from a stream. */
int ps_isf_read(struct ps_byte_source source, struct ps_isf *out, struct ps_err *err);

#endif
