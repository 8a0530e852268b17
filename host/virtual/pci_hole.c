#include "host/virtual/pci_hole.h"

#include <inttypes.h>

#include "host/log.h"
#include "scan/windows/paging/squeezed.h"

int ps_pci_hole_restore(struct ps_address_space *as, const struct ps_options *opt, int found,
                        struct ps_err *err)
{
    const struct ps_physmem *mem = &as->memory.mem;
    const struct ps_dtb *dtb = found == 1 ? &as->dtb : NULL;
    struct ps_squeezed hole;
    struct ps_err why;
    int rc;

    if (found < 0 && found != -PS_EARG)
        return 0;
    if (opt->pci_hole != PS_PCI_HOLE_AUTO || ps_image_flat_bytes(as->image) == 0 ||
        (!dtb && !as->has_version) || !ps_squeezed_may_be(mem, dtb))
        return 0;
    rc = ps_squeezed_find(mem, dtb, &hole, &why);
    ps_log(PS_LOG_DEBUG,
           "looked for a PCI hole: %u tables say 0x%" PRIx64 ", pages %" PRIu64 " -> %" PRIu64
           ", entries beyond %" PRIu64 " -> %" PRIu64,
           hole.n_votes, hole.hole_start, hole.pages_before, hole.pages_after, hole.beyond_before,
           hole.beyond_after);
    if (rc > 0)
        rc = ps_image_set_hole(as->image, hole.hole_start, PS_SQUEEZED_HOLE_END, "page tables",
                               &why);
    else
        return rc < 0 ? ps_fail(err, (enum ps_code)why.code, why.at, "%.150s", why.msg) : 0;
    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.150s", why.msg);
    ps_log(PS_LOG_INFO, "%s: no 0x%" PRIx64 "-0x%" PRIx64 ": addresses above were moved (%s)",
           ps_image_path(as->image), hole.hole_start, PS_SQUEEZED_HOLE_END,
           hole.n_votes ? "top page tables say so"
                        : "page tables lead to what is above with this hole only");
    return 1;
}
