/* Where the Windows kernel is: its PE image in virtual memory, found without symbols. */
#ifndef PS_SCAN_WINDOWS_KERNEL_KERNEL_IMAGE_H
#define PS_SCAN_WINDOWS_KERNEL_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "scan/windows/kernel/pe.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/va_range.h"

enum ps_kernel_method {
    PS_KERNEL_NOT_FOUND, /* no header, and nothing writable where one would be */
    PS_KERNEL_NEAR_STUB, /* a PE header near the address that the low stub jumps to */
    PS_KERNEL_REGION,    /* a PE header in the region where Windows loads its kernel */
    PS_KERNEL_NO_HEADER, /* only data ranges: writable memory where the kernel would be */
};

const char *ps_kernel_method_name(enum ps_kernel_method method);

#define PS_KERNEL_MAX_RANGES 256u
/* Data ranges without a header have no more than this together. */
#define PS_KERNEL_NO_HEADER_BYTES (UINT64_C(64) << 20)

struct ps_kernel_image {
    enum ps_kernel_method method;
    int has_header;        /* if not, all below is zero but method, n_ranges and range */
    unsigned n_candidates; /* PE images with a mark of the Windows kernel, this one included */
    uint64_t base, n_bytes;
    struct ps_pe pe;
    char export_name[PS_PE_NAME_BYTES]; /* "": could not be read */
    int has_pdb;
    struct ps_pdb_id pdb;
    uint32_t build; /* the value of NtBuildNumber without its flags; 0: not known */
    /* Exports, relative to the base; 0: not known. */
    uint32_t initial_system_process, loaded_module_list;
    size_t n_ranges;
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
};

/* Find it. 'hint' is an address near it, 0 for none. Of several images with a mark of the Windows
 * kernel (export name ntoskrnl.exe, PDB name, section POOLCODE) the one wins whose
 * PsInitialSystemProcess leads to memory; a copy of the file does not have that. 1: with header; 0:
 * without, and *out says what there is. Looks at two bytes of a bounded number of pages. */
int ps_kernel_image_find(struct ps_paging *paging, uint64_t hint, struct ps_kernel_image *out);

/* Where its variables are: writable sections that stay in memory, in the order of the headers, or
 * ascending stretches without header. Copies at most 'cap' and returns how many there are. */
size_t ps_kernel_data_ranges(const struct ps_kernel_image *image, struct ps_va_range *out,
                             size_t cap);

#endif
