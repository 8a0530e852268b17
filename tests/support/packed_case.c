#include "tests/support/packed_case.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/rng.h"

#define PAGE     4096u
#define MAX_READ 100000u
#define N_READS  200
#define N_DAMAGE 40

uint8_t *ps_packed_truth(size_t n_bytes, uint64_t seed)
{
    struct rng rng = rng_make(seed);
    uint8_t *truth = calloc(1, n_bytes + PAGE);

    for (size_t at = 0; at < n_bytes; at += PAGE) {
        switch (rng_below(&rng, 4)) {
        case 0:
            break;
        case 1:
            for (size_t i = 0; i < PAGE; i++)
                truth[at + i] = (uint8_t) "pool header of a page "[i % 22];
            break;
        case 2:
            for (size_t i = 0; i < PAGE; i += 16)
                truth[at + i] = (uint8_t)rng_next(&rng);
            break;
        default:
            rng_fill(&rng, truth + at, PAGE);
        }
    }
    return truth;
}

uint8_t *ps_packed_room(struct ps_packed_buffer *b, size_t n_bytes)
{
    b->data = realloc(b->data, b->n + n_bytes + 1);
    cr_assert(b->data);
    return b->data + b->n;
}

void ps_packed_append(struct ps_packed_buffer *b, const void *data, size_t n_bytes)
{
    uint8_t *room = ps_packed_room(b, n_bytes);

    if (n_bytes)
        memcpy(room, data, n_bytes);
    b->n += n_bytes;
}

void ps_packed_open_case(struct ps_packed_case *c, const struct ps_packing *packing,
                         const struct ps_packed_buffer *b, unsigned n_threads)
{
    const struct ps_packed packed = {&c->memory.bytes, NULL, &c->spec, &c->notes};
    int rc;

    memset(c, 0, sizeof *c);
    c->spec.n_threads = n_threads;
    c->spec.temp_dir = "/dev/shm";
    ps_memory_bytes_init(&c->memory, b->data, b->n);
    cr_assert(packing->probe(b->data, b->n < 64 ? b->n : 64));
    rc = packing->open(&c->bytes, &packed, &c->err);
    cr_assert_eq(rc, -c->err.code);
    cr_assert((rc == 0) == (c->bytes != NULL));
    cr_assert(rc == 0 || c->memory.n_closed == 0);
}

void ps_packed_close_case(struct ps_packed_case *c)
{
    if (!c->bytes)
        return;
    c->bytes->ops->close(c->bytes);
    cr_assert_eq(c->memory.n_closed, 1);
}

static void compare(struct ps_packed_case *c, const uint8_t *truth, uint64_t off, uint8_t *buf,
                    size_t n, uint64_t seed)
{
    struct ps_err err = {0};

    cr_assert_eq(c->bytes->ops->read(c->bytes, off, buf, n, &err), 0, "%s", err.msg);
    cr_assert(memcmp(buf, truth + off, n) == 0,
              "other bytes at 0x%" PRIx64 ", %zu, PS_SEED=%" PRIu64, off, n, seed);
}

void ps_packed_equals(struct ps_packed_case *c, const uint8_t *truth, size_t n_bytes)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed);
    uint8_t *buf = malloc(MAX_READ);
    size_t n;

    cr_assert(c->bytes, "%s", c->err.msg);
    cr_assert_eq(c->bytes->n_bytes, n_bytes);
    for (size_t at = 0; at < n_bytes; at += n) {
        n = n_bytes - at < MAX_READ ? n_bytes - at : MAX_READ;
        compare(c, truth, at, buf, n, seed);
    }
    for (int i = 0; i < N_READS; i++) {
        const size_t at = rng_below(&rng, (uint32_t)n_bytes);

        n = 1 + rng_below(&rng, MAX_READ);
        compare(c, truth, at, buf, n < n_bytes - at ? n : n_bytes - at, seed);
    }
    free(buf);
}

int ps_packed_notes(const struct ps_packed_case *c, const char *word)
{
    for (unsigned i = 0; i < c->notes.n; i++)
        if (strstr(c->notes.note[i].text, word))
            return 1;
    return 0;
}

void ps_packed_check(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                     const uint8_t *truth, size_t n_bytes, int is_file)
{
    struct ps_packed_case c;

    for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
        ps_packed_open_case(&c, packing, b, n_threads);
        ps_packed_equals(&c, truth, n_bytes);
        cr_assert_eq(ps_packed_notes(&c, "temporary file"), is_file);
        for (unsigned i = 0; i < c.notes.n; i++)
            cr_assert_eq(c.notes.note[i].kind, PS_NOTE_INFO, "%s", c.notes.note[i].text);
        ps_packed_close_case(&c);
    }
}

/* How many pages of it cannot be read, or are other ones. */
static size_t count_bad(struct ps_packed_case *c, const uint8_t *truth, size_t n_bytes,
                        size_t *n_other)
{
    uint8_t page[PAGE];
    size_t n_bad = 0;

    for (size_t at = 0; c->bytes && at < n_bytes && at < c->bytes->n_bytes; at += PAGE) {
        const size_t left = (size_t)c->bytes->n_bytes - at;
        const size_t n = left < PAGE ? left : PAGE;
        struct ps_err err = {0};

        if (c->bytes->ops->read(c->bytes, at, page, n, &err) < 0)
            n_bad++;
        else
            *n_other += n == PAGE && memcmp(page, truth + at, PAGE) != 0;
    }
    return n_bad;
}

void ps_packed_check_damaged(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                             const uint8_t *truth, size_t n_bytes, int has_checksums)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed);
    struct ps_packed_buffer copy = {0};
    struct ps_packed_case c;
    size_t n_bad = 0, n_other = 0;

    ps_packed_append(&copy, b->data, b->n);
    for (int i = 0; i < N_DAMAGE; i++) {
        const size_t at = b->n / 8 + rng_below(&rng, (uint32_t)(b->n / 2));

        copy.data[at] ^= (uint8_t)(1 + rng_below(&rng, 255));
        ps_packed_open_case(&c, packing, &copy, 1 + rng_below(&rng, 3));
        n_bad += count_bad(&c, truth, n_bytes, &n_other);
        n_bad += ps_packed_notes(&c, "lost") || !c.bytes;
        ps_packed_close_case(&c);
        copy.data[at] = b->data[at];
    }
    cr_assert(n_bad > 0 || !has_checksums, "no damage was noticed, PS_SEED=%" PRIu64, seed);
    cr_assert(!has_checksums || n_other == 0, "%zu pages are wrong, PS_SEED=%" PRIu64, n_other,
              seed);
    free(copy.data);
}

/* Read while it is unpacked, where that can be: it comes to the end if all of it was told. */
static void check_flow(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                       size_t n_bytes, int is_whole)
{
    struct ps_packed_case c = {.spec = {.n_threads = 1, .temp_dir = "/dev/shm", .once = 1}};
    const struct ps_packed packed = {&c.memory.bytes, "x", &c.spec, &c.notes};
    uint8_t *buf = malloc(n_bytes);

    ps_memory_bytes_init(&c.memory, b->data, b->n);
    cr_assert_eq(packing->open(&c.bytes, &packed, &c.err), 0, "%s", c.err.msg);
    if (c.bytes->ops->finish && c.bytes->n_bytes == n_bytes) {
        const int rc = c.bytes->ops->read_once(c.bytes, 0, buf, n_bytes, &c.err);

        cr_assert(rc == 0 || (rc == -PS_EFORMAT && !is_whole), "%s", c.err.msg);
        cr_assert_eq(c.bytes->ops->finish(c.bytes, &c.err), is_whole, "%s", c.err.msg);
    }
    c.bytes->ops->close(c.bytes);
    free(buf);
}

struct rest {
    const uint8_t *bytes;
    size_t n;
    enum ps_note_kind kind; /* INFO: nothing is said */
};

static void check_one_rest(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                           const struct rest *rest, const uint8_t *truth, size_t n_bytes)
{
    struct ps_packed_buffer longer = {0};
    struct ps_packed_case c;

    ps_packed_append(&longer, b->data, b->n);
    ps_packed_append(&longer, rest->bytes, rest->n);
    for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2) {
        unsigned n_told = 0;

        ps_packed_open_case(&c, packing, &longer, n_threads);
        ps_packed_equals(&c, truth, n_bytes);
        for (unsigned i = 0; i < c.notes.n; i++) {
            if (c.notes.note[i].kind == PS_NOTE_INFO)
                continue;
            cr_assert_eq(c.notes.note[i].kind, rest->kind, "%s", c.notes.note[i].text);
            n_told++;
        }
        cr_assert_eq(n_told, rest->kind != PS_NOTE_INFO, "%u notes of %zu bytes", n_told, rest->n);
        ps_packed_close_case(&c);
    }
    check_flow(packing, &longer, n_bytes, rest->kind == PS_NOTE_INFO);
    free(longer.data);
}

#define N_ZEROS 70000u
#define N_SMALL 300u
#define N_LARGE 20000u
#define N_MAGIC 4u

void ps_packed_check_rest(const struct ps_packing *packing, const struct ps_packed_buffer *b,
                          const struct ps_packed_buffer *part, const uint8_t *truth, size_t n_bytes)
{
    static const size_t n_zeros[] = {1, 3, 4, 5, 18, N_ZEROS};
    uint8_t *bytes = calloc(1, N_ZEROS + part->n);
    const struct rest small = {bytes, N_SMALL, PS_NOTE_WARNING};
    const struct rest padded = {bytes, N_SMALL, PS_NOTE_WARNING};
    const struct rest large = {bytes, N_LARGE, PS_NOTE_LOSS};

    for (size_t i = 0; i < sizeof n_zeros / sizeof *n_zeros; i++)
        check_one_rest(packing, b, &(struct rest){bytes, n_zeros[i], PS_NOTE_INFO}, truth, n_bytes);
    memset(bytes, '-', N_LARGE);
    check_one_rest(packing, b, &small, truth, n_bytes);
    check_one_rest(packing, b, &large, truth, n_bytes);
    memset(bytes, 0, N_SMALL / 2);
    check_one_rest(packing, b, &padded, truth, n_bytes);
    memcpy(bytes, part->data, part->n);
    check_one_rest(packing, b, &(struct rest){bytes, N_MAGIC - 1, PS_NOTE_LOSS}, truth, n_bytes);
    for (size_t i = 0; i < N_MAGIC; i++) {
        static const uint8_t ways[] = {0x20, 0xff};

        for (size_t k = 0; k < sizeof ways; k++) {
            bytes[i] ^= ways[k];
            check_one_rest(packing, b, &(struct rest){bytes, part->n, PS_NOTE_LOSS}, truth,
                           n_bytes);
            bytes[i] ^= ways[k];
        }
        bytes[i] = (uint8_t)(part->data[i] ? 0 : 0x80);
        check_one_rest(packing, b, &(struct rest){bytes, part->n, PS_NOTE_LOSS}, truth, n_bytes);
        bytes[i] = part->data[i];
    }
    free(bytes);
}
