#include "host/bench/data/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/recipe/recipe.h"

/* Tags of the recipe's list; a list holds 1024. */
#define N_LISTED 1000u
#define N_USUAL  500u

/* The tags of the recipe's pools: each with its own range of sizes and a weight that gives the
 * shares of ps_bench_tags_draw. */
static void print_tag_list(FILE *out, const struct ps_bench_tags *tags, uint32_t n_listed)
{
    uint64_t state = 1;

    for (uint32_t i = 0; i < n_listed; i++) {
        /* Beyond the usual ones, every so often one of the rest; never a wildcard. */
        uint32_t n_rest = PS_BENCH_ALL_TAGS - PS_BENCH_WILDCARDS - N_USUAL;
        uint32_t k = i < N_USUAL ? i : N_USUAL + (i - N_USUAL) * (n_rest / (N_LISTED - N_USUAL));
        uint32_t weight = i < PS_BENCH_COMMON_TAGS ? 600 : i < N_USUAL ? 8 : 4;
        uint32_t low = 0x20 + 0x10 * ps_bench_below(&state, ps_bench_below(&state, 40) + 1);
        char text[PS_TAG_TEXT_BYTES];

        /* A recipe pads short tags itself; a blank would end the word. */
        ps_tag_pattern_print(tags->rule[k].pattern, text);
        text[strcspn(text, " ")] = 0;
        if (i % 50 == 0)
            fputs(i ? "\ntags a" : "tags a", out);
        fprintf(out, " %s:%#x-%#x*%u", text, low, low + 0x40, weight);
    }
    fputc('\n', out);
}

int ps_pages_recipe(char **text, const struct ps_page_mix *mix, const struct ps_bench_tags *tags,
                    uint64_t n_bytes, int with_kuser, struct ps_err *err)
{
    const int x86 = mix->arch == PS_ARCH_X86;
    size_t n;
    FILE *out = open_memstream(text, &n);

    if (!out)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    fprintf(out, "size %" PRIu64 "\nseed 4600\narch %s\nbuild %u\n", n_bytes, x86 ? "x86" : "x64",
            mix->build);
    print_tag_list(out, tags, mix->common ? PS_BENCH_COMMON_TAGS : N_LISTED);
    fprintf(out, "pages 0- %s\n", mix->fill);
    if (with_kuser && n_bytes > 2 * PS_RECIPE_PAGE)
        fprintf(out, "page 1 kuser cpus=4\n");
    return fclose(out) == 0 ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

static int remember(struct ps_pages *p, uint64_t off, uint32_t word0, uint32_t tag,
                    struct ps_err *err)
{
    if (p->n_planted == p->cap_planted) {
        size_t cap = p->cap_planted * 2 + 4096;
        struct ps_planted_header *more = realloc(p->planted, cap * sizeof *more);

        if (!more)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
        p->planted = more;
        p->cap_planted = cap;
    }
    p->planted[p->n_planted++] = (struct ps_planted_header){off, tag, word0};
    return 0;
}

/* The page as the recipe has it. */
static int fill_page(struct ps_pages *p, const struct ps_recipe *recipe, size_t page,
                     struct ps_planted_page *planted, struct ps_err *err)
{
    const uint64_t off = (uint64_t)page * PS_RECIPE_PAGE;
    int rc = ps_recipe_page(recipe, page, p->mem + off, planted, err);

    for (size_t i = 0; i < planted->n && rc >= 0; i++) {
        const struct ps_planted *h = &planted->header[i];

        if (h->state == PS_PLANTED_ALLOCATED || h->state == PS_PLANTED_STALE)
            rc = remember(p, off + h->offset, h->word0, h->tag, err);
    }
    return rc < 0 ? rc : 0;
}

/* A header as an allocator writes it: x86 packs 9 + 7 + 9 + 7 bits, x64 four bytes. PoolType 2 is
 * a non-paged block in use since Vista. On x86 the allocator is the classic one, and every block
 * but the first of a page says how large the one before it is; on x64 it is the segment heap. */
static uint32_t header_word(enum ps_arch arch, uint32_t slot, uint32_t block, uint64_t *state)
{
    uint32_t most = slot < 32 ? slot : 32;

    if (arch == PS_ARCH_X64)
        return block << 16 | 2u << 24;
    return (slot ? 1 + ps_bench_below(state, most) : 0) | block << 16 | 2u << 25;
}

static int plant_page(struct ps_pages *p, const struct ps_page_mix *mix,
                      const struct ps_bench_tags *tags, size_t page, uint64_t *state,
                      struct ps_err *err)
{
    const uint32_t slot_bytes = mix->arch == PS_ARCH_X86 ? 8 : 16;
    const uint32_t n_slots = PS_RECIPE_PAGE / slot_bytes;
    int rc = 0;

    for (uint32_t slot = 0; slot + 2 <= n_slots && rc == 0; slot++) {
        uint64_t off = (uint64_t)page * PS_RECIPE_PAGE + slot * slot_bytes;
        uint32_t word[2];
        uint32_t most = n_slots - slot < 32 ? n_slots - slot : 32;
        uint32_t block;

        if (mix->dense ? slot % 2 != 0 : ps_bench_below(state, 1000) >= mix->per_mille)
            continue;
        block = mix->dense ? 2 : 2 + ps_bench_below(state, most - 1);
        word[0] = header_word(mix->arch, slot, block, state);
        word[1] = ps_bench_tags_draw(tags, state);
        memcpy(p->mem + off, word, sizeof word);
        rc = remember(p, off, word[0], word[1], err);
    }
    return rc;
}

static int fill_unique(struct ps_pages *p, const struct ps_page_mix *mix,
                       const struct ps_recipe *recipe, const struct ps_bench_tags *tags,
                       struct ps_err *err)
{
    struct ps_planted_page *planted = malloc(sizeof *planted);
    uint64_t state = 4600;
    int rc = planted ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");

    p->n_planted = 0;
    for (size_t page = 0; page < p->unique_bytes / PS_RECIPE_PAGE && rc == 0; page++) {
        rc = fill_page(p, recipe, page, planted, err);
        if (rc == 0 && (mix->per_mille || mix->dense))
            rc = plant_page(p, mix, tags, page, &state, err);
    }
    free(planted);
    return rc;
}

int ps_pages_fill(struct ps_pages *p, const struct ps_page_mix *mix,
                  const struct ps_bench_tags *tags, struct ps_err *err)
{
    struct ps_recipe *recipe = NULL;
    char *text = NULL;
    int rc;

    p->unique_bytes = p->n_bytes < PS_PAGES_UNIQUE_BYTES ? p->n_bytes : PS_PAGES_UNIQUE_BYTES;
    rc = ps_pages_recipe(&text, mix, tags, p->unique_bytes, 0, err);
    if (rc == 0)
        rc = ps_recipe_parse(&recipe, text, strlen(text), NULL, 0, err);
    if (rc == 0)
        rc = fill_unique(p, mix, recipe, tags, err);
    for (size_t off = p->unique_bytes; rc == 0 && off < p->n_bytes; off += p->unique_bytes)
        memcpy(p->mem + off, p->mem, p->unique_bytes);
    ps_recipe_free(recipe);
    free(text);
    return rc;
}

void ps_pages_free(struct ps_pages *p)
{
    free(p->planted);
    p->planted = NULL;
    p->n_planted = p->cap_planted = 0;
}
