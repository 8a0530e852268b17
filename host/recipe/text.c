#include "host/recipe/model.h"

/* Text that fills a page: what the file cache and user pages are full of. */
struct text {
    struct ps_rcp_page *pg;
    uint32_t at;
    uint32_t column;
    int wide; /* UTF-16 */
};

static const char *const words[] = {
    "the",    "memory", "page",   "of",      "a",       "system", "and",   "thread", "holds",
    "value",  "when",   "driver", "request", "is",      "small",  "large", "block",  "in",
    "list",   "with",   "timer",  "while",   "process", "other",  "time",  "file",   "name",
    "handle", "update", "this",   "window",  "service", "report", "first", "second", "result",
    "table",  "from",   "to",     "string",  "index",   "count",  "state", "device", "power",
    "user",   "data",   "write",  "read",    "cache",   "event",  "error", "not",    "was",
    "found",  "will",   "be",     "after",   "before",  "each",   "entry", "path",   "local",
};

static const char *const types[] = {"int", "long", "void *", "uint32_t", "char", "size_t"};

static int full(const struct text *t)
{
    return t->at >= PS_RECIPE_PAGE;
}

static void put_char(struct text *t, char c)
{
    if (!full(t))
        t->pg->b[t->at++] = (uint8_t)c;
    if (t->wide && !full(t))
        t->pg->b[t->at++] = 0;
    t->column = c == '\n' ? 0 : t->column + 1;
}

static void put_string(struct text *t, const char *s)
{
    while (*s)
        put_char(t, *s++);
}

static uint32_t draw(struct text *t, uint32_t n)
{
    return ps_rcp_below(&t->pg->rng, n);
}

static const char *any_word(struct text *t)
{
    return words[draw(t, sizeof words / sizeof *words)];
}

static void put_number(struct text *t, uint32_t v)
{
    char digits[12];
    size_t i = sizeof digits - 1;

    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    put_string(t, digits + i);
}

static void sentence(struct text *t)
{
    uint32_t n = 4 + draw(t, 12);

    for (uint32_t i = 0; i < n && !full(t); i++) {
        const char *w = any_word(t);

        put_char(t, i == 0 ? (char)(*w - 'a' + 'A') : *w);
        put_string(t, w + 1);
        if (i + 1 < n && draw(t, 12) == 0)
            put_char(t, ',');
        if (i + 1 < n)
            put_string(t, t->column > 72 ? "\r\n" : " ");
    }
    put_string(t, draw(t, 6) == 0 ? ".\r\n" : ". ");
}

static void source_line(struct text *t)
{
    for (uint32_t indent = draw(t, 4); indent > 0; indent--)
        put_string(t, "    ");
    switch (draw(t, 4)) {
    case 0:
        put_string(t, types[draw(t, sizeof types / sizeof *types)]);
        put_char(t, ' ');
        put_string(t, any_word(t));
        put_string(t, " = ");
        put_number(t, draw(t, 4096));
        break;
    case 1:
        put_string(t, "if (");
        put_string(t, any_word(t));
        put_string(t, "->");
        put_string(t, any_word(t));
        put_string(t, " != NULL) return 0");
        break;
    case 2:
        put_string(t, any_word(t));
        put_char(t, '_');
        put_string(t, any_word(t));
        put_string(t, "(&");
        put_string(t, any_word(t));
        put_char(t, ')');
        break;
    default:
        put_string(t, "/* ");
        put_string(t, any_word(t));
        put_char(t, ' ');
        put_string(t, any_word(t));
        put_string(t, " */");
        break;
    }
    put_string(t, ";\r\n");
}

/* A line as tools that know pool tags keep in memory: each tag is a decoy. */
static void tag_line(struct text *t, const struct ps_rcp_list *tags)
{
    uint32_t tag = tags ? ps_rcp_draw(t->pg, tags, -1)->tag : 0x20202020u;

    if (tags && t->at + 4 <= PS_RECIPE_PAGE)
        ps_rcp_plant_decoy(t->pg, t->at, tag);
    for (int i = 0; i < 4; i++)
        put_char(t, (char)(tag >> (8 * i)));
    put_string(t, " - ");
    put_string(t, any_word(t));
    put_string(t, ".sys - ");
    put_string(t, any_word(t));
    put_char(t, ' ');
    put_string(t, any_word(t));
    put_string(t, "\r\n");
}

/* A line that starts right where a header would have its tag: CR and LF in front of it read as
 * BlockSize and PoolType of a block in use. */
static void note_line_starts(struct ps_rcp_page *pg)
{
    uint32_t unit = ps_rcp_unit(&pg->stmt->era);

    for (uint32_t at = 0; at < PS_RECIPE_PAGE; at += unit)
        if (pg->b[at + 2] == '\r' && pg->b[at + 3] == '\n')
            ps_rcp_plant_decoy(pg, at + 4, ps_rcp_get32(pg->b + at + 4));
}

void ps_rcp_fill_text(struct ps_rcp_page *pg)
{
    struct text t = {pg, 0, 0, 0};
    enum ps_rcp_style style =
        (enum ps_rcp_style)ps_rcp_get(&pg->stmt->args, PS_RCP_STYLE, PS_RCP_ENGLISH);
    const struct ps_rcp_list *tags = ps_rcp_list_of(pg, PS_RCP_TAGS);

    if (style == PS_RCP_ANY_STYLE)
        style = (enum ps_rcp_style)draw(&t, PS_RCP_POOLTAG);
    t.wide = style == PS_RCP_UTF16;
    /* A page of a longer text starts inside a word. */
    put_string(&t, any_word(&t) + draw(&t, 2));
    put_string(&t, "\r\n");
    while (!full(&t)) {
        if (style == PS_RCP_SOURCE)
            source_line(&t);
        else if (style == PS_RCP_POOLTAG)
            tag_line(&t, tags);
        else
            sentence(&t);
    }
    note_line_starts(pg);
}
