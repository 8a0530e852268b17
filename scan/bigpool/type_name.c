#include "scan/bigpool/type_name.h"

#include <stdio.h>
#include <string.h>

#define BASE_BITS 0x227u

struct name {
    uint32_t value;
    const char *text;
};

static const struct name base_names[] = {
    {0x000, "NonPagedPool"},
    {0x001, "PagedPool"},
    {0x002, "NonPagedPoolMustSucceed"},
    {0x003, "DontUseThisType"},
    {0x004, "NonPagedPoolCacheAligned"},
    {0x005, "PagedPoolCacheAligned"},
    {0x006, "NonPagedPoolCacheAlignedMustS"},
    {0x007, "MaxPoolType"},
    {0x020, "NonPagedPoolSession"},
    {0x021, "PagedPoolSession"},
    {0x022, "NonPagedPoolMustSucceedSession"},
    {0x023, "DontUseThisTypeSession"},
    {0x024, "NonPagedPoolCacheAlignedSession"},
    {0x025, "PagedPoolCacheAlignedSession"},
    {0x026, "NonPagedPoolCacheAlignedMustSSession"},
    {0x200, "NonPagedPoolNx"},
    {0x204, "NonPagedPoolNxCacheAligned"},
    {0x220, "NonPagedPoolSessionNx"},
};

static const struct name modifiers[] = {
    {0x008, "Quota"}, {0x010, "RaiseOnFailure"}, {0x040, "Verifier"},
    {0x100, "Cold"},  {0x400, "Zero"},
};

static const struct name pool_names[] = {
    {0x040, "NonPaged"}, {0x080, "NonPagedExecute"}, {0x100, "Paged"}};

static const struct name flags[] = {
    {0x001, "Quota"},        {0x002, "Uninitialized"},  {0x004, "Session"},
    {0x008, "CacheAligned"}, {0x020, "RaiseOnFailure"},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *exact(const struct name *names, size_t n, uint32_t value)
{
    for (size_t i = 0; i < n; i++)
        if (names[i].value == value)
            return names[i].text;
    return NULL;
}

/* The names of single bits behind what is there already; bits without one together, as a number. */
static void add_bits(const struct name *names, size_t n, uint32_t bits, char *text)
{
    size_t used = strlen(text);

    for (size_t i = 0; i < n; i++) {
        if (!(bits & names[i].value))
            continue;
        bits &= ~names[i].value;
        used +=
            (size_t)snprintf(text + used, PS_BIGPOOL_TYPE_TEXT_BYTES - used, "|%s", names[i].text);
    }
    if (bits)
        snprintf(text + used, PS_BIGPOOL_TYPE_TEXT_BYTES - used, "|0x%x", bits);
}

int ps_bigpool_reads_as_flags(uint32_t type)
{
    return exact(pool_names, COUNT(pool_names), type & 0x1c0) != NULL;
}

enum ps_bigpool_names ps_bigpool_names_pick(size_t n_flags, size_t n)
{
    return n_flags > n / 2 ? PS_BIGPOOL_POOL_FLAGS : PS_BIGPOOL_POOL_TYPE;
}

char *ps_bigpool_type_print(enum ps_bigpool_names names, uint32_t type, char *text)
{
    const int is_flags = names == PS_BIGPOOL_POOL_FLAGS;
    const uint32_t base = type & (is_flags ? 0x1c0 : BASE_BITS);
    const char *name = is_flags ? exact(pool_names, COUNT(pool_names), base)
                                : exact(base_names, COUNT(base_names), base);

    if (!name) {
        snprintf(text, PS_BIGPOOL_TYPE_TEXT_BYTES, "0x%x", type);
        return text;
    }
    snprintf(text, PS_BIGPOOL_TYPE_TEXT_BYTES, "%s", name);
    if (is_flags)
        add_bits(flags, COUNT(flags), type & ~base, text);
    else
        add_bits(modifiers, COUNT(modifiers), type & ~base, text);
    return text;
}
