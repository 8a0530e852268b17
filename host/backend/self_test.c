/* The answer of a backend is compared with the scalar kernel before it may work. */
#include "host/backend/backend.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/bodies.h"

/* xorshift: any fixed sequence does, it only has to be the same on every run. */
static uint64_t next_word(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* A tag that some rule of the plan accepts, so that the test has hits whatever the tags are. */
static uint32_t some_tag(const struct ps_plan *plan, uint64_t random)
{
    const struct ps_plan_group *g = &plan->group[random % plan->n_groups];
    uint32_t n = 1u << (32u - g->shift);
    uint32_t i = (uint32_t)(random >> 8) & (n - 1u);

    while (plan->table[g->first + i].rule == PS_RULE_NONE)
        i = (i + 1u) & (n - 1u);
    /* 'A' is a printable character for the bytes that the rule leaves open. */
    return plan->table[g->first + i].key | (0x41414141u & ~g->mask);
}

static uint32_t some_type(const struct ps_plan *plan, uint64_t random)
{
    uint32_t type = (uint32_t)random & (plan->type_shift == PS_TYPE_SHIFT_X86 ? 0x7fu : 0xffu);

    for (uint32_t i = 0; i < 256 && !(plan->type_ok[type >> 5] >> (type & 31u) & 1u); i++)
        type = (type + 1u) & 0xffu;
    return type;
}

/* Noise, with a well-formed or nearly well-formed header in every few slots, the first and last
 * slots of a page included. */
static void fill_pages(const struct ps_plan *plan, uint8_t *pages)
{
    const uint32_t n_slots = PS_SELF_TEST_PAGES * plan->slots_per_page;
    uint64_t state = 0x706f6f6c7363616eu;

    for (size_t i = 0; i < PS_SELF_TEST_PAGES * PS_PAGE_BYTES; i += sizeof state) {
        uint64_t w = next_word(&state);

        memcpy(pages + i, &w, sizeof w);
    }
    for (uint32_t slot = 0; slot < n_slots; slot += 1 + (uint32_t)(next_word(&state) % 5)) {
        uint64_t r = next_word(&state);
        uint32_t block = (uint32_t)(r >> 40) % (plan->slots_per_page / 2);
        uint32_t prev = plan->prev_required && slot % plan->slots_per_page ? 1 : 0;
        uint32_t word[2] = {prev | block << PS_BLOCK_SHIFT |
                                some_type(plan, r >> 32) << plan->type_shift,
                            some_tag(plan, r)};

        memcpy(pages + ((size_t)slot << plan->slot_shift), word, sizeof word);
    }
}

static int compare(const struct ps_backend *b, const struct ps_hits *got, const struct ps_hit *want,
                   size_t n_want, struct ps_err *err)
{
    if (got->n != n_want)
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                       "self-test of %s failed: %zu hits, the scalar kernel has %zu; "
                       "its results cannot be trusted, use another backend",
                       b->name, got->n, n_want);
    for (size_t i = 0; i < n_want; i++)
        if (memcmp(&got->hit[i], &want[i], sizeof want[i]) != 0)
            return ps_fail(err, PS_EINTERNAL, i,
                           "self-test of %s failed: hit %zu is at slot %" PRIu32
                           ", the scalar kernel's at %" PRIu32
                           "; its results cannot be trusted, use another backend",
                           b->name, i, got->hit[i].slot, want[i].slot);
    return 0;
}

static int run_test(struct ps_backend *b, const struct ps_plan *plan, struct ps_chunk *c,
                    struct ps_hit *want, size_t cap, struct ps_err *err)
{
    size_t n_want;
    int rc;

    fill_pages(plan, c->buffer);
    c->pages = c->buffer;
    c->n_pages = PS_SELF_TEST_PAGES;
    n_want = ps_scan_scalar(plan, c->pages, PS_SELF_TEST_PAGES, want, cap);
    rc = b->ops->submit(b, c, err);
    if (rc == 0 && b->ops->wait)
        rc = b->ops->wait(b, c, err);
    return rc < 0 ? rc : compare(b, &c->hits, want, n_want, err);
}

int ps_backend_self_test(struct ps_backend *b, const struct ps_plan *plan, struct ps_err *err)
{
    const size_t cap = (size_t)PS_SELF_TEST_PAGES * plan->slots_per_page;
    struct ps_chunk c = {.max_pages = PS_SELF_TEST_PAGES};
    struct ps_hit *want = malloc(cap * sizeof *want);
    uint8_t *own = NULL;
    int rc = 0;

    if (!want) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
        goto out;
    }
    if (b->ops->chunk_init)
        rc = b->ops->chunk_init(b, &c, err);
    if (rc < 0)
        goto out;
    if (!c.buffer)
        c.buffer = own = aligned_alloc(PS_PAGE_BYTES, PS_SELF_TEST_PAGES * PS_PAGE_BYTES);
    rc = c.buffer ? run_test(b, plan, &c, want, cap, err)
                  : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (b->ops->chunk_fini)
        b->ops->chunk_fini(b, &c);
out:
    free(own);
    free(c.hits.hit);
    free(want);
    return rc;
}
