#include "host/virtual/isf/isf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/virtual/isf/unpack.h"

struct parser {
    struct ps_json json;
    struct ps_isf *out;
    int has_guid, has_age, has_symbols;
};

/* Called for each member of an object, after its KEY; consumes the value. */
typedef int (*member_fn)(struct parser *p, const char *name, struct ps_err *err);

static int wrong(const struct parser *p, struct ps_err *err, const char *what)
{
    return ps_fail(err, PS_EFORMAT, p->json.offset,
                   "no Volatility 3 symbol file (ISF) of Windows: line %" PRIu64 ": %s",
                   p->json.line, what);
}

/* The members of the object that is open. */
static int each_member(struct parser *p, member_fn member, struct ps_err *err)
{
    char name[PS_JSON_TEXT_BYTES];
    int token;

    for (;;) {
        int rc;

        token = ps_json_next(&p->json, err);
        if (token < 0 || token == PS_JSON_OBJECT_END)
            return token < 0 ? token : 0;
        memcpy(name, p->json.text, sizeof name);
        rc = member(p, name, err);
        if (rc < 0)
            return rc;
    }
}

/* The value has to be an object. */
static int object_of(struct parser *p, member_fn member, const char *what, struct ps_err *err)
{
    const int token = ps_json_next(&p->json, err);

    if (token < 0)
        return token;
    return token == PS_JSON_OBJECT ? each_member(p, member, err) : wrong(p, err, what);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char lower = c >= 'A' && c <= 'F' ? (char)(c + ('a' - 'A')) : c;
    const char *at = c ? strchr(digits, lower) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* With or without hyphens and braces. */
static int parse_guid(const char *text, uint8_t guid[16])
{
    size_t n = 0;

    for (; *text; text++) {
        const int digit = hex_digit(*text);

        if (digit < 0 && strchr("-{}", *text))
            continue;
        if (digit < 0 || n == 32)
            return 0;
        guid[n / 2] = (uint8_t)(guid[n / 2] << 4 | digit);
        n++;
    }
    return n == 32;
}

/* A whole number that is not negative; 0 for anything else. */
static int parse_number(const struct ps_json *j, uint64_t *value)
{
    if (j->is_cut || j->n_text == 0 || j->n_text > 18 || strspn(j->text, "0123456789") != j->n_text)
        return 0;
    *value = strtoull(j->text, NULL, 10);
    return 1;
}

static int pdb_member(struct parser *p, const char *name, struct ps_err *err)
{
    struct ps_pdb_id *pdb = &p->out->pdb;
    const int is_guid = strcmp(name, "GUID") == 0, is_age = strcmp(name, "age") == 0;
    const int is_name = strcmp(name, "database") == 0;
    uint64_t age = 0;
    int token;

    if (!is_guid && !is_age && !is_name)
        return ps_json_skip(&p->json, err);
    token = ps_json_next(&p->json, err);
    if (token < 0)
        return token;
    if (is_age && (token != PS_JSON_NUMBER || !parse_number(&p->json, &age) || age > UINT32_MAX))
        return wrong(p, err, "metadata.windows.pdb.age is no number");
    if (!is_age && token != PS_JSON_STRING)
        return wrong(p, err, "metadata.windows.pdb: a string is expected");
    if (is_guid && !parse_guid(p->json.text, pdb->guid))
        return wrong(p, err, "metadata.windows.pdb.GUID is not 32 hexadecimal digits");
    if (is_age)
        pdb->age = (uint32_t)age;
    else if (is_name)
        snprintf(pdb->name, sizeof pdb->name, "%.*s", (int)sizeof pdb->name - 1, p->json.text);
    p->has_guid |= is_guid;
    p->has_age |= is_age;
    return 0;
}

static int windows_member(struct parser *p, const char *name, struct ps_err *err)
{
    if (strcmp(name, "pdb") != 0)
        return ps_json_skip(&p->json, err);
    return object_of(p, pdb_member, "metadata.windows.pdb is no object", err);
}

static int metadata_member(struct parser *p, const char *name, struct ps_err *err)
{
    if (strcmp(name, "windows") != 0)
        return ps_json_skip(&p->json, err);
    return object_of(p, windows_member, "metadata.windows is no object", err);
}

static int symbol_value(struct parser *p, uint32_t *rva, struct ps_err *err)
{
    int token = ps_json_next(&p->json, err);

    if (token < 0)
        return token;
    if (token != PS_JSON_OBJECT)
        return wrong(p, err, "a symbol is no object");
    while ((token = ps_json_next(&p->json, err)) == PS_JSON_KEY) {
        uint64_t address = 0;

        if (strcmp(p->json.text, "address") != 0) {
            token = ps_json_skip(&p->json, err);
        } else {
            token = ps_json_next(&p->json, err);
            if (token >= 0 && (token != PS_JSON_NUMBER || !parse_number(&p->json, &address)))
                return wrong(p, err, "the address of a symbol is no number");
        }
        if (token < 0)
            return token;
        if (address != 0 && address < PS_PE_MAX_BYTES)
            *rva = (uint32_t)address;
    }
    return token < 0 ? token : 0;
}

static int symbols_member(struct parser *p, const char *name, struct ps_err *err)
{
    const enum ps_symbol symbol = ps_symbol_named(name);

    p->out->n_symbols++;
    return symbol == PS_N_SYMBOLS ? ps_json_skip(&p->json, err)
                                  : symbol_value(p, &p->out->rva[symbol], err);
}

static int top_member(struct parser *p, const char *name, struct ps_err *err)
{
    if (strcmp(name, "metadata") == 0)
        return object_of(p, metadata_member, "metadata is no object", err);
    if (strcmp(name, "symbols") != 0)
        return ps_json_skip(&p->json, err);
    p->has_symbols = 1;
    return object_of(p, symbols_member, "symbols is no object", err);
}

static int parse(struct parser *p, struct ps_err *err)
{
    int rc = object_of(p, top_member, "it is no object", err);

    if (rc == 0)
        rc = ps_json_next(&p->json, err);
    if (rc < 0)
        return rc;
    if (!p->has_guid || !p->has_age)
        return wrong(p, err, "metadata.windows.pdb with GUID and age is missing");
    if (!p->has_symbols)
        return wrong(p, err, "symbols is missing");
    return 0;
}

int ps_isf_read(struct ps_byte_source source, struct ps_isf *out, struct ps_err *err)
{
    struct parser *p = malloc(sizeof *p);
    int rc;

    *out = (struct ps_isf){0};
    if (!p)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for a symbol file");
    p->out = out;
    p->has_guid = p->has_age = p->has_symbols = 0;
    ps_json_init(&p->json, source);
    rc = parse(p, err);
    free(p);
    return rc;
}

int ps_isf_load(const char *path, struct ps_isf *out, struct ps_err *err)
{
    struct ps_unpack *u = NULL;
    int rc = ps_unpack_open(&u, path, err);

    if (rc == 0)
        rc = ps_isf_read(ps_unpack_source(u), out, err);
    ps_unpack_close(u);
    return rc;
}
