/* Facts of a container, put in the place of those that a raw image does not have. */
#include "host/virtual/container_facts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "host/image/fault_guard.h"
#include "host/run/pick_era.h"
#include "host/virtual/address_space.h"
#include "host/virtual/windows_kernel.h"
#include "tests/support/tmpdir.h"

#define FRAME(n) (UINT64_C(4096) * (n))
#define N_FRAMES 64u
#define VALID    0x63
#define TABLE    10u /* frame of the top table */

static uint8_t memory[N_FRAMES * 4096];
static struct ps_image_facts facts;
static struct ps_tmpdir dir;
static char path[4096];
static struct ps_address_space as;
static struct ps_err err;

const struct ps_image_facts *__wrap_ps_image_facts(const struct ps_image *image);

const struct ps_image_facts *__wrap_ps_image_facts(const struct ps_image *image)
{
    (void)image;
    return &facts;
}

static void put(uint64_t frame, uint64_t index, uint64_t entry)
{
    for (unsigned i = 0; i < 8; i++)
        memory[FRAME(frame) + 8 * index + i] = (uint8_t)(entry >> 8 * i);
}

static void make_kuser(uint64_t frame)
{
    static const char root[] = "C:\\Windows";
    uint8_t *at = memory + FRAME(frame);

    memcpy(at + 0x2c, "\x64\x86\x64\x86", 4);
    for (size_t i = 0; root[i]; i++)
        at[0x30 + 2 * i] = (uint8_t)root[i];
    memcpy(at + 0x260, "\x61\x4a\0\0\x01\0\0\0\x01\0\0\0\x0a\0\0\0", 16);
}

/* KUSER_SHARED_DATA and one page more. No entry leads back to the table: no search finds it. */
static void make_tables(void)
{
    put(TABLE, 0x1ef, FRAME(TABLE + 1) | VALID);
    put(TABLE + 1, 0, FRAME(TABLE + 2) | VALID);
    put(TABLE + 2, 0, FRAME(TABLE + 3) | VALID);
    put(TABLE + 3, 0, FRAME(40) | VALID);
    put(TABLE + 3, 1, FRAME(41) | VALID);
}

static void open_space(const struct ps_options *opt)
{
    snprintf(path, sizeof path, "%s", ps_tmpdir_write(&dir, "image", memory, sizeof memory));
    cr_assert_eq(ps_address_space_open(&as, opt, path, &err), 0, "%s", err.msg);
}

static void make(void)
{
    ps_fault_guard_init();
    memset(memory, 0, sizeof memory);
    for (size_t i = 0; i < N_FRAMES; i++)
        memory[FRAME(i) + 1] = 1; /* no hole of the file */
    for (size_t i = TABLE; i < TABLE + 4; i++)
        memory[FRAME(i) + 1] = 0;
    facts = (struct ps_image_facts){.source = "header of a test"};
    ps_tmpdir_make(&dir);
}

static void unmake(void)
{
    ps_address_space_close(&as);
    ps_tmpdir_remove(&dir);
}

TestSuite(container_facts, .init = make, .fini = unmake);

Test(container_facts, a_table_that_no_search_finds)
{
    const struct ps_options opt = {0};

    make_tables();
    make_kuser(40);
    facts.cr3[0] = UINT64_MAX;
    facts.cr3[1] = FRAME(1u << 30);
    facts.cr3[2] = FRAME(TABLE);
    facts.n_cr3 = 3;
    open_space(&opt);
    cr_assert(as.has_dtb);
    cr_assert_eq(as.dtb.root, FRAME(TABLE));
    cr_assert_eq(as.dtb.method, PS_DTB_CONTAINER);
    cr_assert(as.kuser_is_mapped);
    cr_assert_eq(as.build, 19041);
    cr_assert_not(as.build_is_of_container);
}

Test(container_facts, without_them_there_is_none)
{
    const struct ps_options opt = {0};

    make_tables();
    make_kuser(40);
    open_space(&opt);
    cr_assert_not(as.has_dtb);
}

/* What was given with --dtb is not asked of the container. */
Test(container_facts, what_the_user_says_goes_first)
{
    const struct ps_options opt = {.dtb = "0xa000"};

    make_tables();
    make_kuser(40);
    facts.cr3[0] = FRAME(TABLE + 1);
    facts.n_cr3 = 1;
    open_space(&opt);
    cr_assert_eq(as.dtb.method, PS_DTB_GIVEN);
}

Test(container_facts, hostile_ones_cost_nothing_but_themselves)
{
    const struct ps_options opt = {0};

    make_tables();
    put(TABLE, 0x1ed, FRAME(TABLE) | VALID);
    make_kuser(40);
    memset(&facts, 0xff, sizeof facts);
    facts.source = NULL;
    facts.machine = PS_MACHINE_ARM64;
    open_space(&opt);
    cr_assert_eq(as.dtb.root, FRAME(TABLE));
    cr_assert_eq(as.dtb.method, PS_DTB_SELF_MAP);
    cr_assert_eq(as.build, 19041);
    cr_assert_eq(ps_address_space_kernel(&as, &opt, &err), 0);
    cr_assert_eq(as.symbols.rva[PS_SYMBOL_PsLoadedModuleList], 0);
    cr_assert_eq(ps_pick_era(&as, &opt), ps_era_pick(PS_ARCH_X64, 19041));
    cr_assert_str_eq(ps_container_source(&facts), "container");
}

/* Machine and build where no page says them. */
Test(container_facts, the_build_where_memory_does_not_tell)
{
    const struct ps_options opt = {.physical_only = 1};

    facts.machine = PS_MACHINE_X86;
    facts.build = 7601;
    open_space(&opt);
    cr_assert_not(as.has_version);
    cr_assert_eq(as.build, 7601);
    cr_assert(as.build_is_of_container);
    cr_assert_eq(ps_pick_era(&as, &opt), ps_era_pick(PS_ARCH_X86, 7601));
}

Test(container_facts, the_build_of_another_architecture_means_nothing)
{
    const struct ps_options opt = {.physical_only = 1, .arch = "x64"};

    facts.machine = PS_MACHINE_X86;
    facts.build = 7601;
    open_space(&opt);
    cr_assert_eq(as.build, 0);
    cr_assert_eq(ps_pick_era(&as, &opt), ps_era_pick(PS_ARCH_X64, 0));
}

Test(container_facts, builds_and_machines)
{
    enum ps_arch arch = PS_ARCH_X86;

    cr_assert_not(ps_container_arch(&facts, &arch));
    facts.build = 19041;
    cr_assert_eq(ps_container_build(&facts, PS_ARCH_X86), 19041);
    facts.machine = PS_MACHINE_ARM64;
    cr_assert(ps_container_arch(&facts, &arch));
    cr_assert_eq(arch, PS_ARCH_X64);
    cr_assert_eq(ps_container_build(&facts, PS_ARCH_X86), 0);
    cr_assert_eq(ps_container_build(&facts, PS_ARCH_X64), 19041);
    facts.build = 0x45474150;
    cr_assert_eq(ps_container_build(&facts, PS_ARCH_X64), 0);
}

Test(container_facts, lists_inside_the_windows_kernel)
{
    const uint64_t base = UINT64_C(0xfffff80002c00000);
    struct ps_symbols symbols = {.base = base};

    facts.ps_loaded_module_list = base + 0x111000;
    facts.ps_active_process_head = base - 0x1000; /* the process itself, in the pool */
    ps_container_symbols(&facts, &symbols);
    cr_assert_eq(symbols.rva[PS_SYMBOL_PsLoadedModuleList], 0x111000);
    cr_assert_eq(symbols.guessed, 1u << PS_SYMBOL_PsLoadedModuleList);
    cr_assert_eq(symbols.rva[PS_SYMBOL_PsActiveProcessHead], 0);
    facts.ps_loaded_module_list = base + 0x222000;
    ps_container_symbols(&facts, &symbols);
    cr_assert_eq(symbols.rva[PS_SYMBOL_PsLoadedModuleList], 0x111000);
    symbols = (struct ps_symbols){0};
    ps_container_symbols(&facts, &symbols);
    cr_assert_eq(symbols.rva[PS_SYMBOL_PsLoadedModuleList], 0);
}
