/* Whom entries of the big-pool table are billed to, in each layout that keeps it. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "scan/merge/big_findings.h"

#define PROCESS UINT64_C(0xffffb80000005080)
#define COOKIE  UINT64_C(0x6f2a9c31d4e85b07)
#define VA      UINT64_C(0xffffb80000123000)

static struct ps_finding found(const struct ps_bigpool_entry *e, uint32_t build,
                               enum ps_bigpool_names names, const struct ps_owners *owners)
{
    struct ps_bigpool_row row = {.phys = 0x1000, .entry = *e};
    const struct ps_bigpool_table table = {.method = PS_BIGPOOL_CARVED,
                                           .layout = ps_bigpool_layout_pick(PS_ARCH_X64, build),
                                           .hash = PS_BIGPOOL_NO_HASH,
                                           .names = names,
                                           .n_slots = 16,
                                           .row = &row,
                                           .n_rows = 1};
    struct ps_big_findings_spec spec = {
        .table = &table, .owners = owners, .end = UINT64_MAX, .tags = NULL};
    struct ps_tagdb *tags = NULL;
    struct ps_finding *out = NULL, f;
    struct ps_err err;
    size_t n = 0;

    cr_assert_eq(ps_tagdb_new(&tags, &err), 0);
    spec.tags = tags;
    cr_assert_eq(ps_big_findings(&out, &n, &spec, &err), 0);
    cr_assert_eq(n, 1);
    f = out[0];
    free(out);
    ps_tagdb_free(tags);
    return f;
}

static struct ps_owners owners_of(uint32_t build)
{
    static const uint64_t known[] = {PROCESS};

    return (struct ps_owners){.era = ps_era_pick(PS_ARCH_X64, build),
                              .rule = ps_quota_rule_of(PS_ARCH_X64, build),
                              .cookie = COOKIE,
                              .known = known,
                              .n_known = 1};
}

Test(big_owner, since_server_2022)
{
    const struct ps_owners o = owners_of(22621);
    struct ps_bigpool_entry e = {.va = VA,
                                 .n_bytes = 0x3000,
                                 .billed = PROCESS ^ COOKIE ^ VA,
                                 .tag = 0x6e657645,
                                 .type = 0x208,
                                 .state = PS_BIGPOOL_ALLOCATED};
    struct ps_finding f = found(&e, 22621, PS_BIGPOOL_POOL_TYPE, &o);

    cr_assert_eq(f.process, PROCESS);
    cr_assert(f.evidence & PS_EV_BILLED);
    cr_assert_eq(found(&e, 22621, PS_BIGPOOL_POOL_TYPE, NULL).process, 0);
    cr_assert_eq(found(&e, 22621, PS_BIGPOOL_POOL_FLAGS, &o).process, 0, "bit 3 is none of these");
    cr_assert_eq(found(&e, 19041, PS_BIGPOOL_POOL_TYPE, &o).process, 0, "not in this layout");
    e.type = 0x41;
    cr_assert_eq(found(&e, 26100, PS_BIGPOOL_POOL_FLAGS, &o).process, PROCESS);
    e.type = 0x40;
    cr_assert_eq(found(&e, 26100, PS_BIGPOOL_POOL_FLAGS, &o).process, 0, "not charged");
    e.type = 0x41;
    e.billed = COOKIE ^ VA;
    cr_assert_eq(found(&e, 26100, PS_BIGPOOL_POOL_FLAGS, &o).process, 0, "given back");
}

Test(big_owner, of_2003)
{
    const struct ps_owners o = owners_of(3790);
    struct ps_bigpool_entry e = {.va = VA,
                                 .n_bytes = 0x3000,
                                 .billed = PROCESS,
                                 .tag = 0x6e657645,
                                 .state = PS_BIGPOOL_ALLOCATED};

    cr_assert_eq(found(&e, 3790, PS_BIGPOOL_POOL_TYPE, &o).process, PROCESS);
    e.billed = PROCESS + 16;
    cr_assert_eq(found(&e, 3790, PS_BIGPOOL_POOL_TYPE, &o).process, 0, "no process there");
}
