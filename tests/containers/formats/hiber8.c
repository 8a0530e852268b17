/* Hibernation files of Windows 8 to 11: two restore sets of compression sets. */
#include <stdlib.h>
#include <string.h>

#include "tests/containers/codecs/codecs.h"
#include "tests/containers/fail.h"
#include "tests/containers/formats/page_order.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define SET_PAGES  16u
#define FIRST_PAGE 5u /* of the first restore set */

struct row {
    uint32_t n_self;
    int is_x86;
    uint32_t boot, kernel, processed, highest;
};

static const struct row rows[] = {
    {0x360, 0, 0x60, 0x68, 0x1c8, 0x330}, {0x3b0, 0, 0x68, 0x70, 0x218, 0x380},
    {0x3c8, 0, 0x68, 0x70, 0x220, 0x388}, {0x3d8, 0, 0x68, 0x70, 0x230, 0x398},
    {0x3e0, 0, 0x68, 0x70, 0x230, 0x398}, {0x448, 0, 0x68, 0x70, 0x230, 0x400},
    {0x4d8, 0, 0x68, 0x70, 0x238, 0x498}, {0x2c8, 1, 0x50, 0x54, 0x1b0, 0x2b0},
    {0x310, 1, 0x50, 0x54, 0x1f8, 0x2f8}, {0x328, 1, 0x50, 0x54, 0x200, 0x300},
    {0x338, 1, 0x50, 0x54, 0x210, 0x310}, {0x340, 1, 0x50, 0x54, 0x210, 0x310},
};

enum codec { CODEC_XPRESS, CODEC_HUFFMAN, CODEC_RAW, N_CODECS };

static const struct row *find_row(const struct maker *maker)
{
    const uint32_t usual = maker->facts.is_x86 ? 0x340 : 0x448;
    const uint32_t want = maker->number == NUMBER_NOT_GIVEN ? usual : maker->number;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].n_self == want && rows[i].is_x86 == maker->facts.is_x86)
            return &rows[i];
    fail("no header of 0x%x bytes", want);
}

static enum codec codec_of(const struct maker *maker, unsigned number)
{
    if (is_variant(maker, "huffman"))
        return CODEC_HUFFMAN;
    if (is_variant(maker, "xpress"))
        return CODEC_XPRESS;
    if (is_variant(maker, "raw"))
        return CODEC_RAW;
    return (enum codec)(number % N_CODECS);
}

/* The packed bytes of a set; as many as came in when they got no fewer. */
static size_t pack(enum codec codec, const uint8_t *in, size_t n_in, uint8_t *out)
{
    size_t n = n_in;

    if (codec == CODEC_XPRESS)
        n = encode_xpress(in, n_in, out);
    else if (codec == CODEC_HUFFMAN)
        n = encode_xpress_huffman(in, n_in, out);
    if (n < n_in)
        return n;
    memcpy(out, in, n_in);
    return n_in;
}

/* Up to n pages from 'pfn' on; how many went into it. */
static size_t write_set(struct out *out, const struct maker *maker, const uint64_t *pfn, size_t n,
                        enum codec codec)
{
    static uint8_t pages[SET_PAGES * RAM_PAGE], packed[ENCODED_ROOM(SET_PAGES * RAM_PAGE)];
    const int n_word = maker->facts.is_x86 ? 4 : 8;
    uint8_t head[4 + SET_PAGES * 8];
    uint32_t n_descriptors = 0;
    size_t n_packed;

    for (size_t i = 0; i < n;) {
        size_t length = 1;

        while (i + length < n && pfn[i + length] == pfn[i] + length)
            length++;
        set_word(head + 4 + (size_t)n_word * n_descriptors++, pfn[i] << 4 | (length - 1), n_word);
        i += length;
    }
    for (size_t i = 0; i < n; i++)
        ram_copy(&maker->ram, pfn[i] * RAM_PAGE, pages + i * RAM_PAGE, RAM_PAGE);
    n_packed = pack(codec, pages, n * RAM_PAGE, packed);
    set32(head, n_descriptors | (uint32_t)n_packed << 8 |
                    (codec == CODEC_HUFFMAN ? UINT32_C(1) << 30 : 0));
    out_bytes(out, head, 4 + (size_t)n_word * n_descriptors);
    out_bytes(out, packed, n_packed);
    return n;
}

/* Sets of 16 pages, some of fewer. */
static void write_restore_set(struct out *out, const struct maker *maker, const uint64_t *pfn,
                              size_t n)
{
    for (unsigned set = 0; n > 0; set++) {
        const size_t want = set % 5 == 3 ? 1 + set % 11 : SET_PAGES;
        const size_t done = write_set(out, maker, pfn, want < n ? want : n, codec_of(maker, set));

        pfn += done;
        n -= done;
    }
}

static void write_header(uint8_t *head, const struct maker *maker, const struct row *row,
                         size_t n_boot, size_t n_kernel)
{
    const int is_x86 = row->is_x86, n_word = is_x86 ? 4 : 8;

    memcpy(head, is_variant(maker, "mixed") ? "WAKE" : "HIBR", 4);
    set32(head + 0x0c, row->n_self);
    set32(head + (is_x86 ? 0x14 : 0x18), RAM_PAGE);
    set64(head + (is_x86 ? 0x18 : 0x20), maker->facts.system_time);
    set64(head + (is_x86 ? 0x48 : 0x58), n_boot);
    set_word(head + row->boot, FIRST_PAGE, n_word);
    set_word(head + row->processed, n_kernel, n_word);
    set_word(head + row->highest, ram_end(&maker->ram) / RAM_PAGE - 1, n_word);
}

void write_hiber8(struct maker *maker)
{
    const struct row *row = find_row(maker);
    const int n_word = maker->facts.is_x86 ? 4 : 8;
    uint8_t head[FIRST_PAGE * RAM_PAGE] = {0};
    uint64_t *pfn, kernel_page;
    size_t n, n_boot;
    struct out out;

    ram_round_to_pages(&maker->ram);
    pfn = page_order(&maker->ram, &n);
    n_boot = n / 4 + 3;
    write_header(head, maker, row, n_boot, n - n_boot);
    out_open(&out, maker->out);
    out_bytes(&out, head, sizeof head);
    write_restore_set(&out, maker, pfn, n_boot);
    out_align(&out, RAM_PAGE);
    kernel_page = out.at / RAM_PAGE;
    write_restore_set(&out, maker, pfn + n_boot, n - n_boot);
    out_align(&out, RAM_PAGE);
    if (fseeko(out.file, (off_t)row->kernel, SEEK_SET) != 0)
        fail("%s cannot be written", maker->out);
    set_word(head, kernel_page, n_word);
    if (fwrite(head, 1, (size_t)n_word, out.file) != (size_t)n_word)
        fail("%s cannot be written", maker->out);
    out_close(&out);
    free(pfn);
}
