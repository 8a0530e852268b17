#include "scan/windows/paging/dtb_spots.h"

#define PAGE           4096u
#define LOW_STUB_BYTES ((uint64_t)1 << 20)
#define GIB            ((uint64_t)1 << 30)

/* Valid, writable, no large page, and this frame. User and accessed bits vary. */
#define SELF_MASK UINT64_C(0x000ffffffffff083)
#define SELF_BITS UINT64_C(3)

/* Entry of fffff78000000000 in a PML4, and in a PML5. */
enum { KUSER_PML4E = 0x1ef, KUSER_PML5E = 0x1ff };

enum { PDPT_BYTES = 32, PROCESS_TYPE = 3, CR3_X64 = 0x28, CR3_X86 = 0x18 };

static uint32_t le32(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t le64(const uint8_t *p)
{
    return le32(p) | (uint64_t)le32(p + 4) << 32;
}

static uint64_t q(const uint8_t *page, size_t i)
{
    return le64(page + 8 * i);
}

static void add(struct ps_dtb_spots *s, struct ps_dtb_spot spot)
{
    if (s->n < PS_DTB_SPOTS_MAX)
        s->spot[s->n++] = spot;
}

/* A jump over the data, then the long-mode entry point and CR3 at fixed places. */
static void look_for_low_stub(struct ps_dtb_spots *s, const uint8_t *page, uint64_t phys)
{
    if ((q(page, 0) & UINT64_C(0xffffffffffff00ff)) == UINT64_C(0x00000001000600e9) &&
        (q(page, 0x70 / 8) & UINT64_C(0xfffff80000000003)) == UINT64_C(0xfffff80000000000) &&
        (q(page, 0xa0 / 8) & UINT64_C(0xffffff0000000fff)) == 0 && q(page, 0xa0 / 8) != 0)
        add(s,
            (struct ps_dtb_spot){PS_SPOT_LOW_STUB, phys, q(page, 0xa0 / 8), q(page, 0x70 / 8), 1});
}

static int may_map_kuser(const uint8_t *page)
{
    return (q(page, KUSER_PML4E) & 0x81) == 1 || (q(page, KUSER_PML5E) & 0x81) == 1;
}

/* Since 10 1607 the slot is drawn by lot, so all of the upper half is compared. */
static void look_for_x64(struct ps_dtb_spots *s, const uint8_t *page, uint64_t phys)
{
    unsigned found = 0;

    if (phys >= PS_DTB_SPOTS_NEAR && !may_map_kuser(page))
        return;
    for (size_t i = 256; i < 512; i++)
        found |= (q(page, i) & SELF_MASK) == (phys | SELF_BITS);
    if (found)
        add(s, (struct ps_dtb_spot){PS_SPOT_TOP_X64, phys, phys, 0, 1});
}

static void look_for_x86(struct ps_dtb_spots *s, const uint8_t *page, uint64_t phys)
{
    if ((le32(page + 0xc00) & SELF_MASK) == (phys | SELF_BITS))
        add(s, (struct ps_dtb_spot){PS_SPOT_TOP_X86, phys, phys, 0, 0});
}

static int is_directory_pointer(uint64_t entry)
{
    return (entry & 0xfff) == 1 && entry >> 40 == 0 && entry > PAGE;
}

/* The tables of all processes stand side by side in a few pages, each on 32 bytes. */
static void look_for_pae(struct ps_dtb_spots *s, const uint8_t *page, uint64_t phys)
{
    for (size_t off = 0; off < PAGE; off += PDPT_BYTES) {
        const uint8_t *p = page + off;

        if (is_directory_pointer(q(p, 0)) && is_directory_pointer(q(p, 1)) &&
            is_directory_pointer(q(p, 2)) && is_directory_pointer(q(p, 3)))
            add(s, (struct ps_dtb_spot){PS_SPOT_TOP_PAE, phys + off, phys + off, 0, 0});
    }
}

/* 64 bytes that are all entries of 8 bytes, or all of 4: valid, accessed, with a frame. The place
 * is that of KUSER_SHARED_DATA's entry, which is read anyhow. */
static int is_full_of_entries(const uint8_t *page)
{
    const uint8_t *line = page + (8 * KUSER_PML4E / 64) * 64;
    int wide = 1, narrow = 1;

    for (size_t i = 0; i < 8 && wide; i++)
        wide = (q(line, i) & 0x21) == 0x21 && (q(line, i) >> 40 & 0xfff) == 0 && q(line, i) >= PAGE;
    for (size_t i = 0; i < 16 && narrow; i++)
        narrow = (le32(line + 4 * i) & 0x21) == 0x21 && le32(line + 4 * i) >= PAGE;
    return wide || narrow;
}

void ps_dtb_spots_tables(void *spots, const uint8_t *bytes, size_t n_bytes)
{
    struct ps_dtb_spots *s = spots;
    for (size_t off = 0; off + PAGE <= n_bytes; off += PAGE) {
        const uint8_t *page = bytes + off;
        const uint64_t phys = s->phys + off;

        s->n_full += (unsigned)is_full_of_entries(page);
        if (s->x64 && phys < LOW_STUB_BYTES)
            look_for_low_stub(s, page, phys);
        if (s->x64)
            look_for_x64(s, page, phys);
        if (s->x86 && phys < 4 * GIB)
            look_for_x86(s, page, phys);
        if (s->pae && phys < 4 * GIB)
            look_for_pae(s, page, phys);
    }
}

/* Nobody waits for the process: the list of those who do begins and ends in its own head, which
 * stands 8 bytes into the block. */
static void look_for_process_x64(struct ps_dtb_spots *s, const uint8_t *p, uint64_t at)
{
    const uint64_t head = q(p, 1);
    const uint64_t cr3 = le64(p + CR3_X64);

    if (head == q(p, 2) && head >> 56 == 0xff && ((head - 8) & (PAGE - 1)) == at % PAGE &&
        cr3 >> 52 == 0 && cr3 >= PAGE)
        add(s, (struct ps_dtb_spot){PS_SPOT_PROCESS, at, cr3, head - 8, 1});
}

static void look_for_process_x86(struct ps_dtb_spots *s, const uint8_t *p, uint64_t at)
{
    const uint32_t head = le32(p + 8);
    const uint32_t cr3 = le32(p + CR3_X86);

    if (head == le32(p + 12) && head >> 31 == 1 && ((head - 8) & (PAGE - 1)) == at % PAGE &&
        cr3 % PDPT_BYTES == 0 && cr3 >= PAGE)
        add(s, (struct ps_dtb_spot){PS_SPOT_PROCESS, at, cr3, head - 8, 0});
}

void ps_dtb_spots_processes(void *spots, const uint8_t *bytes, size_t n_bytes)
{
    struct ps_dtb_spots *s = spots;
    const size_t step = s->x86 || s->pae ? 8 : 16;

    for (size_t off = 0; off + CR3_X64 + 8 <= n_bytes; off += step) {
        const uint8_t *p = bytes + off;

        if (p[0] != PROCESS_TYPE)
            continue;
        if (s->x64 && off % 16 == 0)
            look_for_process_x64(s, p, s->phys + off);
        if (s->x86 || s->pae)
            look_for_process_x86(s, p, s->phys + off);
    }
}
