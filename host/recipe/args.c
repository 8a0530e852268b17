#include "host/recipe/model.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define K(kind)  (1u << PS_RCP_##kind)
#define POOL     (K(CLASSIC) | K(LFH) | K(VS) | K(MIX))
#define CHAIN    (K(CLASSIC) | K(MIX))
#define PLANTING (K(HEADER) | K(BLOCK))
#define ANY      0xffffffffu

enum value_form { FORM_NUMBER, FORM_FLAG, FORM_TAG, FORM_TYPE, FORM_CHOICE, FORM_LIST, FORM_TEXT };

static const char *const states[] = {"allocated", "free", "stale", "decoy", NULL};
static const char *const bodies[] = {"object", "zero", "random", "none", "process", "exited", NULL};
static const char *const styles[] = {"english", "utf16", "source", "pooltag", "any", NULL};

/* One row per key: where it is allowed, how its value reads, the largest value. */
static const struct {
    const char *name;
    uint32_t kinds;
    enum value_form form;
    uint64_t max;
    const char *const *choices;
} keys[PS_RCP_N_KEYS] = {
    [PS_RCP_TAG] = {"tag", PLANTING, FORM_TAG, 0, NULL},
    [PS_RCP_SIZE] = {"size", PLANTING | K(CHUNK), FORM_NUMBER, 0xfffff, NULL},
    [PS_RCP_PREV] = {"prev", K(HEADER) | K(CHUNK), FORM_NUMBER, 0xfffff, NULL},
    [PS_RCP_INDEX] = {"index", PLANTING, FORM_NUMBER, 0xff, NULL},
    [PS_RCP_TYPE] = {"type", PLANTING | POOL, FORM_TYPE, 0, NULL},
    [PS_RCP_BILLED] = {"billed", PLANTING, FORM_NUMBER, UINT64_MAX, NULL},
    [PS_RCP_WORD0] = {"word0", K(HEADER), FORM_NUMBER, UINT32_MAX, NULL},
    [PS_RCP_IS] = {"is", PLANTING, FORM_CHOICE, 0, states},
    [PS_RCP_BODY] = {"body", PLANTING | POOL, FORM_CHOICE, 0, bodies},
    [PS_RCP_FREE] = {"free", K(BLOCK) | K(CHUNK) | POOL, FORM_NUMBER, 100, NULL},
    [PS_RCP_PROTECTED] = {"protected", PLANTING, FORM_FLAG, 1, NULL},
    [PS_RCP_TAGS] = {"tags", POOL | K(TEXT), FORM_LIST, 0, NULL},
    [PS_RCP_DECOYS] = {"decoys", K(CODE) | K(MIX), FORM_LIST, 0, NULL},
    [PS_RCP_STRIDE] = {"stride", K(LFH), FORM_NUMBER, 0xff0, NULL},
    [PS_RCP_FIRST] = {"first", K(LFH) | K(VS), FORM_NUMBER, 0xfe0, NULL},
    [PS_RCP_FREED] = {"freed", K(LFH) | K(MIX), FORM_NUMBER, 100, NULL},
    [PS_RCP_UNUSED] = {"unused", K(LFH) | K(MIX), FORM_NUMBER, 100, NULL},
    [PS_RCP_QUOTA] = {"quota", POOL, FORM_NUMBER, 100, NULL},
    [PS_RCP_VA] = {"va", K(CLASSIC) | K(VS) | K(CHUNK), FORM_NUMBER, UINT64_MAX, NULL},
    [PS_RCP_FROM] = {"from", K(COPY) | K(TORN), FORM_NUMBER, UINT64_MAX, NULL},
    [PS_RCP_SECOND] = {"then", K(TORN), FORM_NUMBER, UINT64_MAX, NULL},
    [PS_RCP_CUT] = {"cut", K(TORN), FORM_NUMBER, PS_RECIPE_PAGE, NULL},
    [PS_RCP_BUILD] = {"build", K(KUSER), FORM_NUMBER, UINT32_MAX, NULL},
    [PS_RCP_MAJOR] = {"major", K(KUSER), FORM_NUMBER, UINT32_MAX, NULL},
    [PS_RCP_MINOR] = {"minor", K(KUSER), FORM_NUMBER, UINT32_MAX, NULL},
    [PS_RCP_CPUS] = {"cpus", K(KUSER), FORM_NUMBER, UINT32_MAX, NULL},
    [PS_RCP_ROOT] = {"root", K(KUSER), FORM_TEXT, 0, NULL},
    [PS_RCP_STYLE] = {"style", K(TEXT) | K(MIX), FORM_CHOICE, 0, styles},
    [PS_RCP_RUN] = {"run", K(MIX), FORM_NUMBER, 1u << 20, NULL},
    [PS_RCP_SEED] = {"seed", ANY, FORM_NUMBER, UINT64_MAX, NULL},
    [PS_RCP_LEFTOVERS] = {"leftovers", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_TORN_PAGES] = {"torn", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_SMASHED] = {"smashed", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_SESSION] = {"session", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_VERIFIER] = {"verifier", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_ALIGNED] = {"aligned", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_LOOKASIDE] = {"lookaside", CHAIN, FORM_NUMBER, 100, NULL},
    [PS_RCP_KEPT] = {"kept", CHAIN, FORM_NUMBER, 100, NULL},
};

const char *const ps_rcp_kind_names[PS_RCP_N_KINDS] = {
    [PS_RCP_HOLE] = "hole",         [PS_RCP_ZERO] = "zero",
    [PS_RCP_ONES] = "ones",         [PS_RCP_RANDOM] = "random",
    [PS_RCP_TEXT] = "text",         [PS_RCP_CODE] = "code",
    [PS_RCP_POINTERS] = "pointers", [PS_RCP_CLASSIC] = "classic",
    [PS_RCP_LFH] = "lfh",           [PS_RCP_VS] = "vs",
    [PS_RCP_KUSER] = "kuser",       [PS_RCP_COPY] = "copy",
    [PS_RCP_TORN] = "torn",         [PS_RCP_MIX] = "mix",
    [PS_RCP_HEADER] = "header",     [PS_RCP_CHUNK] = "chunk",
    [PS_RCP_BYTES] = "bytes",       [PS_RCP_BLOCK] = "block",
};

int ps_rcp_bad(struct ps_rcp_parser *p, const char *fmt, ...)
{
    char msg[200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(msg, sizeof msg, fmt, ap);
    va_end(ap);
    for (char *c = msg; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
    return ps_fail(p->err, PS_EARG, p->line, "%s", msg);
}

int ps_rcp_store(struct ps_rcp_parser *p, const uint8_t *bytes, size_t n, uint32_t *first)
{
    struct ps_recipe *r = p->recipe;

    if (n > r->cap_bytes - r->n_bytes_pool) {
        size_t cap = r->cap_bytes * 2 + n + 256;
        uint8_t *more = realloc(r->bytes, cap);

        if (!more)
            return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory for the recipe");
        r->bytes = more;
        r->cap_bytes = cap;
    }
    *first = (uint32_t)r->n_bytes_pool;
    if (n > 0)
        memcpy(r->bytes + r->n_bytes_pool, bytes, n);
    r->n_bytes_pool += n;
    return 0;
}

static int parse_number(struct ps_rcp_parser *p, size_t key, struct ps_rcp_word w, uint64_t *out)
{
    if (keys[key].max == 100 && w.n > 0 && w.s[w.n - 1] == '%')
        w.n--;
    if (ps_rcp_number(w, out) < 0)
        return ps_rcp_bad(p, "%s needs a number such as 12 or 0x40, not \"%.*s\"", keys[key].name,
                          PS_RCP_SHOW(w));
    if (*out > keys[key].max)
        return ps_rcp_bad(p, "%s is at most %#llx", keys[key].name,
                          (unsigned long long)keys[key].max);
    return 0;
}

static int parse_choice(struct ps_rcp_parser *p, size_t key, struct ps_rcp_word w, uint64_t *out)
{
    for (uint64_t i = 0; keys[key].choices[i]; i++)
        if (ps_rcp_is(w, keys[key].choices[i])) {
            *out = i;
            return 0;
        }
    return ps_rcp_bad(p, "%s=%.*s is not known; docs/RECIPES.md lists the values", keys[key].name,
                      PS_RCP_SHOW(w));
}

static int parse_list(struct ps_rcp_parser *p, struct ps_rcp_word w, uint64_t *out)
{
    for (size_t i = 0; i < p->recipe->n_lists; i++)
        if (ps_rcp_is(w, p->recipe->list[i].name)) {
            *out = i;
            return 0;
        }
    return ps_rcp_bad(p, "there is no tag list \"%.*s\" above; write: tags NAME TAG:SIZE ...",
                      PS_RCP_SHOW(w));
}

static int parse_text(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt, struct ps_rcp_word w)
{
    uint8_t text[256];
    long n = ps_rcp_unescape(w, text, sizeof text);

    if (n < 0)
        return ps_rcp_bad(p, "text is too long or has an escape other than \\xNN");
    stmt->n_bytes = (uint32_t)n;
    return ps_rcp_store(p, text, (size_t)n, &stmt->first_byte);
}

static int parse_value(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt, size_t key,
                       struct ps_rcp_word w, uint64_t *out)
{
    uint32_t v = 0;
    int rc = 0;

    switch (keys[key].form) {
    case FORM_NUMBER:
        return parse_number(p, key, w, out);
    case FORM_CHOICE:
        return parse_choice(p, key, w, out);
    case FORM_LIST:
        return parse_list(p, w, out);
    case FORM_TEXT:
        return parse_text(p, stmt, w);
    case FORM_FLAG:
        return ps_rcp_bad(p, "%s stands alone, without a value", keys[key].name);
    case FORM_TAG:
        rc = ps_rcp_tag(w, &v);
        break;
    case FORM_TYPE:
        rc = ps_rcp_type(&stmt->era, w, &v);
        break;
    }
    if (rc < 0)
        return ps_rcp_bad(p, "%.*s is not a %s: %s", PS_RCP_SHOW(w), keys[key].name,
                          keys[key].form == FORM_TAG ? "one to four characters, others as \\xNN"
                                                     : "a name such as Paged|Quota, or a byte");
    *out = v;
    return 0;
}

static int parse_weight(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt, size_t kind,
                        struct ps_rcp_word value)
{
    uint64_t w;

    if (ps_rcp_number(value, &w) < 0 || w > 1000)
        return ps_rcp_bad(p, "the share of %s is a number up to 1000", ps_rcp_kind_names[kind]);
    stmt->weights += (uint32_t)w - stmt->weight[kind];
    stmt->weight[kind] = (uint32_t)w;
    return 0;
}

static int parse_one(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt, struct ps_rcp_word w)
{
    size_t eq = ps_rcp_find(w, "=");
    struct ps_rcp_word name = ps_rcp_part(w, 0, eq);
    struct ps_rcp_word value = ps_rcp_part(w, eq + 1, w.n);

    for (size_t k = 0; stmt->kind == PS_RCP_MIX && eq < w.n && k < PS_RCP_N_MIXABLE; k++)
        if (ps_rcp_is(name, ps_rcp_kind_names[k]))
            return parse_weight(p, stmt, k, value);
    for (size_t k = 0; k < PS_RCP_N_KEYS; k++) {
        if (!ps_rcp_is(name, keys[k].name) || !(keys[k].kinds >> stmt->kind & 1u))
            continue;
        if (ps_rcp_has(&stmt->args, (enum ps_rcp_key)k))
            return ps_rcp_bad(p, "%s is given twice", keys[k].name);
        stmt->args.set |= 1ull << k;
        stmt->args.v[k] = 1;
        if (eq == w.n && (keys[k].form == FORM_FLAG || k == PS_RCP_FREE))
            return 0;
        return parse_value(p, stmt, k, value, &stmt->args.v[k]);
    }
    return ps_rcp_bad(p, "%s does not take \"%.*s\"", ps_rcp_kind_names[stmt->kind],
                      PS_RCP_SHOW(name));
}

int ps_rcp_args_parse(struct ps_rcp_parser *p, struct ps_rcp_stmt *stmt,
                      const struct ps_rcp_word *word, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = parse_one(p, stmt, word[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}
