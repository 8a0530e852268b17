/* Whatever a shard holds, reading it ends, in records that a merge may trust or in an error. Sums
 * would keep most inputs from the fields behind them, so each input is read a second time with sums
 * that are right. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "host/farm/shard/shard.h"
#include "host/image/le.h"
#include "kernels/pool_header.h"

#define N_TAGS      100u
#define FRAME_BYTES 16u
#define SUM_BYTES   8u
#define FOOT_BYTES  16u /* of its payload: a count and a sum */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int ok)
{
    if (!ok)
        abort();
}

static void check_findings(const struct ps_finding *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        expect(f[i].status <= PS_STATUS_STALE && f[i].allocator <= PS_ALLOCATOR_BIG);
        expect(f[i].mapped <= PS_MAPPED_YES && f[i].pool <= PS_POOL_NONPAGED_NX);
        expect(f[i].confidence <= 100 && f[i].big_type <= PS_BIG_TYPE_POOL_FLAGS);
        expect(f[i].info < N_TAGS || f[i].info == UINT32_MAX);
        expect(i == 0 || f[i].phys >= f[i - 1].phys);
    }
}

static void check_chunk(const struct ps_chunk_result *c, uint64_t *sum)
{
    size_t n = 0;

    check_findings(c->finding, c->n_findings);
    for (size_t i = 0; i < c->n_prints; i++) {
        expect(c->print[i].phys < c->end);
        n += c->print[i].n_findings;
    }
    expect(n == c->n_findings);
    for (size_t i = 0; i < c->n_kept; i++) {
        expect(c->kept_phys[i] < c->end);
        *sum += c->kept[i * PS_PAGE_BYTES] + c->kept[(i + 1) * PS_PAGE_BYTES - 1];
    }
}

static void read_all(int fd)
{
    static volatile uint64_t sink;
    struct ps_shard_reader *r;
    struct ps_shard_record rec;
    struct ps_err err;
    uint64_t sum = 0;
    size_t n_big = 0, n_promised = 0;
    int rc = ps_shard_open_fd(&r, fd, N_TAGS, &err);

    if (rc < 0)
        return;
    expect(ps_shard_reader_head(r)->era != NULL);
    while ((rc = ps_shard_next(r, PS_SHARD_ALL, &rec, &err)) > 0) {
        if (rec.kind == PS_SHARD_CHUNK)
            check_chunk(&rec.chunk, &sum);
        if (rec.kind == PS_SHARD_BIG || rec.kind == PS_SHARD_PAGED)
            check_findings(rec.finding, rec.n);
        if (rec.kind == PS_SHARD_SIDE)
            n_promised = rec.side.n_big;
        if (rec.kind == PS_SHARD_BIG)
            n_big += rec.n;
    }
    expect(rc < 0 || n_big == n_promised);
    sink = sum;
    (void)sink;
    ps_shard_reader_free(r);
}

static void put64(uint8_t *p, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static void set_sums(uint8_t *data, size_t size)
{
    uint8_t sums[16] = {0}; /* of the records so far, and of one more */
    uint64_t n_records = 0;

    for (size_t at = 0; size - at >= FRAME_BYTES + SUM_BYTES;) {
        const uint64_t n = ps_le64(data + at + 8);

        if (n > size - at - FRAME_BYTES - SUM_BYTES)
            return;
        if (ps_le32(data + at) == PS_SHARD_FOOT && n == FOOT_BYTES) {
            put64(data + at + FRAME_BYTES, n_records);
            memcpy(data + at + FRAME_BYTES + 8, sums, 8);
        }
        put64(sums + 8, XXH3_64bits(data + at, FRAME_BYTES + (size_t)n));
        memcpy(data + at + FRAME_BYTES + n, sums + 8, 8);
        put64(sums, XXH3_64bits(sums, sizeof sums));
        at += FRAME_BYTES + (size_t)n + SUM_BYTES;
        n_records++;
    }
}

static int file_of(const uint8_t *data, size_t size)
{
    const int fd = memfd_create("shard", MFD_CLOEXEC);

    expect(fd >= 0);
    expect(size == 0 || write(fd, data, size) == (ssize_t)size);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *changed = malloc(size + 1);

    expect(changed != NULL);
    read_all(file_of(data, size));
    if (size)
        memcpy(changed, data, size);
    set_sums(changed, size);
    read_all(file_of(changed, size));
    free(changed);
    return 0;
}
