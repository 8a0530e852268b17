/* "Did you mean ...?" */
#ifndef PS_HOST_CLI_SUGGEST_H
#define PS_HOST_CLI_SUGGEST_H

#include <stddef.h>

/* The name among name(0), name(1), ... (NULL after the last) that 'word' was most likely meant to
 * be: the fewest slips of the finger (a letter missing, added, wrong, or two swapped), at most
 * one in a word of up to four letters and two in a longer one. NULL: none is that close. */
const char *ps_suggest(const char *word, const char *(*name)(size_t i));

#endif
