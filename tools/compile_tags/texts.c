#include "tools/compile_tags/texts.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *slot_of(const struct ps_texts *texts, const char *text)
{
    uint32_t h = 2166136261u;
    size_t i;

    for (const char *c = text; *c; c++)
        h = (h ^ (unsigned char)*c) * 16777619u;
    i = h & (texts->n_slots - 1);
    while (texts->slot[i] != 0 && strcmp(texts->text[texts->slot[i] - 1], text) != 0)
        i = (i + 1) & (texts->n_slots - 1);
    return &texts->slot[i];
}

static int grow(struct ps_texts *texts)
{
    size_t cap = texts->cap ? 2 * texts->cap : 1024;
    const char **text = realloc(texts->text, cap * sizeof *text);
    uint32_t *offset;
    uint32_t *slot;

    if (!text)
        return -1;
    texts->text = text;
    offset = realloc(texts->offset, cap * sizeof *offset);
    if (!offset)
        return -1;
    texts->offset = offset;
    slot = calloc(2 * cap, sizeof *slot);
    if (!slot)
        return -1;
    free(texts->slot);
    texts->slot = slot;
    texts->n_slots = 2 * cap;
    texts->cap = cap;
    for (size_t i = 0; i < texts->n; i++)
        *slot_of(texts, texts->text[i]) = (uint32_t)i + 1;
    return 0;
}

uint32_t ps_texts_add(struct ps_texts *texts, const char *text)
{
    uint32_t *slot;

    if (texts->n == texts->cap && grow(texts) < 0)
        return UINT32_MAX;
    slot = slot_of(texts, text);
    if (*slot == 0) {
        texts->text[texts->n] = text;
        texts->offset[texts->n] = texts->n_bytes;
        texts->n_bytes += (uint32_t)strlen(text) + 1;
        *slot = (uint32_t)++texts->n;
    }
    return texts->offset[*slot - 1];
}

void ps_texts_free(struct ps_texts *texts)
{
    free(texts->text);
    free(texts->offset);
    free(texts->slot);
}
