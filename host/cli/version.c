#include "host/cli/version.h"

#include <hwloc.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stddef.h>
#include <xxhash.h>

#include "host/image/packed/packing.h"
#include "host/opencl/opencl.h"
#include "host/output/sqlite/sqlite.h"
#include "host/virtual/isf/unpack.h"
#include "kernels/cpu.h"
#include "kernels/kernel.h"

static void print_kernels(FILE *out)
{
    const struct ps_kernel *best = ps_kernel_pick(NULL);

    fputs("kernels:", out);
    for (size_t i = 0; i < ps_n_kernels; i++) {
        const struct ps_kernel *k = &ps_kernels[i];
        int usable = (k->cpu_needs & ~ps_cpu_features()) == 0;

        fprintf(out, " %s%s", k->name,
                !usable     ? " (not on this CPU)"
                : k == best ? " (chosen)"
                            : "");
    }
    fputc('\n', out);
}

static void print_libraries(FILE *out)
{
    unsigned hwloc = hwloc_get_api_version();
    unsigned xxh = XXH_versionNumber();
    const char *smartcols = NULL;
    const char *lzma = ps_unpack_lzma_version();
    const char *sqlite = ps_sqlite_version();

    scols_get_library_version(&smartcols);
    fprintf(out,
            "libraries: hwloc %u.%u.%u, xxHash %u.%u.%u, smartcols %s, jansson %s, liblzma %s, "
            "libsqlite3 %s\n",
            hwloc >> 16, hwloc >> 8 & 0xff, hwloc & 0xff, xxh / 10000, xxh / 100 % 100, xxh % 100,
            smartcols, jansson_version_str(),
            lzma ? lzma : "missing (no symbol files packed with xz)",
            sqlite ? sqlite : "missing (no --format sqlite)");
    fprintf(out, "OpenCL: %s\n", ps_cl_loader_version());
}

/* What images may be packed with, and the library that this needs. */
static void print_packings(FILE *out)
{
    fputs("packed images:", out);
    for (size_t i = 0; i < ps_n_packings; i++) {
        const struct ps_packing *p = ps_packings[i];

        fprintf(out, "%s %s (%s %s)", i ? "," : "", p->name, p->library,
                p->open ? p->version() : "missing");
    }
    fputc('\n', out);
}

void ps_version_print(int verbose, FILE *out)
{
    fprintf(out, "poolscan %s\n", PS_VERSION);
    if (!verbose)
        return;
    fprintf(out, "features: %copencl %cxz %csqlite %csanitizers\n", PS_WITH_OPENCL ? '+' : '-',
            ps_unpack_lzma_version() ? '+' : '-', ps_sqlite_version() ? '+' : '-',
            PS_WITH_SANITIZER ? '+' : '-');
    fprintf(out, "compiler: %s\n", __VERSION__);
    print_kernels(out);
    print_packings(out);
    print_libraries(out);
}
