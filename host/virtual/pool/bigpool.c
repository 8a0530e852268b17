#include "host/virtual/pool/bigpool.h"

#include <string.h>

#include "host/hash_factor.h"
#include "host/virtual/pool/find_bigpool.h"
#include "host/virtual/windows_kernel.h"
#include "scan/bigpool/locate/locate.h"

/* 1, 0 and errors as ps_bigpool_locate. */
static int locate(struct ps_address_space *as, const struct ps_inverse_map *map,
                  struct ps_bigpool_table *out, struct ps_err *err)
{
    struct ps_va_range data[PS_KERNEL_MAX_RANGES];
    struct ps_bigpool_source source = {.paging = as->paging,
                                       .arch = ps_address_space_arch(as),
                                       .build = as->build,
                                       .data = data,
                                       .factor = ps_hash_factor(),
                                       .map = map};

    source.n_data = ps_address_space_kernel_data(as, data);
    ps_address_space_symbol(as, PS_SYMBOL_PoolBigPageTable, &source.pointer_symbol);
    ps_address_space_symbol(as, PS_SYMBOL_PoolBigPageTableSize, &source.size_symbol);
    return ps_bigpool_locate(&source, out, err);
}

/* A table whose entries prove nothing may be outdone by one that pointers do not lead to. */
static int locate_with_map(struct ps_address_space *as, const struct ps_inverse_map *map,
                           struct ps_bigpool_table *out, struct ps_err *err)
{
    struct ps_inverse_map *own = NULL;
    int rc = locate(as, map, out, err);

    if (rc < 0 || map || (rc > 0 && out->hash != PS_BIGPOOL_NO_HASH))
        return rc;
    ps_bigpool_table_free(out);
    rc = ps_inverse_map_build(&own, &as->memory.mem, as->dtb.mode, as->dtb.root, err);
    if (rc == 0)
        rc = locate(as, own, out, err);
    ps_inverse_map_free(own);
    return rc;
}

int ps_address_space_bigpool(struct ps_address_space *as, const struct ps_options *opt,
                             const struct ps_inverse_map *map, struct ps_bigpool_table *out,
                             uint64_t *n_unreadable, struct ps_err *err)
{
    int rc;

    *out = (struct ps_bigpool_table){0};
    *n_unreadable = 0;
    if (as->has_dtb) {
        rc = ps_address_space_kernel(as, opt, err);
        if (rc == 0)
            rc = locate_with_map(as, map, out, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
    return ps_address_space_carve_bigpool(as, opt, out, n_unreadable, err);
}

unsigned ps_address_space_bigpool_arches(const struct ps_address_space *as,
                                         const struct ps_options *opt)
{
    if (opt->arch && strcmp(opt->arch, "x86") == 0)
        return PS_BIGPOOL_X86;
    if (opt->arch && strcmp(opt->arch, "x64") == 0)
        return PS_BIGPOOL_X64;
    if (as->has_dtb)
        return 1u << ps_address_space_arch(as);
    return as->has_version ? 1u << as->version.arch : PS_BIGPOOL_X86 | PS_BIGPOOL_X64;
}

int ps_address_space_carve_bigpool(struct ps_address_space *as, const struct ps_options *opt,
                                   struct ps_bigpool_table *out, uint64_t *n_unreadable,
                                   struct ps_err *err)
{
    const struct ps_bigpool_spec spec = {.arches = ps_address_space_bigpool_arches(as, opt),
                                         .build = as->build};

    *out = (struct ps_bigpool_table){0};
    return ps_find_bigpool(as->image, &spec, out, n_unreadable, err);
}
