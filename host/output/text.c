#include "host/output/text.h"

#include <stdio.h>
#include <stdlib.h>

static int text_reserve(struct ps_text *t, size_t n)
{
    size_t cap = t->cap ? t->cap : 1024;
    char *s;

    if (t->failed)
        return 0;
    if (n < t->cap && t->n < t->cap - n)
        return 1;
    while (cap - t->n <= n) {
        if (cap > UINT32_MAX / 2) /* a piece has 32 bits */
            goto fail;
        cap *= 2;
    }
    s = realloc(t->s, cap + PS_TEXT_SLACK);
    if (!s)
        goto fail;
    memset(s + t->cap, 0, cap + PS_TEXT_SLACK - t->cap);
    t->s = s;
    t->cap = cap;
    return 1;
fail:
    t->failed = 1;
    return 0;
}

void ps_text_add(struct ps_text *t, const char *s, size_t n)
{
    if (!text_reserve(t, n))
        return;
    memcpy(t->s + t->n, s, n);
    t->n += n;
}

void ps_text_free(struct ps_text *t)
{
    free(t->s);
    memset(t, 0, sizeof *t);
}

static void add_string(struct ps_text *t, const char *s)
{
    ps_text_add(t, s, strlen(s));
}

/* Least and greatest second byte after each first byte: this is what keeps out overlong forms,
 * surrogates and what lies beyond U+10FFFF (Unicode, table 3-7). */
size_t ps_utf8_sequence(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned low = 0x80;
    unsigned high = 0xbf;
    size_t len;

    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    if (u[0] < 0xc2 || u[0] > 0xf4)
        return 0;
    len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
    if (u[0] == 0xe0)
        low = 0xa0;
    else if (u[0] == 0xed)
        high = 0x9f;
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xf4)
        high = 0x8f;
    if (n < len || u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((u[i] & 0xc0u) != 0x80u)
            return 0;
    return len;
}

void ps_text_add_utf8(struct ps_text *t, const char *s, enum ps_text_how how)
{
    size_t n = strlen(s);

    while (n) {
        size_t len = ps_utf8_sequence(s, n);
        char escape[8];

        if (len == 0 || (how == PS_TEXT_EXACT && *s == '\\')) {
            snprintf(escape, sizeof escape, "\\x%02x", (unsigned)(unsigned char)*s);
            add_string(t, escape);
            len = 1;
        } else {
            ps_text_add(t, s, len);
        }
        s += len;
        n -= len;
    }
}

void ps_text_add_json(struct ps_text *t, const char *s, size_t n)
{
    char escape[8];

    ps_text_add(t, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"' || s[i] == '\\') {
            ps_text_add(t, "\\", 1);
            ps_text_add(t, &s[i], 1);
        } else if ((unsigned char)s[i] < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)s[i]);
            add_string(t, escape);
        } else {
            ps_text_add(t, &s[i], 1);
        }
    }
    ps_text_add(t, "\"", 1);
}

/* Blanks at an edge are quoted too: RFC 4180 keeps them, but many readers trim bare fields, and
 * a blank is part of a pool tag. */
static int csv_needs_quotes(const char *s, size_t n)
{
    if (n && (s[0] == ' ' || s[n - 1] == ' '))
        return 1;
    for (size_t i = 0; i < n; i++)
        if (s[i] == '"' || s[i] == ',' || s[i] == '\r' || s[i] == '\n')
            return 1;
    return 0;
}

void ps_text_add_csv(struct ps_text *t, const char *s, size_t n)
{
    if (!csv_needs_quotes(s, n)) {
        ps_text_add(t, s, n);
        return;
    }
    ps_text_add(t, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            ps_text_add(t, "\"", 1);
        ps_text_add(t, &s[i], 1);
    }
    ps_text_add(t, "\"", 1);
}
