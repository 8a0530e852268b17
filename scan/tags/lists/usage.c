#include "scan/tags/lists/usage.h"

#include <string.h>

#define NO_RELEASE (-1)

static int is_word(struct ps_span s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.text, word, s.n) == 0;
}

int ps_is_pool_word(struct ps_span word)
{
    return is_word(word, "np") || is_word(word, "pg") || is_word(word, "both") ||
           is_word(word, "?");
}

static int release_of(struct ps_span s)
{
    static const char *const releases[] = {"2000", "xp",  "2003", "vista", "7",
                                           "8",    "8.1", "10",   "11"};

    for (int i = 0; i < (int)(sizeof releases / sizeof releases[0]); i++) {
        if (is_word(s, releases[i]))
            return i;
    }
    return NO_RELEASE;
}

int ps_is_seen_word(struct ps_span word)
{
    const char *dash = word.n == 0 ? NULL : memchr(word.text, '-', word.n);
    struct ps_span first = word;
    struct ps_span last;

    if (!dash)
        return is_word(word, "?") || release_of(word) != NO_RELEASE;
    first.n = (size_t)(dash - word.text);
    last = ps_span_rest(word, first.n + 1);
    if (first.n == 0)
        return release_of(last) != NO_RELEASE;
    if (last.n == 0)
        return release_of(first) != NO_RELEASE;
    return release_of(first) != NO_RELEASE && release_of(first) <= release_of(last);
}
