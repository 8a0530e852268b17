#include "scan/tags/tag.h"

static const char hex_digits[] = "0123456789abcdef";

static int is_printable(uint32_t byte)
{
    return byte >= 0x20 && byte <= 0x7e;
}

static uint32_t byte_at(uint32_t word, unsigned i)
{
    return word >> (8 * i) & 0xffu;
}

static char *put_escaped(char *to, uint32_t byte)
{
    *to++ = '\\';
    *to++ = 'x';
    *to++ = hex_digits[byte >> 4];
    *to++ = hex_digits[byte & 15];
    return to;
}

char *ps_tag_print(uint32_t tag, char *text)
{
    char *to = text;

    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        uint32_t byte = byte_at(tag, i);

        if (is_printable(byte) && byte != '\\')
            *to++ = (char)byte;
        else
            to = put_escaped(to, byte);
    }
    *to = '\0';
    return text;
}

static int is_syntax(uint32_t byte)
{
    return byte == '\\' || byte == '?' || byte == '*' || byte == ',';
}

char *ps_tag_pattern_print(struct ps_tag_pattern p, char *text)
{
    char *to = text;

    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        uint32_t byte = byte_at(p.value, i);

        if (byte_at(p.mask, i) == 0)
            *to++ = '?';
        else if (is_printable(byte) && !is_syntax(byte))
            *to++ = (char)byte;
        else
            to = put_escaped(to, byte);
    }
    *to = '\0';
    return text;
}

/* Text order as a number: first character highest, an open byte as the '?' it is printed as. */
static uint32_t text_key(struct ps_tag_pattern p)
{
    return __builtin_bswap32(p.value | (0x3f3f3f3fu & ~p.mask));
}

int ps_tag_pattern_compare(struct ps_tag_pattern a, struct ps_tag_pattern b)
{
    const uint32_t x = text_key(a);
    const uint32_t y = text_key(b);

    if (x != y)
        return x < y ? -1 : 1;
    return (a.mask > b.mask) - (a.mask < b.mask);
}

static int is_usual(uint32_t c)
{
    return (c - '0' < 10u) || ((c | 0x20u) - 'a' < 26u) || c == ' ' || c == '_';
}

int ps_tag_pattern_is_usual(struct ps_tag_pattern p, uint32_t tag)
{
    for (unsigned shift = 0; shift < 32; shift += 8)
        if ((p.mask >> shift & 0xffu) == 0 && !is_usual(tag >> shift & 0xffu))
            return 0;
    return 1;
}

int ps_tag_pattern_covers(struct ps_tag_pattern wide, struct ps_tag_pattern narrow)
{
    if ((wide.mask & ~narrow.mask) != 0 || (narrow.value & wide.mask) != wide.value)
        return 0;
    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        if (byte_at(narrow.mask & ~wide.mask, i) != 0 && !is_printable(byte_at(narrow.value, i)))
            return 0;
    }
    return 1;
}

int ps_tag_pattern_overlaps(struct ps_tag_pattern a, struct ps_tag_pattern b,
                            struct ps_tag_pattern *both)
{
    struct ps_tag_pattern all = {.value = a.value | b.value, .mask = a.mask | b.mask};

    if (((a.value ^ b.value) & a.mask & b.mask) != 0)
        return 0;
    if (!ps_tag_pattern_covers(a, all) || !ps_tag_pattern_covers(b, all))
        return 0;
    if (both)
        *both = all;
    return 1;
}

int ps_tag_pattern_matches(struct ps_tag_pattern p, uint32_t tag)
{
    return ps_tag_pattern_covers(p, (struct ps_tag_pattern){.value = tag, .mask = 0xffffffffu});
}

int ps_tag_patterns_match(const struct ps_tag_pattern *p, size_t n, uint32_t tag)
{
    for (size_t i = 0; i < n; i++)
        if (ps_tag_pattern_matches(p[i], tag))
            return 1;
    return n == 0;
}

int ps_tag_compare(uint32_t a, uint32_t b)
{
    const uint32_t x = __builtin_bswap32(a), y = __builtin_bswap32(b);

    return (x > y) - (x < y);
}

unsigned ps_tag_mask_rank(uint32_t mask)
{
    unsigned fixed = 0;
    unsigned prefix = 0;
    unsigned bits = 0;

    for (unsigned i = 0; i < PS_TAG_BYTES; i++) {
        unsigned is_fixed = byte_at(mask, i) != 0;

        if (is_fixed && prefix == i)
            prefix++;
        fixed += is_fixed;
        bits = bits << 1 | is_fixed;
    }
    return fixed << 8 | prefix << 4 | bits;
}
