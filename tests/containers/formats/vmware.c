/* VMware: a suspended state or snapshot (groups of tags) and its memory, beside it or within. */
#include <stdio.h>
#include <string.h>

#include "tests/containers/fail.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define GROUP_BYTES 80u
#define N_GROUPS    2u
#define FIRST_TAG   (12 + N_GROUPS * GROUP_BYTES)
#define TAG_IS_LONG 63u
#define GIB         (UINT64_C(1) << 30)
#define HOLE        (3 * GIB)
#define ABOVE_HOLE  (4 * GIB)
#define USUAL       2u
#define MAX_REGIONS 64u

struct region {
    uint64_t phys, place, n_bytes; /* place: in the bytes of the memory */
};

struct state {
    const struct maker *maker;
    struct region region[MAX_REGIONS];
    uint32_t n_regions;
    uint32_t version;
    uint8_t tags[16384]; /* of all groups */
    size_t n_tags;
};

static void add_tag(struct state *s, const char *name, const uint32_t *index, uint32_t n_indices,
                    uint64_t value, uint32_t n_bytes)
{
    uint8_t *at = s->tags + s->n_tags;
    const size_t n_name = strlen(name);

    if (s->n_tags + 64 > sizeof s->tags)
        fail("too many tags");
    *at++ = (uint8_t)(n_indices << 6 | n_bytes);
    *at++ = (uint8_t)n_name;
    memcpy(at, name, n_name);
    at += n_name;
    for (uint32_t i = 0; i < n_indices; i++, at += 4)
        set32(at, index[i]);
    set_word(at, value, (int)n_bytes);
    s->n_tags = (size_t)(at - s->tags) + n_bytes;
}

static void end_group(struct state *s)
{
    s->n_tags += 2; /* a tag without flags and name */
}

static void add_region(struct state *s, uint64_t phys, uint64_t place, uint64_t n_bytes)
{
    if (s->n_regions == MAX_REGIONS)
        fail("too many regions");
    s->region[s->n_regions++] = (struct region){phys, place, n_bytes};
}

/* As virtual machines have it: all memory up to 3 GiB, and from 4 GiB on. */
static void find_regions(struct state *s)
{
    const struct ram_map *ram = &s->maker->ram;
    const uint64_t end = ram_end(ram);

    if (is_variant(s->maker, "vmss") || is_variant(s->maker, "regionless")) {
        add_region(s, 0, 0, end < HOLE ? end : HOLE);
        if (end > ABOVE_HOLE)
            add_region(s, ABOVE_HOLE, HOLE, end - ABOVE_HOLE);
        return;
    }
    for (size_t i = 0; i < ram->n; i++) {
        const struct region *last = s->n_regions ? &s->region[s->n_regions - 1] : NULL;

        add_region(s, ram->run[i].start, last ? last->place + last->n_bytes : 0,
                   ram->run[i].end - ram->run[i].start);
    }
}

static void add_memory_group(struct state *s)
{
    if (is_variant(s->maker, "regionless"))
        return;
    add_tag(s, "regionsCount", NULL, 0, s->n_regions, 4);
    for (uint32_t i = 0; i < s->n_regions; i++) {
        add_tag(s, "regionPageNum", &i, 1, s->region[i].place / RAM_PAGE, 4);
        add_tag(s, "regionPPN", &i, 1, s->region[i].phys / RAM_PAGE, 4);
        add_tag(s, "regionSize", &i, 1, s->region[i].n_bytes / RAM_PAGE, 4);
    }
}

static void write_region(struct out *out, const struct ram_map *ram, const struct region *region,
                         uint64_t base)
{
    for (size_t i = 0; i < ram->n; i++) {
        const struct ram_run *run = &ram->run[i];
        const uint64_t end = region->phys + region->n_bytes;
        const uint64_t from = run->start > region->phys ? run->start : region->phys;
        const uint64_t to = run->end < end ? run->end : end;

        if (from >= to)
            continue;
        out_skip_to(out, base + region->place + (from - region->phys));
        out_ram(out, ram, from, to - from);
    }
    out_skip_to(out, base + region->place + region->n_bytes);
}

static void write_memory(struct out *out, const struct state *s)
{
    const uint64_t base = out->at;

    for (uint32_t i = 0; i < s->n_regions; i++)
        write_region(out, &s->maker->ram, &s->region[i], base);
}

static uint64_t memory_bytes(const struct state *s)
{
    const struct region *last = &s->region[s->n_regions - 1];

    return last->place + last->n_bytes;
}

static size_t memory_tag_bytes(const struct state *s)
{
    return 16 + 2 * (s->version == 0 ? 4 : 8) + 2;
}

/* Where the data of a tag Memory[0,0] at 'at' begin: on a page. */
static uint64_t memory_data(const struct state *s, uint64_t at)
{
    return (at + memory_tag_bytes(s) + RAM_PAGE - 1) / RAM_PAGE * RAM_PAGE;
}

static void write_embedded(struct out *out, const struct state *s)
{
    const int n_size = s->version == 0 ? 4 : 8;
    uint8_t tag[64] = {2u << 6 | TAG_IS_LONG, 6, 'M', 'e', 'm', 'o', 'r', 'y'};
    const size_t n_tag = memory_tag_bytes(s);
    const uint64_t data = memory_data(s, out->at);

    set_word(tag + 16, memory_bytes(s), n_size);
    set_word(tag + 16 + n_size, memory_bytes(s), n_size);
    set16(tag + n_tag - 2, (uint32_t)(data - out->at - n_tag));
    out_bytes(out, tag, n_tag);
    out_align(out, RAM_PAGE);
    write_memory(out, s);
}

static void write_state(struct state *s, const char *path, int is_embedded)
{
    /* Two are known for version 0. */
    static const uint32_t magic[] = {0xbed0bed0, 0xbad1bad1, 0xbed2bed2, 0xbed3bed3, 0xbed2bed0};
    uint8_t head[FIRST_TAG] = {0};
    const uint32_t number = s->maker->number == NUMBER_NOT_GIVEN ? USUAL : s->maker->number;
    uint64_t memory_tags, end;
    struct out out;

    if (number >= sizeof magic / sizeof *magic)
        fail("no version %u of a VMware state", number);
    s->version = magic[number] & 0xf;
    add_tag(s, "CR64", (const uint32_t[]){0, 3}, 2, s->maker->facts.dtb, 8);
    end_group(s);
    memory_tags = FIRST_TAG + s->n_tags;
    add_memory_group(s);
    end = FIRST_TAG + s->n_tags;
    if (is_embedded)
        end = memory_data(s, end) + memory_bytes(s);
    set32(head, magic[number]);
    set32(head + 4, 8);
    set32(head + 8, N_GROUPS);
    memcpy(head + 12, "cpu", 3);
    set64(head + 12 + 64, FIRST_TAG);
    set64(head + 12 + 72, memory_tags - FIRST_TAG);
    memcpy(head + 12 + GROUP_BYTES, "memory", 6);
    set64(head + 12 + GROUP_BYTES + 64, memory_tags);
    set64(head + 12 + GROUP_BYTES + 72, end + 2 - memory_tags);
    out_open(&out, path);
    out_bytes(&out, head, sizeof head);
    out_bytes(&out, s->tags, s->n_tags);
    if (is_embedded)
        write_embedded(&out, s);
    out_zeros(&out, 2);
    out_close(&out);
}

/* OUT without what follows its last dot, and .vmem. */
static void write_beside(const struct state *s)
{
    const char *dot = strrchr(s->maker->out, '.');
    char path[4096];
    struct out out;

    snprintf(path, sizeof path, "%.*s.vmem",
             (int)(dot ? (size_t)(dot - s->maker->out) : strlen(s->maker->out)), s->maker->out);
    out_open(&out, path);
    write_memory(&out, s);
    out_close(&out);
}

void write_vmware(struct maker *maker)
{
    struct state s = {.maker = maker};
    const int is_embedded = is_variant(maker, "embedded");

    ram_round_to_pages(&maker->ram);
    find_regions(&s);
    write_state(&s, maker->out, is_embedded);
    if (!is_embedded)
        write_beside(&s);
}
