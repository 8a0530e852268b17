#include "host/recipe/system/system.h"

#include <stdlib.h>

#define FIRST_10_BUILD   10240u
#define FIRST_BILLED     20348u /* the process is kept in the entry */
#define FIRST_BILLED_X86 21292u
#define NEVER_USED       1u

uint32_t ps_rcp_big_stride(const struct ps_rcp_era *era)
{
    if (era->is_x64)
        return era->build >= FIRST_BILLED ? 0x20 : 0x18;
    if (era->build < 3700)
        return 0x0c;
    return era->build >= FIRST_BILLED_X86 ? 0x14 : 0x10;
}

static uint32_t home_slot(enum ps_rcp_hash hash, uint64_t va, uint64_t slots)
{
    uint64_t page = va >> 12;
    uint64_t h;

    if (hash != PS_RCP_MUL64)
        page &= 0xffffffffu;
    if (hash == PS_RCP_XOR)
        return (uint32_t)((page >> 24 ^ page >> 16 ^ page >> 8 ^ page) & (slots - 1));
    h = 40543ull * page;
    return (uint32_t)((h ^ h >> 32) & (slots - 1));
}

/* The word that holds Pattern, PoolType and SlushSize since 10, PoolType alone before. */
static uint32_t type_word(const struct ps_rcp_era *era, const struct ps_rcp_big *row)
{
    return era->build >= FIRST_10_BUILD ? row->type << 8 : row->type;
}

static void encode_x64(const struct ps_rcp_era *era, const struct ps_rcp_big *row, uint8_t *out)
{
    ps_rcp_put64(out, row->va | (row->is_free ? 1 : 0));
    ps_rcp_put32(out + 8, row->tag);
    if (ps_rcp_is_nt5(era)) {
        ps_rcp_put32(out + 0xc, (uint32_t)(row->n_bytes / PS_RECIPE_PAGE));
        return;
    }
    ps_rcp_put32(out + 0xc, type_word(era, row));
    ps_rcp_put64(out + 0x10, row->n_bytes);
    if (era->build >= FIRST_BILLED)
        ps_rcp_put64(out + 0x18, row->billed);
}

static void encode_x86(const struct ps_rcp_era *era, const struct ps_rcp_big *row, uint8_t *out)
{
    ps_rcp_put32(out, (uint32_t)row->va | (row->is_free ? 1 : 0));
    ps_rcp_put32(out + 4, row->tag);
    if (ps_rcp_is_nt5(era)) {
        ps_rcp_put32(out + 8, (uint32_t)(row->n_bytes / PS_RECIPE_PAGE));
        return;
    }
    ps_rcp_put32(out + 8, type_word(era, row));
    ps_rcp_put32(out + 0xc, (uint32_t)row->n_bytes);
}

static void write_row(const struct ps_rcp_system *sys, struct ps_rcp_region *region, uint32_t slot,
                      const struct ps_rcp_big *row)
{
    uint32_t stride = ps_rcp_big_stride(&sys->era);
    uint8_t raw[0x20] = {0};

    if (!row)
        raw[0] = NEVER_USED;
    else if (sys->era.is_x64)
        encode_x64(&sys->era, row, raw);
    else
        encode_x86(&sys->era, row, raw);
    ps_rcp_region_put(region, (uint64_t)slot * stride, raw, stride);
}

int ps_rcp_big_write(const struct ps_rcp_system *sys, struct ps_rcp_region *region, uint64_t slots,
                     struct ps_rcp_big *row, size_t n_rows)
{
    uint8_t *used = calloc(1, (size_t)slots);

    if (!used || n_rows >= slots) {
        free(used);
        return -1;
    }
    for (uint32_t s = 0; s < slots; s++)
        write_row(sys, region, s, NULL);
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t s = home_slot(sys->big.hash, row[i].va, slots);

        while (used[s])
            s = (s + 1) & (uint32_t)(slots - 1);
        used[s] = 1;
        row[i].slot = s;
        write_row(sys, region, s, &row[i]);
    }
    free(used);
    return 0;
}
