#include "tests/support/random_findings.h"

#include "tests/support/rng.h"

#define PROCESS_VA(i) (UINT64_C(0xffffa00000005080) + ((uint64_t)(i) << 16))

static uint64_t state;

static uint32_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

uint64_t seed_random(void)
{
    const uint64_t seed = rng_seed();

    state = seed * 2 + 1;
    return seed;
}

static void make_big(struct ps_finding *f)
{
    f->source = PS_SOURCE_BIGPOOL;
    f->n_bytes = (uint64_t)next_random() << 16;
    f->big_type = (uint8_t)(next_random() % 3);
    if (next_random() % 2)
        f->phys = f->file_off = PS_NOWHERE;
}

static void fill(struct ps_finding *f, size_t n, uint32_t n_info)
{
    for (size_t i = 0; i < n; i++) {
        f[i] = (struct ps_finding){
            .phys = (uint64_t)next_random() << 32 | next_random(),
            .file_off = (uint64_t)next_random() << 20 | next_random(),
            .tag = next_random(),
            .word0 = next_random(),
            .info = next_random() % (n_info + 1),
            .evidence = next_random() & PS_EV_ALL,
            .n_bytes = next_random() % 4097,
            .confidence = (uint8_t)(next_random() % 101),
            .status = (uint8_t)(next_random() % 4),
            .allocator = (uint8_t)(next_random() % 5),
            .mapped = (uint8_t)(next_random() % 3),
            .pool = (uint8_t)(next_random() % 4),
        };
        if (next_random() % 2)
            f[i].va = UINT64_C(0xffff800000000000) | (uint64_t)next_random() << 12;
        if (next_random() % 4 == 0)
            f[i].in_big = UINT64_C(0xffff900000000000) | (uint64_t)next_random() << 12;
        if (next_random() % 4 == 0)
            f[i].process = PROCESS_VA(next_random() % 4);
        if (next_random() % 3 == 0)
            make_big(&f[i]);
        if (next_random() % 2)
            f[i].tag &= 0x7f7f7f7f; /* half of them nearly text */
    }
}

/* Two of four processes have a name, one of them an awkward one. */
struct ps_processes random_processes = {
    .process = {{.va = PROCESS_VA(0), .name = "System"},
                {.va = PROCESS_VA(1), .name = "\"a,\\b' |c\"\"d,,e"},
                {.va = PROCESS_VA(2), .name = ""}},
    .n = 3,
};

static const struct ps_output_image images[] = {
    {"plain.raw", "0123456789abcdef0123456789abcdef", NULL, NULL},
    {"\x01\"\\\xff\xc3\xa9\xe2\x82\n,", "", NULL, NULL},
};

struct output_case random_case(struct ps_finding *f, size_t n, size_t i, const struct ps_tagdb *db)
{
    struct output_case c = {images[i], f, n};

    c.image.processes = &random_processes;
    c.image.era = ps_era_pick(i ? PS_ARCH_X86 : PS_ARCH_X64, i ? 7601 : 19041);
    fill(f, n, (uint32_t)ps_tagdb_count(db));
    return c;
}
