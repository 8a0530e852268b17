/* Streams that are unpacked as a whole, made up here: to memory, to a file, and to memory up to
 * there. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/unpacked.h"

#define MIB     ((uint64_t)1 << 20)
#define N_BYTES (9 * MIB + 12345)

/* Byte number i of the stream; every other 32 KiB are zeros. */
static uint8_t truth(uint64_t i)
{
    return i >> 15 & 1 ? 0 : (uint8_t)((i * 0x9e3779b97f4a7c15u) >> 56);
}

struct made {
    uint64_t n;         /* bytes that there are */
    uint64_t damage_at; /* the stream ends here with an error; UINT64_MAX: nowhere */
    uint64_t at;
    uint64_t n_calls;
    unsigned n_restarts;
    const uint8_t *mem; /* that all of it goes into */
    size_t n_mem;
};

static int made_next(void *arg, uint8_t *out, size_t n_bytes, size_t *n, struct ps_err *err)
{
    struct made *m = arg;

    m->n_calls++;
    memset(out, 0xee, n_bytes); /* it may use what it is given */
    for (*n = 0; *n < n_bytes && m->at < m->n && m->at != m->damage_at; ++*n, m->at++)
        out[*n] = truth(m->at);
    return m->at == m->damage_at ? ps_fail(err, PS_EFORMAT, 1000, "damaged here") : 0;
}

#define STEP ((size_t)300000) /* no multiple of anything */

/* The same in place. What the last call before the damage gave does not count. */
static int made_next_in(void *arg, uint8_t *mem, size_t n_mem, size_t *at, struct ps_err *err)
{
    struct made *m = arg;
    const size_t room = n_mem - *at;
    size_t n;
    int rc;

    cr_assert_eq(*at, m->at);
    cr_assert(!m->mem || (m->mem == mem && m->n_mem == n_mem));
    m->mem = mem;
    m->n_mem = n_mem;
    for (size_t i = *at > 2 * STEP ? *at - 2 * STEP : 0; i < *at; i++)
        cr_assert_eq(mem[i], truth(i), "byte 0x%zx was changed", i);
    rc = made_next(m, mem + *at, STEP < room ? STEP : room, &n, err);
    if (rc < 0)
        return rc;
    *at += n;
    return m->at < m->n;
}

static int made_restart(void *arg, struct ps_err *err)
{
    struct made *m = arg;

    (void)err;
    m->at = 0;
    m->n_restarts++;
    return 0;
}

struct opened {
    int in_place;
    struct made made;
    struct ps_image_spec spec;
    struct ps_notes notes;
    struct ps_bytes *bytes;
    struct ps_err err;
    int rc;
};

static void open_stream(struct opened *o, uint64_t promised)
{
    const struct ps_unpack_stream stream = {
        .name = "made",
        .n_packed = 5000,
        .arg = &o->made,
        .next = made_next,
        .next_in = o->in_place ? made_next_in : NULL,
        .restart = o->in_place ? made_restart : NULL,
        .n_promised = promised,
    };

    o->rc = ps_unpacked_open(&o->bytes, &stream, &o->spec, &o->notes, &o->err);
    cr_assert_eq(o->rc, -o->err.code);
    cr_assert((o->rc == 0) == (o->bytes != NULL));
}

/* Every test is for both ways to fill memory: in pieces and in place. */
static struct opened begin(uint64_t memory, unsigned n_threads, int in_place)
{
    return (struct opened){
        .in_place = in_place,
        .made = {.n = N_BYTES, .damage_at = UINT64_MAX},
        .spec = {.unpack_memory = memory, .n_threads = n_threads, .temp_dir = "/dev/shm"},
    };
}

static int has_note(const struct opened *o, const char *text)
{
    for (unsigned i = 0; i < o->notes.n; i++)
        if (strstr(o->notes.note[i].text, text))
            return 1;
    return 0;
}

/* n_bytes of the truth, read and mapped, and zeros behind them on the last page. */
static void check(const struct opened *o, uint64_t n_bytes)
{
    struct ps_err err = {0};
    const uint8_t *mem;
    uint8_t *buf = malloc(n_bytes);

    cr_assert_eq(o->rc, 0, "%s", o->err.msg);
    cr_assert_eq(o->bytes->n_bytes, n_bytes);
    cr_assert_eq(o->bytes->ops->read(o->bytes, 0, buf, n_bytes, &err), 0);
    mem = o->bytes->ops->map(o->bytes, 0, n_bytes);
    cr_assert(mem);
    for (uint64_t i = 0; i < n_bytes; i++)
        cr_assert(buf[i] == truth(i) && mem[i] == truth(i), "byte 0x%" PRIx64, i);
    for (uint64_t i = n_bytes; i % 4096; i++)
        cr_assert_eq(mem[i], 0, "byte 0x%" PRIx64 " behind the end", i);
    cr_assert_null(o->bytes->ops->map(o->bytes, 4, 8));
    o->bytes->ops->close(o->bytes);
    free(buf);
}

/* Memory that is more than enough, just enough, and too little by any amount; sizes that are not
 * known, right, and wrong. */
Test(unpacked, where)
{
    static const struct {
        uint64_t memory, promised;
        int is_file;
    } cases[] = {
        {0, 0, 1},
        {MIB, 0, 1},
        {20 * MIB, 0, 0},
        {20 * MIB, N_BYTES, 0},
        {20 * MIB, 3 * MIB, 1}, /* a lie: it spills */
        {20 * MIB, 15 * MIB, 0},
        {20 * MIB, 30 * MIB, 1},
        {20 * MIB, UINT64_MAX, 1},
        {N_BYTES - 4096, 0, 1}, /* memory is taken in pages */
        {N_BYTES - 1, N_BYTES, 1},
        {N_BYTES + 1, 0, 0},
        {N_BYTES + 1, N_BYTES, 0},
        {5 * MIB, 0, 1},
        {5 * MIB + 1, 0, 1},
        {9 * MIB, 0, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned n = 0; n < 4; n++) {
            struct opened o = begin(cases[i].memory, 1 + n % 2, n / 2);

            open_stream(&o, cases[i].promised);
            cr_expect_eq(has_note(&o, "temporary file"), cases[i].is_file, "case %zu", i);
            cr_expect_eq(has_note(&o, "bytes of memory"), !cases[i].is_file, "case %zu", i);
            cr_expect_eq(o.bytes->ops->stays, !cases[i].is_file, "case %zu", i);
            check(&o, N_BYTES);
        }
}

/* What is known not to fit does not go through memory first. */
Test(unpacked, promise_goes_to_file)
{
    struct opened o = begin(5 * MIB, 1, 1);

    o.spec.temp_dir = PS_NO_TEMP_DIR;
    open_stream(&o, 6 * MIB);
    cr_assert_eq(o.err.code, PS_ECREATE);
    cr_assert_eq(o.made.n_calls, 0);
}

/* Exactly as many bytes as there is memory for. */
Test(unpacked, multiple_of_a_piece)
{
    for (uint64_t memory = 7 * MIB; memory <= 9 * MIB; memory += MIB)
        for (int in_place = 0; in_place < 2; in_place++) {
            struct opened o = begin(memory, 2, in_place);

            o.made.n = 8 * MIB;
            open_stream(&o, 0);
            /* In place the end is seen with the last byte. */
            cr_expect_eq(has_note(&o, "temporary file"), memory < (in_place ? 8 : 9) * MIB);
            check(&o, 8 * MIB);
        }
}

static void check_damage(uint64_t memory, uint64_t at, int in_place)
{
    struct opened o = begin(memory, 1 + at % 2, in_place);

    o.made.damage_at = at;
    open_stream(&o, 0);
    cr_assert(has_note(&o, "damaged here: the last 4000 of 5000 packed bytes are lost"));
    cr_assert_eq(o.made.n_restarts, in_place && memory > at);
    check(&o, at);
}

Test(unpacked, damage)
{
    for (uint64_t memory = 0; memory <= 20 * MIB; memory += 5 * MIB)
        for (uint64_t at = MIB - 1; at < 9 * MIB; at += MIB + 333) {
            check_damage(memory, at, 0);
            check_damage(memory, at, 1);
        }
}

Test(unpacked, nothing_that_counts)
{
    for (unsigned i = 0; i < 4; i++) {
        struct opened o = begin(i / 2 * 20 * MIB, 2, i % 2), empty = o, large = o;

        o.made.damage_at = 4095;
        open_stream(&o, 0);
        cr_assert_eq(o.err.code, PS_EFORMAT);
        cr_assert_eq(o.err.at, 1000);
        empty.made.n = 0;
        open_stream(&empty, 0);
        cr_assert_eq(empty.err.code, PS_EFORMAT);
        large.spec.max_unpacked = 6 * MIB;
        open_stream(&large, 0);
        cr_assert_eq(large.err.code, PS_ECREATE);
    }
}

Test(unpacked, no_file_to_spill_to)
{
    struct opened o = begin(5 * MIB, 2, 0);

    o.spec.temp_dir = PS_NO_TEMP_DIR;
    open_stream(&o, 0);
    cr_assert_eq(o.err.code, PS_ECREATE);
    cr_assert(strstr(o.err.msg, "forbids"));
}
