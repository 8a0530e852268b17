/* Lists of loaded modules, made by hand in a few frames: whole, broken, forged; and their code. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "scan/windows/modules/code.h"
#include "scan/windows/modules/list.h"
#include "tests/support/small_memory.h"

#define VA       UINT64_C(0xfffff80300000000)
#define FRAME(n) (UINT64_C(4096) * (n))
#define DATA     8u /* the first frame that is mapped at VA */
#define MAPPED   48u
#define HEAD     (VA + FRAME(1) + 0x230) /* PsLoadedModuleList */
#define BASE(i)  (VA + FRAME(8 + 8 * (i)))

static struct small_memory m;
static struct ps_paging paging;
static struct ps_modules list;

static uint8_t *at(uint64_t va)
{
    return m.bytes + FRAME(DATA) + (va - VA);
}

static void put(uint64_t va, uint64_t value)
{
    memcpy(at(va), &value, sizeof value);
}

static void unmap(uint64_t va)
{
    small_memory_put64(&m, FRAME(4) + 8 * (va >> 12 & 511), 0);
}

/* Entry i stands in a frame of its own. */
static uint64_t entry(unsigned i)
{
    return VA + FRAME(2 + i) + 0x90;
}

static void put_links(uint64_t va, uint64_t next, uint64_t previous)
{
    put(va, next);
    put(va + 8, previous);
}

static void put_entry(unsigned i, const char *name, uint64_t next, uint64_t previous)
{
    const uint64_t va = entry(i), text = va + 0x100;
    uint16_t n = (uint16_t)(2 * strlen(name));

    put_links(va, next, previous);
    put(va + 0x30, BASE(i));
    put(va + 0x40, FRAME(4));
    memcpy(at(va + 0x58), &n, 2);
    put(va + 0x60, text);
    for (size_t k = 0; name[k]; k++)
        *at(text + 2 * k) = (uint8_t)name[k];
}

/* Three entries between two ends of the head. */
static void make(void)
{
    static const char *const names[] = {"ntoskrnl.exe", "hal.dll", "a|b\x01.sys"};

    small_memory_init(&m);
    for (unsigned level = 0; level < 3; level++)
        small_memory_put64(&m, FRAME(1 + level) + 8 * (VA >> (39 - 9 * level) & 511),
                           FRAME(2 + level) | 0x63);
    for (unsigned i = 0; i < MAPPED; i++)
        small_memory_put64(&m, FRAME(4) + 8 * ((VA >> 12 & 511) + i), FRAME(DATA + i) | 0x63);
    put_links(HEAD, entry(0), entry(2));
    for (unsigned i = 0; i < 3; i++)
        put_entry(i, names[i], i < 2 ? entry(i + 1) : HEAD, i ? entry(i - 1) : HEAD);
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
}

static void expect_bases(size_t n, const unsigned *which, int is_whole)
{
    cr_assert_eq(ps_modules_read(&paging, 1, HEAD, &list), n > 0);
    cr_assert_eq(list.n, n, "%zu", list.n);
    cr_assert_eq(list.is_whole, is_whole);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(list.module[i].base, BASE(which[i]));
}

Test(modules, a_whole_list, .init = make)
{
    expect_bases(3, (const unsigned[]){0, 1, 2}, 1);
    cr_assert_str_eq(list.module[0].name, "ntoskrnl.exe");
    cr_assert_str_eq(list.module[1].name, "hal.dll");
    cr_assert_str_eq(list.module[2].name, "a?b?.sys");
    cr_assert_eq(list.module[1].n_bytes, 0x4000);
}

Test(modules, a_list_that_breaks, .init = make)
{
    unmap(entry(1));
    expect_bases(2, (const unsigned[]){0, 2}, 0);
}

Test(modules, links_that_do_not_lead_back, .init = make)
{
    put(entry(1) + 8, entry(2)); /* seen from behind only */
    expect_bases(3, (const unsigned[]){0, 2, 1}, 0);
    make();
    put(entry(2), entry(0)); /* a ring without the head: its Blink is not the one before */
    expect_bases(3, (const unsigned[]){0, 1, 2}, 0);
    make();
    put_links(entry(0), entry(0), HEAD); /* itself */
    expect_bases(3, (const unsigned[]){0, 2, 1}, 0);
}

Test(modules, no_list, .init = make)
{
    put_links(HEAD, HEAD, HEAD);
    expect_bases(0, NULL, 1);
    put_links(HEAD, 0x1000, 0x1000);
    expect_bases(0, NULL, 0);
    unmap(HEAD);
    expect_bases(0, NULL, 0);
}

Test(modules, names_of_any_length, .init = make)
{
    uint16_t n = 0xffff;

    for (unsigned i = 0; i < 400; i++)
        *at(entry(1) + 0x100 + 2 * i) = 'x';
    memcpy(at(entry(1) + 0x58), &n, 2);
    put(entry(2) + 0x60, 0);
    expect_bases(3, (const unsigned[]){0, 1, 2}, 1);
    cr_assert_eq(strlen(list.module[1].name), PS_MODULE_NAME_BYTES - 1);
    cr_assert_str_eq(list.module[2].name, "");
}

Test(modules, found_without_symbols, .init = make)
{
    const struct ps_va_range range[] = {{VA + FRAME(40) + 8, 0x2ff8},
                                        {VA + FRAME(1) + 0x30, 0x1000}};
    uint64_t head = 0;

    cr_assert(ps_modules_find_head(&paging, 1, range, 2, BASE(0), &head));
    cr_assert_eq(head, HEAD);
    cr_assert_not(ps_modules_find_head(&paging, 1, range, 2, BASE(1), &head), "another base");
    cr_assert_not(ps_modules_find_head(&paging, 1, range, 1, BASE(0), &head), "other data");
    put(entry(0) + 8, HEAD + 8);
    cr_assert_not(ps_modules_find_head(&paging, 1, range, 2, BASE(0), &head), "no way back");
}

/* --- code --- */

static uint32_t n_exact, n_bytes_only;

static void on_found(void *arg, uint32_t index, int exact)
{
    (void)arg;
    cr_assert_eq(index, 0);
    if (exact)
        n_exact++;
    else
        n_bytes_only++;
}

static struct ps_code_count search(uint64_t base, uint32_t n_bytes, uint64_t max_pages)
{
    static const uint32_t tag = 0x6c697645;
    const struct ps_module module = {.base = base, .n_bytes = n_bytes};
    struct ps_code_count count = {0};
    struct ps_operand_set set;
    const struct ps_operand_search s = {.set = &set, .found = on_found};

    n_exact = n_bytes_only = 0;
    cr_assert_eq(ps_operand_set_make(&set, &tag, 1, 1), 0);
    ps_code_search(&paging, &module, &s, max_pages, &count);
    ps_operand_set_free(&set);
    return count;
}

static void plant(uint64_t va, const char *bytes)
{
    memcpy(at(va), bytes, strlen(bytes));
}

/* Without headers all of the module is searched, over the ends of its pages. */
Test(code, every_place, .init = make)
{
    struct ps_code_count count;

    for (unsigned cut = 0; cut < 6; cut++) {
        make();
        plant(BASE(3) + 0x2000 - cut, "\xb8"
                                      "Evil");
        plant(BASE(3) + 0x3800 - cut, "\x90"
                                      "Evil");
        count = search(BASE(3), 0x4000, 100);
        cr_assert_eq(count.n_pages, 4);
        cr_assert_eq(n_exact, 1, "%u: %u", cut, n_exact);
        cr_assert_eq(n_bytes_only, 1, "%u: %u", cut, n_bytes_only);
    }
}

Test(code, pages_that_are_missing, .init = make)
{
    struct ps_code_count count;

    plant(BASE(3) + 0x1ffd, "\xb8"
                            "Evil"); /* over the end, into what is not there */
    plant(BASE(3) + 0x3000, "Evil");
    unmap(BASE(3) + 0x2000);
    count = search(BASE(3), 0x4000, 100);
    cr_assert_eq(count.n_pages, 3);
    cr_assert_eq(count.n_missing, 1);
    cr_assert_eq(n_exact, 0);
    cr_assert_eq(n_bytes_only, 1);
    count = search(BASE(3), 0x4000, 3);
    cr_assert_eq(count.n_pages + count.n_missing, 3);
    cr_assert_eq(n_bytes_only, 0);
    count = search(0x1234000, UINT32_MAX, 1000);
    cr_assert_eq(count.n_missing, 1000);
}
