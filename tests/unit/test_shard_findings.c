/* Findings in a record of a shard: whatever they hold, they come back as they were; what is cut off
 * or says what no finding can have is refused, and no byte behind the payload is looked at. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/farm/shard/fields.h"
#include "host/farm/shard/findings.h"
#include "scan/tags/tagdb.h"
#include "tests/support/rng.h"

#define N_TAGS 1000u
#define MOST   3000u

/* Numbers at the edges of what is written in fewer bytes. */
static uint64_t edge(struct rng *r)
{
    const uint64_t power = UINT64_C(1) << rng_below(r, 64);

    switch (rng_below(r, 5)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return rng_next(r);
    default:
        return power + rng_below(r, 3) - 1;
    }
}

static uint64_t phys_behind(struct rng *r, uint64_t last)
{
    static const uint64_t step[] = {0,      1,       8,       0x10,    0x7f8,   0x7ff,     0x800,
                                    0x1000, 0x7fff8, 0x7ffff, 0x80000, 0x80001, UINT32_MAX};
    const uint64_t far = rng_below(r, 200) ? step[rng_below(r, sizeof step / sizeof step[0])]
                                           : UINT64_C(1) << (30 + rng_below(r, 34));

    return far <= UINT64_MAX - last ? last + far : UINT64_MAX;
}

/* As addresses are: of the same run of pages, of a page near by or far away, or none. */
static uint64_t va_of(struct rng *r, const struct ps_finding *last, uint64_t phys)
{
    static const int64_t pages[] = {
        1, -1, INT32_MAX, INT32_MIN, INT64_C(1) << 31, -(INT64_C(1) << 31) - 1};
    const uint64_t ahead = last->va - last->phys;

    switch (rng_below(r, 8)) {
    case 0:
        return 0;
    case 1:
        return phys + ahead + (uint64_t)pages[rng_below(r, 6)] * 4096;
    case 2:
        return phys + ahead + 4096 * rng_below(r, 100) + 8 * rng_below(r, 2);
    case 3:
        return edge(r);
    default:
        return phys + ahead;
    }
}

static uint64_t bytes_of(struct rng *r, uint32_t word0)
{
    switch (rng_below(r, 4)) {
    case 0:
        return edge(r);
    case 1:
        return (word0 >> 16 & 0x1ff) * 8;
    default:
        return (word0 >> 16 & 0xff) * 16;
    }
}

/* One behind another; 'wild' of 256 are unlike anything before. */
static struct ps_finding next_finding(struct rng *r, const struct ps_finding *last, unsigned wild,
                                      enum ps_source_kind source)
{
    const int is_wild = rng_below(r, 256) < wild;
    const uint32_t kind = is_wild ? (uint32_t)rng_next(r) : (uint32_t)rng_below(r, 40);
    struct ps_finding f = {.phys = phys_behind(r, last->phys), .word0 = (uint32_t)edge(r)};

    f.file_off = rng_below(r, 50) ? f.phys + (last->file_off - last->phys) : edge(r);
    f.va = va_of(r, last, f.phys);
    if (f.phys == PS_NOWHERE && last->phys == PS_NOWHERE && f.va < last->va)
        f.va = last->va;
    f.n_bytes = bytes_of(r, f.word0);
    f.tag = is_wild ? (uint32_t)edge(r) : kind * 0x01010101u;
    f.info = kind % 3 ? kind % N_TAGS : PS_TAG_UNKNOWN;
    f.evidence = is_wild ? (uint32_t)edge(r) : 1u << kind % 32;
    f.confidence = (uint8_t)(kind % 101);
    f.status = (uint8_t)(kind % (PS_STATUS_STALE + 1u));
    f.allocator = (uint8_t)(kind % (PS_ALLOCATOR_BIG + 1u));
    f.source = (uint8_t)source;
    f.mapped = (uint8_t)(kind % (PS_MAPPED_YES + 1u));
    f.pool = (uint8_t)(kind % (PS_POOL_NONPAGED_NX + 1u));
    f.big_type = (uint8_t)(kind / 7 % (PS_BIG_TYPE_POOL_FLAGS + 1u));
    f.in_big = rng_below(r, 10) ? last->in_big : edge(r);
    f.process = rng_below(r, 3) ? last->process : rng_below(r, 5) * 0xffff800012345000u;
    return f;
}

static void fill(struct rng *r, struct ps_finding *f, size_t n, enum ps_source_kind source)
{
    static const unsigned wild[] = {0, 10, 256};
    const unsigned how = wild[rng_below(r, 3)];
    struct ps_finding last = {.phys = 0};

    for (size_t i = 0; i < n; i++)
        last = f[i] = next_finding(r, &last, how, source);
}

/* A payload in room of its own, so that a look behind it is told. */
static struct ps_wire_in payload(uint8_t **room, const struct ps_wire_out *out, size_t n)
{
    *room = malloc(n ? n : 1);
    cr_assert_not_null(*room);
    memcpy(*room, out->p, n);
    return (struct ps_wire_in){.p = *room, .left = n};
}

static struct ps_shard_room room_for(size_t n)
{
    struct ps_shard_room room = {.n_tags = N_TAGS};
    struct ps_err err;

    cr_assert_eq(ps_shard_room_fit(&room, n, &err), 0);
    return room;
}

/* 0: refused. */
static int decode(const struct ps_wire_out *out, size_t n_bytes, enum ps_source_kind source,
                  const struct ps_finding *want, size_t n)
{
    struct ps_shard_room room = room_for(n_bytes);
    uint8_t *bytes;
    struct ps_wire_in in = payload(&bytes, out, n_bytes);
    const size_t got = ps_shard_get_findings(&in, &room, source);
    const int ok = !in.bad;

    if (ok) {
        cr_assert_eq(got, n);
        cr_assert_eq(in.left, 0);
        for (size_t i = 0; i < n; i++)
            cr_assert_eq(memcmp(&room.finding[i], &want[i], sizeof *want), 0, "finding %zu", i);
    }
    free(bytes);
    ps_shard_room_free(&room);
    return ok;
}

Test(shard_findings, come_back_as_they_were)
{
    const uint64_t seed = rng_seed();
    struct ps_finding *f = calloc(MOST, sizeof *f);

    fprintf(stderr, "PS_SEED=%#" PRIx64 "\n", seed);
    cr_assert_not_null(f);
    for (unsigned round = 0; round < 300; round++) {
        struct rng r = rng_make(seed + round);
        const enum ps_source_kind source = round % 2 ? PS_SOURCE_BIGPOOL : PS_SOURCE_HEADER;
        const size_t n = round < 20 ? round : rng_below(&r, MOST + 1);
        struct ps_wire_out out = {.p = NULL};

        fill(&r, f, n, source);
        ps_shard_encode_findings(&out, source, f, n);
        cr_assert_not(out.failed);
        cr_assert_geq(out.n, 4 + n * PS_FINDING_MIN_BYTES);
        cr_assert_leq(out.n, 4 + n * PS_FINDING_MAX_BYTES);
        cr_assert(decode(&out, out.n, source, f, n), "round %u", round);
        free(out.p);
    }
    free(f);
}

/* Of a run of like headers each takes the least there is. */
Test(shard_findings, like_ones_are_short)
{
    struct ps_finding f[100];
    struct ps_wire_out out = {.p = NULL};

    for (size_t i = 0; i < 100; i++)
        f[i] = (struct ps_finding){.phys = 0x123450000 + i * 0x80,
                                   .file_off = 0x23450000 + i * 0x80,
                                   .va = 0xffff800000000010 + i * 0x80,
                                   .n_bytes = 0x80,
                                   .tag = 0x636f7250,
                                   .word0 = 0x02080000,
                                   .info = 7,
                                   .confidence = 100};
    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, f, 100);
    cr_assert_leq(out.n, 4 + 99 * PS_FINDING_MIN_BYTES + PS_FINDING_MAX_BYTES);
    cr_assert(decode(&out, out.n, PS_SOURCE_HEADER, f, 100));
    free(out.p);
}

Test(shard_findings, each_cut_is_refused)
{
    struct rng r = rng_make(rng_seed());
    struct ps_finding f[40];
    struct ps_wire_out out = {.p = NULL};

    fill(&r, f, 40, PS_SOURCE_HEADER);
    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, f, 40);
    for (size_t n = 0; n < out.n; n++)
        cr_assert_not(decode(&out, n, PS_SOURCE_HEADER, f, 40), "cut at %zu", n);
    cr_assert(decode(&out, out.n, PS_SOURCE_HEADER, f, 40));
    free(out.p);
}

/* One finding, changed in one field to what it cannot have. */
static int is_refused(const struct ps_finding *f)
{
    struct ps_wire_out out = {.p = NULL};
    int refused;

    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, f, 1);
    refused = !decode(&out, out.n, PS_SOURCE_HEADER, f, 1);
    free(out.p);
    return refused;
}

Test(shard_findings, what_none_can_have_is_refused)
{
    const struct ps_finding good = {.info = N_TAGS - 1, .confidence = 100};
    struct ps_finding f = good;

    cr_assert_not(is_refused(&f));
    f.info = N_TAGS;
    cr_assert(is_refused(&f));
    f = good, f.confidence = 101;
    cr_assert(is_refused(&f));
    f = good, f.status = PS_STATUS_STALE + 1;
    cr_assert(is_refused(&f));
    f = good, f.allocator = PS_ALLOCATOR_BIG + 1;
    cr_assert(is_refused(&f));
    f = good, f.source = PS_SOURCE_BIGPOOL;
    cr_assert(is_refused(&f));
    f = good, f.mapped = PS_MAPPED_YES + 1;
    cr_assert(is_refused(&f));
    f = good, f.pool = PS_POOL_NONPAGED_NX + 1;
    cr_assert(is_refused(&f));
    f = good, f.big_type = PS_BIG_TYPE_POOL_FLAGS + 1;
    cr_assert(is_refused(&f));
}

Test(shard_findings, order_is_kept)
{
    struct ps_finding f[2] = {{.phys = 16, .info = 1}, {.phys = 8, .info = 1}};
    struct ps_wire_out out = {.p = NULL};

    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, f, 2);
    cr_assert_not(decode(&out, out.n, PS_SOURCE_HEADER, f, 2));
    f[0] = (struct ps_finding){.phys = PS_NOWHERE, .va = 2};
    f[1] = (struct ps_finding){.phys = PS_NOWHERE, .va = 1};
    out.n = 0;
    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, f, 2);
    cr_assert_not(decode(&out, out.n, PS_SOURCE_HEADER, f, 2));
    free(out.p);
}

/* A count that the bytes cannot hold, and one above the most. */
Test(shard_findings, counts_are_bounded)
{
    struct ps_finding f = {.info = 1};
    struct ps_wire_out out = {.p = NULL};

    ps_shard_encode_findings(&out, PS_SOURCE_HEADER, &f, 1);
    ps_wire_store(out.p, 2, 4);
    cr_assert_not(decode(&out, out.n, PS_SOURCE_HEADER, &f, 1));
    ps_wire_store(out.p, PS_SHARD_MAX_FINDINGS + 1, 4);
    cr_assert_not(decode(&out, out.n, PS_SOURCE_HEADER, &f, 1));
    ps_wire_store(out.p, 1, 4);
    cr_assert(decode(&out, out.n, PS_SOURCE_HEADER, &f, 1));
    free(out.p);
}

/* Bytes that no writer made: they end, in findings that keep the rules or in a refusal. */
Test(shard_findings, any_bytes_end)
{
    struct rng r = rng_make(rng_seed());
    uint8_t bytes[4096];
    unsigned n_good = 0;

    for (unsigned round = 0; round < 20000; round++) {
        const size_t n = 4 + rng_below(&r, 300);
        const size_t count = rng_below(&r, 8);
        struct ps_shard_room room = room_for(n);
        const struct ps_wire_out out = {.p = bytes, .n = n};
        struct ps_wire_in in;
        uint8_t *copy;

        rng_fill(&r, bytes, n);
        ps_wire_store(bytes, count, 4);
        for (size_t i = 4; i < n; i++)
            bytes[i] &= (uint8_t)rng_next(&r) & (uint8_t)rng_next(&r);
        in = payload(&copy, &out, n);
        if (ps_shard_get_findings(&in, &room, PS_SOURCE_HEADER) == count && !in.bad)
            n_good += count > 0;
        for (size_t i = 0; i < count && !in.bad; i++)
            cr_assert(room.finding[i].confidence <= 100 &&
                      room.finding[i].source == PS_SOURCE_HEADER && room.finding[i].pad == 0 &&
                      (room.finding[i].info < N_TAGS || room.finding[i].info == PS_TAG_UNKNOWN));
        free(copy);
        ps_shard_room_free(&room);
    }
    cr_assert_gt(n_good, 100);
}
