#include "host/open_image.h"

#include <inttypes.h>

#include "host/image/memory/available.h"
#include "host/log.h"
#include "host/report/status.h"

static uint64_t unpack_memory(const struct ps_options *opt)
{
    if (opt->unpack_memory != PS_UNPACK_MEMORY_AUTO)
        return opt->unpack_memory;
    return ps_memory_for_unpacking(opt->threads);
}

void ps_log_image_notes(const struct ps_image *image, const char *path)
{
    const struct ps_notes *notes = ps_image_notes(image);

    for (unsigned i = 0; i < notes->n; i++)
        ps_log(notes->note[i].kind == PS_NOTE_INFO ? PS_LOG_INFO : PS_LOG_WARN, "%s: %s", path,
               notes->note[i].text);
}

static int open_image(struct ps_image **out, const char *path, const struct ps_options *opt,
                      int all, struct ps_err *err)
{
    const struct ps_image_spec spec = {.n_threads = opt->threads,
                                       .temp_dir = opt->temp_dir,
                                       .in_order = opt->physical_only,
                                       .all = all && !opt->physical_only,
                                       .unpack_memory = unpack_memory(opt),
                                       .once = all && opt->physical_only};
    struct ps_image *image = NULL;
    int rc;

    ps_status_target(path);
    ps_status_phase("opening");
    rc = ps_image_open(&image, path, &spec, err);
    if (rc == 0 && opt->pci_hole == PS_PCI_HOLE_GIVEN)
        rc = ps_image_set_hole(image, opt->hole_start, opt->hole_end, "--pci-hole", err);
    if (rc < 0) {
        ps_image_close(image);
        return rc;
    }
    *out = image;
    ps_log_image_notes(image, path);
    return 0;
}

int ps_open_image(struct ps_image **out, const char *path, const struct ps_options *opt,
                  struct ps_err *err)
{
    return open_image(out, path, opt, 0, err);
}

int ps_open_image_to_scan(struct ps_image **out, const char *path, const struct ps_options *opt,
                          struct ps_err *err)
{
    return open_image(out, path, opt, !opt->has_range, err);
}

void ps_warn_if_torn(const struct ps_image *image)
{
    const uint64_t torn = ps_image_torn_bytes(image);

    if (torn)
        ps_log(PS_LOG_WARN,
               "%s: pages of which the file has only a part, %" PRIu64
               " bytes in all, are scanned padded with zeros",
               ps_image_path(image), torn);
}
