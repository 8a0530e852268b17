/* Windows crash dumps, 64-bit: full, bitmap (kernel, full, live) and RDMP. */
#include "tests/containers/formats/dump_header.h"
#include "tests/containers/fail.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_64 0x2000u
#define HEADER_32 0x1000u

enum dump_type {
    DUMP_FULL = 1,
    DUMP_BITMAP = 5,
    DUMP_LIVE = 6,
    DUMP_RDMP_KERNEL = 8,
    DUMP_RDMP_USER = 9,
    DUMP_RDMP_COMPLETE = 10,
};

static void write_pages(struct out *out, const struct ram_map *ram)
{
    for (size_t i = 0; i < ram->n; i++)
        out_ram(out, ram, ram->run[i].start, ram->run[i].end - ram->run[i].start);
}

/* A bit for each page up to the last one, in whole bytes; then the pages, in order. */
static void write_bitmap(struct out *out, const struct ram_map *ram, const char *signature)
{
    const uint64_t n_bits = ram_end(ram) / RAM_PAGE, n_bytes = (n_bits + 7) / 8;
    const uint64_t first = (HEADER_64 + 0x38 + n_bytes + RAM_PAGE - 1) / RAM_PAGE * RAM_PAGE;
    uint8_t *bitmap = need_memory(n_bytes);
    uint8_t head[0x38] = {0};

    memcpy(head, signature, 4);
    memcpy(head + 4, "DUMP", 4);
    set64(head + 0x20, first);
    set64(head + 0x28, ram_n_bytes(ram) / RAM_PAGE);
    set64(head + 0x30, n_bits);
    out_bytes(out, head, sizeof head);
    for (size_t i = 0; i < ram->n; i++)
        for (uint64_t at = ram->run[i].start; at < ram->run[i].end; at += RAM_PAGE)
            bitmap[at / RAM_PAGE / 8] |= (uint8_t)(1u << (at / RAM_PAGE % 8));
    out_bytes(out, bitmap, n_bytes);
    out_align(out, RAM_PAGE);
    write_pages(out, ram);
    free(bitmap);
}

/* Ranges of pages, ended by one that is zero, then the pages. */
static void write_rdmp(struct out *out, const struct ram_map *ram, enum dump_type type)
{
    const uint64_t table = 0x30 + (ram->n + 1) * 16;
    const uint64_t first = (HEADER_64 + table + RAM_PAGE - 1) / RAM_PAGE * RAM_PAGE;
    uint8_t head[0x30] = {0x40, 0, 0, 0, 'R', 'D', 'M', 'P', 'D', 'U', 'M', 'P'};

    if (type != DUMP_RDMP_COMPLETE && ram->run[0].start == 0)
        fail("page 0 would end the list of ranges: use --runs 0x1000-...");
    set64(head + 0x10, first - HEADER_64 - 0x20);
    set64(head + 0x18, first);
    if (type == DUMP_RDMP_COMPLETE) {
        set32(head + 0x20, (uint32_t)ram->n);
        set64(head + 0x28, ram_n_bytes(ram) / RAM_PAGE);
    }
    out_bytes(out, head, sizeof head);
    for (size_t i = 0; i < ram->n; i++) {
        uint8_t range[16];

        set64(range, ram->run[i].start / RAM_PAGE);
        set64(range + 8, (ram->run[i].end - ram->run[i].start) / RAM_PAGE);
        out_bytes(out, range, sizeof range);
    }
    out_align(out, RAM_PAGE);
    if (out->at != first)
        out_zeros(out, first - out->at);
    write_pages(out, ram);
}

static enum dump_type type_of(const struct maker *maker)
{
    static const struct {
        const char *variant;
        enum dump_type type;
    } types[] = {
        {"full", DUMP_FULL},
        {"bitmap", DUMP_BITMAP},
        {"kernel", DUMP_BITMAP},
        {"live", DUMP_LIVE},
        {"rdmp-kernel", DUMP_RDMP_KERNEL},
        {"rdmp-user", DUMP_RDMP_USER},
        {"rdmp-complete", DUMP_RDMP_COMPLETE},
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (is_variant(maker, types[i].variant))
            return types[i].type;
    fail("no dump type for '%s'", maker->variant);
}

static void write_dump(struct maker *maker, size_t n_header)
{
    uint8_t *header = need_memory(n_header);
    const enum dump_type type = type_of(maker);
    struct out out;

    ram_round_to_pages(&maker->ram);
    if (n_header == HEADER_64)
        dump_header_64(header, maker, type);
    else
        dump_header_32(header, maker, type);
    out_open(&out, maker->out);
    out_bytes(&out, header, n_header);
    if (type == DUMP_FULL)
        write_pages(&out, &maker->ram);
    else if (type >= DUMP_RDMP_KERNEL)
        write_rdmp(&out, &maker->ram, type);
    else
        write_bitmap(&out, &maker->ram, is_variant(maker, "bitmap") ? "FDMP" : "SDMP");
    out_close(&out);
    free(header);
}

void write_dump64(struct maker *maker)
{
    write_dump(maker, HEADER_64);
}

void write_dump32(struct maker *maker)
{
    maker->facts.is_x86 = 1;
    write_dump(maker, HEADER_32);
}
