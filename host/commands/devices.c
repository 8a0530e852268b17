/* poolscan devices: what a scan can run on, and what it would run on. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/commands/commands.h"
#include "host/log.h"
#include "host/opencl/opencl.h"
#include "host/output/listing.h"
#include "host/topology.h"
#include "kernels/cpu.h"
#include "kernels/kernel.h"

enum field {
    KIND,
    NUMBER,
    NAME,
    TYPE,
    UNITS,
    MEMORY,
    MAX_ALLOC,
    UNIFIED,
    PCI,
    PLATFORM,
    VENDOR,
    VERSION,
    DRIVER,
    USABLE,
    WOULD_BE_USED,
    NOTE,
    N_FIELDS
};

/* 'Kind' is cpu (the machine), kernel or opencl. */
static const struct ps_column columns[N_FIELDS] = {
    [KIND] = {"Kind", "KIND", PS_COLUMN_TEXT, 0},
    [NUMBER] = {"Number", "#", PS_COLUMN_LITERAL, 0},
    [NAME] = {"Name", "NAME", PS_COLUMN_TEXT, 1},
    [TYPE] = {"Type", "TYPE", PS_COLUMN_TEXT, 0},
    [UNITS] = {"ComputeUnits", "UNITS", PS_COLUMN_LITERAL, 0},
    [MEMORY] = {"MemoryBytes", "MEMORY", PS_COLUMN_BYTES, 0},
    [MAX_ALLOC] = {"MaxAllocBytes", NULL, PS_COLUMN_BYTES, 0},
    [UNIFIED] = {"UnifiedMemory", NULL, PS_COLUMN_LITERAL, 0},
    [PCI] = {"PciAddress", "PCI", PS_COLUMN_TEXT, 0},
    [PLATFORM] = {"Platform", NULL, PS_COLUMN_TEXT, 0},
    [VENDOR] = {"Vendor", NULL, PS_COLUMN_TEXT, 0},
    [VERSION] = {"Version", NULL, PS_COLUMN_TEXT, 0},
    [DRIVER] = {"Driver", "DRIVER", PS_COLUMN_TEXT, 1},
    [USABLE] = {"Usable", NULL, PS_COLUMN_LITERAL, 0},
    [WOULD_BE_USED] = {"WouldBeUsed", NULL, PS_COLUMN_LITERAL, 0},
    [NOTE] = {"Note", "NOTE", PS_COLUMN_TEXT, 1},
};

#define CELL_BYTES 160

struct row {
    char text[N_FIELDS][CELL_BYTES];
    const char *cell[N_FIELDS];
};

static void set_text(struct row *row, enum field f, const char *text)
{
    snprintf(row->text[f], CELL_BYTES, "%s", text);
    row->cell[f] = row->text[f];
}

static void set_number(struct row *row, enum field f, uint64_t n)
{
    snprintf(row->text[f], CELL_BYTES, "%" PRIu64, n);
    row->cell[f] = row->text[f];
}

static void set_flag(struct row *row, enum field f, int yes)
{
    set_text(row, f, yes ? "true" : "false");
}

/* A number that is 0 is one that nobody knows. */
static void set_known(struct row *row, enum field f, uint64_t n)
{
    if (n != 0)
        set_number(row, f, n);
}

static void describe_machine(struct row *row)
{
    struct ps_topology *t = ps_topology_new();
    const struct ps_machine *m = ps_topology_machine(t);
    char note[CELL_BYTES];

    set_text(row, KIND, "cpu");
    set_text(row, NAME, "this machine");
    set_known(row, UNITS, m->n_cores);
    set_known(row, MEMORY, m->memory_bytes);
    set_flag(row, USABLE, 1);
    set_flag(row, WOULD_BE_USED, 1);
    snprintf(note, sizeof note,
             "%u cores, %u hardware threads, %u NUMA nodes, L2 %" PRIu64 " KiB, L3 %u x %" PRIu64
             " KiB",
             m->n_cores, m->n_pus, m->n_nodes, m->l2_bytes >> 10, m->n_l3, m->l3_bytes >> 10);
    set_text(row, NOTE, note);
    ps_topology_free(t);
}

static void describe_kernel(struct row *row, const struct ps_kernel *k)
{
    int runs = (k->cpu_needs & ~ps_cpu_features()) == 0;
    int best = ps_kernel_pick(NULL) == k;

    set_text(row, KIND, "kernel");
    set_text(row, NAME, k->name);
    set_flag(row, USABLE, runs);
    set_flag(row, WOULD_BE_USED, best);
    set_text(row, NOTE,
             best   ? "would be used"
             : runs ? "with --kernel"
                    : "this CPU lacks what it needs");
}

static void describe_device(struct row *row, const struct ps_cl_device *d)
{
    char pci[32];

    set_text(row, KIND, "opencl");
    set_number(row, NUMBER, d->number);
    set_text(row, NAME, d->name);
    set_text(row, TYPE, d->is_gpu ? "gpu" : "cpu");
    set_known(row, UNITS, d->compute_units);
    set_known(row, MEMORY, d->global_bytes);
    set_known(row, MAX_ALLOC, d->max_alloc_bytes);
    set_flag(row, UNIFIED, d->unified_memory);
    if (d->pci_bus >= 0) {
        snprintf(pci, sizeof pci, "%04x:%02x:%02x.%x", (unsigned)d->pci_domain & 0xffffu,
                 (unsigned)d->pci_bus & 0xffu, (unsigned)d->pci_device & 0x1fu,
                 (unsigned)d->pci_function & 7u);
        set_text(row, PCI, pci);
    }
    set_text(row, PLATFORM, d->platform);
    set_text(row, VENDOR, d->vendor);
    set_text(row, VERSION, d->version);
    set_text(row, DRIVER, d->driver);
    set_flag(row, USABLE, d->usable);
    set_flag(row, WOULD_BE_USED, 0);
    set_text(row, NOTE,
             !d->usable  ? d->why_not
             : d->is_gpu ? "with --gpu"
                         : "with --gpu --any-device");
}

static int write_rows(const struct row *rows, size_t n, const struct ps_options *opt,
                      struct ps_err *err)
{
    const char **cell = calloc(n * N_FIELDS, sizeof *cell);
    int rc;

    if (!cell)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu devices", n);
    for (size_t i = 0; i < n; i++)
        memcpy(cell + i * N_FIELDS, rows[i].cell, sizeof rows[i].cell);
    rc = ps_listing_write(
        &(struct ps_listing){
            .name = "devices", .column = columns, .n_columns = N_FIELDS, .cell = cell, .n_rows = n},
        opt->format, opt->output, err);
    free(cell);
    return rc;
}

/* Without OpenCL there is still a CPU to scan with: that is talk, not an error. */
static size_t find_devices(struct ps_cl_device **devices)
{
    struct ps_err err;
    size_t n = 0;

    if (ps_cl_devices(devices, &n, &err) < 0) {
        ps_log(PS_LOG_WARN, "%s", err.msg);
        return 0;
    }
    if (n == 0)
        ps_log(PS_LOG_WARN, "the OpenCL platforms have no device");
    return n;
}

int ps_cmd_devices(const struct ps_options *opt, struct ps_err *err)
{
    struct ps_cl_device *devices = NULL;
    size_t n_devices = find_devices(&devices);
    size_t n = 0;
    struct row *rows = calloc(1 + ps_n_kernels + n_devices, sizeof *rows);
    int rc;

    if (!rows) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu devices", n_devices);
        goto out;
    }
    describe_machine(&rows[n++]);
    for (size_t i = 0; i < ps_n_kernels; i++)
        describe_kernel(&rows[n++], &ps_kernels[i]);
    for (size_t i = 0; i < n_devices; i++)
        describe_device(&rows[n++], &devices[i]);
    rc = write_rows(rows, n, opt, err);
out:
    free(rows);
    free(devices);
    return rc;
}
