/* The text form of a tag pattern. */
#include "scan/tags/tag.h"

/* What is left to read, and the pattern so far. */
struct reader {
    const char *text;
    size_t n;
    size_t pos;
    struct ps_tag_pattern pattern;
    unsigned n_bytes; /* of the pattern */
};

/* Copy for a message: short, and nothing that a terminal would act on. */
static const char *quoted(const struct reader *r, char *to, size_t cap)
{
    size_t n = r->n < cap - 1 ? r->n : cap - 1;

    for (size_t i = 0; i < n; i++)
        to[i] = r->text[i] >= 0x20 && r->text[i] <= 0x7e ? r->text[i] : '?';
    to[n] = '\0';
    return to;
}

static int fail(const struct reader *r, size_t at, const char *why, struct ps_err *err)
{
    char text[33];

    return ps_fail(err, PS_EARG, at, "tag pattern '%s', position %zu: %s",
                   quoted(r, text, sizeof text), at + 1, why);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int add_byte(struct reader *r, size_t at, uint32_t value, uint32_t mask, struct ps_err *err)
{
    if (r->n_bytes == PS_TAG_BYTES)
        return fail(r, at, "a pool tag has four bytes, this is the fifth", err);
    r->pattern.value |= value << (8 * r->n_bytes);
    r->pattern.mask |= mask << (8 * r->n_bytes);
    r->n_bytes++;
    return 0;
}

/* The byte behind the backslash at r->pos; moves to the escape's last character. */
static int read_escape(struct reader *r, uint32_t *byte, struct ps_err *err)
{
    size_t at = r->pos;
    size_t left = r->n - at - 1;
    const char *next = r->text + at + 1;

    if (left >= 1 && (*next == '\\' || *next == '?' || *next == '*' || *next == ',')) {
        *byte = (unsigned char)*next;
        r->pos += 1;
        return 0;
    }
    if (left >= 3 && *next == 'x' && hex_value(next[1]) >= 0 && hex_value(next[2]) >= 0) {
        *byte = (uint32_t)(hex_value(next[1]) << 4 | hex_value(next[2]));
        r->pos += 3;
        return 0;
    }
    return fail(r, at, "write \\xNN for a byte, or \\\\ \\? \\* \\, for these characters", err);
}

/* Lists of four columns pad "Bu*" to "Bu* ". */
static int is_padding(const struct reader *r, size_t from)
{
    size_t room = r->n_bytes < PS_TAG_BYTES ? PS_TAG_BYTES - 1 - r->n_bytes : 0;

    for (size_t i = from; i < r->n; i++) {
        if (r->text[i] != ' ' || i - from >= room)
            return 0;
    }
    return 1;
}

static int read_one(struct reader *r, struct ps_err *err)
{
    size_t at = r->pos;
    uint32_t byte = (unsigned char)r->text[at];
    int rc;

    if (byte == '?')
        return add_byte(r, at, 0, 0, err);
    if (byte == '*') {
        if (!is_padding(r, at + 1))
            return fail(r, at, "'*' stands for all the rest and comes last", err);
        r->n_bytes = PS_TAG_BYTES;
        r->pos = r->n - 1;
        return 0;
    }
    if (byte < 0x20 || byte > 0x7e)
        return fail(r, at, "write a byte that is not printable ASCII as \\xNN", err);
    if (byte == '\\') {
        rc = read_escape(r, &byte, err);
        if (rc < 0)
            return rc;
    }
    return add_byte(r, at, byte, 0xff, err);
}

int ps_tag_pattern_parse(const char *text, size_t n, struct ps_tag_pattern *out, struct ps_err *err)
{
    struct reader r = {.text = text, .n = n};
    int rc;

    if (n == 0)
        return fail(&r, 0, "empty; give one to four characters", err);
    for (; r.pos < n; r.pos++) {
        rc = read_one(&r, err);
        if (rc < 0)
            return rc;
    }
    while (r.n_bytes < PS_TAG_BYTES) {
        rc = add_byte(&r, n, ' ', 0xff, err);
        if (rc < 0)
            return rc;
    }
    *out = r.pattern;
    return 0;
}
