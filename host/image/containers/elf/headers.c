#include "host/image/containers/elf/headers.h"

#include <inttypes.h>
#include <string.h>

#include "host/image/le.h"

/* Where things are in the headers of either class. */
struct layout {
    size_t n_header;
    size_t phoff, shoff, phentsize, phnum;
    size_t n_segment; /* bytes of a program header */
    size_t off, phys, n_stored, n_memory;
    size_t n_section; /* bytes of a section header */
    size_t sh_info;
};

static const struct layout layouts[2] = {
    {52, 0x1c, 0x20, 0x2a, 0x2c, 32, 0x4, 0xc, 0x10, 0x14, 40, 0x1c},
    {64, 0x20, 0x28, 0x36, 0x38, 56, 0x8, 0x18, 0x20, 0x28, 64, 0x2c},
};

#define CLASS_AT      4u
#define DATA_AT       5u
#define TYPE_AT       16u
#define MACHINE_AT    18u
#define VERSION_AT    20u
#define HEADER_MAX    64u
#define LITTLE_ENDIAN 1u
/* e_phnum when the number is too large for it: section header 0 has it in sh_info. */
#define PN_XNUM     0xffffu

#define BATCH_BYTES 4096u

static const struct layout *layout_of(const struct ps_elf *elf)
{
    return &layouts[elf->is_64 != 0];
}

/* An address or offset: as wide as the class says. */
static uint64_t word(const struct ps_elf *elf, const uint8_t *p)
{
    return elf->is_64 ? ps_le64(p) : ps_le32(p);
}

int ps_elf_probe(const uint8_t *head, size_t n_head)
{
    return n_head > DATA_AT && !memcmp(head, "\177ELF", 4);
}

static int read_header(struct ps_elf *elf, uint8_t *h, struct ps_err *err)
{
    const uint64_t n_bytes = elf->bytes->n_bytes;
    int rc;

    memset(h, 0, HEADER_MAX);
    rc = elf->bytes->ops->read(elf->bytes, 0, h,
                               n_bytes < HEADER_MAX ? (size_t)n_bytes : HEADER_MAX, err);
    if (rc < 0)
        return rc;
    if (h[DATA_AT] != LITTLE_ENDIAN)
        return ps_fail(err, PS_EFORMAT, DATA_AT,
                       "format ELF: no image of physical memory of a Windows machine: it is not "
                       "little-endian");
    if (h[CLASS_AT] != 1 && h[CLASS_AT] != 2)
        return ps_fail(err, PS_EFORMAT, CLASS_AT,
                       "format ELF: no image of physical memory: neither 32- nor 64-bit");
    elf->is_64 = h[CLASS_AT] == 2;
    elf->type = ps_le16(h + TYPE_AT);
    elf->machine = ps_le16(h + MACHINE_AT);
    return 0;
}

/* With PN_XNUM the number of program headers is in section header 0. */
static int read_extended_number(struct ps_elf *elf, const uint8_t *h, struct ps_err *err)
{
    const struct layout *l = layout_of(elf);
    const uint64_t off = word(elf, h + l->shoff);
    uint8_t section[HEADER_MAX];
    int rc;

    if (!off || off > elf->bytes->n_bytes || l->n_section > elf->bytes->n_bytes - off)
        return 0;
    rc = elf->bytes->ops->read(elf->bytes, off, section, l->n_section, err);
    if (rc >= 0 && ps_le32(section + l->sh_info))
        elf->n_segments_said = ps_le32(section + l->sh_info);
    return rc;
}

static int find_segments(struct ps_elf *elf, const uint8_t *h, struct ps_err *err)
{
    const struct layout *l = layout_of(elf);
    const uint64_t n_bytes = elf->bytes->n_bytes;
    uint64_t in_file = 0;
    int rc = 0;

    elf->segments_off = word(elf, h + l->phoff);
    elf->segment_bytes = ps_le16(h + l->phentsize);
    elf->n_segments_said = ps_le16(h + l->phnum);
    if (elf->n_segments_said == PN_XNUM)
        rc = read_extended_number(elf, h, err);
    if (rc < 0)
        return rc;
    if (elf->n_segments_said && elf->segment_bytes < l->n_segment)
        return ps_fail(err, PS_EFORMAT, l->phentsize,
                       "format ELF core: a program header of %" PRIu32
                       " bytes, where %zu are needed; the file is damaged",
                       elf->segment_bytes, l->n_segment);
    /* The last one may be followed by less than the distance between two. */
    if (elf->n_segments_said && elf->segments_off <= n_bytes &&
        n_bytes - elf->segments_off >= l->n_segment)
        in_file = (n_bytes - elf->segments_off - l->n_segment) / elf->segment_bytes + 1;
    elf->n_segments = elf->n_segments_said < in_file ? elf->n_segments_said : in_file;
    return 0;
}

int ps_elf_open(struct ps_elf *elf, struct ps_bytes *bytes, struct ps_err *err)
{
    uint8_t h[HEADER_MAX];
    int rc;

    *elf = (struct ps_elf){.bytes = bytes};
    rc = read_header(elf, h, err);
    if (rc < 0 || elf->type != PS_ELF_TYPE_CORE)
        return rc;
    if (bytes->n_bytes < layout_of(elf)->n_header)
        return ps_fail(err, PS_EFORMAT, bytes->n_bytes,
                       "format ELF core: the file ends in its header");
    /* VirtualBox has written 0. */
    if (ps_le32(h + VERSION_AT) > 1)
        return ps_fail(err, PS_EFORMAT, VERSION_AT,
                       "format ELF core: version %" PRIu32 " is not known, only 1 is",
                       ps_le32(h + VERSION_AT));
    return find_segments(elf, h, err);
}

static struct ps_elf_segment parse_segment(const struct ps_elf *elf, const uint8_t *p)
{
    const struct layout *l = layout_of(elf);

    return (struct ps_elf_segment){
        .type = ps_le32(p),
        .off = word(elf, p + l->off),
        .phys = word(elf, p + l->phys),
        .n_stored = word(elf, p + l->n_stored),
        .n_memory = word(elf, p + l->n_memory),
    };
}

int ps_elf_each_segment(const struct ps_elf *elf,
                        int (*visit)(void *arg, const struct ps_elf_segment *segment,
                                     struct ps_err *err),
                        void *arg, struct ps_err *err)
{
    const size_t n_segment = layout_of(elf)->n_segment;
    uint8_t buf[BATCH_BYTES];
    int rc = 0;

    for (uint64_t i = 0; rc == 0 && i < elf->n_segments;) {
        const uint64_t left = elf->n_segments - i;
        uint64_t n = 1;

        if (elf->segment_bytes < sizeof buf)
            n += (sizeof buf - n_segment) / elf->segment_bytes;
        n = n < left ? n : left;
        rc = elf->bytes->ops->read(elf->bytes, elf->segments_off + i * elf->segment_bytes, buf,
                                   (size_t)(n - 1) * elf->segment_bytes + n_segment, err);
        for (uint64_t k = 0; rc == 0 && k < n; k++) {
            const struct ps_elf_segment s = parse_segment(elf, buf + k * elf->segment_bytes);

            rc = visit(arg, &s, err);
        }
        i += n;
    }
    return rc;
}
