/* bench_inputs FOLDER BYTES: what bench/run.sh works on, from the same generators as the verb
 * bench: recipes for images of BYTES, and the made-up tags as a .tags list, as fixed strings for
 * grep, and as a regular expression of a whole header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/bench/data/pages.h"
#include "host/bench/data/tag_set.h"

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "wb");
    if (!out) {
        perror(path);
        exit(73);
    }
    return out;
}

static void finish(FILE *out)
{
    if (ferror(out) || fclose(out) != 0) {
        perror("bench_inputs");
        exit(74);
    }
}

static void write_recipe(const char *folder, const char *name, const struct ps_page_mix *mix,
                         const struct ps_bench_tags *tags, uint64_t n_bytes)
{
    FILE *out = create(folder, name);
    struct ps_err err;
    char *text = NULL;

    if (ps_pages_recipe(&text, mix, tags, n_bytes, 1, &err) < 0) {
        fprintf(stderr, "bench_inputs: %s\n", err.msg);
        exit(70);
    }
    fputs(text, out);
    free(text);
    finish(out);
}

static unsigned fixed_bytes(struct ps_tag_pattern p)
{
    unsigned n = 0;

    while (n < PS_TAG_BYTES && p.mask >> 8 * n & 0xff)
        n++;
    return n;
}

/* What is open at the end of a tag is left away: grep finds at least what the tag stands for. */
static void write_fixed(const char *folder, const struct ps_bench_tags *tags)
{
    FILE *out = create(folder, "fixed.txt");

    for (size_t i = 0; i < PS_BENCH_ALL_TAGS; i++) {
        struct ps_tag_pattern p = tags->rule[i].pattern;

        fwrite(&p.value, 1, fixed_bytes(p), out);
        fputc('\n', out);
    }
    finish(out);
}

/* PreviousSize and PoolIndex of any value, a BlockSize of two slots or more, a PoolType in use
 * since Vista. */
#define HEADER                                                                                     \
    "..[^\\x00\\x01][\\x02\\x03\\x06\\x07\\x0a\\x0b\\x12\\x13\\x22\\x23\\x2a\\x2b\\x42\\x43]"

/* Only letters, digits and blanks stand in the made-up tags: nothing to escape. */
static void put_tag(FILE *out, struct ps_tag_pattern p)
{
    unsigned n = fixed_bytes(p);

    fwrite(&p.value, 1, n, out);
    for (; n < PS_TAG_BYTES; n++)
        fputs("[ -~]", out);
}

/* For ripgrep all headers in one expression, for Hyperscan one for each tag. */
static void write_regex(const char *folder, const struct ps_bench_tags *tags)
{
    FILE *one = create(folder, "header.regex");
    FILE *many = create(folder, "headers.regex");

    fputs("(?s-u:" HEADER "(?:", one);
    for (size_t i = 0; i < PS_BENCH_ALL_TAGS; i++) {
        fputs(i ? "|" : "", one);
        put_tag(one, tags->rule[i].pattern);
        fputs(HEADER, many);
        put_tag(many, tags->rule[i].pattern);
        fputc('\n', many);
    }
    fputs("))\n", one);
    finish(one);
    finish(many);
}

static void write_tags(const char *folder, const struct ps_bench_tags *tags)
{
    FILE *out = create(folder, "made-up.tags");
    struct ps_err err;

    if (ps_bench_tags_write(tags, fileno(out), &err) < 0) {
        fprintf(stderr, "bench_inputs: %s\n", err.msg);
        exit(74);
    }
    finish(out);
}

int main(int argc, char **argv)
{
    struct ps_bench_tags *tags = malloc(sizeof *tags);
    uint64_t n_bytes = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

    if (n_bytes == 0 || !tags) {
        fputs("usage: bench_inputs FOLDER BYTES\n", stderr);
        return 64;
    }
    ps_bench_tags_make(tags);
    write_tags(argv[1], tags);
    write_fixed(argv[1], tags);
    write_regex(argv[1], tags);
    write_recipe(argv[1], "image.recipe", &ps_page_mixes[PS_PAGE_MIX_IMAGE], tags, n_bytes);
    write_recipe(argv[1], "idle.recipe", &ps_page_mixes[PS_PAGE_MIX_IDLE], tags, n_bytes);
    write_recipe(argv[1], "dense-x64.recipe", &ps_page_mix_dense[0], tags, n_bytes);
    write_recipe(argv[1], "dense-x86.recipe", &ps_page_mix_dense[1], tags, n_bytes);
    free(tags);
    return 0;
}
