/* Texts of the command line into values of struct ps_options. */
#ifndef PS_HOST_CLI_OPTION_VALUE_H
#define PS_HOST_CLI_OPTION_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "host/cli/option_table.h"
#include "scan/err.h"

/* Store 'value' (NULL for options that take none) where 'o' says. Options of kind PS_OPT_VERB
 * are the parser's own. PS_EARG names the option and what it accepts. A list is split in place:
 * its commas become zeros. */
int ps_option_store(const struct ps_option *o, char *value, struct ps_options *opt,
                    struct ps_err *err);

/* Append one item; PS_EARG, naming 'what', beyond 'max' items. */
int ps_strings_append(struct ps_strings *list, const char *item, size_t max, const char *what,
                      struct ps_err *err);

/* A number in decimal or, after 0x, in hex, followed by k, M, G or T (powers of 1024) or by
 * nothing. The whole text must be used. Returns 0 when it is not one or exceeds 64 bits. */
int ps_parse_size(const char *text, size_t n, uint64_t *out);

#endif
