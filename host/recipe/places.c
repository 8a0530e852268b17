#include "host/recipe/model.h"

#include <ctype.h>
#include <stdlib.h>

static int push_stmt(struct ps_rcp_parser *p, const struct ps_rcp_stmt *stmt)
{
    struct ps_recipe *r = p->recipe;

    if (r->n_stmts == PS_RCP_MAX_STMTS)
        return ps_rcp_bad(p, "a recipe has at most %u statements", PS_RCP_MAX_STMTS);
    if (r->n_stmts == r->cap_stmts) {
        size_t cap = r->cap_stmts * 2 + 16;
        struct ps_rcp_stmt *more = realloc(r->stmt, cap * sizeof *more);

        if (!more)
            return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory");
        r->stmt = more;
        r->cap_stmts = cap;
    }
    r->stmt[r->n_stmts++] = *stmt;
    return 0;
}

/* N, A-B or A- (to the last page). */
static int page_range(struct ps_rcp_parser *p, struct ps_rcp_word w, struct ps_rcp_stmt *stmt)
{
    uint64_t last = p->recipe->n_pages - 1;
    uint64_t end = p->recipe->image_pages - 1;
    size_t dash = ps_rcp_find(w, "-");

    if (ps_rcp_number(ps_rcp_part(w, 0, dash), &stmt->first_page) < 0)
        return ps_rcp_bad(p, "pages are written 17, 0x10-0x1f or 0x10- (to the end)");
    stmt->last_page = stmt->first_page;
    if (dash + 1 == w.n)
        stmt->last_page = stmt->first_page <= end ? end : last;
    else if (dash < w.n && ps_rcp_number(ps_rcp_part(w, dash + 1, w.n), &stmt->last_page) < 0)
        return ps_rcp_bad(p, "pages are written 17, 0x10-0x1f or 0x10- (to the end)");
    if (stmt->last_page > last || stmt->first_page > stmt->last_page)
        return ps_rcp_bad(p, "the last page of this image is %#llx", (unsigned long long)last);
    return 0;
}

static int source_fits(const struct ps_recipe *r, const struct ps_rcp_stmt *stmt,
                       enum ps_rcp_key key)
{
    uint64_t from = ps_rcp_get(&stmt->args, key, 0);

    return from < r->n_pages && stmt->last_page - stmt->first_page < r->n_pages - from;
}

static int check_pages(struct ps_rcp_parser *p, const struct ps_rcp_stmt *stmt)
{
    const struct ps_recipe *r = p->recipe;
    const struct ps_rcp_args *a = &stmt->args;
    uint32_t unit = ps_rcp_unit(&stmt->era);

    if ((stmt->kind == PS_RCP_COPY || stmt->kind == PS_RCP_TORN) && !ps_rcp_has(a, PS_RCP_FROM))
        return ps_rcp_bad(p, "say which page: from=N");
    if (stmt->kind == PS_RCP_TORN && !ps_rcp_has(a, PS_RCP_SECOND))
        return ps_rcp_bad(p, "say which page the rest comes from: then=N");
    if (!source_fits(r, stmt, PS_RCP_FROM) || !source_fits(r, stmt, PS_RCP_SECOND))
        return ps_rcp_bad(p, "the page to copy lies outside the image");
    if (stmt->kind == PS_RCP_LFH && !ps_rcp_has(a, PS_RCP_TAGS))
        return ps_rcp_bad(p, "lfh needs tags=LIST");
    if (stmt->kind == PS_RCP_MIX && stmt->weights == 0)
        return ps_rcp_bad(p, "mix needs shares, such as zero=40 text=60");
    if (stmt->kind == PS_RCP_MIX && !ps_rcp_has(a, PS_RCP_TAGS) &&
        stmt->weight[PS_RCP_CLASSIC] + stmt->weight[PS_RCP_LFH] + stmt->weight[PS_RCP_VS] > 0)
        return ps_rcp_bad(p, "mix with pool pages needs tags=LIST");
    if (ps_rcp_get(a, PS_RCP_STRIDE, unit * 2) % unit || ps_rcp_get(a, PS_RCP_FIRST, 0) % unit ||
        ps_rcp_get(a, PS_RCP_STRIDE, unit * 2) < unit * 2)
        return ps_rcp_bad(p, "stride and first are multiples of %u bytes, stride at least %u", unit,
                          unit * 2);
    if (ps_rcp_has(a, PS_RCP_RUN) && a->v[PS_RCP_RUN] == 0)
        return ps_rcp_bad(p, "run is at least 1");
    return 0;
}

static int find_kind(struct ps_rcp_word w, size_t first, size_t end)
{
    for (size_t k = first; k < end; k++)
        if (ps_rcp_is(w, ps_rcp_kind_names[k]))
            return (int)k;
    return -1;
}

static int begin_place(struct ps_rcp_parser *p)
{
    if (p->recipe->n_bytes == 0)
        return ps_rcp_bad(p, "say the size of the image first: size 64M");
    p->placed = 1;
    if (p->n_words < 3)
        return ps_rcp_bad(p, "say where and what, such as: pages 1-9 zero");
    return 0;
}

/* Numbers of 'width' bytes each, or hex digit pairs (width 0). */
static int append_numbers(struct ps_rcp_parser *p, size_t first_word, size_t width, uint8_t *out,
                          size_t *n)
{
    for (size_t i = first_word; i < p->n_words; i++) {
        size_t bytes = width ? width : 1;
        uint64_t v;
        char digits[8] = "0x";
        struct ps_rcp_word w = p->word[i];

        if (width == 0 && w.n == 2 && isxdigit((unsigned char)w.s[1])) {
            memcpy(digits + 2, w.s, 2);
            w = (struct ps_rcp_word){digits, 4};
        } else if (width == 0) {
            return ps_rcp_bad(p, "hex takes two digits for each byte");
        }
        if (ps_rcp_number(w, &v) < 0 || (bytes < 8 && v >> (8 * bytes)))
            return ps_rcp_bad(p, "\"%.*s\" is not a number of %zu bytes", PS_RCP_SHOW(w), bytes);
        if (bytes > PS_RECIPE_PAGE - *n)
            return ps_rcp_bad(p, "the bytes of one statement stay in one page");
        for (size_t b = 0; b < bytes; b++)
            out[(*n)++] = (uint8_t)(v >> (8 * b));
    }
    return 0;
}

static int append_text(struct ps_rcp_parser *p, size_t first_word, size_t width, uint8_t *out,
                       size_t *n)
{
    uint8_t text[PS_RECIPE_PAGE];
    long got =
        p->n_words == first_word + 1 ? ps_rcp_unescape(p->word[first_word], text, sizeof text) : -1;

    if (got < 0 || (size_t)got > PS_RECIPE_PAGE / width)
        return ps_rcp_bad(p, "write one quoted text of at most a page, bytes as \\xNN");
    for (long i = 0; i < got; i++) {
        out[(*n)++] = text[i];
        if (width == 2)
            out[(*n)++] = 0;
    }
    return 0;
}

static const struct {
    const char *name;
    int (*append)(struct ps_rcp_parser *p, size_t first_word, size_t width, uint8_t *out,
                  size_t *n);
    size_t width;
} byte_forms[] = {
    {"hex", append_numbers, 0}, {"u8", append_numbers, 1},  {"u16", append_numbers, 2},
    {"u32", append_numbers, 4}, {"u64", append_numbers, 8}, {"ascii", append_text, 1},
    {"utf16", append_text, 2},
};

/* 1: it was a byte statement, filled; 0: it is none. */
static int byte_point(struct ps_rcp_parser *p, size_t what, struct ps_rcp_stmt *stmt)
{
    uint8_t bytes[PS_RECIPE_PAGE + 8];
    size_t n = 0;

    for (size_t i = 0; i < sizeof byte_forms / sizeof *byte_forms; i++) {
        int rc;

        if (!ps_rcp_is(p->word[what], byte_forms[i].name))
            continue;
        rc = byte_forms[i].append(p, what + 1, byte_forms[i].width, bytes, &n);
        if (rc == 0 && n > PS_RECIPE_PAGE - stmt->offset)
            rc = ps_rcp_bad(p, "the bytes of one statement stay in one page");
        if (rc == 0)
            rc = ps_rcp_store(p, bytes, n, &stmt->first_byte);
        stmt->kind = PS_RCP_BYTES;
        stmt->n_bytes = (uint32_t)n;
        return rc < 0 ? rc : 1;
    }
    return 0;
}

static int check_size(struct ps_rcp_parser *p, const struct ps_rcp_stmt *stmt, int may_be_zero)
{
    uint32_t unit = ps_rcp_unit(&stmt->era);
    uint64_t size = ps_rcp_get(&stmt->args, PS_RCP_SIZE, 0);

    if (size % unit || (size == 0 && !may_be_zero) ||
        (stmt->kind != PS_RCP_CHUNK && size / unit > ps_rcp_max_units(&stmt->era)))
        return ps_rcp_bad(p, "size is a multiple of %u bytes up to %#x", unit,
                          unit * ps_rcp_max_units(&stmt->era));
    return 0;
}

static int check_header(struct ps_rcp_parser *p, const struct ps_rcp_stmt *stmt)
{
    uint32_t unit = ps_rcp_unit(&stmt->era);
    uint64_t prev = ps_rcp_get(&stmt->args, PS_RCP_PREV, 0);

    if (!ps_rcp_has(&stmt->args, PS_RCP_TAG))
        return ps_rcp_bad(p, "header needs tag=");
    if (prev % unit || prev / unit > ps_rcp_max_units(&stmt->era))
        return ps_rcp_bad(p, "prev is a multiple of %u bytes up to %#x", unit,
                          unit * ps_rcp_max_units(&stmt->era));
    if (!stmt->era.is_x64 && ps_rcp_get(&stmt->args, PS_RCP_INDEX, 0) > 0x7f)
        return ps_rcp_bad(p, "index is at most 0x7f on x86");
    return check_size(p, stmt, 1);
}

/* 'what' is the index of the word that says what stands at the address. */
static int finish_point(struct ps_rcp_parser *p, size_t what, uint64_t address)
{
    struct ps_rcp_stmt stmt = {.era = p->era, .line = p->line};
    int kind = find_kind(p->word[what], PS_RCP_FIRST_POINT, PS_RCP_BYTES);
    const struct ps_recipe *r = p->recipe;
    int rc;

    if (address >= r->n_bytes &&
        (r->n_pages == r->image_pages || address / PS_RECIPE_PAGE >= r->n_pages))
        return ps_rcp_bad(p, "the address lies behind the end of the image");
    stmt.first_page = stmt.last_page = address / PS_RECIPE_PAGE;
    stmt.offset = (uint32_t)(address % PS_RECIPE_PAGE);
    rc = byte_point(p, what, &stmt);
    if (rc != 0)
        return rc < 0 ? rc : push_stmt(p, &stmt);
    if (kind < 0)
        return ps_rcp_bad(p, "\"%.*s\" cannot stand at an address", PS_RCP_SHOW(p->word[what]));
    stmt.kind = (enum ps_rcp_kind)kind;
    rc = ps_rcp_args_parse(p, &stmt, p->word + what + 1, p->n_words - what - 1);
    if (rc == 0)
        rc = kind == PS_RCP_HEADER ? check_header(p, &stmt) : check_size(p, &stmt, 0);
    return rc < 0 ? rc : push_stmt(p, &stmt);
}

int ps_rcp_do_at(struct ps_rcp_parser *p)
{
    uint64_t address;
    int rc = begin_place(p);

    if (rc < 0)
        return rc;
    if (ps_rcp_number(p->word[1], &address) < 0)
        return ps_rcp_bad(p, "write an address after at, such as 0x1040");
    return finish_point(p, 2, address);
}

int ps_rcp_do_pages(struct ps_rcp_parser *p)
{
    struct ps_rcp_stmt stmt = {.era = p->era, .line = p->line};
    uint64_t offset;
    int kind, rc = begin_place(p);

    if (rc < 0 || (rc = page_range(p, p->word[1], &stmt)) < 0)
        return rc;
    if (p->word[2].s[0] == '+') {
        if (ps_rcp_number(ps_rcp_part(p->word[2], 1, p->word[2].n), &offset) < 0 ||
            offset >= PS_RECIPE_PAGE || stmt.first_page != stmt.last_page || p->n_words < 4)
            return ps_rcp_bad(p, "write one page and an offset: page 3 +0x40 header ...");
        return finish_point(p, 3, stmt.first_page * PS_RECIPE_PAGE + offset);
    }
    kind = find_kind(p->word[2], 0, PS_RCP_FIRST_POINT);
    if (kind < 0)
        return ps_rcp_bad(p,
                          "\"%.*s\" is nothing a page can hold; docs/RECIPES.md "
                          "lists what can",
                          PS_RCP_SHOW(p->word[2]));
    stmt.kind = (enum ps_rcp_kind)kind;
    stmt.first_block = (uint32_t)p->recipe->n_blocks;
    rc = ps_rcp_args_parse(p, &stmt, p->word + 3, p->n_words - 3);
    if (rc < 0 || (rc = check_pages(p, &stmt)) < 0)
        return rc;
    return push_stmt(p, &stmt);
}

static int push_block(struct ps_rcp_parser *p, struct ps_rcp_stmt *owner,
                      const struct ps_rcp_stmt *b)
{
    struct ps_recipe *r = p->recipe;
    const char *why = NULL;

    if (r->n_blocks == PS_RCP_MAX_BLOCKS)
        return ps_rcp_bad(p, "a recipe has at most %u blocks", PS_RCP_MAX_BLOCKS);
    if (r->n_blocks == r->cap_blocks) {
        size_t cap = r->cap_blocks * 2 + 16;
        struct ps_rcp_block *more = realloc(r->block, cap * sizeof *more);

        if (!more)
            return ps_fail(p->err, PS_ENOMEM, p->line, "not enough memory");
        r->block = more;
        r->cap_blocks = cap;
    }
    r->block[r->n_blocks++] = (struct ps_rcp_block){b->args, p->line};
    owner->n_blocks++;
    return ps_rcp_blocks_fit(r, owner, &why) < 0 ? ps_rcp_bad(p, "%s", why) : 0;
}

int ps_rcp_do_block(struct ps_rcp_parser *p)
{
    struct ps_recipe *r = p->recipe;
    struct ps_rcp_stmt *owner = r->n_stmts ? &r->stmt[r->n_stmts - 1] : NULL;
    struct ps_rcp_stmt b = {.kind = PS_RCP_BLOCK, .line = p->line};
    int rc;

    if (!owner || (owner->kind != PS_RCP_CLASSIC && owner->kind != PS_RCP_VS))
        return ps_rcp_bad(p, "block belongs right below a classic or vs page");
    b.era = owner->era;
    if ((rc = ps_rcp_args_parse(p, &b, p->word + 1, p->n_words - 1)) < 0)
        return rc;
    if (!ps_rcp_has(&b.args, PS_RCP_TAG) && !ps_rcp_has(&b.args, PS_RCP_FREE))
        return ps_rcp_bad(p, "block needs tag=, or the word free");
    if (!b.era.is_x64 && ps_rcp_get(&b.args, PS_RCP_INDEX, 0) > 0x7f)
        return ps_rcp_bad(p, "index is at most 0x7f on x86");
    rc = check_size(p, &b, 0);
    return rc < 0 ? rc : push_block(p, owner, &b);
}
