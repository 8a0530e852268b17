#include "host/cli/suggest.h"

#include <string.h>

/* No option or verb is that long: a longer word is never close to one. */
#define LONGEST 31

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits between a and b, a swap of neighbours counted once (optimal string alignment). */
static size_t distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
    size_t row[LONGEST + 1][LONGEST + 1];

    for (size_t i = 0; i <= n_a; i++)
        row[i][0] = i;
    for (size_t j = 0; j <= n_b; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        for (size_t j = 1; j <= n_b; j++) {
            size_t d = row[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

            d = least(d, least(row[i - 1][j], row[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = least(d, row[i - 2][j - 2] + 1);
            row[i][j] = d;
        }
    }
    return row[n_a][n_b];
}

const char *ps_suggest(const char *word, const char *(*name)(size_t i))
{
    size_t n_word = strlen(word);
    size_t limit = n_word <= 4 ? 1 : 2;
    const char *best = NULL;

    if (n_word > LONGEST)
        return NULL;
    for (size_t i = 0; name(i); i++) {
        size_t n_name = strlen(name(i));
        size_t d;

        if (n_name > LONGEST)
            continue;
        d = distance(word, n_word, name(i), n_name);
        if (d <= limit) {
            limit = d ? d - 1 : 0;
            best = name(i);
        }
    }
    return best;
}
