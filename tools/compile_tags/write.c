#include "tools/compile_tags/write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/tags/builtin/builtin.h"
#include "tools/compile_tags/texts.h"

#define PER_LINE 12u

/* Texts under way; the first failure stays. */
struct table {
    const struct ps_lists *lists;
    const struct ps_hash *hash;
    struct ps_texts texts;
    struct ps_builtin_entry *entry;
    uint32_t mask[PS_BUILTIN_MAX_MASKS];
    uint32_t n_masks;
    int failed;
};

static uint16_t add_word(struct table *t, const char *word)
{
    uint32_t at = ps_texts_add(&t->texts, word);

    t->failed |= at > UINT16_MAX;
    return (uint16_t)at;
}

static void note_mask(struct table *t, uint32_t mask)
{
    uint32_t at = 0;

    while (at < t->n_masks && ps_tag_mask_rank(t->mask[at]) > ps_tag_mask_rank(mask))
        at++;
    if (at < t->n_masks && t->mask[at] == mask)
        return;
    memmove(t->mask + at + 1, t->mask + at, (t->n_masks - at) * sizeof t->mask[0]);
    t->mask[at] = mask;
    t->n_masks++;
}

static int make_entries(struct table *t)
{
    const size_t n = t->lists->n;

    t->entry = calloc(n, sizeof *t->entry);
    if (!t->entry)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info *info = &t->lists->entry[i];

        t->entry[i] = (struct ps_builtin_entry){
            .value = info->pattern.value,
            .mask = info->pattern.mask,
            .component = add_word(t, info->component),
            .kind = add_word(t, info->kind),
            .pool = add_word(t, info->pool),
            .seen = add_word(t, info->seen),
            .source = add_word(t, info->source),
            .line = (uint16_t)info->line,
        };
        note_mask(t, info->pattern.mask);
    }
    for (size_t i = 0; i < n; i++) {
        t->entry[i].description = ps_texts_add(&t->texts, t->lists->entry[i].description);
        t->failed |= t->entry[i].description == UINT32_MAX;
    }
    return t->failed ? -1 : 0;
}

/* A question mark is escaped: two of them begin a trigraph. */
static void write_text(FILE *out, const char *text)
{
    fputs("    \"", out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || *text == '?')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputs("\\0\"\n", out);
}

static void write_numbers(FILE *out, const char *name, const uint16_t *number, uint32_t n)
{
    fprintf(out, "static const uint16_t %s[] = {", name);
    for (uint32_t i = 0; i < n; i++)
        fprintf(out, "%s%u,", i % PER_LINE == 0 ? "\n    " : " ", number[i]);
    fputs("\n};\n\n", out);
}

static void write_entries(FILE *out, const struct table *t)
{
    fputs("static const struct ps_builtin_entry entries[] = {\n", out);
    for (size_t i = 0; i < t->lists->n; i++) {
        const struct ps_builtin_entry *e = &t->entry[i];

        fprintf(out,
                "    {0x%08" PRIx32 ", 0x%08" PRIx32 ", %" PRIu32 ", %u, %u, %u, %u, %u, %u},\n",
                e->value, e->mask, e->description, e->component, e->kind, e->pool, e->seen,
                e->source, e->line);
    }
    fputs("};\n\n", out);
}

static void write_all(FILE *out, const struct table *t)
{
    fputs("/* Made by tools/compile_tags from tags/. */\n"
          "#include \"scan/tags/builtin/builtin.h\"\n\n"
          "static const char text[] =\n",
          out);
    for (size_t i = 0; i < t->texts.n; i++)
        write_text(out, t->texts.text[i]);
    fputs("    ;\n\n", out);
    write_entries(out, t);
    write_numbers(out, "places", t->hash->place, (uint32_t)t->lists->n);
    write_numbers(out, "displacements", t->hash->displacement, t->hash->n_buckets);
    fputs("static const uint32_t masks[] = {", out);
    for (uint32_t i = 0; i < t->n_masks; i++)
        fprintf(out, "%s0x%08" PRIx32, i == 0 ? "" : ", ", t->mask[i]);
    fprintf(out,
            "};\n\n"
            "const struct ps_builtin_table ps_builtin_table = {\n"
            "    .entry = entries,\n    .place = places,\n    .displacement = displacements,\n"
            "    .text = text,\n    .mask = masks,\n    .n = %zu,\n    .n_buckets = %" PRIu32 ",\n"
            "    .n_masks = %" PRIu32 ",\n    .seed = %" PRIu32 ",\n};\n",
            t->lists->n, t->hash->n_buckets, t->n_masks, t->hash->seed);
}

static int write_file(const char *path, const struct table *t)
{
    FILE *out = fopen(path, "w");
    int failed;

    if (!out) {
        perror(path);
        return -1;
    }
    write_all(out, t);
    failed = ferror(out);
    failed |= fclose(out) != 0;
    if (failed) {
        fprintf(stderr, "%s: cannot be written\n", path);
        remove(path);
        return -1;
    }
    return 0;
}

int ps_write_table(const char *path, const struct ps_lists *lists, const struct ps_hash *hash)
{
    struct table t = {.lists = lists, .hash = hash};
    int rc = make_entries(&t);

    if (rc < 0)
        fprintf(stderr, "compile_tags: out of memory, or more than 64 KiB of names\n");
    else
        rc = write_file(path, &t);
    free(t.entry);
    ps_texts_free(&t.texts);
    return rc;
}
