/* Bytes -> a plan, as they are and with the id that they should have, which nobody would guess.
 * Tasks of what is read are such as tasks must be, and sealing it again gives the same id. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "host/farm/plan.h"

#define BEFORE_ID "\"id\":\""
#define N_BEFORE  (sizeof BEFORE_ID - 1)
#define N_ID      (PS_DIGEST_HEX_BYTES - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int holds)
{
    if (!holds)
        abort();
}

static void check_image(const struct ps_farm_task *t, const struct ps_farm_task *before)
{
    if (before && before->image_number == t->image_number) {
        expect(before->part == PS_FARM_RANGE && t->part != PS_FARM_WHOLE);
        expect(t->part != PS_FARM_RANGE || t->start == before->end);
        expect(t->part != PS_FARM_VIRTUAL || t->end == before->end);
        expect(strcmp(t->image, before->image) == 0);
    } else {
        expect(t->part != PS_FARM_VIRTUAL);
        expect(before ? t->image_number == before->image_number + 1 && before->part != PS_FARM_RANGE
                      : t->image_number == 0);
    }
}

static void check_plan(const struct ps_farm_plan *p)
{
    expect(p->n_tasks > 0 && p->task[p->n_tasks - 1].image_number == p->n_images - 1);
    expect(p->version && strlen(p->options_id) == N_ID && strlen(p->tags_id) == N_ID);
    for (size_t i = 0; i < p->n_words; i++)
        expect(p->word[i] != NULL);
    for (size_t i = 0; i < p->n_tasks; i++) {
        const struct ps_farm_task *t = &p->task[i];

        expect(t->number == i && t->image[0] == '/' && strlen(t->identity) == N_ID);
        expect(t->start < t->end && t->start % 4096 == 0 && t->end % 4096 == 0);
        check_image(t, i ? t - 1 : NULL);
    }
}

static void read_plan(const char *text, size_t n)
{
    struct ps_farm_plan p = {0};
    struct ps_err err = {0};
    char id[PS_DIGEST_HEX_BYTES];
    int rc = ps_farm_plan_parse(&p, text, n, &err);

    if (rc < 0) {
        expect(rc == -PS_EFORMAT && err.at >= 1 && p.n_owned == 0);
        return;
    }
    check_plan(&p);
    memcpy(id, p.id, sizeof id);
    expect(ps_farm_plan_seal(&p, &err) == 0 && strcmp(id, p.id) == 0);
    ps_farm_plan_free(&p);
}

/* Put the right id in, where the text has room for one. */
static void set_id(char *text, size_t n)
{
    char *at = memmem(text, n, BEFORE_ID, N_BEFORE);
    size_t before;
    char *without, hex[PS_DIGEST_HEX_BYTES];
    XXH128_hash_t h;

    if (!at)
        return;
    before = (size_t)(at - text) + N_BEFORE;
    without = n - before >= N_ID ? malloc(n) : NULL;
    if (!without)
        return;
    memcpy(without, text, before);
    memcpy(without + before, text + before + N_ID, n - before - N_ID);
    h = XXH3_128bits(without, n - N_ID);
    free(without);
    snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)h.high64,
             (unsigned long long)h.low64);
    memcpy(text + before, hex, N_ID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    read_plan(text, size);
    set_id(text, size);
    read_plan(text, size);
    free(text);
    return 0;
}
