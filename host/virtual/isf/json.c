#include "host/virtual/isf/json.h"

#include <inttypes.h>
#include <string.h>

#define NO_BYTE (-1)

/* What may come next. */
enum { NEED_VALUE, NEED_VALUE_OR_END, NEED_KEY, NEED_KEY_OR_END, NEED_COMMA_OR_END, NEED_NOTHING };

void ps_json_init(struct ps_json *j, struct ps_byte_source source)
{
    memset(j, 0, offsetof(struct ps_json, window));
    j->source = source;
    j->line = 1;
    j->need = NEED_VALUE;
}

static int refill(struct ps_json *j, struct ps_err *err)
{
    int64_t got = j->failed ? 0 : j->source.read(j->source.arg, j->window, sizeof j->window, err);

    if (got < 0)
        j->failed = (int)got;
    j->at = 0;
    j->n = got > 0 ? (size_t)got : 0;
    return j->n > 0 ? j->window[0] : NO_BYTE;
}

/* The next byte, which stays the next one; NO_BYTE at the end or when reading failed. */
static int peek(struct ps_json *j, struct ps_err *err)
{
    return j->at < j->n ? j->window[j->at] : refill(j, err);
}

static void take(struct ps_json *j)
{
    j->line += j->window[j->at] == '\n';
    j->at++;
    j->offset++;
}

static int wrong(struct ps_json *j, struct ps_err *err, const char *what)
{
    if (j->failed)
        return j->failed;
    return ps_fail(err, PS_EFORMAT, j->offset,
                   "not JSON at line %" PRIu64 " (byte %" PRIu64 "): %s", j->line, j->offset, what);
}

static int peek_past_space(struct ps_json *j, struct ps_err *err)
{
    int c = peek(j, err);

    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        take(j);
        c = peek(j, err);
    }
    return c;
}

static void add_text(struct ps_json *j, int c)
{
    if (j->n_text + 1 < sizeof j->text)
        j->text[j->n_text++] = (char)(c < 0x80 ? c : '?');
    else
        j->is_cut = 1;
    j->text[j->n_text] = '\0';
}

static void start_text(struct ps_json *j)
{
    j->n_text = 0;
    j->is_cut = 0;
    j->text[0] = '\0';
}

static int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_unicode(struct ps_json *j, struct ps_err *err)
{
    int value = 0;

    for (unsigned i = 0; i < 4; i++) {
        const int digit = hex_digit(peek(j, err));

        if (digit < 0)
            return wrong(j, err, "four hexadecimal digits are expected after \\u");
        value = value << 4 | digit;
        take(j);
    }
    add_text(j, value);
    return 0;
}

static int read_escape(struct ps_json *j, struct ps_err *err)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const int c = peek(j, err);
    const char *p = c > 0 ? strchr(from, c) : NULL;

    if (c != 'u' && !p)
        return wrong(j, err, "no such escape in a string");
    take(j);
    if (c == 'u')
        return read_unicode(j, err);
    add_text(j, to[p - from]);
    return 0;
}

static int read_string(struct ps_json *j, struct ps_err *err)
{
    start_text(j);
    take(j);
    for (;;) {
        const int c = peek(j, err);
        int rc = 0;

        if (c < 0x20)
            return wrong(j, err, c == NO_BYTE ? "it ends in a string" : "control character");
        take(j);
        if (c == '"')
            return 0;
        if (c == '\\')
            rc = read_escape(j, err);
        else
            add_text(j, c);
        if (rc < 0)
            return rc;
    }
}

static int take_digits(struct ps_json *j, struct ps_err *err)
{
    int n = 0, c;

    for (c = peek(j, err); c >= '0' && c <= '9'; c = peek(j, err)) {
        add_text(j, c);
        take(j);
        n = 1;
    }
    return n;
}

static int take_if(struct ps_json *j, const char *set, struct ps_err *err)
{
    const int c = peek(j, err);

    if (c <= 0 || !strchr(set, c))
        return 0;
    add_text(j, c);
    take(j);
    return 1;
}

static int read_number(struct ps_json *j, struct ps_err *err)
{
    int ok;

    start_text(j);
    take_if(j, "-", err);
    ok = take_if(j, "0", err) || take_digits(j, err);
    if (ok && take_if(j, ".", err))
        ok = take_digits(j, err);
    if (ok && take_if(j, "eE", err)) {
        take_if(j, "+-", err);
        ok = take_digits(j, err);
    }
    return ok ? PS_JSON_NUMBER : wrong(j, err, "a digit is expected");
}

static int read_literal(struct ps_json *j, struct ps_err *err)
{
    int c;

    start_text(j);
    for (c = peek(j, err); c >= 'a' && c <= 'z' && !j->is_cut; c = peek(j, err)) {
        add_text(j, c);
        take(j);
    }
    if (strcmp(j->text, "true") != 0 && strcmp(j->text, "false") != 0 &&
        strcmp(j->text, "null") != 0)
        return wrong(j, err, "a value is expected");
    return PS_JSON_LITERAL;
}

static int open_container(struct ps_json *j, int token, struct ps_err *err)
{
    if (j->depth == PS_JSON_MAX_DEPTH)
        return wrong(j, err, "nested too deeply");
    take(j);
    j->container[j->depth++] = (uint8_t)token;
    j->need = token == PS_JSON_OBJECT ? NEED_KEY_OR_END : NEED_VALUE_OR_END;
    return token;
}

static void end_value(struct ps_json *j)
{
    j->need = j->depth == 0 ? NEED_NOTHING : NEED_COMMA_OR_END;
}

static int close_container(struct ps_json *j)
{
    take(j);
    j->depth--;
    end_value(j);
    return j->container[j->depth] + 1;
}

static int read_value(struct ps_json *j, int c, struct ps_err *err)
{
    int token;

    if (c == '{')
        return open_container(j, PS_JSON_OBJECT, err);
    if (c == '[')
        return open_container(j, PS_JSON_ARRAY, err);
    if (c == '"') {
        token = read_string(j, err);
        token = token < 0 ? token : PS_JSON_STRING;
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        token = read_number(j, err);
    } else {
        token = read_literal(j, err);
    }
    end_value(j);
    return token;
}

static int read_key(struct ps_json *j, int c, struct ps_err *err)
{
    int rc;

    if (c != '"')
        return wrong(j, err, "a name in double quotes is expected");
    rc = read_string(j, err);
    if (rc < 0)
        return rc;
    if (peek_past_space(j, err) != ':')
        return wrong(j, err, "a colon is expected");
    take(j);
    j->need = NEED_VALUE;
    return PS_JSON_KEY;
}

int ps_json_next(struct ps_json *j, struct ps_err *err)
{
    int c = peek_past_space(j, err);
    int is_object, may_end;

    if (j->need == NEED_NOTHING)
        return c == NO_BYTE && !j->failed ? PS_JSON_END : wrong(j, err, "something follows");
    if (c == NO_BYTE)
        return wrong(j, err, "it ends too early");
    is_object = j->depth > 0 && j->container[j->depth - 1] == PS_JSON_OBJECT;
    may_end = j->need != NEED_VALUE && j->need != NEED_KEY;
    if (may_end && c == (is_object ? '}' : ']'))
        return close_container(j);
    if (j->need == NEED_COMMA_OR_END) {
        if (c != ',')
            return wrong(j, err, "a comma is expected");
        take(j);
        j->need = is_object ? NEED_KEY : NEED_VALUE;
        c = peek_past_space(j, err);
    }
    return j->need == NEED_KEY || j->need == NEED_KEY_OR_END ? read_key(j, c, err)
                                                             : read_value(j, c, err);
}

int ps_json_more(struct ps_json *j, struct ps_err *err)
{
    if (peek_past_space(j, err) == NO_BYTE)
        return j->failed;
    j->need = NEED_VALUE;
    return 1;
}

int ps_json_skip(struct ps_json *j, struct ps_err *err)
{
    const unsigned depth = j->depth;
    int token;

    do {
        token = ps_json_next(j, err);
    } while (token >= 0 && (j->depth > depth || token == PS_JSON_KEY));
    return token < 0 ? token : 0;
}
