#include "tests/support/open_packed.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/memory_bytes.h"

#define MAX_UNPACKED ((uint64_t)1 << 20)
/* What every second input may be kept in. */
#define MEMORY ((uint64_t)4 << 20)
#define PIECE  5000u

static void check(int is_right)
{
    if (!is_right)
        abort();
}

static void check_error(int rc, const struct ps_err *err)
{
    check(rc < 0 && err->code == -rc && err->msg[0]);
    check(memchr(err->msg, 0, sizeof err->msg) && !strchr(err->msg, '\n'));
}

static int read_piece(struct ps_bytes *bytes, uint64_t off, uint8_t *out, size_t n)
{
    struct ps_err err = {0};
    const int rc = bytes->ops->read(bytes, off, out, n, &err);

    if (rc != 0)
        check_error(rc, &err);
    return rc;
}

static void read_all(struct ps_bytes *bytes)
{
    const uint64_t n_bytes = bytes->n_bytes;
    uint8_t *first = calloc(1, n_bytes);
    uint8_t *again = calloc(1, PIECE);
    uint8_t *failed = calloc(1, n_bytes / PIECE + 1);

    check(first && again && failed);
    for (uint64_t at = 0; at < n_bytes; at += PIECE) {
        const size_t n = n_bytes - at < PIECE ? (size_t)(n_bytes - at) : PIECE;

        failed[at / PIECE] = read_piece(bytes, at, first + at, n) != 0;
    }
    for (uint64_t i = n_bytes / PIECE + (n_bytes % PIECE != 0); i-- > 0;) {
        const uint64_t at = i * PIECE;
        const size_t n = n_bytes - at < PIECE ? (size_t)(n_bytes - at) : PIECE;

        check((read_piece(bytes, at, again, n) != 0) == failed[i]);
        check(failed[i] || memcmp(again, first + at, n) == 0);
    }
    free(first);
    free(again);
    free(failed);
}

void ps_fuzz_packed(const struct ps_packing *packing, const uint8_t *data, size_t n_bytes)
{
    const struct ps_image_spec spec = {
        .n_threads = 1,
        .temp_dir = "/dev/shm",
        .max_unpacked = MAX_UNPACKED,
        .unpack_memory = n_bytes % 2 ? MEMORY : 0,
    };
    struct ps_notes notes = {0};
    struct ps_memory_bytes memory;
    const struct ps_packed packed = {&memory.bytes, NULL, &spec, &notes};
    struct ps_bytes *bytes = NULL;
    struct ps_err err = {0};
    int rc;

    ps_memory_bytes_init(&memory, data, n_bytes);
    if (!packing->open || !packing->probe(data, n_bytes))
        return;
    rc = packing->open(&bytes, &packed, &err);
    if (rc != 0) {
        check_error(rc, &err);
        check(!bytes && memory.n_closed == 0);
        return;
    }
    check(bytes && bytes->n_bytes > 0 && bytes->n_bytes <= MAX_UNPACKED);
    check(notes.n <= PS_NOTES_MAX);
    read_all(bytes);
    bytes->ops->close(bytes);
    check(memory.n_closed == 1);
}
