#include "host/commands/window.h"

#include "host/image/present.h"
#include "host/image/runs.h"
#include "host/virtual/address_space.h"

static int is_window(const struct ps_options *opt)
{
    return opt->skip > 0 || opt->limit > 0;
}

void ps_window_init(struct ps_options *window)
{
    /* Whoever opens the image must know that not all of it is read. */
    if (is_window(window)) {
        window->has_range = 1;
        window->range_start = 0;
        window->range_end = PS_PHYS_END;
    }
}

/* A raw image gets its PCI hole now, or not at all. */
static int settle_addresses(const struct ps_options *window, struct ps_image *image,
                            struct ps_err *err)
{
    struct ps_address_space space;
    int rc;

    if (window->pci_hole != PS_PCI_HOLE_AUTO || window->physical_only ||
        ps_image_flat_bytes(image) == 0)
        return 0;
    rc = ps_address_space_attach(&space, window, image, err);
    ps_address_space_close(&space);
    return rc;
}

int ps_window_use(struct ps_options *window, struct ps_image *image, struct ps_err *err)
{
    uint64_t limit = window->limit > 0 ? window->limit : UINT64_MAX;
    int rc;

    if (!is_window(window))
        return 0;
    rc = settle_addresses(window, image, err);
    if (rc < 0)
        return rc;
    window->range_start = ps_image_present_address(image, 0, PS_PHYS_END, window->skip);
    window->range_end = ps_image_present_address(image, window->range_start, PS_PHYS_END, limit);
    return 0;
}
