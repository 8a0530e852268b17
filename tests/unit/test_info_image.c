/* Rows of info about an image with two holes, and the facts of a container that it does not have.
 */
#include "host/commands/windows/info/info.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/image/fault_guard.h"
#include "tests/support/tmpdir.h"

#define MIB (1 << 20)

static struct ps_image_facts facts;
static struct ps_notes notes;
static struct ps_tmpdir dir;
static struct ps_address_space as;
static struct ps_cells cells;
static struct ps_err err;

const struct ps_image_facts *__wrap_ps_image_facts(const struct ps_image *image);
const struct ps_notes *__wrap_ps_image_notes(const struct ps_image *image);
uint64_t __wrap_ps_image_missing_bytes(const struct ps_image *image);

const struct ps_image_facts *__wrap_ps_image_facts(const struct ps_image *image)
{
    (void)image;
    return &facts;
}

const struct ps_notes *__wrap_ps_image_notes(const struct ps_image *image)
{
    (void)image;
    return &notes;
}

uint64_t __wrap_ps_image_missing_bytes(const struct ps_image *image)
{
    (void)image;
    return 12345;
}

static void make_rows(void)
{
    const struct ps_options opt = {.physical_only = 1};
    static const uint8_t page[4096] = {1};
    char path[4096];
    FILE *f;

    snprintf(path, sizeof path, "%s", ps_tmpdir_file(&dir, "image"));
    f = fopen(path, "wb");
    cr_assert_not_null(f);
    for (int at = MIB; at <= 3 * MIB; at += MIB) {
        fseek(f, at, SEEK_SET);
        fwrite(page, 1, sizeof page, f);
    }
    fclose(f);
    cr_assert_eq(ps_address_space_open(&as, &opt, path, &err), 0, "%s", err.msg);
    cells.n_columns = PS_N_INFO_COLUMNS;
    ps_info_image(&cells, &as);
}

static void make(void)
{
    ps_fault_guard_init();
    ps_tmpdir_make(&dir);
}

static void unmake(void)
{
    ps_cells_free(&cells);
    ps_address_space_close(&as);
    ps_tmpdir_remove(&dir);
}

TestSuite(info_image, .init = make, .fini = unmake);

/* The number-th row of that variable, a cell of it; NULL: there is none. */
static const char *cell(const char *variable, unsigned number, enum ps_info_column column)
{
    for (size_t i = 0; i < cells.n / PS_N_INFO_COLUMNS; i++)
        if (strcmp(cells.cell[i * PS_N_INFO_COLUMNS], variable) == 0 && number-- == 0)
            return cells.cell[i * PS_N_INFO_COLUMNS + column]
                       ? cells.cell[i * PS_N_INFO_COLUMNS + column]
                       : "";
    return NULL;
}

static void expect(const char *variable, unsigned number, const char *value, const char *how)
{
    const char *is = cell(variable, number, PS_INFO_VALUE);

    cr_assert_not_null(is, "no row %s", variable);
    cr_assert_str_eq(is, value, "%s: %s", variable, is);
    cr_assert_str_eq(cell(variable, number, PS_INFO_HOW), how);
}

Test(info_image, extents_and_holes)
{
    make_rows();
    expect("Container", 0, "raw", "");
    cr_assert_null(cell("Layers", 0, PS_INFO_VALUE));
    expect("PhysicalEnd", 0, "3149824", "");
    expect("Extents", 0, "3", "");
    expect("Holes", 0, "3", "");
    expect("Hole", 0, "0x0000000000000000-0x0000000000100000", "");
    expect("Hole", 2, "0x0000000000201000-0x0000000000300000", "");
    expect("Extent", 1, "0x0000000000200000-0x0000000000201000", "file offset 0x200000");
    expect("MissingBytes", 0, "12345", "the headers promise them, the file has them not");
    cr_assert_null(cell("TornBytes", 0, PS_INFO_VALUE));
    cr_assert_null(cell("Machine", 0, PS_INFO_VALUE));
    cr_assert_null(cell("SystemTime", 0, PS_INFO_VALUE));
    cr_assert_null(cell("Note", 0, PS_INFO_VALUE));
}

Test(info_image, facts_and_notes)
{
    facts = (struct ps_image_facts){
        .source = "a header",
        .machine = PS_MACHINE_ARM64,
        .build = 19041,
        .n_processors = 2,
        .cr3 = {0x1aa000, 0x2bb000},
        .n_cr3 = 2,
        .kdbg = UINT64_C(0xfffff80312345678),
        .has_bugcheck = 1,
        .system_time = UINT64_C(132223104000000000) + 1234567,
    };
    ps_notes_add(&notes, PS_NOTE_WARNING, "half of it is gone");
    make_rows();
    expect("Machine", 0, "ARM64", "a header, page tables are not read");
    expect("ContainerBuild", 0, "19041", "a header");
    expect("NumberProcessors", 0, "2", "a header");
    expect("ContainerDtb", 1, "0x00000000002bb000", "a header");
    expect("KdDebuggerDataBlock", 0, "0xfffff80312345678", "a header");
    expect("BugCheckCode", 0, "0x00000000", "a header");
    expect("SystemTime", 0, "2020-01-01T00:00:00.1234567Z", "a header, UTC");
    expect("Note", 0, "half of it is gone", "warning");
}

Test(info_image, hostile_facts)
{
    memset(&facts, 0xff, sizeof facts);
    facts.source = NULL;
    facts.machine = PS_MACHINE_X86;
    make_rows();
    expect("SystemTime", 0, "0xffffffffffffffff", "container, UTC");
    expect("ContainerDtbs", 0, "64", "container");
    expect("BugCheckCode", 0, "0xffffffff", "container");
}
