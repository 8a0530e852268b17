/* Options that shape results as words, for a plan, and back. */
#ifndef PS_HOST_CLI_OPTION_WORDS_H
#define PS_HOST_CLI_OPTION_WORDS_H

#include <stddef.h>

#include "host/cli/option_table.h"
#include "host/options.h"
#include "scan/err.h"

/* Gets a word, good until it returns; not 0 ends the list and is what it returned. */
typedef int ps_word_fn(void *arg, const char *word, struct ps_err *err);

/* The options of *opt that shape results, as words: in the order of the table, what is as usual
 * left out, one form for each value, files by absolute path. PS_EIO: the current folder has no
 * name; PS_ENOMEM; and what 'take' returns. */
int ps_options_words(const struct ps_options *opt, ps_word_fn *take, void *arg, struct ps_err *err);

/* Give *opt, which has none of them, the options that such words stand for; they are copied.
 * PS_EFORMAT when a word is no option that shapes results, or its value is none that it accepts:
 * *opt is only good for ps_options_free then. PS_ENOMEM. */
int ps_options_apply(struct ps_options *opt, const char *const *word, size_t n_words,
                     struct ps_err *err);

/* The part of a value of 'o' that names a file: all of it, or what stands behind N= ; NULL: such an
 * option names no file. */
const char *ps_option_file_part(const struct ps_option *o, const char *value);

#endif
