#include "scan/tags/lists/span.h"

#include <string.h>

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct ps_span ps_span_rest(struct ps_span s, size_t n)
{
    return (struct ps_span){s.text + n, s.n - n};
}

struct ps_span ps_span_skip_mark(struct ps_span list)
{
    if (list.n >= 3 && memcmp(list.text, "\xef\xbb\xbf", 3) == 0)
        return ps_span_rest(list, 3);
    return list;
}

int ps_span_line(struct ps_span *rest, struct ps_span *line)
{
    const char *end;

    if (rest->n == 0)
        return 0;
    *line = *rest;
    end = memchr(rest->text, '\n', rest->n);
    if (!end) {
        *rest = ps_span_rest(*rest, rest->n);
    } else {
        line->n = (size_t)(end - rest->text);
        *rest = ps_span_rest(*rest, line->n + 1);
    }
    if (line->n != 0 && line->text[line->n - 1] == '\r')
        line->n--;
    return 1;
}

struct ps_span ps_span_trim(struct ps_span s)
{
    while (s.n != 0 && is_blank(s.text[0]))
        s = ps_span_rest(s, 1);
    while (s.n != 0 && is_blank(s.text[s.n - 1]))
        s.n--;
    return s;
}

const char *ps_span_end(struct ps_span s)
{
    s.text[s.n] = '\0';
    return s.text;
}
