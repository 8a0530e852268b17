#include "host/virtual/address.h"

#include <ctype.h>
#include <string.h>

static unsigned digit_of(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

/* Number of digits; 0 if 's' is no such text. */
static unsigned parse_digits(const char *s, uint64_t *out)
{
    unsigned n = 0;
    const char *start = s;

    for (*out = 0; *s; s++) {
        if (*s == '`' && s != start && isxdigit((unsigned char)s[-1]) &&
            isxdigit((unsigned char)s[1]))
            continue;
        if (!isxdigit((unsigned char)*s) || *out >> 60)
            return 0;
        *out = *out << 4 | digit_of(*s);
        n++;
    }
    return n;
}

int ps_address_parse(const char *text, const char *what, uint64_t *out, struct ps_err *err)
{
    const char *digits =
        strncmp(text, "0x", 2) == 0 || strncmp(text, "0X", 2) == 0 ? text + 2 : text;

    if (parse_digits(digits, out) == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "%s '%.40s': not an address; write it in hexadecimal, such as "
                       "0xfffff78000000000 or fffff780`00000000",
                       what, text);
    return 0;
}
