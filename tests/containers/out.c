#include "tests/containers/out.h"

#include <string.h>
#include <unistd.h>

#include "tests/containers/fail.h"

void out_open(struct out *out, const char *path)
{
    out->path = path;
    out->at = 0;
    out->file = fopen(path, "wb");
    if (!out->file)
        fail("%s cannot be written", path);
}

void out_close(struct out *out)
{
    if (fflush(out->file) != 0 || ftruncate(fileno(out->file), (off_t)out->at) != 0 ||
        fclose(out->file) != 0)
        fail("%s cannot be written", out->path);
    out->file = NULL;
}

void out_bytes(struct out *out, const void *bytes, size_t n_bytes)
{
    if (fwrite(bytes, 1, n_bytes, out->file) != n_bytes)
        fail("%s cannot be written", out->path);
    out->at += n_bytes;
}

void out_zeros(struct out *out, uint64_t n_bytes)
{
    static const uint8_t zeros[RAM_PAGE];

    while (n_bytes > 0) {
        const size_t n = n_bytes < sizeof zeros ? (size_t)n_bytes : sizeof zeros;

        out_bytes(out, zeros, n);
        n_bytes -= n;
    }
}

void out_align(struct out *out, uint64_t n_bytes)
{
    out_zeros(out, (n_bytes - out->at % n_bytes) % n_bytes);
}

void out_skip_to(struct out *out, uint64_t at)
{
    if (at < out->at || fseeko(out->file, (off_t)at, SEEK_SET) != 0)
        fail("%s: no way to offset 0x%llx", out->path, (unsigned long long)at);
    out->at = at;
}

void out_ram(struct out *out, const struct ram_map *ram, uint64_t phys, uint64_t n_bytes)
{
    uint8_t piece[16 * RAM_PAGE];

    while (n_bytes > 0) {
        const size_t n = n_bytes < sizeof piece ? (size_t)n_bytes : sizeof piece;

        ram_copy(ram, phys, piece, n);
        out_bytes(out, piece, n);
        phys += n;
        n_bytes -= n;
    }
}

void set16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void set32(uint8_t *at, uint32_t value)
{
    set16(at, value & 0xffff);
    set16(at + 2, value >> 16);
}

void set64(uint8_t *at, uint64_t value)
{
    set32(at, (uint32_t)value);
    set32(at + 4, (uint32_t)(value >> 32));
}

void set_word(uint8_t *at, uint64_t value, int n_bytes)
{
    if (n_bytes == 8)
        set64(at, value);
    else
        set32(at, (uint32_t)value);
}
