#include "scan/pool/era.h"

#include <criterion/criterion.h>
#include <string.h>

static const struct ps_era *era_x64(uint32_t build)
{
    return ps_era_pick(PS_ARCH_X64, build);
}

Test(era, every_build_has_one_row_and_the_ranges_touch)
{
    for (int arch = PS_ARCH_X86; arch <= PS_ARCH_X64; arch++) {
        uint32_t next = 0;

        for (size_t i = 0; i < ps_n_eras; i++) {
            if ((int)ps_eras[i].arch != arch)
                continue;
            cr_assert_eq(ps_eras[i].first_build, next, "%s", ps_eras[i].name);
            cr_assert_eq(ps_era_pick(arch, ps_eras[i].first_build), &ps_eras[i]);
            cr_assert_eq(ps_era_pick(arch, ps_eras[i].last_build), &ps_eras[i]);
            next = ps_eras[i].last_build + 1;
        }
        cr_assert_eq(next, 0, "the last row ends at UINT32_MAX");
    }
}

Test(era, known_builds)
{
    static const struct {
        uint32_t build;
        enum ps_heap heap;
        enum ps_type_rule types;
        int protected_tags;
    } want[] = {
        {0, PS_HEAP_EITHER, PS_TYPES_ANY, 1},        {2600, PS_HEAP_CLASSIC, PS_TYPES_NT5, 1},
        {3790, PS_HEAP_CLASSIC, PS_TYPES_NT5, 1},    {6002, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 1},
        {7601, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 1},  {9200, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 0},
        {17134, PS_HEAP_CLASSIC, PS_TYPES_VISTA, 0}, {17763, PS_HEAP_EITHER, PS_TYPES_VISTA, 0},
        {18362, PS_HEAP_SEGMENT, PS_TYPES_VISTA, 0}, {26200, PS_HEAP_SEGMENT, PS_TYPES_VISTA, 0},
    };

    for (int arch = PS_ARCH_X86; arch <= PS_ARCH_X64; arch++)
        for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
            const struct ps_era *era = ps_era_pick(arch, want[i].build);

            cr_assert_eq((int)era->arch, arch);
            cr_assert_eq(era->heap, want[i].heap, "build %u", want[i].build);
            cr_assert_eq(era->types, want[i].types, "build %u", want[i].build);
            cr_assert_eq(era->protected_tags, want[i].protected_tags, "build %u", want[i].build);
        }
}

Test(era, nt5_takes_request_plus_one_with_and_without_in_use_bit)
{
    static const uint32_t in_use[] = {0x01, 0x02, 0x05, 0x06, 0x09, 0x0a, 0x0d, 0x0e,
                                      0x25, 0x26, 0x2d, 0x2e, 0x41, 0x42, 0x45, 0x46,
                                      0x4e, 0x11, 0x12, 0x03, 0x07, 0x65, 0x66};
    static const uint32_t illegal[] = {0x04, 0x08, 0x0c, 0x31, 0x35, 0x39,
                                       0x51, 0x72, 0x80, 0x85, 0xff};

    for (size_t i = 0; i < sizeof in_use / sizeof in_use[0]; i++)
        cr_assert_eq(ps_era_type_state(era_x64(3790), in_use[i]), PS_TYPE_IN_USE, "%#x", in_use[i]);
    for (size_t i = 0; i < sizeof illegal / sizeof illegal[0]; i++)
        cr_assert_eq(ps_era_type_state(era_x64(3790), illegal[i]), PS_TYPE_ILLEGAL, "%#x",
                     illegal[i]);
    cr_assert_eq(ps_era_type_state(era_x64(2600), 0), PS_TYPE_FREE);
}

/* Legal iff inside the mask 0x6f, in use iff bit 1. */
Test(era, vista_needs_bit_two)
{
    for (uint32_t type = 0; type < 256; type++) {
        enum ps_type_state want = PS_TYPE_FREE;

        if (type == (type & 0x6f) && (type & 0x02))
            want = PS_TYPE_IN_USE;
        if (type & 0x90)
            want = PS_TYPE_ILLEGAL;
        cr_assert_eq(ps_era_type_state(era_x64(19041), type), want, "%#x", type);
        cr_assert_eq(ps_era_type_state(ps_era_pick(PS_ARCH_X86, 7601), type), want, "%#x", type);
    }
}

Test(era, unknown_build_admits_what_any_build_admits)
{
    for (int arch = PS_ARCH_X86; arch <= PS_ARCH_X64; arch++)
        for (uint32_t type = 0; type < 256; type++) {
            enum ps_type_state most = PS_TYPE_ILLEGAL;

            for (size_t i = 0; i < ps_n_eras; i++)
                if (ps_eras[i].first_build != 0 && ps_era_type_state(&ps_eras[i], type) > most)
                    most = ps_era_type_state(&ps_eras[i], type);
            cr_assert_eq(ps_era_type_state(ps_era_pick(arch, 0), type), most, "%#x", type);
        }
}

Test(era, type_names)
{
    static const struct {
        uint32_t build, type;
        const char *name;
        int paged;
    } want[] = {
        {2600, 0x05, "NonPagedPool", 0},
        {2600, 0x06, "PagedPool", 1},
        {2600, 0x01, "NonPagedPool", 0},
        {2600, 0x02, "PagedPool", 1},
        {2600, 0x0d, "NonPagedPool|Quota", 0},
        {2600, 0x0e, "PagedPool|Quota", 1},
        {2600, 0x0a, "PagedPool|Quota", 1},
        {2600, 0x26, "PagedPoolSession", 1},
        {2600, 0x45, "NonPagedPool|Verifier", 0},
        {2600, 0x11, "NonPagedPool|RaiseOnFailure", 0},
        {2600, 0x03, "NonPagedPoolMustSucceed", 0},
        {2600, 0x00, "Free", 0},
        {2600, 0x04, "0x4", 0},
        {7601, 0x02, "NonPagedPool", 0},
        {7601, 0x03, "PagedPool", 1},
        {7601, 0x43, "PagedPool|Verifier", 1},
        {7601, 0x0b, "PagedPool|Quota", 1},
        {19041, 0x06, "NonPagedPoolCacheAligned", 0},
        {19041, 0x07, "PagedPoolCacheAligned", 1},
        {19041, 0x23, "PagedPoolSession", 1},
        {19041, 0x6f, "PagedPoolCacheAlignedSession|Quota|Verifier", 1},
        {19041, 0x01, "Free", 0},
        {19041, 0x92, "0x92", 0},
        {0, 0x02, "NonPagedPool", 0},
        {0, 0x05, "NonPagedPool", 0},
        {0, 0x0d, "NonPagedPool|Quota", 0},
    };
    char text[PS_POOL_TYPE_TEXT_BYTES];

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const struct ps_era *era = era_x64(want[i].build);

        cr_assert_str_eq(ps_era_type_print(era, want[i].type, text), want[i].name);
        cr_assert_eq(ps_era_type_paged(era, want[i].type), want[i].paged, "%s %#x", era->name,
                     want[i].type);
    }
}

Test(era, every_type_name_fits)
{
    char text[PS_POOL_TYPE_TEXT_BYTES];

    for (size_t i = 0; i < ps_n_eras; i++)
        for (uint32_t type = 0; type < 256; type++)
            cr_assert_lt(strlen(ps_era_type_print(&ps_eras[i], type, text)),
                         (size_t)PS_POOL_TYPE_TEXT_BYTES - 1, "%s", text);
}
