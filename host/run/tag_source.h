/* The tag database that the options ask for. */
#ifndef PS_HOST_RUN_TAG_SOURCE_H
#define PS_HOST_RUN_TAG_SOURCE_H

#include "host/options.h"
#include "scan/err.h"
#include "scan/tags/tag.h"
#include "scan/tags/tagdb.h"

/* Largest tag file that is read; the largest known list has a quarter of a MiB. */
#define PS_TAG_FILE_MAX_BYTES ((size_t)16 << 20)

/* Make the database: the --tag-file lists in their order, then the built-in ones, unless
 * --no-builtin-tags. Free *out with ps_tagdb_free. PS_ENOENT when a file cannot be opened,
 * PS_EFORMAT when it is no tag list or too large, PS_EIO when reading fails. */
int ps_tag_source_load(struct ps_tagdb **out, const struct ps_options *opt, struct ps_err *err);

/* The patterns of --tags: opt->tags.n of them in *out, which is not NULL even when there are none,
 * to be freed with free(). PS_EARG with the text that is no pattern; PS_ENOMEM. *out is NULL after
 * a failure. */
int ps_tag_source_patterns(struct ps_tag_pattern **out, const struct ps_options *opt,
                           struct ps_err *err);

#endif
