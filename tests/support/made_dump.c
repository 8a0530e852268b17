#include "tests/support/made_dump.h"

#include <stdlib.h>
#include <string.h>

void made_dump_put(struct made_dump *d, size_t at, uint64_t value, size_t n_bytes)
{
    if (n_bytes > MADE_DUMP_BYTES || at > MADE_DUMP_BYTES - n_bytes)
        abort();
    for (size_t i = 0; i < n_bytes; i++)
        d->bytes[at + i] = (uint8_t)(value >> 8 * i);
    if (d->n_bytes < at + n_bytes)
        d->n_bytes = at + n_bytes;
}

void made_dump_put32(struct made_dump *d, size_t at, uint32_t value)
{
    made_dump_put(d, at, value, 4);
}

void made_dump_put64(struct made_dump *d, size_t at, uint64_t value)
{
    made_dump_put(d, at, value, 8);
}

void made_dump_init(struct made_dump *d, int is_64, uint32_t type)
{
    memset(d->bytes, 0, sizeof d->bytes);
    d->is_64 = is_64;
    d->header_bytes = is_64 ? 0x2000 : 0x1000;
    d->n_bytes = 0;
    for (size_t i = 0; i < d->header_bytes; i += 4)
        made_dump_put32(d, i, 0x45474150);
    memcpy(d->bytes, is_64 ? "PAGEDU64" : "PAGEDUMP", 8);
    made_dump_put32(d, is_64 ? 0xf98 : 0xf88, type);
}

void made_dump_facts(struct made_dump *d)
{
    made_dump_put32(d, 0x08, 15);
    made_dump_put32(d, 0x0c, d->is_64 ? 19041 : 2600);
    if (!d->is_64) {
        made_dump_put32(d, 0x10, 0x00319123);
        made_dump_put32(d, 0x14, 0x81000000);
        made_dump_put32(d, 0x18, 0x805531a0);
        made_dump_put32(d, 0x1c, 0x805595d8);
        made_dump_put32(d, 0x20, 0x14c);
        made_dump_put32(d, 0x24, 2);
        made_dump_put32(d, 0x28, 0xe2);
        made_dump_put32(d, 0x60, 0x80545ae0);
        return;
    }
    made_dump_put64(d, 0x10, 0x1aa002);
    made_dump_put64(d, 0x18, 0xfffff8047e2fb010);
    made_dump_put64(d, 0x20, 0xfffff8047e23a450);
    made_dump_put64(d, 0x28, 0xfffff8047e22e0c0);
    made_dump_put32(d, 0x30, 0x8664);
    made_dump_put32(d, 0x34, 4);
    made_dump_put32(d, 0x38, 0x161);
    made_dump_put64(d, 0x80, 0xfffff8047e200b20);
}

void made_dump_counts(struct made_dump *d, uint32_t n_runs, uint64_t n_pages)
{
    made_dump_put32(d, d->is_64 ? 0x88 : 0x64, n_runs);
    made_dump_put(d, d->is_64 ? 0x90 : 0x68, n_pages, d->is_64 ? 8 : 4);
}

void made_dump_run(struct made_dump *d, uint32_t i, uint64_t frame, uint64_t n)
{
    const size_t half = d->is_64 ? 8 : 4;
    const size_t at = (d->is_64 ? 0x98 : 0x6c) + 2 * half * i;

    made_dump_put(d, at, frame, half);
    made_dump_put(d, at + half, n, half);
}

void made_dump_bitmap(struct made_dump *d, const char *signature, uint64_t first_page,
                      uint64_t n_pages, uint64_t n_bits)
{
    uint8_t *head = d->bytes + d->header_bytes;

    memcpy(head, signature, 4);
    memcpy(head + 4, "DUMP", 4);
    made_dump_put64(d, d->header_bytes + 0x20, first_page);
    made_dump_put64(d, d->header_bytes + 0x28, n_pages);
    made_dump_put64(d, d->header_bytes + 0x30, n_bits);
}

void made_dump_bit(struct made_dump *d, uint64_t frame)
{
    const size_t at = (size_t)(d->header_bytes + 0x38 + frame / 8);

    made_dump_put(d, at, d->bytes[at] | 1u << frame % 8, 1);
}

uint64_t made_dump_rdmp(struct made_dump *d, uint32_t n_ranges, uint64_t n_pages)
{
    const uint64_t first_page = 0x2030 + 16u * n_ranges;

    made_dump_put32(d, 0x2000, 0x40);
    memcpy(d->bytes + 0x2004, "RDMPDUMP", 8);
    made_dump_put64(d, 0x2010, first_page - 0x2020);
    made_dump_put64(d, 0x2018, first_page);
    made_dump_put32(d, 0x2020, n_ranges);
    made_dump_put64(d, 0x2028, n_pages);
    return first_page;
}

void made_dump_range(struct made_dump *d, uint32_t i, uint64_t frame, uint64_t n)
{
    made_dump_put64(d, 0x2030 + 16u * i, frame);
    made_dump_put64(d, 0x2038 + 16u * i, n);
}

void made_dump_size(struct made_dump *d, size_t n_bytes)
{
    if (n_bytes > MADE_DUMP_BYTES)
        abort();
    d->n_bytes = n_bytes;
}
