/* Pool tags as text. */
#include "scan/tags/tag.h"

#include <criterion/criterion.h>
#include <string.h>

#define TAG(a, b, c, d)                                                                            \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static struct ps_tag_pattern parse(const char *text)
{
    struct ps_tag_pattern p = {0, 0};
    struct ps_err err;

    cr_assert_eq(ps_tag_pattern_parse(text, strlen(text), &p, &err), 0, "'%s': %s", text, err.msg);
    return p;
}

Test(tag, prints_four_characters)
{
    char text[PS_TAG_TEXT_BYTES];

    cr_assert_str_eq(ps_tag_print(TAG('P', 'r', 'o', 'c'), text), "Proc");
    cr_assert_str_eq(ps_tag_print(TAG('I', 'r', 'p', ' '), text), "Irp ");
    cr_assert_str_eq(ps_tag_print(TAG('P', 'r', 'o', 0xe3), text), "Pro\\xe3");
    cr_assert_str_eq(ps_tag_print(TAG(0, 0x7f, '\\', 0x1f), text), "\\x00\\x7f\\x5c\\x1f");
    cr_assert_str_eq(ps_tag_print(TAG(0xff, 0xff, 0xff, 0xff), text), "\\xff\\xff\\xff\\xff");
    cr_assert_str_eq(ps_tag_print(TAG('A', '?', '*', ','), text), "A?*,");
}

Test(tag, reads_patterns)
{
    static const struct {
        const char *text;
        const char *value; /* four bytes, 0 where the pattern is open */
        uint32_t mask;
    } cases[] = {
        {"Proc", "Proc", 0xffffffff},
        {"Irp", "Irp ", 0xffffffff},
        {"a", "a   ", 0xffffffff},
        {" Job", " Job", 0xffffffff},
        {"Afd?", "Afd\0", 0x00ffffff},
        {"?r?c", "\0r\0c", 0xff00ff00},
        {"Pr*", "Pr\0\0", 0x0000ffff},
        {"*", "\0\0\0\0", 0},
        {"Proc*", "Proc", 0xffffffff},
        {"Bu* ", "Bu\0\0", 0x0000ffff},
        {"B*  ", "B\0\0\0", 0x000000ff},
        {"\\x42* ", "B\0\0\0", 0x000000ff},
        {"\\x50ro\\xE3", "Pro\xe3", 0xffffffff},
        {"\\?\\*\\,\\\\", "?*,\\", 0xffffffff},
        {"a?", "a\0  ", 0xffff00ff},
        {"a,b", "a,b ", 0xffffffff},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_tag_pattern p = parse(cases[i].text);

        cr_assert_arr_eq(&p.value, cases[i].value, 4, "'%s': value %#x", cases[i].text, p.value);
        cr_assert_eq(p.mask, cases[i].mask, "'%s': mask %#x", cases[i].text, p.mask);
    }
}

Test(tag, refuses_bad_patterns_with_their_position)
{
    static const struct {
        const char *text;
        uint64_t at;
    } cases[] = {
        {"", 0},          {"Procs", 4}, {"Pr*c", 2},   {"a\\", 1},      {"a\\q", 1},
        {"a\\x4", 1},     {"\\x4g", 0}, {"ab\x01", 2}, {"\xc3\xa4", 0}, {"????*?", 4},
        {"abcd\\x41", 4}, {"a\nb", 1},  {"Bu*  ", 2},  {"Bud* ", 3},    {"Proc* ", 4},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_tag_pattern p = {1, 2};
        struct ps_err err = {0};

        cr_assert_eq(ps_tag_pattern_parse(cases[i].text, strlen(cases[i].text), &p, &err), -PS_EARG,
                     "case %zu", i);
        cr_assert_eq(err.at, cases[i].at, "case %zu: at %u", i, (unsigned)err.at);
        cr_assert_eq(p.value, 1u, "case %zu: output touched", i);
        for (const char *c = err.msg; *c; c++)
            cr_assert(*c >= 0x20 && *c <= 0x7e, "case %zu: message not printable", i);
    }
}

Test(tag, reads_no_further_than_told)
{
    struct ps_tag_pattern p;
    struct ps_err err;

    cr_assert_eq(ps_tag_pattern_parse("ab\\x41", 5, &p, &err), -PS_EARG);
    cr_assert_eq(ps_tag_pattern_parse("Procs", 4, &p, &err), 0);
}

Test(tag, printed_patterns_read_back)
{
    static const char *const texts[] = {
        "Proc", "Irp ", "A?? ", "????", "\\x00\\xff?\\x5c", "\\x3f\\x2a\\x2cZ"};
    char text[PS_TAG_TEXT_BYTES];

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        cr_assert_str_eq(ps_tag_pattern_print(parse(texts[i]), text), texts[i]);
}

Test(tag, open_bytes_match_printable_characters_only)
{
    struct ps_tag_pattern p = parse("Afd?");

    for (uint32_t c = 0; c < 256; c++)
        cr_assert_eq(ps_tag_pattern_matches(p, TAG('A', 'f', 'd', c)), c >= 0x20 && c <= 0x7e,
                     "byte %#x", c);
    cr_assert_not(ps_tag_pattern_matches(p, TAG('A', 'f', 'D', 'x')));
    cr_assert(ps_tag_pattern_matches(parse("\\x01*"), TAG(1, 'b', 'c', 'd')));
    cr_assert_not(ps_tag_pattern_matches(parse("\\x01*"), TAG(1, 'b', 2, 'd')));
}

Test(tag, covers_is_a_subset_of_tags)
{
    cr_assert(ps_tag_pattern_covers(parse("A*"), parse("Afd?")));
    cr_assert(ps_tag_pattern_covers(parse("Afd?"), parse("Afd?")));
    cr_assert(ps_tag_pattern_covers(parse("*"), parse("Proc")));
    cr_assert_not(ps_tag_pattern_covers(parse("Afd?"), parse("A*")));
    cr_assert_not(ps_tag_pattern_covers(parse("Afd?"), parse("Afc?")));
    cr_assert_not(ps_tag_pattern_covers(parse("*"), parse("Pro\\xe3")));
}

/* As printed; "Ab??" and the tag "Ab??" itself are printed alike. */
Test(tag, patterns_have_one_order)
{
    static const char *const sorted[] = {"\\x01bcd", " bcd", "Ab??", "Ab?\\?",  "Ab\\?\\?",
                                         "Ab@a",     "Abcd", "abcd", "ab\\xffd"};
    enum { N = sizeof sorted / sizeof sorted[0] };

    for (unsigned i = 0; i < N; i++) {
        for (unsigned k = 0; k < N; k++) {
            int order = ps_tag_pattern_compare(parse(sorted[i]), parse(sorted[k]));

            cr_assert_eq((order > 0) - (order < 0), (i > k) - (i < k), "%s %s", sorted[i],
                         sorted[k]);
        }
    }
}

Test(tag, tags_have_the_order_of_their_bytes)
{
    static const uint32_t sorted[] = {0x61616100, 0x00202020, 0x41202020, 0x20636f50,
                                      0x636f7250, 0xe36f7250, 0x206572ff};
    const size_t n = sizeof sorted / sizeof *sorted;

    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            const int order = ps_tag_compare(sorted[i], sorted[k]);

            cr_expect_eq((order > 0) - (order < 0), (i > k) - (i < k), "%zu %zu", i, k);
        }
}

Test(tag, one_of_several_patterns)
{
    const struct ps_tag_pattern p[] = {parse("Proc"), parse("Th??")};

    cr_expect(ps_tag_patterns_match(p, 2, 0x636f7250));
    cr_expect(ps_tag_patterns_match(p, 2, 0x65726854));
    cr_expect(!ps_tag_patterns_match(p, 1, 0x65726854));
    cr_expect(!ps_tag_patterns_match(p, 2, 0x656c6946));
    cr_expect(ps_tag_patterns_match(NULL, 0, 0x656c6946), "without patterns every tag is meant");
}

/* A mask that fixes bytes 0 and 1 is "ff00" here. */
Test(tag, ranks_order_masks_from_vague_to_exact)
{
    static const uint32_t masks[] = {
        0x00000000, 0xff000000, 0x00ff0000, 0x0000ff00, 0x000000ff, 0xffff0000,
        0xff00ff00, 0x00ffff00, 0xff0000ff, 0x00ff00ff, 0x0000ffff, 0xffffff00,
        0xffff00ff, 0xff00ffff, 0x00ffffff, 0xffffffff,
    };

    for (size_t i = 1; i < sizeof masks / sizeof masks[0]; i++)
        cr_assert_lt(ps_tag_mask_rank(masks[i - 1]), ps_tag_mask_rank(masks[i]), "mask %zu", i);
}

Test(tag, what_drivers_choose_in_open_bytes)
{
    static const struct {
        const char *pattern, *tag;
        int usual;
    } cases[] = {
        {"Vk??", "VkAz", 1}, {"Vk??", "Vk09", 1}, {"Vk??", "Vk_ ", 1}, {"Vk??", "Vk%E", 0},
        {"Vk??", "VkE%", 0}, {"Vk%?", "Vk%E", 1}, {"????", "[abc", 0}, {"????", "@abc", 0},
        {"????", "`abc", 0}, {"????", "{abc", 0}, {"????", "/abc", 0}, {"????", ":abc", 0},
        {"Vk%!", "Vk%!", 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *t = cases[i].tag;

        cr_expect_eq(
            ps_tag_pattern_is_usual(parse(cases[i].pattern), TAG(t[0], t[1], t[2], t[3])),
            cases[i].usual, "case %zu", i);
    }
}
