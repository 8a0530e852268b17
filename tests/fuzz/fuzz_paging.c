/* Bytes -> a small memory; search, walk and inverse map end, and agree with each other.
 *
 * Input: mode, frame of the top table, then four bytes per entry written: frame, place in it (two
 * bytes), and what it leads to. What is left over is used as the low bits of entries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/windows/paging/dtb.h"
#include "scan/windows/paging/dtb_spots.h"
#include "scan/windows/paging/inverse_map.h"
#include "scan/windows/paging/paging.h"
#include "scan/windows/paging/pte_vote.h"
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

/* Each byte of the page file is the low byte of its page's number. */
static size_t read_pagefile(void *arg, unsigned file, uint64_t off, void *buf, size_t n_bytes)
{
    const struct ps_pagefiles *files = arg;
    uint8_t *to = buf;
    size_t n = 0;

    if (file >= PS_PAGEFILES_MAX)
        die("page file number", file);
    for (; n < n_bytes && (off + n) / 4096 < files->n_pages[file]; n++)
        to[n] = (uint8_t)((off + n) / 4096);
    return n;
}

struct paged_out {
    struct ps_paging *p;
    const struct ps_pagefiles *files;
    uint64_t last;
};

/* What the kernel walk says is in a page file must be read from there. */
static int on_paged_out(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct paged_out *o = arg;
    const int has = leaf->pte.offset < o->files->n_pages[leaf->pte.file];
    uint8_t byte;

    if (leaf->va <= o->last)
        die("not ascending", leaf->va);
    o->last = leaf->va;
    if (ps_paging_read(o->p, leaf->va + 77, &byte, 1) != (size_t)has)
        die("in a page file or not", leaf->va);
    if (has && byte != (uint8_t)leaf->pte.offset)
        die("another page of the page file", leaf->va);
    return 0;
}

static void check_paged_out(const struct small_memory *m, enum ps_paging_mode mode, uint64_t root)
{
    static struct ps_paging p;
    struct ps_pagefiles files = {.read = read_pagefile, .n_pages = {[0] = 9, [1] = 0x800000}};
    struct paged_out o = {&p, &files, 0};
    struct ps_kernel_walk walk = {
        .mem = &m->mem, .mode = mode, .root = root, .paged_out = on_paged_out, .arg = &o};
    struct ps_kernel_counts counts;
    struct ps_pte_vote vote;
    struct ps_err err;

    files.arg = &files;
    if (ps_pte_vote(&m->mem, mode, root, &files, 0, &vote, &err) < 0)
        die(err.msg, 0);
    walk.generation = vote.generation;
    ps_paging_init(&p, &m->mem, (struct ps_pte_format){mode, vote.generation, 0}, root);
    ps_paging_use_pagefiles(&p, &files);
    if (ps_kernel_walk(&walk, &counts, &err) < 0)
        die(err.msg, 0);
    if (counts.paged_out != vote.n_entries)
        die("walk and vote count differently", counts.paged_out);
}

/* Any bytes at all as two pages: what is found lies in them, in order. */
static void check_spots(const uint8_t *data, size_t size)
{
    static uint8_t pages[2 * 4096];
    static struct ps_dtb_spots s;
    static ps_look_fn *const look[] = {ps_dtb_spots_tables, ps_dtb_spots_processes};
    const size_t n = size < sizeof pages ? size : sizeof pages;

    memset(pages, 0, sizeof pages);
    memcpy(pages + (sizeof pages - n), data, n);
    for (size_t i = 0; i < 2; i++) {
        s = (struct ps_dtb_spots){.phys = 0x7000, .x64 = 1, .x86 = 1, .pae = 1};
        look[i](&s, pages, sizeof pages);
        for (size_t k = 0; k < s.n; k++)
            if (s.spot[k].at < 0x7000 || s.spot[k].at - 0x7000 >= sizeof pages ||
                (k > 0 && s.spot[k].at / 4096 < s.spot[k - 1].at / 4096))
                die("spot", s.spot[k].at);
    }
}

/* A process block in the first page that the tables map, at 'where' in it. */
static void plant_process(struct small_memory *m, enum ps_paging_mode mode, uint64_t root,
                          uint64_t where)
{
    static struct ps_paging p;
    const uint64_t va = UINT64_C(0xfffff78000000000) + where;
    uint64_t at;

    ps_paging_init(&p, &m->mem, ps_pte_format_of(mode, 0), root);
    if (!ps_paging_is_x64(mode) || !ps_paging_translate(&p, va, &at) || at > sizeof m->bytes - 0x40)
        return;
    small_memory_put64(m, at, 3);
    small_memory_put64(m, at + 8, va + 8);
    small_memory_put64(m, at + 16, va + 8);
    small_memory_put64(m, at + 0x28, root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct small_memory m;
    struct ps_err err;
    struct ps_dtb dtb;
    enum ps_paging_mode mode;

    if (size < 3)
        return 0;
    mode = (enum ps_paging_mode)(data[0] % PS_PAGING_MODES);
    small_memory_init(&m);
    if (data[2] & 1)
        small_memory_hole(&m, 30, 33);
    fill(&m, data + 3, size - 3);
    if (data[2] & 2)
        plant_process(&m, mode, (uint64_t)(data[1] % SMALL_MEMORY_FRAMES) * 4096,
                      (uint64_t)(data[2] >> 2) * 0x30);
    check_spots(data, size);
    check_map(&m, mode, (uint64_t)(data[1] % SMALL_MEMORY_FRAMES) * 4096);
    check_paged_out(&m, mode, (uint64_t)(data[1] % SMALL_MEMORY_FRAMES) * 4096);
    if (ps_dtb_find(&m.mem, PS_DTB_MODES_X64 | PS_DTB_MODES_X86, &dtb, &err) < 0)
        die(err.msg, 0);
    return 0;
}
