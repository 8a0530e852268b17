#include "scan/windows/kuser.h"

#include <string.h>

/* Offsets are the same in every version: docs/POOL.md, "Windows version". */
enum {
    KUSER_MACHINE_LOW = 0x2c,
    KUSER_MACHINE_HIGH = 0x2e,
    KUSER_SYSTEM_ROOT = 0x30,
    KUSER_SYSTEM_ROOT_CHARS = 260,
    KUSER_BUILD = 0x260,
    KUSER_PRODUCT_TYPE = 0x264,
    KUSER_PRODUCT_VALID = 0x268,
    KUSER_MAJOR = 0x26c,
    KUSER_MINOR = 0x270,
    KUSER_PHYSICAL_PAGES = 0x2e8,
};

#define PAGES_PER_MIB UINT64_C(256)
#define PAGES_PER_GIB (1024 * PAGES_PER_MIB)

#define MACHINE_I386  0x014cu
#define MACHINE_AMD64 0x8664u

/* The last build of each version; 0: the page itself tells (Windows 10 and later). */
static const struct {
    uint32_t major, minor, build;
    int x64_exists;
} versions[] = {
    {5, 1, 2600, 0}, {5, 2, 3790, 1}, {6, 0, 6002, 1}, {6, 1, 7601, 1},
    {6, 2, 9200, 1}, {6, 3, 9600, 1}, {10, 0, 0, 1},
};

#define FIRST_WINDOWS_10 10240u
#define LAST_PLAUSIBLE   65535u

static uint32_t le16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | le16(p + 2) << 16;
}

static int machine_of(const uint8_t *page, enum ps_arch *arch)
{
    uint32_t machine = le16(page + KUSER_MACHINE_LOW);

    *arch = machine == MACHINE_AMD64 ? PS_ARCH_X64 : PS_ARCH_X86;
    return (machine == MACHINE_AMD64 || machine == MACHINE_I386) &&
           machine == le16(page + KUSER_MACHINE_HIGH);
}

static int is_path_char(uint32_t c)
{
    return c >= 0x20 && (c > 0x7e || strchr("\"*/:<>?|", (int)c) == NULL);
}

/* "X:\" and at least one more character, terminated inside the field. */
static int is_system_root(const uint8_t *text)
{
    uint32_t letter = le16(text) | 0x20u;
    size_t n = 3;

    if (letter < 'a' || letter > 'z' || le16(text + 2) != ':' || le16(text + 4) != '\\')
        return 0;
    while (n < KUSER_SYSTEM_ROOT_CHARS && is_path_char(le16(text + 2 * n)))
        n++;
    return n > 3 && n < KUSER_SYSTEM_ROOT_CHARS && le16(text + 2 * n) == 0;
}

static int has_product_type(const uint8_t *page)
{
    uint32_t type = le32(page + KUSER_PRODUCT_TYPE);

    return type >= 1 && type <= 3 && page[KUSER_PRODUCT_VALID] <= 1;
}

/* NtBuildNumber, or 0 if none fits. */
static uint32_t build_of(const uint8_t *page, enum ps_arch arch, uint32_t major, uint32_t minor)
{
    uint32_t build = le32(page + KUSER_BUILD);
    size_t i = 0;

    while (i < sizeof versions / sizeof versions[0] &&
           (versions[i].major != major || versions[i].minor != minor))
        i++;
    if (i == sizeof versions / sizeof versions[0] ||
        (arch == PS_ARCH_X64 && !versions[i].x64_exists))
        return 0;
    if (versions[i].build != 0)
        return versions[i].build;
    return build >= FIRST_WINDOWS_10 && build <= LAST_PLAUSIBLE ? build : 0;
}

int ps_kuser_probe(const uint8_t *page, struct ps_windows_version *out)
{
    struct ps_windows_version found;

    if (!machine_of(page, &found.arch) || !is_system_root(page + KUSER_SYSTEM_ROOT) ||
        !has_product_type(page))
        return 0;
    found.major = le32(page + KUSER_MAJOR);
    found.minor = le32(page + KUSER_MINOR);
    found.build = build_of(page, found.arch, found.major, found.minor);
    if (found.build == 0)
        return 0;
    found.n_pages = le32(page + KUSER_PHYSICAL_PAGES);
    *out = found;
    return 1;
}

uint64_t ps_kuser_distance(const struct ps_windows_version *v, uint64_t image_pages)
{
    return v->n_pages > image_pages ? v->n_pages - image_pages : image_pages - v->n_pages;
}

int ps_kuser_fits(const struct ps_windows_version *v, uint64_t image_pages)
{
    const uint64_t hole = image_pages > 4 * PAGES_PER_GIB ? 2 * PAGES_PER_GIB : 0;

    if (v->n_pages > image_pages)
        return v->n_pages - image_pages <= PAGES_PER_MIB;
    return image_pages - v->n_pages <= 16 * PAGES_PER_MIB + image_pages / 64 + hole;
}
