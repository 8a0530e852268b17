#include "host/image/packed/sizes.h"

#include <stddef.h>

/* So many blocks, or bytes of them, are unpacked to see how much is in them: no more than a file of
 * blocks that are all of one size but for damaged ones, or of some such files one behind the
 * other, can have. */
#define MOST_ODD       16u
#define MOST_ODD_BYTES ((uint64_t)64 << 20)
#define SLACK_BYTES    ((uint64_t)1 << 20)

struct sizes {
    struct ps_block_list *list;
    struct ps_bytes *bytes;
    ps_measure *measure;
    uint32_t common; /* 0: there is none */
    uint32_t most;   /* that a block is unpacked up to */
};

/* What more than half of all say but the last one. One block before the last one is no majority:
 * that is the damaged one as well as not. */
static uint32_t common_size(const struct ps_block_list *list)
{
    uint32_t candidate = 0;
    size_t n_votes = 0, n_same = 0;

    for (size_t i = 0; i + 1 < list->n; i++) {
        if (n_votes == 0)
            candidate = list->block[i].n_bytes;
        if (list->block[i].n_bytes == candidate)
            n_votes++;
        else
            n_votes--;
    }
    for (size_t i = 0; i + 1 < list->n; i++)
        n_same += list->block[i].n_bytes == candidate;
    return n_same > 1 && n_same > (list->n - 1) / 2 && candidate != PS_SIZE_UNKNOWN ? candidate : 0;
}

/* What a block is unpacked up to: some more than any says, since what is said may be damaged. 0:
 * none says anything. */
static uint32_t most_likely(const struct ps_block_list *list, uint32_t common, uint32_t n_most)
{
    uint64_t most = 0;

    for (size_t i = 0; i < list->n; i++)
        if (list->block[i].n_bytes != PS_SIZE_UNKNOWN && list->block[i].n_bytes > most)
            most = list->block[i].n_bytes;
    if (!most)
        return 0;
    most = 4 * most + SLACK_BYTES;
    return !common || most > n_most ? n_most : (uint32_t)most;
}

static int is_last(const struct sizes *s, const struct ps_block *block)
{
    return block == &s->list->block[s->list->n - 1];
}

/* The last one may be a shorter one: nothing follows that it could move. */
static int is_odd(const struct sizes *s, const struct ps_block *block)
{
    if (block->n_bytes == PS_SIZE_UNKNOWN || !block->n_bytes)
        return 1;
    if (is_last(s, block))
        return s->common && block->n_bytes > s->common;
    return block->n_bytes != s->common;
}

static int are_too_many(const struct sizes *s)
{
    uint64_t n_odd = 0;

    for (size_t i = 0; i < s->list->n; i++)
        n_odd += (uint64_t)is_odd(s, &s->list->block[i]);
    return n_odd > MOST_ODD && n_odd * s->most > MOST_ODD_BYTES;
}

/* 1: it has a size now; 0: it cannot be told. */
static int settle_one(const struct sizes *s, struct ps_block *block, struct ps_err *err)
{
    struct ps_measured m;
    int rc = s->measure(s->bytes, block, s->most, &m, err);

    if (rc < 0)
        return rc;
    /* Without a checksum, data that are damaged may unpack to any size. */
    if (m.n_bytes != PS_SIZE_UNKNOWN &&
        (m.is_sure || m.n_bytes == block->n_bytes || m.n_bytes == s->common)) {
        block->n_bytes = m.n_bytes;
        return 1;
    }
    if (block->n_bytes == PS_SIZE_UNKNOWN || !block->n_bytes)
        block->n_bytes = s->common;
    return is_last(s, block);
}

static void leave_out_empty(struct ps_block_list *list)
{
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++)
        if (list->block[i].n_bytes)
            list->block[n++] = list->block[i];
    list->n = n;
}

int ps_sizes_settle(struct ps_block_list *list, struct ps_bytes *bytes, ps_measure *measure,
                    uint32_t n_most, uint64_t *cut_at, struct ps_err *err)
{
    const uint32_t common = common_size(list);
    const struct sizes s = {list, bytes, measure, common, most_likely(list, common, n_most)};
    int rc = 1;

    if (!s.most || are_too_many(&s))
        return 1;
    for (size_t i = 0; rc > 0 && i < list->n; i++) {
        if (!is_odd(&s, &list->block[i]))
            continue;
        rc = settle_one(&s, &list->block[i], err);
        if (rc == 0) {
            *cut_at = list->block[i].packed_off;
            list->n = i + 1;
        }
    }
    if (rc >= 0)
        leave_out_empty(list);
    return rc < 0 ? rc : 0;
}
