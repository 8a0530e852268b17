/* Which tags a scan looks for. */
#include "scan/tags/ruleset.h"

#include <criterion/criterion.h>
#include <string.h>

static const char list[] = "Afd?  afd.sys  network  some socket thing\n"
                           "AfdE  afd.sys  network  one endpoint here\n"
                           "A???  ?        ?        anything with A\n"
                           "Proc  nt!ps    process  a process body\n"
                           "Thre  nt!ps    thread   a thread body\n";

static struct ps_tagdb *db;

static void open_db(void)
{
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_new(&db, &err), 0);
    cr_assert_eq(ps_tagdb_add_tags(db, "list", list, strlen(list), &err), 0, "%s", err.msg);
}

static void close_db(void)
{
    ps_tagdb_free(db);
}

TestSuite(ruleset, .init = open_db, .fini = close_db);

static struct ps_tag_pattern parse(const char *text)
{
    struct ps_tag_pattern p = {0, 0};
    struct ps_err err = {0};

    cr_assert_eq(ps_tag_pattern_parse(text, strlen(text), &p, &err), 0, "%s", err.msg);
    return p;
}

/* Build rules for up to two patterns (NULL: none). */
static struct ps_ruleset build(const char *a, const char *b, int any_tag)
{
    struct ps_tag_pattern patterns[2];
    struct ps_ruleset_spec spec = {.db = db, .patterns = patterns, .any_tag = any_tag};
    struct ps_ruleset rules = {0};
    struct ps_err err = {0};

    if (a)
        patterns[spec.n_patterns++] = parse(a);
    if (b)
        patterns[spec.n_patterns++] = parse(b);
    cr_assert_eq(ps_ruleset_build(&rules, &spec, &err), 0, "%s", err.msg);
    return rules;
}

/* One pattern appears once, and is explained by the entry with this text (NULL: by none). */
static void expect(const struct ps_ruleset *rules, const char *text, const char *entry)
{
    struct ps_tag_pattern p = parse(text);
    size_t n = 0;

    for (size_t r = 0; r < rules->n; r++) {
        uint32_t info = rules->rule[r].info;
        char have[PS_TAG_TEXT_BYTES];

        if (rules->rule[r].pattern.value != p.value || rules->rule[r].pattern.mask != p.mask)
            continue;
        n++;
        if (!entry)
            cr_assert_eq(info, PS_TAG_UNKNOWN, "'%s'", text);
        else
            cr_assert_str_eq(ps_tag_pattern_print(ps_tagdb_at(db, info).pattern, have), entry);
    }
    cr_assert_eq(n, 1u, "'%s' is there %zu times", text, n);
}

Test(ruleset, all_of_the_database_when_nothing_is_asked)
{
    struct ps_ruleset rules = build(NULL, NULL, 0);

    cr_assert_eq(rules.n, 4u, "A??? is too wide to be looked for");
    expect(&rules, "Afd?", "Afd?");
    expect(&rules, "AfdE", "AfdE");
    expect(&rules, "Proc", "Proc");
    expect(&rules, "Thre", "Thre");
    ps_ruleset_free(&rules);
}

Test(ruleset, patterns_alone_keep_what_explains_them)
{
    struct ps_ruleset rules = build("Proc", "Zzzz", 0);

    cr_assert_eq(rules.n, 2u);
    expect(&rules, "Proc", "Proc");
    expect(&rules, "Zzzz", NULL);
    ps_ruleset_free(&rules);
}

Test(ruleset, a_wide_pattern_brings_the_entries_it_covers)
{
    struct ps_ruleset rules = build("Afd*", NULL, 0);

    cr_assert_eq(rules.n, 2u);
    expect(&rules, "Afd?", "Afd?");
    expect(&rules, "AfdE", "AfdE");
    ps_ruleset_free(&rules);
}

Test(ruleset, an_overlap_has_its_own_rule)
{
    struct ps_ruleset rules = build("??dX", NULL, 0);

    cr_assert_eq(rules.n, 3u);
    expect(&rules, "??dX", NULL);
    expect(&rules, "A?dX", "A???");
    expect(&rules, "AfdX", "Afd?");
    ps_ruleset_free(&rules);
}

Test(ruleset, a_covered_pattern_is_explained_by_the_wider_entry)
{
    struct ps_ruleset rules = build("AfdZ", "Ab*", 0);

    cr_assert_eq(rules.n, 2u);
    expect(&rules, "AfdZ", "Afd?");
    expect(&rules, "Ab??", "A???");
    ps_ruleset_free(&rules);
}

Test(ruleset, a_protected_tag_is_explained_but_kept_as_written)
{
    struct ps_ruleset rules = build("Pro\\xe3", NULL, 0);

    cr_assert_eq(rules.n, 1u);
    expect(&rules, "Pro\\xe3", "Proc");
    ps_ruleset_free(&rules);
}

Test(ruleset, any_tag_adds_to_all_the_rest)
{
    struct ps_ruleset rules = build("Zz\\x01?", NULL, 1);

    cr_assert_eq(rules.n, 7u);
    expect(&rules, "*", NULL);
    expect(&rules, "A???", "A???");
    expect(&rules, "Zz\\x01?", NULL);
    expect(&rules, "Thre", "Thre");
    ps_ruleset_free(&rules);
}

Test(ruleset, an_empty_database_needs_a_pattern)
{
    struct ps_ruleset_spec spec = {0};
    struct ps_ruleset rules = {0};
    struct ps_tagdb *empty;
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_new(&empty, &err), 0);
    spec.db = empty;
    cr_assert_eq(ps_ruleset_build(&rules, &spec, &err), -PS_EARG);
    cr_assert(strstr(err.msg, "--tags"));
    cr_assert_null(rules.rule);
    spec.any_tag = 1;
    cr_assert_eq(ps_ruleset_build(&rules, &spec, &err), 0);
    cr_assert_eq(rules.n, 1u);
    ps_ruleset_free(&rules);
    ps_tagdb_free(empty);
}
