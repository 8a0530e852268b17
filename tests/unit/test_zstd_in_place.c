/* zstd streams that are unpacked into memory in one piece, and what cannot be. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/packed_case.h"
#include "tests/support/rng.h"
#include "tests/support/zstd_frame.h"

#define N_BYTES  ((size_t)3 << 20)
#define MEMORY   ((uint64_t)8 << 20)
#define N_DAMAGE 60

static void open_in(struct ps_packed_case *c, const struct ps_packed_buffer *b, uint64_t memory,
                    unsigned n_threads)
{
    const struct ps_packed packed = {&c->memory.bytes, NULL, &c->spec, &c->notes};
    int rc;

    memset(c, 0, sizeof *c);
    c->spec = (struct ps_image_spec){
        .n_threads = n_threads, .temp_dir = "/dev/shm", .unpack_memory = memory};
    ps_memory_bytes_init(&c->memory, b->data, b->n);
    rc = ps_packing_zstd.open(&c->bytes, &packed, &c->err);
    cr_assert_eq(rc, -c->err.code);
}

/* With room for all of it, for most, and for nothing. */
static void check(const struct ps_packed_buffer *b, const uint8_t *truth, size_t n_bytes, int fits)
{
    const uint64_t memory[] = {MEMORY, n_bytes + 4096, n_bytes, n_bytes - 100000, 0};
    struct ps_packed_case c;

    for (unsigned i = 0; i < 10; i++) {
        open_in(&c, b, memory[i / 2], 1 + i % 2);
        ps_packed_equals(&c, truth, n_bytes);
        if (i < 2)
            cr_assert_eq(ps_packed_notes(&c, "bytes of memory"), fits);
        ps_packed_close_case(&c);
    }
}

Test(zstd_in_place, one_frame)
{
    for (size_t n = 1500000; n <= N_BYTES; n += N_BYTES - 1500000) {
        uint8_t *truth = ps_packed_truth(n, 1);
        struct ps_packed_buffer b = {0};

        ps_put_zstd_frame(&b, truth, n, 1);
        check(&b, truth, n, 1);
        ps_packed_append(&b, "\0\0\0\0", 4); /* padding */
        check(&b, truth, n, 1);
        free(b.data);
        free(truth);
    }
}

/* What says its size may follow what does not, and the other way round. Memory is taken for what
 * the first one says. */
Test(zstd_in_place, frames)
{
    for (unsigned says = 0; says < 8; says++) {
        const size_t part[] = {N_BYTES / 2, N_BYTES / 8, N_BYTES / 2 - N_BYTES / 8};
        uint8_t *truth = ps_packed_truth(N_BYTES, 2 + says);
        struct ps_packed_buffer b = {0};
        size_t at = 0;

        for (unsigned i = 0; i < 3; at += part[i++]) {
            ps_put_zstd_frame(&b, truth + at, part[i], says >> i & 1);
            ps_packed_append(&b, "\x53\x2a\x4d\x18\x03\0\0\0abc", 11);
        }
        ps_put_zstd_frame(&b, truth, 0, 0); /* so that they are no blocks */
        check(&b, truth, N_BYTES, !(says & 1));
        free(b.data);
        free(truth);
    }
}

/* The same is left of it as without memory for it, where it goes through the library's window. All
 * of it, checksum included, may be left in place alone: a window that is damaged to a smaller one
 * is none there. */
static void compare_rest(const struct ps_packed_buffer *b, const uint8_t *truth, uint64_t seed)
{
    struct ps_packed_case in, by_file;

    open_in(&in, b, MEMORY, 1 + seed % 2);
    open_in(&by_file, b, 0, 1);
    if (in.bytes && !ps_notes_have(&in.notes, PS_NOTE_LOSS)) {
        ps_packed_equals(&in, truth, N_BYTES);
    } else if (in.bytes) {
        const size_t n = (size_t)by_file.bytes->n_bytes;
        uint8_t *rest = malloc(n);

        cr_assert(ps_notes_have(&by_file.notes, PS_NOTE_LOSS), "PS_SEED=%" PRIu64, seed);
        cr_assert_eq(by_file.bytes->ops->read(by_file.bytes, 0, rest, n, &by_file.err), 0);
        ps_packed_equals(&in, rest, n);
        free(rest);
    } else {
        cr_assert_eq(in.err.code, by_file.err.code, "PS_SEED=%" PRIu64, seed);
    }
    ps_packed_close_case(&in);
    ps_packed_close_case(&by_file);
}

Test(zstd_in_place, damaged)
{
    const uint64_t seed = rng_seed();
    struct rng rng = rng_make(seed);
    uint8_t *truth = ps_packed_truth(N_BYTES, 11);
    struct ps_packed_buffer b = {0};

    ps_put_zstd_frame(&b, truth, N_BYTES, 1);
    for (unsigned i = 0; i < N_DAMAGE; i++) {
        const size_t at = i < 20 ? i : 20 + rng_below(&rng, (uint32_t)b.n - 20);
        const uint8_t was = b.data[at];

        if (at < 4)
            continue; /* no zstd any more */
        b.data[at] ^= (uint8_t)(1 + rng_below(&rng, 255));
        compare_rest(&b, truth, seed);
        b.data[at] = was;
    }
    for (unsigned i = 0; i < 20; i++) {
        struct ps_packed_buffer cut = b;

        cut.n = i < 10 ? b.n - 1 - i : 20 + rng_below(&rng, (uint32_t)b.n - 20);
        compare_rest(&cut, truth, seed);
    }
    free(b.data);
    free(truth);
}
