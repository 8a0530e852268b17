#include <stdio.h>
#include <string.h>

#include "host/image/containers/crashdump/dump.h"

#define HEADER64_BYTES 0x2000u
#define HEADER32_BYTES 0x1000u

/* Where the fields of a header are. */
struct fields {
    uint32_t dtb;
    uint32_t pfn_database;
    uint32_t modules;
    uint32_t processes;
    uint32_t machine;
    uint32_t n_processors;
    uint32_t bugcheck;
    uint32_t kdbg;
    uint32_t type;
};

static const struct fields fields64 = {0x10, 0x18, 0x20, 0x28, 0x30, 0x34, 0x38, 0x80, 0xf98};
static const struct fields fields32 = {0x10, 0x14, 0x18, 0x1c, 0x20, 0x24, 0x28, 0x60, 0xf88};

#define BUILD_AT         0x0cu
#define PAE_ENABLED32_AT 0x5cu

void ps_dump_name(const struct ps_dump *d, const char *what)
{
    const int is_pae = !d->is_64 && d->c->head[PAE_ENABLED32_AT] == 1;

    snprintf(d->c->name, sizeof d->c->name, "crash dump (%s, %s)",
             d->is_64 ? "64-bit"
             : is_pae ? "32-bit PAE"
                      : "32-bit",
             what);
}

int ps_dump_refuse(const struct ps_dump *d, uint64_t at, struct ps_err *err, const char *why)
{
    return ps_fail(err, PS_EFORMAT, at, "format Windows crash dump (%d-bit): %s",
                   d->is_64 ? 64 : 32, why);
}

static enum ps_machine_type machine_of(uint32_t image_type)
{
    switch (image_type) {
    case 0x14c:
        return PS_MACHINE_X86;
    case 0x8664:
        return PS_MACHINE_X64;
    case 0xaa64:
        return PS_MACHINE_ARM64;
    default:
        return PS_MACHINE_UNKNOWN;
    }
}

static uint64_t address(const struct ps_dump *d, uint32_t at)
{
    return d->is_64 ? ps_dump_u64(d, at) : ps_dump_u32(d, at);
}

static void take_facts(const struct ps_dump *d, const struct fields *f)
{
    struct ps_image_facts *facts = &d->c->facts;
    const uint64_t dtb = address(d, f->dtb) & ~(uint64_t)(PS_DUMP_PAGE - 1);

    facts->source = "crash dump header";
    facts->machine = machine_of(ps_dump_u32(d, f->machine));
    facts->build = ps_dump_u32(d, BUILD_AT);
    facts->n_processors = ps_dump_u32(d, f->n_processors);
    if (dtb)
        facts->cr3[facts->n_cr3++] = dtb;
    facts->kdbg = address(d, f->kdbg);
    facts->ps_loaded_module_list = address(d, f->modules);
    facts->ps_active_process_head = address(d, f->processes);
    facts->pfn_database = address(d, f->pfn_database);
    facts->bugcheck = ps_dump_u32(d, f->bugcheck);
    facts->has_bugcheck = facts->bugcheck != 0;
    facts->n_pages = ps_dump_n_pages(d);
}

static int open_never_filled(struct ps_dump *d, uint32_t type_at, struct ps_err *err)
{
    if (!ps_dump_full_is_sound(d))
        return ps_dump_refuse(d, type_at, err,
                              "its header was never filled, which leaves no list of the memory; "
                              "take the dump again");
    return ps_dump_full(d, err);
}

static int refuse_type(const struct ps_dump *d, uint32_t type_at, struct ps_err *err)
{
    char why[128];

    if (d->type == PS_DUMP_TRIAGE)
        return ps_dump_refuse(d, type_at, err,
                              "a triage dump (minidump) holds no physical memory; take a complete "
                              "or kernel memory dump");
    if (d->type == PS_DUMP_HEADER)
        return ps_dump_refuse(d, type_at, err,
                              "a header without any memory; take a complete or kernel memory dump");
    if (d->type == PS_DUMP_SUMMARY)
        return ps_dump_refuse(d, type_at, err,
                              "a kernel memory dump of the old kind (DumpType 2) is not "
                              "supported; take a complete memory dump");
    snprintf(why, sizeof why,
             "DumpType %u is not supported; take a complete memory dump, or a raw image",
             (unsigned)d->type);
    return ps_dump_refuse(d, type_at, err, why);
}

static int dump_probe(const struct ps_container *c)
{
    return c->n_head >= 8 && (!memcmp(c->head, "PAGEDU64", 8) || !memcmp(c->head, "PAGEDUMP", 8));
}

static int dump_open(struct ps_container *c, struct ps_err *err)
{
    const int is_64 = !memcmp(c->head, "PAGEDU64", 8);
    const struct fields *f = is_64 ? &fields64 : &fields32;
    struct ps_dump d = {c, is_64, is_64 ? HEADER64_BYTES : HEADER32_BYTES, 0};

    if (c->n_head < d.header_bytes)
        return ps_dump_refuse(&d, c->n_head, err, "the file ends within its header");
    d.type = ps_le32(c->head + f->type);
    take_facts(&d, f);
    switch (d.type) {
    case PS_DUMP_FILLER:
        return open_never_filled(&d, f->type, err);
    case PS_DUMP_FULL:
        return ps_dump_full(&d, err);
    case PS_DUMP_BITMAP:
    case PS_DUMP_ACTIVE:
        return ps_dump_bitmap(&d, err);
    case PS_DUMP_KERNEL:
    case PS_DUMP_KERNEL_AND_USER:
    case PS_DUMP_COMPLETE:
        if (is_64)
            return ps_dump_rdmp(&d, err);
        break;
    default:
        break;
    }
    return refuse_type(&d, f->type, err);
}

const struct ps_reader ps_reader_crash_dump = {
    .name = "crash dump",
    .probe = dump_probe,
    .open = dump_open,
};
