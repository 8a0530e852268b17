/* Bytes -> a small memory; search, walk and inverse map end, and agree with each other.
 *
 * Input: mode, frame of the top table, then four bytes per entry written: frame, place in it (two
 * bytes), and what it leads to. What is left over is used as the low bits of entries. */
#include <stdio.h>
#include <stdlib.h>

#include "scan/windows/paging/dtb.h"
#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "tests/support/small_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void die(const char *what, uint64_t at)
{
    fprintf(stderr, "%s at 0x%llx\n", what, (unsigned long long)at);
    abort();
}

static void fill(struct small_memory *m, const uint8_t *data, size_t size)
{
    static const uint32_t low[] = {0x63, 0xe3, 0x880, 0x400, 0x1, 0xa0, 0x67, 0xc00};

    for (; size >= 5; data += 5, size -= 5) {
        uint64_t at =
            (uint64_t)(data[0] % SMALL_MEMORY_FRAMES) * 4096 + (data[1] + 256u * data[2]) % 512 * 8;
        uint64_t entry = (uint64_t)(data[3] % (SMALL_MEMORY_FRAMES + 4)) * 4096;

        small_memory_put64(m, at, entry | low[data[4] & 7] | (uint64_t)(data[4] >> 3) << 43);
    }
}

/* What the map says is mapped at an address must be what the walk finds there. */
static void check_map(const struct small_memory *m, enum ps_paging_mode mode, uint64_t root)
{
    static struct ps_paging p;
    struct ps_inverse_map *map = NULL;
    struct ps_mapping got[64];
    struct ps_err err;

    ps_paging_init(&p, &m->mem, ps_pte_format_of(mode, 0), root);
    if (ps_inverse_map_build(&map, &m->mem, mode, root, &err) < 0)
        die(err.msg, 0);
    for (uint64_t phys = 0; phys < sizeof m->bytes; phys += 4096) {
        size_t n = ps_inverse_map_find(map, phys, got, 64);

        for (size_t i = 0; i < n && i < 64; i++) {
            uint64_t back = 0;

            if (!ps_paging_translate(&p, got[i].va, &back) || back != phys)
                die("walk and map differ", got[i].va);
            if (i > 0 && got[i].va <= got[i - 1].va)
                die("not ascending", got[i].va);
        }
    }
    ps_inverse_map_free(map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct small_memory m;
    struct ps_err err;
    struct ps_dtb dtb;
    enum ps_paging_mode mode;

    if (size < 3)
        return 0;
    mode = (enum ps_paging_mode)(data[0] % 3);
    small_memory_init(&m);
    if (data[2] & 1)
        small_memory_hole(&m, 30, 33);
    fill(&m, data + 3, size - 3);
    check_map(&m, mode, (uint64_t)(data[1] % SMALL_MEMORY_FRAMES) * 4096);
    if (ps_dtb_find(&m.mem, PS_DTB_MODES_X64 | PS_DTB_MODES_X86, &dtb, &err) < 0)
        die(err.msg, 0);
    return 0;
}
