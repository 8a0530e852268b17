/* Headers seen on real systems, byte for byte as they were published (docs/POOL.md, "Vectors"):
 * rules, plan, scalar kernel, page judge and PoolType names, all the way. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/bodies.h"
#include "scan/plan_compile.h"
#include "scan/pool/page_judge.h"
#include "scan/pool/segment/vs_word.h"

struct vector {
    const char *name;
    enum ps_arch arch;
    uint32_t build;
    uint32_t off; /* in its page; where the source does not say, any that fits */
    uint8_t bytes[8];
    uint32_t n_bytes, prev_bytes, pool_index;
    const char *type_name;
    const char *tag;
    int known; /* named by the built-in lists */
};

static const struct vector vectors[] = {
    {"H1",
     PS_ARCH_X64,
     19041,
     0x000,
     {0x00, 0x00, 0xd0, 0x02, 0x50, 0x72, 0x6f, 0x63},
     0xd00,
     0,
     0,
     "NonPagedPool",
     "Proc",
     1},
    {"H2",
     PS_ARCH_X64,
     26100,
     0x700,
     {0x00, 0x00, 0x03, 0x02, 0x44, 0x72, 0x68, 0x74},
     0x30,
     0,
     0,
     "NonPagedPool",
     "Drht",
     0},
    {"H3",
     PS_ARCH_X64,
     19041,
     0x550,
     {0x00, 0x00, 0x19, 0x03, 0x4e, 0x70, 0x41, 0x74},
     0x190,
     0,
     0,
     "PagedPool",
     "NpAt",
     0},
    {"H4",
     PS_ARCH_X64,
     19041,
     0x010,
     {0x00, 0x00, 0xe8, 0x02, 0x50, 0x72, 0x6f, 0x63},
     0xe80,
     0,
     0,
     "NonPagedPool",
     "Proc",
     1},
    {"H5",
     PS_ARCH_X86,
     7601,
     0x040,
     {0x08, 0x00, 0x08, 0x04, 0x45, 0x76, 0x65, 0xee},
     0x40,
     0x40,
     0,
     "NonPagedPool",
     "Eve\\xee",
     1},
    {"H6",
     PS_ARCH_X86,
     7601,
     0x0b8,
     {0x17, 0x00, 0x40, 0x04, 0x48, 0x61, 0x63, 0x6b},
     0x200,
     0xb8,
     0,
     "NonPagedPool",
     "Hack",
     0},
    {"H7",
     PS_ARCH_X86,
     7601,
     0x060,
     {0x0c, 0x02, 0x0f, 0x86, 0x61, 0x62, 0x63, 0x64},
     0x78,
     0x60,
     1,
     "PagedPool|Verifier",
     "abcd",
     0},
    {"H8b",
     PS_ARCH_X64,
     7601,
     0x3f0,
     {0x01, 0x00, 0x0f, 0x02, 0x4d, 0x6d, 0x4c, 0x64},
     0xf0,
     0x10,
     0,
     "NonPagedPool",
     "MmLd",
     1},
};

static uint8_t page[4096] __attribute__((aligned(8)));
static struct ps_hit hits[512];
static struct ps_finding found[512];

/* What 'page' holds in the eyes of the whole chain of modules; returns the number of hits. */
static size_t scan_page(enum ps_arch arch, uint32_t build, int with_free)
{
    const struct ps_era *era = ps_era_pick(arch, build);
    struct ps_ruleset_spec spec = {.any_tag = 1};
    struct ps_ruleset rules = {0};
    struct ps_tagdb *db = NULL;
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};
    size_t n;

    cr_assert_eq(ps_tagdb_new(&db, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_tagdb_add_builtin(db, &err), 0, "%s", err.msg);
    spec.db = db;
    cr_assert_eq(ps_ruleset_build(&rules, &spec, &err), 0, "%s", err.msg);
    cr_assert_eq(ps_plan_compile(&plan, era, &rules, with_free, &err), 0, "%s", err.msg);
    n = ps_scan_scalar(plan, page, 1, hits, 512);
    ps_page_judge(era, &rules, page, hits, n, found);
    free(plan);
    ps_ruleset_free(&rules);
    ps_tagdb_free(db);
    return n;
}

static uint32_t field(const struct vector *v, uint32_t word0, int index)
{
    if (v->arch == PS_ARCH_X64)
        return index ? word0 >> 8 & 0xff : (word0 & 0xff) * 16;
    return index ? word0 >> 9 & 0x7f : (word0 & 0x1ff) * 8;
}

static void check(const struct vector *v, const struct ps_finding *f)
{
    const struct ps_era *era = ps_era_pick(v->arch, v->build);
    uint32_t known = f->evidence & (PS_EV_TAG_KNOWN | PS_EV_TAG_WILDCARD);
    char type[PS_POOL_TYPE_TEXT_BYTES];
    char tag[PS_TAG_TEXT_BYTES];

    cr_expect_eq(f->n_bytes, v->n_bytes, "%s: %#x bytes", v->name, (unsigned)f->n_bytes);
    cr_expect_eq(field(v, f->word0, 0), v->prev_bytes, "%s", v->name);
    cr_expect_eq(field(v, f->word0, 1), v->pool_index, "%s", v->name);
    cr_expect_str_eq(ps_era_type_print(era, f->word0 >> (v->arch == PS_ARCH_X64 ? 24 : 25), type),
                     v->type_name, "%s", v->name);
    cr_expect_str_eq(ps_tag_print(f->tag, tag), v->tag, "%s", v->name);
    cr_expect(f->evidence & PS_EV_TYPE_IN_USE, "%s", v->name);
    cr_expect_lt(f->confidence, 50, "%s stands alone", v->name);
    if (v->known)
        cr_expect_neq(known, 0, "%s: no list names its tag", v->name);
}

Test(vectors, each_alone_on_its_page)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];

        for (int with_free = 0; with_free < 2; with_free++) {
            memset(page, 0, sizeof page);
            memcpy(page + v->off, v->bytes, sizeof v->bytes);
            cr_assert_eq(scan_page(v->arch, v->build, with_free), 1, "%s", v->name);
            cr_expect_eq(hits[0].slot, v->off / (v->arch == PS_ARCH_X64 ? 16 : 8), "%s", v->name);
            check(v, &found[0]);
        }
    }
}

/* The same bytes with a build nobody knows. */
Test(vectors, unknown_build_finds_them_too)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];

        memset(page, 0, sizeof page);
        memcpy(page + v->off, v->bytes, sizeof v->bytes);
        cr_assert_eq(scan_page(v->arch, 0, 0), 1, "%s", v->name);
        cr_expect_eq(found[0].n_bytes, v->n_bytes, "%s", v->name);
    }
}

/* H8: a free fragment of one slot, with the tag of the block that was there before, in front of
 * the block that has it now. A scanner that takes both for modules shows one of them twice. */
Test(vectors, stale_fragment_is_not_a_second_module)
{
    static const uint8_t h8a[16] = {0x06, 0x00, 0x01, 0x00, 0x4d, 0x6d, 0x4c, 0x64,
                                    0x37, 0x00, 0x30, 0x00, 0x45, 0x00, 0x2d, 0x00};
    static const uint8_t h8b[16] = {0x01, 0x00, 0x0f, 0x02, 0x4d, 0x6d, 0x4c, 0x64,
                                    0xb0, 0xea, 0x81, 0x02, 0x00, 0xf8, 0xff, 0xff};
    static const uint8_t h8c[32] = {0x10, 0x60, 0x95, 0x01, 0x80, 0xfa, 0xff, 0xff, 0xc0, 0x52,
                                    0x95, 0x01, 0x80, 0xfa, 0xff, 0xff, 0x00, 0x80, 0xc0, 0x02,
                                    0x80, 0xf8, 0xff, 0xff, 0xb0, 0x01, 0x00, 0x00};

    memset(page, 0, sizeof page);
    memcpy(page + 0x3e0, h8a, sizeof h8a);
    memcpy(page + 0x3f0, h8b, sizeof h8b);
    memcpy(page + 0x400, h8c, sizeof h8c);
    cr_assert_eq(scan_page(PS_ARCH_X64, 7601, 0), 1);
    cr_expect_eq(hits[0].slot, 0x3f);
    cr_expect_eq(found[0].status, PS_STATUS_ALLOCATED);
    cr_expect_eq(found[0].allocator, PS_ALLOCATOR_CLASSIC);
    cr_expect(found[0].evidence & PS_EV_CHAIN_ONE, "PreviousSize 1 is the fragment's size");

    cr_assert_eq(scan_page(PS_ARCH_X64, 7601, 1), 2);
    cr_expect_eq(hits[0].slot, 0x3e);
    cr_expect_eq(found[0].status, PS_STATUS_FREE);
    cr_expect_eq(found[0].n_bytes, 0x10);
    cr_expect_eq(found[1].status, PS_STATUS_ALLOCATED);
}

/* S1, S2: computed, not seen. Two VS chunk headers encoded with the same unknown key. */
Test(vectors, vs_chunk_headers_without_their_key)
{
    static const uint8_t s1[8] = {0xc8, 0x35, 0x89, 0x00, 0x63, 0xef, 0xdd, 0xee};
    static const uint8_t s2[8] = {0x38, 0x35, 0x5e, 0x00, 0x43, 0xef, 0xdc, 0xee};
    uint64_t plain_1 = 0x0000002600060000;
    uint64_t plain_2 = 0x0001000600d10000;
    struct ps_page_view view = ps_page_view(ps_era_pick(PS_ARCH_X64, 19041), page);

    memset(page, 0, sizeof page);
    memcpy(page + 0x240, s1, sizeof s1);
    memcpy(page + 0x2b0, s2, sizeof s2);
    cr_expect_eq(ps_vs_xor(&view, 0x24, 0x2b), plain_1 ^ plain_2, "%#" PRIx64,
                 ps_vs_xor(&view, 0x24, 0x2b));
}
