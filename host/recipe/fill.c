#include "host/recipe/model.h"

void ps_rcp_fill_random(struct ps_rcp_page *pg, uint32_t first, uint32_t n)
{
    uint8_t raw[8];

    for (; n >= 8; first += 8, n -= 8)
        ps_rcp_put64(pg->b + first, ps_rcp_next(&pg->rng));
    ps_rcp_put64(raw, ps_rcp_next(&pg->rng));
    memcpy(pg->b + first, raw, n);
}

uint64_t ps_rcp_kernel_pointer(struct ps_rcp_page *pg)
{
    uint64_t r = ps_rcp_next(&pg->rng);

    if (!pg->stmt->era.is_x64)
        return 0x80000000u | (r & 0x07fffff8u);
    return 0xffff800000000000ull | ((r >> 20 & 3) << 40 | (pg->recipe->seed & 0xf) << 44) |
           (r >> 24 & 0xfffffff0u);
}

/* One word of what pool blocks hold: counters, pointers, a little text. */
static uint64_t object_word(struct ps_rcp_page *pg)
{
    uint32_t draw = ps_rcp_below(&pg->rng, 100);

    if (draw < 40)
        return 0;
    if (draw < 55)
        return ps_rcp_below(&pg->rng, 0x1000);
    if (draw < 85)
        return ps_rcp_kernel_pointer(pg);
    if (draw < 92)
        return 0x0020006d00650074ull + ps_rcp_below(&pg->rng, 16);
    return ps_rcp_next(&pg->rng);
}

static void fill_objects(struct ps_rcp_page *pg, uint32_t first, uint32_t n)
{
    uint32_t word = pg->stmt->era.is_x64 ? 8u : 4u;
    uint8_t raw[8];

    for (uint32_t at = 0; at < n; at += word) {
        uint32_t left = n - at;

        ps_rcp_put64(raw, object_word(pg));
        memcpy(pg->b + first + at, raw, word < left ? word : left);
    }
}

void ps_rcp_fill_body(struct ps_rcp_page *pg, enum ps_rcp_body body, uint32_t first, uint32_t n)
{
    switch (body) {
    case PS_RCP_BODY_OBJECT:
    case PS_RCP_BODY_PROCESS:
    case PS_RCP_BODY_EXITED:
        fill_objects(pg, first, n);
        break;
    case PS_RCP_BODY_ZERO:
        memset(pg->b + first, 0, n);
        break;
    case PS_RCP_BODY_RANDOM:
        ps_rcp_fill_random(pg, first, n);
        break;
    case PS_RCP_BODY_NONE:
        break;
    }
}

void ps_rcp_fill_pointers(struct ps_rcp_page *pg)
{
    uint32_t word = pg->stmt->era.is_x64 ? 8u : 4u;

    for (uint32_t at = 0; at < PS_RECIPE_PAGE; at += word) {
        uint64_t v = ps_rcp_kernel_pointer(pg);

        if (word == 8)
            ps_rcp_put64(pg->b + at, v);
        else
            ps_rcp_put32(pg->b + at, (uint32_t)v);
    }
}

/* Pieces of x64 code: the bytes, then how many bytes of operand follow. */
static const struct {
    uint8_t n, operand;
    uint8_t b[6];
} instructions[] = {
    {4, 0, {0x48, 0x89, 0x5c, 0x24}},
    {2, 1, {0x8b, 0x45}},
    {1, 4, {0xe8}},
    {3, 1, {0x48, 0x83, 0xec}},
    {3, 0, {0x48, 0x8b, 0xd9}},
    {2, 4, {0x0f, 0x84}},
    {3, 4, {0x48, 0x8d, 0x0d}},
    {2, 0, {0x33, 0xc0}},
    {1, 1, {0x74}},
    {3, 0, {0x45, 0x33, 0xc9}},
    {2, 0, {0x85, 0xc0}},
    {1, 1, {0xeb}},
    {3, 4, {0x48, 0x8b, 0x05}},
    {1, 0, {0x57}},
    {1, 0, {0xc3}},
    {5, 0, {0x0f, 0x1f, 0x44, 0, 0}},
    {2, 4, {0xff, 0x15}},
    {1, 0, {0xcc}},
    {4, 1, {0x4c, 0x8b, 0x44, 0x24}},
    {2, 4, {0x41, 0xb8}},
    {1, 0, {0x90}},
};

/* How a pool tag gets into code: an immediate operand of these. */
static const struct {
    uint8_t n;
    uint8_t b[5];
} tag_loads[] = {
    {1, {0xba}}, {2, {0x41, 0xb8}}, {4, {0xc7, 0x44, 0x24, 0x20}},
    {1, {0x68}}, {2, {0x81, 0xf9}}, {5, {0x48, 0x81, 0x7c, 0x24, 0x30}},
};

static uint32_t put_instruction(struct ps_rcp_page *pg, uint32_t at)
{
    uint32_t n_kinds = sizeof instructions / sizeof *instructions;
    uint32_t i = ps_rcp_below(&pg->rng, n_kinds);
    uint32_t n = instructions[i].n;
    uint32_t operand = ps_rcp_below(&pg->rng, 0x20000) - 0x10000u;
    uint8_t raw[4];

    memcpy(pg->b + at, instructions[i].b, n);
    ps_rcp_put32(raw, operand);
    memcpy(pg->b + at + n, raw, instructions[i].operand);
    return n + instructions[i].operand;
}

static uint32_t put_tag_load(struct ps_rcp_page *pg, uint32_t at, uint32_t tag)
{
    uint32_t i = ps_rcp_below(&pg->rng, sizeof tag_loads / sizeof *tag_loads);

    memcpy(pg->b + at, tag_loads[i].b, tag_loads[i].n);
    ps_rcp_put32(pg->b + at + tag_loads[i].n, tag);
    ps_rcp_plant_decoy(pg, at + tag_loads[i].n, tag);
    return tag_loads[i].n + 4u;
}

void ps_rcp_fill_code(struct ps_rcp_page *pg)
{
    const struct ps_rcp_list *decoys = ps_rcp_list_of(pg, PS_RCP_DECOYS);
    uint32_t at = 0, next_decoy = 0;

    while (at + 24 < PS_RECIPE_PAGE) {
        if (decoys && at >= next_decoy && ps_rcp_below(&pg->rng, 128) == 0) {
            at += put_tag_load(pg, at, ps_rcp_draw(pg, decoys, -1)->tag);
            next_decoy = at + 16;
        }
        at += put_instruction(pg, at);
    }
    memset(pg->b + at, 0xcc, PS_RECIPE_PAGE - at);
}

static const struct {
    uint32_t build, version;
} versions[] = {
    {10240, 0x0a00}, {9600, 0x0603}, {9200, 0x0602}, {7600, 0x0601},
    {6000, 0x0600},  {3700, 0x0502}, {0, 0x0501},
};

uint32_t ps_rcp_version_of(uint32_t build)
{
    size_t i = 0;

    while (build < versions[i].build)
        i++;
    return versions[i].version;
}

static void put_utf16(uint8_t *to, const uint8_t *text, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ps_rcp_put16(to + 2 * i, text[i]);
}

void ps_rcp_fill_kuser(struct ps_rcp_page *pg)
{
    static const char default_root[] = "C:\\Windows";
    const struct ps_rcp_args *a = &pg->stmt->args;
    uint32_t build = (uint32_t)ps_rcp_get(a, PS_RCP_BUILD, pg->stmt->era.build);
    uint32_t version = ps_rcp_version_of(build);
    uint32_t machine = pg->stmt->era.is_x64 ? 0x8664 : 0x14c;

    ps_rcp_put32(pg->b + 0x04, 0x0fa00000);
    ps_rcp_put16(pg->b + 0x2c, machine);
    ps_rcp_put16(pg->b + 0x2e, machine);
    if (ps_rcp_has(a, PS_RCP_ROOT))
        put_utf16(pg->b + 0x30, pg->recipe->bytes + pg->stmt->first_byte, pg->stmt->n_bytes);
    else
        put_utf16(pg->b + 0x30, (const uint8_t *)default_root, sizeof default_root - 1);
    if (build >= 10240)
        ps_rcp_put32(pg->b + 0x260, build);
    ps_rcp_put32(pg->b + 0x264, 1);
    pg->b[0x268] = 1;
    if (build >= 10240)
        ps_rcp_put16(pg->b + 0x26a, pg->stmt->era.is_x64 ? 9 : 0); /* processor architecture */
    ps_rcp_put32(pg->b + 0x26c, (uint32_t)ps_rcp_get(a, PS_RCP_MAJOR, version >> 8));
    ps_rcp_put32(pg->b + 0x270, (uint32_t)ps_rcp_get(a, PS_RCP_MINOR, version & 0xff));
    ps_rcp_put32(pg->b + 0x2e8, (uint32_t)pg->recipe->image_pages);
    ps_rcp_put32(pg->b + 0x3c0, (uint32_t)ps_rcp_get(a, PS_RCP_CPUS, 4));
}
