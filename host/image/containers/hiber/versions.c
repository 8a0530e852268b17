#include "host/image/containers/hiber/versions.h"

#include "host/image/le.h"

static const struct ps_hiber_ranges xp_x86 = {
    "Windows XP to Vista SP1, x86", 1, 0x04, 0x0c, 0x10, 0x10, 4, 8};
static const struct ps_hiber_ranges vista_sp2_x86 = {
    "Windows Vista SP2, x86", 1, 0x04, 0x08, 0x0c, 0x08, 0, 4};
static const struct ps_hiber_ranges seven_x86 = {"Windows 7, x86", 1, 0x00, 0x04, 0x08, 0x08, 0, 4};
static const struct ps_hiber_ranges xp_x64 = {
    "Windows XP to Vista SP1, x64", 0, 0x08, 0x14, 0x20, 0x20, 8, 16};
static const struct ps_hiber_ranges vista_sp2_x64 = {
    "Windows Vista SP2, x64", 0, 0x08, 0x10, 0x18, 0x10, 0, 8};
static const struct ps_hiber_ranges seven_x64 = {"Windows 7, x64", 0, 0x00, 0x08, 0x10, 0x10, 0, 8};

/* Newer ones first: without a header, a table of 7 cannot be told from one of others by itself. */
const struct ps_hiber_version ps_hiber_versions[] = {
    {0x128, 0x60, 0x20, 1, &seven_x64},     {0x0e0, 0x4c, 0x18, 1, &seven_x86},
    {0x138, 0x68, 0x20, 1, &vista_sp2_x64}, {0x0f0, 0x50, 0x18, 1, &vista_sp2_x86},
    {0x140, 0x68, 0x20, 1, &xp_x64},        {0x0f0, 0x50, 0x18, 1, &xp_x86},
    {0x128, 0x68, 0x20, 4, &xp_x64},        {0x0e0, 0x50, 0x18, 4, &xp_x86},
    {0x0c0, 0x68, 0x20, 2, &xp_x64},        {0x0a8, 0x58, 0x20, 2, &xp_x86},
};
const size_t ps_n_hiber_versions = sizeof ps_hiber_versions / sizeof *ps_hiber_versions;

/* The blocks follow the first table, and that one a few pages of state. */
#define FIRST_PAGES 32u

int ps_hiber_first_block(const struct ps_container *c, uint64_t *page, struct ps_err *err)
{
    for (*page = 1; *page < FIRST_PAGES; ++*page) {
        uint8_t head[PS_HIBER_BLOCK_HEAD];
        const int rc = ps_hiber_read(c, *page * PS_HIBER_PAGE, head, sizeof head, err);

        if (rc <= 0)
            return rc;
        if (ps_hiber_is_block(head, (size_t)rc))
            return 1;
    }
    return 0;
}

#define LENGTH_SELF_AT  0x0cu
#define HEADER_AT_LEAST 0x70u

uint64_t ps_hiber_first_table(const struct ps_container *c, const struct ps_hiber_version *v)
{
    const uint8_t *at = c->head + v->first_table_at;

    if (c->n_head < HEADER_AT_LEAST || ps_le32(c->head + LENGTH_SELF_AT) != v->length_self)
        return 0;
    return v->ranges->is_x86 ? ps_le32(at) : ps_le64(at);
}

/* KPROCESSOR_STATE: a CONTEXT before KSPECIAL_REGISTERS on x86, behind it on x64. */
#define CR3_AT_X86 (0x2ccu + 8u)
#define CR3_AT_X64 0x10u

int ps_hiber_version_facts(struct ps_container *c, const struct ps_hiber_version *v, int has_header,
                           struct ps_err *err)
{
    const unsigned at = v->ranges->is_x86 ? CR3_AT_X86 : CR3_AT_X64;
    uint8_t bytes[8];
    uint64_t cr3;
    int rc;

    c->facts.source = "hibernation file header";
    if (has_header)
        c->facts.system_time = ps_le64(c->head + v->time_at);
    rc = ps_hiber_read(c, (uint64_t)v->processor_page * PS_HIBER_PAGE + at, bytes, sizeof bytes,
                       err);
    if (rc < (int)sizeof bytes)
        return rc < 0 ? rc : 0;
    cr3 = (v->ranges->is_x86 ? ps_le32(bytes) : ps_le64(bytes)) & ~(uint64_t)(PS_HIBER_PAGE - 1);
    if (cr3 && cr3 < PS_PHYS_END)
        c->facts.cr3[c->facts.n_cr3++] = cr3;
    return 0;
}
