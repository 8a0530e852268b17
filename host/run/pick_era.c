#include "host/run/pick_era.h"

#include <inttypes.h>
#include <string.h>

#include "host/log.h"
#include "host/virtual/container_facts.h"

static int is_arch_given(const struct ps_options *opt)
{
    return opt->arch && strcmp(opt->arch, "auto") != 0;
}

static const char *arch_name(enum ps_arch arch)
{
    return arch == PS_ARCH_X86 ? "x86" : "x64";
}

/* The architecture that the page tables show counts for more than a KUSER_SHARED_DATA page, which
 * may be a guest's, and that for more than what the container says. */
static enum ps_arch arch_of(const struct ps_address_space *as, const struct ps_options *opt)
{
    enum ps_arch said;

    if (is_arch_given(opt))
        return strcmp(opt->arch, "x86") == 0 ? PS_ARCH_X86 : PS_ARCH_X64;
    if (as->has_dtb)
        return ps_address_space_arch(as);
    if (as->has_version)
        return as->version.arch;
    return ps_container_arch(ps_image_facts(as->image), &said) ? said : PS_ARCH_X64;
}

static uint32_t build_of(const struct ps_address_space *as, const struct ps_options *opt,
                         enum ps_arch arch)
{
    if (opt->build)
        return opt->build;
    if (as->build_is_of_kernel)
        return as->build;
    if (as->has_version)
        return as->version.arch == arch ? as->version.build : 0;
    return ps_container_build(ps_image_facts(as->image), arch);
}

static void warn_of_arm64(const struct ps_address_space *as)
{
    const struct ps_image_facts *facts = ps_image_facts(as->image);

    if (facts->machine == PS_MACHINE_ARM64 && !as->has_dtb)
        ps_log(
            PS_LOG_WARN,
            "%s: of an ARM64 machine, says the %s; its page tables are not read, so there are no "
            "virtual addresses, and its pool headers are taken for those of x64",
            ps_image_path(as->image), ps_container_source(facts));
}

/* 'build' is what is taken. */
static void log_unknown(const struct ps_address_space *as, uint32_t build, enum ps_arch arch,
                        int is_arch_known)
{
    const char *path = ps_image_path(as->image);
    const struct ps_image_facts *facts = ps_image_facts(as->image);

    if (build == 0)
        ps_log(PS_LOG_WARN,
               "%s: no KUSER_SHARED_DATA page found, so the Windows version is not known; "
               "taking %s of any build (--arch and --build say it)",
               path, arch_name(arch));
    else if (as->build_is_of_container && build == as->build)
        ps_log(PS_LOG_WARN,
               "%s: no KUSER_SHARED_DATA page found; taking %s build %" PRIu32
               ", which the %s says",
               path, arch_name(arch), build, ps_container_source(facts));
    else if (!is_arch_known)
        ps_log(PS_LOG_WARN,
               "%s: no KUSER_SHARED_DATA page found, so the architecture is not known; taking %s "
               "(--arch says it)",
               path, arch_name(arch));
}

const struct ps_era *ps_pick_era(const struct ps_address_space *as, const struct ps_options *opt)
{
    const char *path = ps_image_path(as->image);
    const enum ps_arch arch = arch_of(as, opt);
    const uint32_t build = build_of(as, opt, arch);
    const int is_arch_known = is_arch_given(opt) || as->has_dtb || as->has_version ||
                              ps_image_facts(as->image)->machine != PS_MACHINE_UNKNOWN;

    if (as->has_version && !(is_arch_given(opt) && opt->build))
        ps_log(PS_LOG_INFO, "%s: Windows %u.%u build %u %s, KUSER_SHARED_DATA at 0x%" PRIx64, path,
               as->version.major, as->version.minor, as->version.build, arch_name(as->version.arch),
               as->kuser_phys);
    warn_of_arm64(as);
    log_unknown(as, build, arch, is_arch_known);
    return ps_era_pick(arch, build);
}
