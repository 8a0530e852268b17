/* The built-in table of Windows kernels against the list of facts it was written from, row by row:
 * $PS_SHARED/spec/kernel-symbol-rvas.csv, else ../shared beside the source. Without it the test is
 * skipped, loudly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/windows/symbols/known_kernels.h"

#define MAX_COLUMNS 40

static unsigned failures;

static void fail(const char *what, const char *row)
{
    printf("FAILED: %s: %s\n", row, what);
    failures++;
}

/* Cut a line at its commas, empty cells included. */
static size_t split(char *line, char *cell[MAX_COLUMNS])
{
    size_t n = 0;

    line[strcspn(line, "\r\n")] = '\0';
    for (char *p = line; p && n < MAX_COLUMNS; n++) {
        cell[n] = p;
        p = strchr(p, ',');
        if (p)
            *p++ = '\0';
    }
    return n;
}

static size_t column_named(char *const *title, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(title[i], name) == 0)
            return i;
    printf("FAILED: the list has no column %s\n", name);
    exit(1);
}

static void parse_guid(const char *text, uint8_t guid[16])
{
    for (size_t i = 0; i < 16; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};

        guid[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void check_row(char *const *title, char *const *cell, size_t n)
{
    const char *row = cell[column_named(title, n, "version")];
    const char *key = cell[column_named(title, n, "pdb_guid")];
    const uint32_t age = (uint32_t)strtoul(cell[column_named(title, n, "pdb_age")], NULL, 10);
    uint32_t rva[PS_N_LISTED_SYMBOLS], other[PS_N_LISTED_SYMBOLS];
    char version[PS_KERNEL_VERSION_BYTES] = "";
    uint8_t guid[16];

    parse_guid(key, guid);
    if (!ps_known_kernel(guid, age, rva, version)) {
        fail("not in the table", row);
        return;
    }
    if (strcmp(version, row) != 0)
        fail("version differs", row);
    for (unsigned i = 0; i < PS_N_LISTED_SYMBOLS; i++) {
        const char *name = ps_symbol_name((enum ps_symbol)i);

        if (rva[i] != strtoul(cell[column_named(title, n, name)], NULL, 16))
            fail(name, row);
    }
    if (ps_known_kernel(guid, age + 1, other, version))
        fail("found with another age", row);
}

static size_t rows_of_table(void)
{
    size_t n = 0;

    for (const char *p = ps_kernels_list; *p; p++)
        n += (p == ps_kernels_list || p[-1] == '\n') && *p != '#';
    return n;
}

int main(void)
{
    const char *shared = getenv("PS_SHARED");
    const char *source = getenv("PS_SOURCE");
    char path[700], header[2048], line[2048];
    char *title[MAX_COLUMNS], *cell[MAX_COLUMNS];
    size_t n_columns, n = 0;
    FILE *f;

    if (shared)
        snprintf(path, sizeof path, "%.500s/spec/kernel-symbol-rvas.csv", shared);
    else
        snprintf(path, sizeof path, "%.500s/../shared/spec/kernel-symbol-rvas.csv",
                 source ? source : ".");
    f = fopen(path, "r");
    if (!f) {
        printf("SKIPPED: no %s: set PS_SHARED to the folder that holds 'spec'\n", path);
        return 77;
    }
    if (!fgets(header, sizeof header, f))
        return 1;
    n_columns = split(header, title);
    while (fgets(line, sizeof line, f)) {
        if (split(line, cell) != n_columns)
            fail("number of cells", line);
        else
            check_row(title, cell, n_columns);
        n++;
    }
    fclose(f);
    printf("%zu rows, %zu in the table, %u failures\n", n, rows_of_table(), failures);
    return failures != 0 || n < 200 || rows_of_table() != n;
}
