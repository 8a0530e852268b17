/* The tag database and the two forms of lists it reads. */
#include "scan/tags/tagdb.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ps_tagdb *db;

static void open_db(void)
{
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_new(&db, &err), 0);
}

static void close_db(void)
{
    ps_tagdb_free(db);
}

TestSuite(tagdb, .init = open_db, .fini = close_db);

static void add_tags(const char *name, const char *text)
{
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_add_tags(db, name, text, strlen(text), &err), 0, "%s", err.msg);
}

static size_t add_pooltag(const char *text)
{
    struct ps_err err = {0};
    size_t n_skipped = 99;

    cr_assert_eq(ps_tagdb_add_pooltag(db, "pooltag.txt", text, strlen(text), &n_skipped, &err), 0,
                 "%s", err.msg);
    return n_skipped;
}

static uint32_t raw(const char *four)
{
    uint32_t tag;

    memcpy(&tag, four, sizeof tag);
    return tag;
}

/* Good until the next call. */
static const struct ps_tag_info *find(const char *four)
{
    static struct ps_tag_info info;
    uint32_t at = ps_tagdb_find(db, raw(four));

    if (at == PS_TAG_UNKNOWN)
        return NULL;
    info = ps_tagdb_at(db, at);
    return &info;
}

static void expect(const char *four, const char *component, const char *description)
{
    const struct ps_tag_info *info = find(four);

    cr_assert_not_null(info, "'%s' is unknown", four);
    cr_assert_str_eq(info->component, component, "'%s'", four);
    cr_assert_str_eq(info->description, description, "'%s'", four);
}

Test(tagdb, reads_the_own_format)
{
    add_tags("a.tags", "\xef\xbb\xbf# a comment\n"
                       "\n"
                       "Proc  nt!ps  process  one process body\r\n"
                       "\"Irp \"\tnt!io\tio\trequest packet\n"
                       "   Abcd ? ? words  with \t blanks  \n"
                       "\\x01\\xffX?  x.sys  misc  odd bytes\n"
                       "\"#no1\"  y.sys  misc  no comment\n"
                       "last  z.sys  misc  without line end");
    cr_assert_eq(ps_tagdb_count(db), 6u);
    expect("Proc", "nt!ps", "one process body");
    expect("Irp ", "nt!io", "request packet");
    expect("Abcd", "", "words  with   blanks");
    expect("\x01\xffX!", "x.sys", "odd bytes");
    expect("#no1", "y.sys", "no comment");
    expect("last", "z.sys", "without line end");
    cr_assert_str_eq(find("Proc")->kind, "process");
    cr_assert_str_eq(find("Abcd")->kind, "");
    cr_assert_str_eq(find("Proc")->source, "a.tags");
    cr_assert_eq(find("Proc")->line, 3u);
    cr_assert_null(find("Proz"));
    cr_assert_null(find("\x01\xffX\x01"), "an open byte stands for printable ones");
}

/* Where both words are what those columns may hold they are the columns, else the description
 * begins there. */
Test(tagdb, reads_lines_with_and_without_pool_and_releases)
{
    static const struct {
        const char *text; /* behind the kind */
        const char *pool;
        const char *seen;
        const char *description;
    } cases[] = {
        {"np 2000- some words", "np", "2000-", "some words"},
        {"pg\t-2003  some words", "pg", "-2003", "some words"},
        {"both vista-8.1 some words", "both", "vista-8.1", "some words"},
        {"? ? some words", "", "", "some words"},
        {"? 8.1 some words", "", "8.1", "some words"},
        {"np 11-11 some words", "np", "11-11", "some words"},
        {"np some words", "", "", "np some words"},
        {"2000- np some words", "", "", "2000- np some words"},
        {"np 2000 ", "", "", "np 2000"},
        {"np", "", "", "np"},
        {"NP 2000- words", "", "", "NP 2000- words"},
        {"nonpaged 2000- words", "", "", "nonpaged 2000- words"},
        {"np - words", "", "", "np - words"},
        {"np 95- words", "", "", "np 95- words"},
        {"np -95 words", "", "", "np -95 words"},
        {"np 10-7 words", "", "", "np 10-7 words"},
        {"np 7--8 words", "", "", "np 7--8 words"},
        {"np 7-8-10 words", "", "", "np 7-8-10 words"},
        {"np XP- words", "", "", "np XP- words"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];

        close_db();
        open_db();
        snprintf(text, sizeof text, "Abcd x.sys misc %s\n", cases[i].text);
        add_tags("list", text);
        expect("Abcd", "x.sys", cases[i].description);
        cr_assert_str_eq(find("Abcd")->kind, "misc", "case %zu", i);
        cr_assert_str_eq(find("Abcd")->pool, cases[i].pool, "case %zu", i);
        cr_assert_str_eq(find("Abcd")->seen, cases[i].seen, "case %zu", i);
    }
    add_pooltag("Efgh - x.sys - np 2000- words\n");
    expect("Efgh", "x.sys", "np 2000- words");
    cr_assert_str_eq(find("Efgh")->pool, "");
    cr_assert_str_eq(find("Efgh")->seen, "");
}

Test(tagdb, refuses_a_bad_line_with_its_number_and_keeps_nothing)
{
    static const struct {
        const char *text;
        uint64_t line;
    } cases[] = {
        {"Abcde  x.sys  misc  five bytes\n", 1},
        {"Good  x.sys  misc  fine\n\"Abcd  x.sys  misc  open quote\n", 2},
        {"Good  x.sys  misc  fine\n# ok\n\"Abc\"x.sys misc no blank\n", 3},
        {"Abcd\n", 1},
        {"Abcd  x.sys\n", 1},
        {"Abcd  x.sys  misc\n", 1},
        {"Abcd  x.sys  misc   \n", 1},
        {"Abcd  -  misc  a dash\n", 1},
        {"Ab\\q  x.sys  misc  an escape\n", 1},
        {"\"\"  x.sys  misc  nothing\n", 1},
        {"A*bc  x.sys  misc  a star\n", 1},
        {"Good  x.sys  misc  fine\nAbcd  x.sys  misc  bell \a\n", 2},
        {"Abcd  x.sys  misc  umlaut \xc3\xa4\n", 1},
    };

    add_tags("first", "Keep  k.sys  misc  stays here\n");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_err err = {0};

        cr_assert_eq(ps_tagdb_add_tags(db, "bad.tags", cases[i].text, strlen(cases[i].text), &err),
                     -PS_EFORMAT, "case %zu", i);
        cr_assert_eq(err.at, cases[i].line, "case %zu: line %u", i, (unsigned)err.at);
        cr_assert(strstr(err.msg, "bad.tags"), "%s", err.msg);
        cr_assert_eq(ps_tagdb_count(db), 1u, "case %zu", i);
        cr_assert_null(find("Good"), "case %zu", i);
        expect("Keep", "k.sys", "stays here");
    }
}

Test(tagdb, what_is_added_first_wins)
{
    add_tags("first", "Proc  mine  mine  my own words\n"
                      "Proc  mine  mine  a duplicate\n");
    add_tags("second", "Proc  theirs  theirs  other words\n"
                       "Thre  theirs  theirs  only here\n");
    cr_assert_eq(ps_tagdb_count(db), 2u);
    expect("Proc", "mine", "my own words");
    expect("Thre", "theirs", "only here");
    cr_assert_str_eq(find("Thre")->source, "second");
    cr_assert_eq(find("Thre")->line, 2u);
}

Test(tagdb, the_most_specific_entry_wins_whatever_the_order)
{
    add_tags("list", "????  c  k  anything\n"
                     "A???  c  k  prefix one\n"
                     "?bc?  c  k  middle two\n"
                     "Ab??  c  k  prefix two\n"
                     "Abcd  c  k  exact one\n"
                     "A??d  c  k  ends two\n");
    expect("Abcd", "c", "exact one");
    expect("Abxx", "c", "prefix two");
    expect("Axxd", "c", "ends two");
    expect("Axxx", "c", "prefix one");
    expect("xbcx", "c", "middle two");
    expect("Abcx", "c", "prefix two");
    expect("zzzz", "c", "anything");
    cr_assert_null(find("zz\x01z"));
}

Test(tagdb, a_protected_tag_is_found_without_its_bit)
{
    add_tags("list", "Proc  c  k  plain one\n"
                     "Fil\\xe5  c  k  with the bit\n"
                     "File  c  k  without it\n");
    expect("Pro\xe3", "c", "plain one");
    expect("Fil\xe5", "c", "with the bit");
    expect("File", "c", "without it");
}

Test(tagdb, entries_stand_in_text_order)
{
    static const char *const want[] = {"\\x01bcd", "Abc ", "Abc?", "Abcd", "Zzzz", "a???"};

    add_tags("b", "Zzzz  c  k  d e\nAbc?  c  k  d e\na*  c  k  d e\n");
    add_tags("a", "Abcd  c  k  d e\n\\x01bcd  c  k  d e\n\"Abc \"  c  k  d e\n");
    cr_assert_eq(ps_tagdb_count(db), 6u);
    for (uint32_t i = 0; i < 6; i++) {
        char text[PS_TAG_TEXT_BYTES];

        cr_assert_str_eq(ps_tag_pattern_print(ps_tagdb_at(db, i).pattern, text), want[i]);
    }
}

Test(tagdb, reads_pooltag_lines_as_they_are)
{
    size_t n_skipped = add_pooltag("//\n"
                                   "rem\n"
                                   "REM some words - with - dashes\n"
                                   "remX - rem.sys      - no comment\n"
                                   "\r\n"
                                   "Aa1  - one.sys      - padded tag\r\n"
                                   "Aa2 -  two.sys    - early dash\n"
                                   "Aa3  - nt!aa        -no blank behind\n"
                                   "Aa4  - x!f::operator new - two words\n"
                                   "Aa5 - only a description\n"
                                   "Aa6 - a non-paged description\n"
                                   "Aa7  - <unknown>    -     Indented words\n"
                                   "Aa8  - e.sys- close dash\n"
                                   "Aa9  - <multiple>   - many of them\n"
                                   "Tun4  - tun.sys - two blanks\n"
                                   "       <unknown>\n"
                                   "Ab - too short\n"
                                   "a - - line - junk\n"
                                   "\x01"
                                   "bcd - x.sys - no text\n"
                                   "!$+; - sym.sys - symbols\n"
                                   "Tb1  -\ttab.sys\t-\twith\ttabs\n"
                                   "Hi1  - hi.sys - caf\xe9 \x1b[31m\n"
                                   "\x1a\n");

    expect("remX", "rem.sys", "no comment");
    expect("Aa1 ", "one.sys", "padded tag");
    expect("Aa2 ", "two.sys", "early dash");
    expect("Aa3 ", "nt!aa", "no blank behind");
    expect("Aa4 ", "x!f::operator new", "two words");
    expect("Aa5 ", "", "only a description");
    expect("Aa6 ", "", "a non-paged description");
    expect("Aa7 ", "", "Indented words");
    expect("Aa8 ", "e.sys", "close dash");
    expect("Aa9 ", "<multiple>", "many of them");
    expect("Tun4", "tun.sys", "two blanks");
    expect("!$+;", "sym.sys", "symbols");
    expect("Tb1 ", "tab.sys", "with tabs");
    expect("Hi1 ", "hi.sys", "caf? ?[31m");
    cr_assert_eq(n_skipped, 3u, "%zu skipped", n_skipped);
    cr_assert_eq(find("Tun4")->line, 15u);
}

Test(tagdb, reads_pooltag_wildcards)
{
    add_pooltag("Afd? - afd.sys - any\n"
                "Bu*  - burn.sys - rest\n"
                "*ab* - star.sys - first is literal\n"
                "C*d  - c.sys - literal star\n"
                "Gh ? - g.sys - a blank\n");
    expect("AfdX", "afd.sys", "any");
    expect("Bu12", "burn.sys", "rest");
    expect("Bu  ", "burn.sys", "rest");
    expect("*abZ", "star.sys", "first is literal");
    expect("C*d ", "c.sys", "literal star");
    expect("Gh 7", "g.sys", "a blank");
    cr_assert_null(find("xabZ"));
    cr_assert_null(find("Cxd "));
}

Test(tagdb, a_range_of_tags_leaves_single_ones_alone)
{
    cr_assert_eq(add_pooltag("TEST Allocation tags are Qc0E through Qc12\n"
                             "Qc10 - quic.sys - its own line\n"),
                 0u);
    cr_assert_eq(ps_tagdb_count(db), 5u);
    expect("Qc10", "quic.sys", "its own line");
    expect("Qc0E", "", "TEST Allocation tags are Qc0E through Qc12");
    expect("Qc12", "", "TEST Allocation tags are Qc0E through Qc12");
    cr_assert_null(find("Qc0D"));
    cr_assert_null(find("Qc13"));
}

Test(tagdb, odd_ranges_are_junk)
{
    cr_assert_eq(add_pooltag("Good - g.sys - one\n"
                             "Qc12 through Qc0E\n"
                             "Qc00 through Qd0E\n"
                             "Qc0g through Qc0h\n"
                             "c00 through Qc0E\n"
                             "Qc00 through Qc0\n"
                             " through \n"),
                 6u);
    cr_assert_eq(ps_tagdb_count(db), 1u);
}

Test(tagdb, a_text_without_entries_is_no_pooltag)
{
    static const char *const texts[] = {"", "\n\n", "// only\nrem comments\n", "no entries\n"};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ps_err err = {0};

        cr_assert_eq(ps_tagdb_add_pooltag(db, "x", texts[i], strlen(texts[i]), NULL, &err),
                     -PS_EFORMAT, "case %zu", i);
        cr_assert_eq(ps_tagdb_count(db), 0u);
    }
}

Test(tagdb, the_form_of_a_list_is_seen_in_its_text)
{
    static const struct {
        const char *text;
        const char *four;
        const char *description;
    } cases[] = {
        {"// c\nAbcd - x.sys - words\n", "Abcd", "words"},
        {"rem c\nAbcd - x.sys - words\n", "Abcd", "words"},
        {"\nAbcd - x.sys - words\n", "Abcd", "words"},
        {"\xef\xbb\xbf// c\nAbcd - x.sys - words\n", "Abcd", "words"},
        {"# Abcd - words\nEfgh  x.sys  misc  words\n", "Efgh", "words"},
        {"\"Ef -\"  x.sys  misc  words\n", "Ef -", "words"},
        {"Efgh  x.sys  misc  words - dash\n", "Efgh", "words - dash"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_err err = {0};
        size_t n_skipped = 99;

        close_db();
        open_db();
        cr_assert_eq(
            ps_tagdb_add_any(db, "x", cases[i].text, strlen(cases[i].text), &n_skipped, &err), 0,
            "case %zu: %s", i, err.msg);
        cr_assert_eq(n_skipped, 0u);
        expect(cases[i].four, "x.sys", cases[i].description);
    }
}

Test(tagdb, refuses_text_with_zero_bytes)
{
    static const char wide[] = "A\0b\0c\0d\0 \0-\0\n\0";
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_add_any(db, "x", wide, sizeof wide - 1, NULL, &err), -PS_EFORMAT);
    cr_assert_eq(ps_tagdb_add_pooltag(db, "x", wide, sizeof wide - 1, NULL, &err), -PS_EFORMAT);
}

Test(tagdb, cover_wants_all_tags_of_a_pattern)
{
    struct ps_tag_pattern afd_any = {0x00646641, 0x00ffffff};
    struct ps_tag_pattern af_any = {0x00006641, 0x0000ffff};
    uint32_t at;

    add_tags("list", "Afd?  c  k  the group\nAfdE  c  k  one of it\nA???  c  k  all of A\n");
    at = ps_tagdb_cover(db, afd_any);
    cr_assert_str_eq(ps_tagdb_at(db, at).description, "the group");
    at = ps_tagdb_cover(db, af_any);
    cr_assert_str_eq(ps_tagdb_at(db, at).description, "all of A");
    cr_assert_eq(ps_tagdb_cover(db, (struct ps_tag_pattern){0, 0}), PS_TAG_UNKNOWN);
}

/* Letters and numbers in all places: many entries, each of them found again. */
Test(tagdb, holds_many_thousands)
{
    enum { N = 20000 };
    size_t n_text = 0;
    char *text = malloc((size_t)N * 32);
    struct ps_err err = {0};

    for (unsigned i = 0; text && i < N; i++)
        n_text += (size_t)sprintf(text + n_text, "%04x  c%u  k  d\n", i, i);
    cr_assert(text);
    cr_assert_eq(ps_tagdb_add_tags(db, "many", text, n_text, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_tagdb_count(db), (size_t)N);
    for (unsigned i = 0; i < N; i++) {
        char four[8];
        char component[8];

        snprintf(four, sizeof four, "%04x", i);
        snprintf(component, sizeof component, "c%u", i);
        expect(four, component, "d");
    }
    free(text);
}

Test(tagdb, the_builtin_lists_load)
{
    struct ps_err err = {0};

    cr_assert_eq(ps_tagdb_add_builtin(db, &err), 0, "%s", err.msg);
    cr_assert_geq(ps_tagdb_count(db), 150u);
    cr_assert_str_eq(find("Proc")->kind, "process");
    cr_assert_str_eq(find("Pro\xe3")->component, "nt!ps");
    cr_assert_str_eq(find("Irp ")->component, "nt!io");
    cr_assert_str_eq(find(" Job")->component, "nt!ps");
}

/* Whatever was there first: each pattern once, in order, and found under its own index. */
static void check_order(size_t want)
{
    cr_assert_eq(ps_tagdb_count(db), want);
    for (uint32_t i = 0; i < want; i++) {
        const struct ps_tag_pattern p = ps_tagdb_at(db, i).pattern;

        cr_assert_eq(ps_tagdb_cover(db, p), i);
        cr_assert(i == 0 || ps_tag_pattern_compare(ps_tagdb_at(db, i - 1).pattern, p) < 0);
    }
}

Test(tagdb, lists_and_builtin_ones_stand_in_one_order)
{
    static const char before[] = "Proc  mine.sys  misc  my own words\n"
                                 "Zz9z  mine.sys  misc  only here\n"
                                 "\\x01bc?  mine.sys  misc  first of all\n"
                                 "~~~~  mine.sys  misc  last of all\n";
    struct ps_err err = {0};
    size_t n_builtin;

    cr_assert_eq(ps_tagdb_add_builtin(db, &err), 0);
    n_builtin = ps_tagdb_count(db);
    check_order(n_builtin);
    close_db();
    open_db();
    add_tags("before", before);
    cr_assert_eq(ps_tagdb_add_builtin(db, &err), 0, "%s", err.msg);
    check_order(n_builtin + 3);
    expect("Proc", "mine.sys", "my own words");
    expect("Pro\xe3", "mine.sys", "my own words");
    expect("Zz9z", "mine.sys", "only here");
    expect("\x01"
           "bcd",
           "mine.sys", "first of all");
    expect("~~~~", "mine.sys", "last of all");
    cr_assert_str_eq(find("Thre")->component, "nt!ps");

    add_tags("after", "Thre  late.sys  misc  too late\nZz8z  late.sys  misc  in time\n"
                      "Proc  late.sys  misc  far too late\n");
    check_order(n_builtin + 4);
    expect("Proc", "mine.sys", "my own words");
    expect("Zz8z", "late.sys", "in time");
    cr_assert_str_eq(find("Thre")->component, "nt!ps");
    cr_assert_eq(ps_tagdb_add_tags(db, "bad", "Zz7z  x.sys\n", 12, &err), -PS_EFORMAT);
    check_order(n_builtin + 4);
}

Test(tagdb, lists_after_the_builtin_ones_and_a_bad_one)
{
    struct ps_err err = {0};
    size_t n_builtin;

    cr_assert_eq(ps_tagdb_add_builtin(db, &err), 0);
    n_builtin = ps_tagdb_count(db);
    cr_assert_eq(ps_tagdb_add_tags(db, "bad", "Zz7z  x.sys  misc  fine\nZz6z  x.sys\n", 36, &err),
                 -PS_EFORMAT);
    check_order(n_builtin);
    cr_assert_null(find("Zz7z"));
    add_tags("after", "Proc  late.sys  misc  too late\n");
    check_order(n_builtin);
    cr_assert_str_eq(find("Proc")->component, "nt!ps");
}
