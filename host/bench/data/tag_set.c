#include "host/bench/data/tag_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SEED     UINT64_C(0x7461677320736574)
#define N_PAIRS  470u
#define N_THIRDS 4u
#define N_USUAL  500u

/* splitmix64 */
uint64_t ps_bench_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint32_t ps_bench_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((ps_bench_random(state) >> 32) * n >> 32);
}

/* A character that is a capital in 'upper' of 100 cases, a digit in 'digit', else a small letter.
 */
static uint32_t draw_char(uint64_t *state, uint32_t upper, uint32_t digit)
{
    uint32_t x = ps_bench_below(state, 100);

    if (x < upper)
        return 'A' + ps_bench_below(state, 26);
    if (x < upper + digit)
        return '0' + ps_bench_below(state, 10);
    return 'a' + ps_bench_below(state, 26);
}

/* The three fixed characters of family member 'third' of component 'pair'. */
static uint32_t family(uint32_t pair, uint32_t third)
{
    uint64_t state = SEED + pair;
    uint32_t tag = draw_char(&state, 97, 0);

    tag |= draw_char(&state, 29, 2) << 8;
    state += (uint64_t)third << 32;
    return tag | draw_char(&state, 39, 6) << 16;
}

static uint32_t draw_tag(uint64_t *state)
{
    /* The smaller of two draws: components differ in how many tags they have. */
    uint32_t a = ps_bench_below(state, N_PAIRS), b = ps_bench_below(state, N_PAIRS);
    uint32_t tag = family(a < b ? a : b, ps_bench_below(state, N_THIRDS));
    uint32_t last = ps_bench_below(state, 100) < 3 ? ' ' : draw_char(state, 27, 9);

    return tag | last << 24;
}

static int is_there(const struct ps_bench_tags *tags, size_t n, struct ps_tag_pattern p)
{
    for (size_t i = 0; i < n; i++)
        if (tags->rule[i].pattern.value == p.value && tags->rule[i].pattern.mask == p.mask)
            return 1;
    return 0;
}

void ps_bench_tags_make(struct ps_bench_tags *tags)
{
    uint64_t state = SEED;

    for (size_t n = 0; n < PS_BENCH_ALL_TAGS;) {
        struct ps_tag_pattern p = {.mask = 0xffffffffu};

        if (n >= PS_BENCH_ALL_TAGS - PS_BENCH_WILDCARDS)
            p.mask = ps_bench_below(&state, 100) < 57 ? 0xffffu : 0xffffffu;
        p.value = draw_tag(&state) & p.mask;
        if (!is_there(tags, n, p))
            tags->rule[n++] = (struct ps_rule){.pattern = p, .info = PS_TAG_UNKNOWN};
    }
}

struct ps_ruleset ps_bench_tags_first(struct ps_bench_tags *tags, size_t n)
{
    return (struct ps_ruleset){.rule = tags->rule, .n = n};
}

uint32_t ps_bench_tags_draw(const struct ps_bench_tags *tags, uint64_t *state)
{
    uint32_t x = ps_bench_below(state, 100);
    uint32_t n = x < 60 ? PS_BENCH_COMMON_TAGS : x < 85 ? N_USUAL : PS_BENCH_ALL_TAGS;
    struct ps_tag_pattern p = tags->rule[ps_bench_below(state, n)].pattern;

    for (unsigned byte = 0; byte < 4; byte++)
        if ((p.mask >> 8 * byte & 0xff) == 0)
            p.value |= draw_char(state, 27, 9) << 8 * byte;
    return p.value;
}

static int write_all(int fd, const char *text, size_t n, struct ps_err *err)
{
    while (n) {
        ssize_t put = write(fd, text, n);

        if (put < 0 && errno != EINTR)
            return ps_fail(err, PS_EIO, PS_AT_NONE, "writing a temporary tag list failed (%s)",
                           strerror(errno));
        if (put > 0) {
            text += put;
            n -= (size_t)put;
        }
    }
    return 0;
}

int ps_bench_tags_write(const struct ps_bench_tags *tags, int fd, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < PS_BENCH_ALL_TAGS && rc == 0; i++) {
        char pattern[PS_TAG_TEXT_BYTES];
        char line[64];
        int n = snprintf(line, sizeof line, "\"%s\" bench ? made up\n",
                         ps_tag_pattern_print(tags->rule[i].pattern, pattern));

        rc = write_all(fd, line, (size_t)n, err);
    }
    return rc;
}
