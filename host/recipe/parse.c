#include "host/recipe/heap/heap.h"
#include "host/recipe/memory/memory.h"
#include "host/recipe/modules/modules.h"
#include "host/recipe/model.h"
#include "host/recipe/quota/quota.h"
#include "host/recipe/system/system.h"

#include <stdlib.h>

typedef int handler(struct ps_rcp_parser *p);

static int one_number(struct ps_rcp_parser *p, uint64_t *out)
{
    if (p->n_words != 2 || ps_rcp_number(p->word[1], out) < 0)
        return ps_rcp_bad(p, "%.*s needs one number", PS_RCP_SHOW(p->word[0]));
    return 0;
}

static int only_first(struct ps_rcp_parser *p)
{
    if (p->placed)
        return ps_rcp_bad(p, "%.*s must stand before the first page or at statement",
                          PS_RCP_SHOW(p->word[0]));
    return 0;
}

static int do_size(struct ps_rcp_parser *p)
{
    struct ps_recipe *r = p->recipe;
    int rc = only_first(p);

    if (rc < 0 || (rc = one_number(p, &r->n_bytes)) < 0)
        return rc;
    if (r->n_bytes == 0 || r->n_bytes > PS_RECIPE_MAX_BYTES)
        return ps_rcp_bad(p, "size is 1 byte to 64G");
    r->n_pages = r->image_pages = (r->n_bytes + PS_RECIPE_PAGE - 1) / PS_RECIPE_PAGE;
    return 0;
}

static int do_seed(struct ps_rcp_parser *p)
{
    int rc = only_first(p);

    return rc < 0 ? rc : one_number(p, &p->recipe->seed);
}

static int do_heapkey(struct ps_rcp_parser *p)
{
    int rc = only_first(p);

    return rc < 0 ? rc : one_number(p, &p->recipe->heap_key);
}

static int do_vabase(struct ps_rcp_parser *p)
{
    int rc = only_first(p);

    return rc < 0 ? rc : one_number(p, &p->recipe->va_base[p->era.is_x64]);
}

static int do_build(struct ps_rcp_parser *p)
{
    uint64_t v;
    int rc = one_number(p, &v);

    if (rc < 0)
        return rc;
    if (v < 2600 || v > 0xffff)
        return ps_rcp_bad(p, "build is a Windows build from 2600 to 65535");
    p->era.build = (uint32_t)v;
    return 0;
}

static int do_arch(struct ps_rcp_parser *p)
{
    if (p->n_words != 2 || (!ps_rcp_is(p->word[1], "x86") && !ps_rcp_is(p->word[1], "x64")))
        return ps_rcp_bad(p, "arch is x86 or x64");
    p->era.is_x64 = ps_rcp_is(p->word[1], "x64");
    return 0;
}

static int do_set(struct ps_rcp_parser *p)
{
    if (p->n_words != 3)
        return ps_rcp_bad(p, "write: set NAME VALUE");
    if (p->n_sets == PS_RCP_MAX_SETS)
        return ps_rcp_bad(p, "a recipe has at most %u parameters", PS_RCP_MAX_SETS);
    /* The words lie in the line buffer, which the next line overwrites: keep copies. */
    p->set[p->n_sets].name = strndup(p->word[1].s, p->word[1].n);
    p->set[p->n_sets].value = strndup(p->word[2].s, p->word[2].n);
    p->n_sets++;
    if (!p->set[p->n_sets - 1].name || !p->set[p->n_sets - 1].value)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory");
    return 0;
}

/* SIZE or SIZE-SIZE, in bytes, into the entry. */
static int entry_sizes(struct ps_rcp_parser *p, struct ps_rcp_word w, struct ps_rcp_entry *e)
{
    size_t dash = ps_rcp_find(w, "-");
    uint64_t lo, hi;

    if (ps_rcp_number(ps_rcp_part(w, 0, dash), &lo) < 0)
        return ps_rcp_bad(p, "a block size is a number such as 0x40");
    hi = lo;
    if (dash < w.n && ps_rcp_number(ps_rcp_part(w, dash + 1, w.n), &hi) < 0)
        return ps_rcp_bad(p, "a range of block sizes is written 0x40-0x80");
    if (lo < 16 || hi < lo || hi > 0xff8)
        return ps_rcp_bad(p, "block sizes lie between 16 and 0xff0 bytes");
    e->min_bytes = (uint32_t)lo;
    e->max_bytes = (uint32_t)hi;
    return 0;
}

/* TAG[:SIZE[-SIZE]][*WEIGHT][/TYPE] */
static int parse_entry(struct ps_rcp_parser *p, struct ps_rcp_word w, struct ps_rcp_entry *e,
                       uint32_t *weight)
{
    size_t end = ps_rcp_find(w, ":*/");
    uint32_t type;
    uint64_t v;
    int rc;

    *e = (struct ps_rcp_entry){0, 0x40, 0x200, 0, PS_RCP_NO_TYPE};
    *weight = 1;
    if (ps_rcp_tag(ps_rcp_part(w, 0, end), &e->tag) < 0)
        return ps_rcp_bad(p, "a tag is one to four characters, others as \\xNN");
    while (end < w.n) {
        struct ps_rcp_word rest = ps_rcp_part(w, end + 1, w.n);
        struct ps_rcp_word value = ps_rcp_part(rest, 0, ps_rcp_find(rest, ":*/"));
        char sign = w.s[end];

        if (sign == ':' && (rc = entry_sizes(p, value, e)) < 0)
            return rc;
        if (sign == '*' && (ps_rcp_number(value, &v) < 0 || v == 0 || v > 1000))
            return ps_rcp_bad(p, "a weight is a number from 1 to 1000");
        if (sign == '*')
            *weight = (uint32_t)v;
        if (sign == '/' && ps_rcp_type(&p->era, value, &type) < 0)
            return ps_rcp_bad(p, "a type is a name such as Paged, or a byte");
        if (sign == '/')
            e->type = (uint16_t)type;
        end += 1 + value.n;
    }
    return 0;
}

static int list_named(struct ps_rcp_parser *p, struct ps_rcp_word name, struct ps_rcp_list **out)
{
    struct ps_recipe *r = p->recipe;
    struct ps_rcp_list *more;

    for (size_t i = 0; i < r->n_lists; i++)
        if (ps_rcp_is(name, r->list[i].name)) {
            *out = &r->list[i];
            return 0;
        }
    if (name.n == 0 || name.n >= sizeof more->name)
        return ps_rcp_bad(p, "the name of a tag list has 1 to 31 characters");
    if (r->n_lists == PS_RCP_MAX_LISTS)
        return ps_rcp_bad(p, "a recipe has at most %u tag lists", PS_RCP_MAX_LISTS);
    more = realloc(r->list, (r->n_lists + 1) * sizeof *more);
    if (!more)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory");
    r->list = more;
    *out = &r->list[r->n_lists++];
    memset(*out, 0, sizeof **out);
    memcpy((*out)->name, name.s, name.n);
    return 0;
}

static int do_tags(struct ps_rcp_parser *p)
{
    struct ps_rcp_list *list = NULL;
    struct ps_rcp_entry *more;
    int rc;

    if (p->n_words < 3)
        return ps_rcp_bad(p, "write: tags NAME TAG[:SIZE[-SIZE]][*WEIGHT][/TYPE] ...");
    if ((rc = list_named(p, p->word[1], &list)) < 0)
        return rc;
    if (p->n_words - 2 > PS_RCP_MAX_ENTRIES - list->n)
        return ps_rcp_bad(p, "a tag list has at most %u tags", PS_RCP_MAX_ENTRIES);
    more = realloc(list->entry, (list->n + p->n_words - 2) * sizeof *more);
    if (!more)
        return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory");
    list->entry = more;
    for (size_t i = 2; i < p->n_words; i++) {
        uint32_t before = list->n ? list->entry[list->n - 1].weight_end : 0;
        uint32_t weight;

        if ((rc = parse_entry(p, p->word[i], &list->entry[list->n], &weight)) < 0)
            return rc;
        list->entry[list->n++].weight_end = before + weight;
    }
    return 0;
}

static const struct {
    const char *name;
    handler *run;
} statements[] = {
    {"size", do_size},
    {"seed", do_seed},
    {"heapkey", do_heapkey},
    {"vabase", do_vabase},
    {"build", do_build},
    {"arch", do_arch},
    {"set", do_set},
    {"tags", do_tags},
    {"at", ps_rcp_do_at},
    {"page", ps_rcp_do_pages},
    {"pages", ps_rcp_do_pages},
    {"block", ps_rcp_do_block},
    {"system", ps_rcp_do_system},
    {"map", ps_rcp_do_map},
    {"alias", ps_rcp_do_map},
    {"table", ps_rcp_do_table},
    {"decoy", ps_rcp_do_decoy},
    {"pagefile", ps_rcp_do_pagefile},
    {"bigtable", ps_rcp_do_bigtable},
    {"big", ps_rcp_do_big},
    {"bigs", ps_rcp_do_bigs},
    {"kernel", ps_rcp_do_kernel},
    {"tracker", ps_rcp_do_tracker},
    {"quota", ps_rcp_do_quota},
    {"heaps", ps_rcp_do_heaps},
    {"heap", ps_rcp_do_heap},
    {"pfndb", ps_rcp_do_pfndb},
    {"use", ps_rcp_do_use},
    {"modules", ps_rcp_do_modules},
    {"module", ps_rcp_do_module},
};

static int run_line(struct ps_rcp_parser *p)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (ps_rcp_is(p->word[0], statements[i].name))
            return statements[i].run(p);
    return ps_rcp_bad(p, "\"%.*s\" is no statement; docs/RECIPES.md lists them",
                      PS_RCP_SHOW(p->word[0]));
}

static int param_value(const struct ps_rcp_parser *p, struct ps_rcp_word name,
                       struct ps_rcp_word *out)
{
    for (size_t i = 0; i < p->n_params; i++)
        if (ps_rcp_is(name, p->params[i].name)) {
            *out = (struct ps_rcp_word){p->params[i].value, strlen(p->params[i].value)};
            return 0;
        }
    for (size_t i = p->n_sets; i > 0; i--)
        if (ps_rcp_is(name, p->set[i - 1].name)) {
            *out = (struct ps_rcp_word){p->set[i - 1].value, strlen(p->set[i - 1].value)};
            return 0;
        }
    return -1;
}

/* Name behind a '$', which may stand in braces. Returns the bytes it takes, 0 if it is none. */
static size_t param_name(const char *s, size_t n, struct ps_rcp_word *name)
{
    size_t brace = n > 0 && s[0] == '{';

    *name = (struct ps_rcp_word){s + brace, ps_rcp_name(s + brace, n - brace)};
    if (name->n == 0)
        return 0;
    if (!brace)
        return name->n;
    return name->n + 2 <= n && s[name->n + 1] == '}' ? name->n + 2 : 0;
}

/* Copy a line to p->line with $NAME and ${NAME} replaced outside quotes. */
static int expand(struct ps_rcp_parser *p, const char *line, size_t n, size_t *n_out)
{
    size_t at = 0;
    int quoted = 0;

    for (size_t i = 0; i < n;) {
        struct ps_rcp_word piece = {line + i, 1};
        size_t used = 1;

        if (line[i] == '\\' && i + 1 < n) {
            piece.n = used = 2;
        } else if (line[i] == '"') {
            quoted = !quoted;
        } else if (line[i] == '#' && !quoted &&
                   (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t')) {
            break;
        } else if (line[i] == '$' && !quoted) {
            struct ps_rcp_word name;
            size_t n_name = param_name(line + i + 1, n - i - 1, &name);

            used += n_name;
            if (n_name == 0 || param_value(p, name, &piece) < 0)
                return ps_rcp_bad(p,
                                  "$%.*s is not set; write: set NAME VALUE above, or "
                                  "quote the $",
                                  PS_RCP_SHOW(name));
        }
        if (piece.n > PS_RCP_MAX_LINE - at)
            return ps_rcp_bad(p, "a line has at most %u bytes", PS_RCP_MAX_LINE);
        memcpy(p->text + at, piece.s, piece.n);
        at += piece.n;
        i += used;
    }
    *n_out = at;
    return 0;
}

static int parse_line(struct ps_rcp_parser *p, const char *line, size_t n)
{
    size_t n_line = 0;
    int n_words, rc = expand(p, line, n, &n_line);

    if (rc < 0)
        return rc;
    n_words = ps_rcp_split(p->text, n_line, p->word, PS_RCP_MAX_WORDS);
    if (n_words == -1)
        return ps_rcp_bad(p, "a quote is not closed");
    if (n_words < 0)
        return ps_rcp_bad(p, "a line has at most %u words", PS_RCP_MAX_WORDS);
    p->n_words = (size_t)n_words;
    return n_words == 0 ? 0 : run_line(p);
}

static int parse_lines(struct ps_rcp_parser *p, const char *text, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;
        int rc;

        p->line++;
        if ((rc = parse_line(p, text + at, length)) < 0)
            return rc;
        at += length + (end != NULL);
    }
    return 0;
}

/* What can only be said when all lines were read. */
static int finish(struct ps_rcp_parser *p)
{
    struct ps_recipe *r = p->recipe;
    int rc;

    if (r->n_bytes == 0)
        return ps_rcp_bad(p, "the recipe does not say the size of the image: size 64M");
    for (size_t i = 0; i < r->n_stmts; i++) {
        const struct ps_rcp_stmt *s = &r->stmt[i];

        p->line = s->line;
        if ((s->kind == PS_RCP_CLASSIC || s->kind == PS_RCP_VS) && s->n_blocks == 0 &&
            !ps_rcp_has(&s->args, PS_RCP_TAGS))
            return ps_rcp_bad(p, "%s needs tags=LIST, or block lines below it",
                              ps_rcp_kind_names[s->kind]);
    }
    rc = ps_rcp_index(r, p->err);
    return rc < 0 ? rc : ps_rcp_system_build(r, p->err);
}

static struct ps_recipe *new_recipe(void)
{
    struct ps_recipe *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->seed = 1;
    r->heap_key = 0x5bd1e995c3a5f00dull;
    r->va_base[0] = 0x82000000u;
    r->va_base[1] = 0xffffa50c00000000ull;
    return r;
}

static int parse_all(struct ps_rcp_parser *p, const char *text, size_t n_bytes)
{
    int rc;

    p->recipe = new_recipe();
    p->word = calloc(PS_RCP_MAX_WORDS, sizeof *p->word);
    p->text = malloc(PS_RCP_MAX_LINE);
    if (!p->recipe || !p->word || !p->text)
        return ps_fail(p->err, PS_ENOMEM, PS_AT_NONE, "not enough memory for the recipe");
    rc = parse_lines(p, text, n_bytes);
    return rc < 0 ? rc : finish(p);
}

int ps_recipe_parse(struct ps_recipe **out, const char *text, size_t n_bytes,
                    const struct ps_recipe_param *params, size_t n_params, struct ps_err *err)
{
    struct ps_rcp_parser p = {
        .era = {.build = 19041, .is_x64 = 1},
        .err = err,
        .params = params,
        .n_params = n_params,
    };
    int rc;

    if (n_bytes > PS_RECIPE_MAX_TEXT)
        return ps_fail(err, PS_EARG, 1, "a recipe has at most 8 MiB of text");
    rc = parse_all(&p, text, n_bytes);
    if (rc == 0)
        *out = p.recipe;
    else
        ps_recipe_free(p.recipe);
    for (size_t i = 0; i < p.n_sets; i++) {
        free(p.set[i].name);
        free(p.set[i].value);
    }
    free(p.word);
    free(p.text);
    return rc;
}

void ps_recipe_free(struct ps_recipe *recipe)
{
    if (!recipe)
        return;
    for (size_t i = 0; i < recipe->n_lists; i++)
        free(recipe->list[i].entry);
    ps_rcp_system_free(recipe->system);
    free(recipe->list);
    free(recipe->stmt);
    free(recipe->block);
    free(recipe->bytes);
    free(recipe->span);
    free(recipe->point);
    free(recipe);
}

uint64_t ps_recipe_size(const struct ps_recipe *recipe)
{
    return recipe->n_bytes;
}

uint64_t ps_recipe_pages(const struct ps_recipe *recipe)
{
    return recipe->n_pages;
}
