#include "host/open_image.h"

#include "host/log.h"

int ps_open_image(struct ps_image **out, const char *path, const struct ps_options *opt,
                  struct ps_err *err)
{
    const struct ps_image_spec spec = {.n_threads = opt->threads, .temp_dir = opt->temp_dir};
    const struct ps_notes *notes;
    int rc = ps_image_open(out, path, &spec, err);

    if (rc < 0)
        return rc;
    notes = ps_image_notes(*out);
    for (unsigned i = 0; i < notes->n; i++)
        ps_log(notes->note[i].kind == PS_NOTE_WARNING ? PS_LOG_WARN : PS_LOG_INFO, "%s: %s", path,
               notes->note[i].text);
    return 0;
}
