#include "host/recipe/system/system.h"

#include <ctype.h>

int ps_rcp_parse_pages(struct ps_rcp_parser *p, struct ps_rcp_word w, uint64_t n_pages,
                       struct ps_rcp_range *out)
{
    size_t dash = ps_rcp_find(w, "-");

    if (ps_rcp_number(ps_rcp_part(w, 0, dash), &out->first) < 0)
        return ps_rcp_bad(p, "pages are written 17, 0x10-0x1f or 0x10- (to the end)");
    out->last = out->first;
    if (dash + 1 == w.n)
        out->last = n_pages - 1;
    else if (dash < w.n && ps_rcp_number(ps_rcp_part(w, dash + 1, w.n), &out->last) < 0)
        return ps_rcp_bad(p, "pages are written 17, 0x10-0x1f or 0x10- (to the end)");
    if (out->last >= n_pages || out->first > out->last)
        return ps_rcp_bad(p, "the last page there can be is %#llx",
                          (unsigned long long)(n_pages - 1));
    return 0;
}

static int choice(struct ps_rcp_word w, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (ps_rcp_is(w, names[i]))
            return i;
    return -1;
}

static int read_list(const struct ps_recipe *r, struct ps_rcp_word w, uint64_t *out)
{
    for (size_t i = 0; i < r->n_lists; i++)
        if (ps_rcp_is(w, r->list[i].name)) {
            *out = i;
            return 0;
        }
    return -1;
}

/* 32 hex digits in the order in which a debugger prints them: the first three fields are numbers,
 * so they are stored with the low byte first. */
static int read_guid(struct ps_rcp_word w, uint8_t *out)
{
    static const uint8_t place[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

    if (w.n != 32)
        return -1;
    for (size_t i = 0; i < 16; i++) {
        char text[4] = {'0', 'x', w.s[2 * i], w.s[2 * i + 1]};
        uint64_t v;

        if (!isxdigit((unsigned char)text[3]) ||
            ps_rcp_number((struct ps_rcp_word){text, 4}, &v) < 0)
            return -1;
        out[place[i]] = (uint8_t)v;
    }
    return 0;
}

static int read_text(struct ps_rcp_word w, char *out)
{
    uint8_t text[31];
    long n = ps_rcp_unescape(w, text, sizeof text);

    if (n < 1)
        return -1;
    memcpy(out, text, (size_t)n);
    out[n] = '\0';
    return 0;
}

static int read_choice(enum ps_rcp_form form, struct ps_rcp_word w, void *out)
{
    static const char *const hashes[] = {"xor", "mul32", "mul64", NULL};
    static const char *const modes[] = {"x64", "pae", "x86", NULL};
    int i = choice(w, form == PS_RCP_F_HASH ? hashes : modes);

    if (i < 0)
        return -1;
    if (form == PS_RCP_F_HASH)
        *(enum ps_rcp_hash *)out = (enum ps_rcp_hash)i;
    else
        *(enum ps_rcp_mode *)out = (enum ps_rcp_mode)i;
    return 0;
}

static int read_value(struct ps_rcp_parser *p, const struct ps_rcp_option *o, struct ps_rcp_word w)
{
    int rc = -1;

    switch (o->form) {
    case PS_RCP_F_NUMBER:
        rc = ps_rcp_number(w, o->out);
        break;
    case PS_RCP_F_PAGES:
        return ps_rcp_parse_pages(p, w, p->recipe->n_pages, o->out);
    case PS_RCP_F_TAG:
        rc = ps_rcp_tag(w, o->out);
        break;
    case PS_RCP_F_LIST:
        rc = read_list(p->recipe, w, o->out);
        break;
    case PS_RCP_F_TEXT:
        rc = read_text(w, o->out);
        break;
    case PS_RCP_F_GUID:
        rc = read_guid(w, o->out);
        break;
    case PS_RCP_F_HASH:
    case PS_RCP_F_MODE:
        rc = read_choice(o->form, w, o->out);
        break;
    case PS_RCP_F_FLAG:
        return ps_rcp_bad(p, "%s stands alone, without a value", o->name);
    }
    if (rc < 0)
        return ps_rcp_bad(p, "%s=%.*s cannot be read; docs/RECIPES.md shows how it is written",
                          o->name, PS_RCP_SHOW(w));
    return 0;
}

static int one_option(struct ps_rcp_parser *p, struct ps_rcp_word w,
                      const struct ps_rcp_option *option, size_t n, uint32_t *seen)
{
    size_t eq = ps_rcp_find(w, "=");
    struct ps_rcp_word name = ps_rcp_part(w, 0, eq);

    for (size_t k = 0; k < n; k++) {
        if (!ps_rcp_is(name, option[k].name))
            continue;
        if (*seen >> k & 1u)
            return ps_rcp_bad(p, "%s is given twice", option[k].name);
        *seen |= 1u << k;
        if (option[k].form == PS_RCP_F_FLAG && eq == w.n) {
            *(int *)option[k].out = 1;
            return 0;
        }
        return read_value(p, &option[k], ps_rcp_part(w, eq + 1, w.n));
    }
    return ps_rcp_bad(p, "%.*s does not take \"%.*s\"", PS_RCP_SHOW(p->word[0]), PS_RCP_SHOW(name));
}

int ps_rcp_options(struct ps_rcp_parser *p, size_t first, const struct ps_rcp_option *option,
                   size_t n)
{
    uint32_t seen = 0;

    for (size_t i = first; i < p->n_words; i++) {
        int rc = one_option(p, p->word[i], option, n, &seen);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int ps_rcp_need_system(struct ps_rcp_parser *p, struct ps_rcp_system **out)
{
    *out = p->recipe->system;
    if (!*out)
        return ps_rcp_bad(p, "%.*s needs page tables; write above it: system cr3=PAGE frames=A-B",
                          PS_RCP_SHOW(p->word[0]));
    return 0;
}

static int meets_self_map(const struct ps_rcp_system *sys, uint64_t first, uint64_t last)
{
    uint64_t from = 0xc0000000ull;
    uint64_t to = from + (sys->mode == PS_RCP_PAE ? 0x7fffffu : 0x3fffffu);

    if (sys->mode == PS_RCP_X64) {
        from = 0xffff000000000000ull | sys->self_slot << 39;
        to = from + ((1ull << 39) - 1);
    }
    return first <= to && last >= from;
}

int ps_rcp_check_va(struct ps_rcp_parser *p, const struct ps_rcp_system *sys, const char *name,
                    uint64_t va, uint64_t n_pages)
{
    uint64_t low = sys->mode == PS_RCP_X64 ? 0xffff800000000000ull : 0x80000000ull;
    uint64_t high = sys->mode == PS_RCP_X64 ? UINT64_MAX : 0xffffffffull;

    if (va % PS_RECIPE_PAGE || va < low || va > high || n_pages == 0 ||
        n_pages - 1 > (high - va) / PS_RECIPE_PAGE)
        return ps_rcp_bad(p, "%s is a page address of the kernel half, with room for its pages",
                          name);
    if (meets_self_map(sys, va, va + (n_pages - 1) * PS_RECIPE_PAGE))
        return ps_rcp_bad(p, "%s lies where the page tables map themselves", name);
    return 0;
}
