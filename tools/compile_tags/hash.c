#include "tools/compile_tags/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/tags/builtin/hash.h"

#define ENTRIES_PER_BUCKET 4u
#define MAX_SEEDS          64u
#define NO_ENTRY           UINT16_MAX

struct key {
    uint64_t hash;
    uint32_t bucket;
    uint32_t n_in_bucket;
    uint16_t entry;
};

/* Large buckets first, while there is room. */
static int compare(const void *a, const void *b)
{
    const struct key *x = a;
    const struct key *y = b;

    if (x->n_in_bucket != y->n_in_bucket)
        return x->n_in_bucket > y->n_in_bucket ? -1 : 1;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* 'size' counts the entries of each bucket; all zero before. */
static void make_keys(const struct ps_hash *hash, const struct ps_tag_info *entry, uint32_t n,
                      uint32_t *size, struct key *key)
{
    for (uint32_t i = 0; i < n; i++) {
        key[i].hash = ps_builtin_hash(entry[i].pattern, hash->seed);
        key[i].bucket = ps_builtin_bucket(key[i].hash, hash->n_buckets);
        key[i].entry = (uint16_t)i;
        size[key[i].bucket]++;
    }
    for (uint32_t i = 0; i < n; i++)
        key[i].n_in_bucket = size[key[i].bucket];
    qsort(key, n, sizeof *key, compare);
}

/* Put the keys of one bucket into free slots, all or none. */
static int try_displacement(struct ps_hash *hash, uint32_t n, const struct key *key, uint32_t d)
{
    for (uint32_t i = 0; i < key->n_in_bucket; i++) {
        uint32_t slot = ps_builtin_slot(key[i].hash, d, n);

        if (hash->place[slot] != NO_ENTRY) {
            while (i-- > 0)
                hash->place[ps_builtin_slot(key[i].hash, d, n)] = NO_ENTRY;
            return 0;
        }
        hash->place[slot] = key[i].entry;
    }
    return 1;
}

static int place_all(struct ps_hash *hash, uint32_t n, const struct key *key)
{
    memset(hash->place, 0xff, n * sizeof *hash->place);
    for (uint32_t i = 0; i < n; i += key[i].n_in_bucket) {
        uint32_t d = 0;

        while (d <= UINT16_MAX && !try_displacement(hash, n, &key[i], d))
            d++;
        if (d > UINT16_MAX)
            return 0;
        hash->displacement[key[i].bucket] = (uint16_t)d;
    }
    return 1;
}

/* The smaller the buckets the surer the end; a seed that fails is replaced by the next. */
static int search(struct ps_hash *hash, const struct ps_tag_info *entry, uint32_t n, uint32_t *size,
                  struct key *key)
{
    for (; hash->seed < MAX_SEEDS; hash->seed++) {
        memset(size, 0, hash->n_buckets * sizeof *size);
        memset(hash->displacement, 0, hash->n_buckets * sizeof *hash->displacement);
        make_keys(hash, entry, n, size, key);
        if (place_all(hash, n, key))
            return 0;
    }
    fprintf(stderr, "compile_tags: no perfect hash of %u tags found\n", n);
    return -1;
}

int ps_hash_build(struct ps_hash *hash, const struct ps_tag_info *entry, uint32_t n)
{
    struct key *key = calloc(n, sizeof *key);
    uint32_t *size;
    int rc = -1;

    hash->n_buckets = (n + ENTRIES_PER_BUCKET - 1) / ENTRIES_PER_BUCKET;
    size = calloc(hash->n_buckets, sizeof *size);
    hash->place = calloc(n, sizeof *hash->place);
    hash->displacement = calloc(hash->n_buckets, sizeof *hash->displacement);
    if (key && size && hash->place && hash->displacement)
        rc = search(hash, entry, n, size, key);
    else
        fprintf(stderr, "compile_tags: out of memory\n");
    free(key);
    free(size);
    return rc;
}

void ps_hash_free(struct ps_hash *hash)
{
    free(hash->place);
    free(hash->displacement);
}
