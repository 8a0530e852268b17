#include "host/recipe/model.h"

#include <ctype.h>

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

int ps_rcp_split(const char *line, size_t n, struct ps_rcp_word *word, size_t cap)
{
    size_t n_words = 0;
    size_t i = 0;

    for (;;) {
        size_t start;
        int quoted = 0;

        while (i < n && is_blank(line[i]))
            i++;
        if (i == n || line[i] == '#')
            return (int)n_words;
        if (n_words == cap)
            return -2;
        for (start = i; i < n && (quoted || !is_blank(line[i])); i++) {
            if (line[i] == '\\' && i + 1 < n)
                i++;
            else if (line[i] == '"')
                quoted = !quoted;
        }
        if (quoted)
            return -1;
        word[n_words].s = line + start;
        word[n_words++].n = i - start;
    }
}

size_t ps_rcp_find(struct ps_rcp_word w, const char *chars)
{
    int quoted = 0;

    for (size_t i = 0; i < w.n; i++) {
        if (w.s[i] == '\\' && i + 1 < w.n)
            i++;
        else if (w.s[i] == '"')
            quoted = !quoted;
        else if (!quoted && w.s[i] != '\0' && strchr(chars, w.s[i]))
            return i;
    }
    return w.n;
}

struct ps_rcp_word ps_rcp_part(struct ps_rcp_word w, size_t from, size_t to)
{
    size_t end = to < w.n ? to : w.n;
    size_t start = from < end ? from : end;

    return (struct ps_rcp_word){w.s + start, end - start};
}

int ps_rcp_is(struct ps_rcp_word w, const char *text)
{
    return strlen(text) == w.n && memcmp(w.s, text, w.n) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The byte after a backslash at s[0]: characters used, or 0 when it is no escape. */
static size_t escaped_byte(const char *s, size_t n, uint8_t *out)
{
    if (n >= 4 && s[1] == 'x' && hex_digit(s[2]) >= 0 && hex_digit(s[3]) >= 0) {
        *out = (uint8_t)(hex_digit(s[2]) << 4 | hex_digit(s[3]));
        return 4;
    }
    if (n < 2)
        return 0;
    *out = (uint8_t)s[1];
    if (s[1] == 'n')
        *out = '\n';
    else if (s[1] == 'r')
        *out = '\r';
    else if (s[1] == 't')
        *out = '\t';
    else if (!ispunct((unsigned char)s[1]))
        return 0;
    return 2;
}

long ps_rcp_unescape(struct ps_rcp_word w, uint8_t *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < w.n;) {
        uint8_t c = (uint8_t)w.s[i];
        size_t used = 1;

        if (c == '"') {
            i++;
            continue;
        }
        if (c == '\\')
            used = escaped_byte(w.s + i, w.n - i, &c);
        if (used == 0 || n == cap)
            return -1;
        out[n++] = c;
        i += used;
    }
    return (long)n;
}

static int suffix_shift(char c)
{
    switch (c) {
    case 'K':
    case 'k':
        return 10;
    case 'M':
    case 'm':
        return 20;
    case 'G':
    case 'g':
        return 30;
    default:
        return 0;
    }
}

int ps_rcp_number(struct ps_rcp_word w, uint64_t *out)
{
    unsigned base = 10;
    size_t i = 0, first;
    uint64_t v = 0;
    int shift = 0;

    if (w.n > 2 && w.s[0] == '0' && (w.s[1] == 'x' || w.s[1] == 'X')) {
        base = 16;
        i = 2;
    }
    if (i == w.n)
        return -1;
    for (first = i; i < w.n; i++) {
        int d = hex_digit(w.s[i]);

        if (d < 0 || (unsigned)d >= base) {
            shift = suffix_shift(w.s[i]);
            if (shift == 0 || i == first || i + 1 != w.n)
                return -1;
            break;
        }
        if (v > (UINT64_MAX - (unsigned)d) / base)
            return -1;
        v = v * base + (unsigned)d;
    }
    if (v > UINT64_MAX >> shift)
        return -1;
    *out = v << shift;
    return 0;
}

int ps_rcp_tag(struct ps_rcp_word w, uint32_t *out)
{
    uint8_t b[4] = {' ', ' ', ' ', ' '};

    if (ps_rcp_unescape(w, b, sizeof b) < 1)
        return -1;
    *out = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    return 0;
}

size_t ps_rcp_name(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n &&
           (isalpha((unsigned char)s[i]) || s[i] == '_' || (i > 0 && isdigit((unsigned char)s[i]))))
        i++;
    return i;
}
