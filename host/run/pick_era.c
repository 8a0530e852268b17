#include "host/run/pick_era.h"

#include <inttypes.h>
#include <string.h>

#include "host/log.h"

static int is_arch_given(const struct ps_options *opt)
{
    return opt->arch && strcmp(opt->arch, "auto") != 0;
}

static const char *arch_name(enum ps_arch arch)
{
    return arch == PS_ARCH_X86 ? "x86" : "x64";
}

/* The architecture that the page tables show counts for more than a KUSER_SHARED_DATA page, which
 * may be a guest's. */
static enum ps_arch arch_of(const struct ps_address_space *as, const struct ps_options *opt)
{
    if (is_arch_given(opt))
        return strcmp(opt->arch, "x86") == 0 ? PS_ARCH_X86 : PS_ARCH_X64;
    if (as->has_dtb)
        return ps_address_space_arch(as);
    return as->has_version ? as->version.arch : PS_ARCH_X64;
}

static uint32_t build_of(const struct ps_address_space *as, const struct ps_options *opt,
                         enum ps_arch arch)
{
    if (opt->build)
        return opt->build;
    if (as->build_is_of_kernel)
        return as->build;
    return as->has_version && as->version.arch == arch ? as->version.build : 0;
}

const struct ps_era *ps_pick_era(const struct ps_address_space *as, const struct ps_options *opt)
{
    const char *path = ps_image_path(as->image);
    const enum ps_arch arch = arch_of(as, opt);
    const uint32_t build = build_of(as, opt, arch);
    const int is_arch_known = is_arch_given(opt) || as->has_dtb || as->has_version;

    if (as->has_version && !(is_arch_given(opt) && opt->build))
        ps_log(PS_LOG_INFO, "%s: Windows %u.%u build %u %s, KUSER_SHARED_DATA at 0x%" PRIx64, path,
               as->version.major, as->version.minor, as->version.build, arch_name(as->version.arch),
               as->kuser_phys);
    if (build == 0)
        ps_log(PS_LOG_WARN,
               "%s: no KUSER_SHARED_DATA page found, so the Windows version is not known; "
               "taking %s of any build (--arch and --build say it)",
               path, arch_name(arch));
    else if (!is_arch_known)
        ps_log(PS_LOG_WARN,
               "%s: no KUSER_SHARED_DATA page found, so the architecture is not known; taking %s "
               "(--arch says it)",
               path, arch_name(arch));
    return ps_era_pick(arch, build);
}
