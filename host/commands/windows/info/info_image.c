#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "host/commands/windows/info/info.h"
#include "host/virtual/container_facts.h"
#include "scan/physmem.h"

/* More of a kind than anybody reads are counted, not listed. */
#define MAX_EXTENTS 16u
#define MAX_CR3     8u

/* 100 ns each: a second, and from 1601 to 1970. */
#define TICKS      UINT64_C(10000000)
#define UNIX_EPOCH (UINT64_C(11644473600) * TICKS)
#define YEAR_10000 (UINT64_C(253402300800) * TICKS + UNIX_EPOCH)

static void add_text(struct ps_cells *c, const char *variable, const char *value)
{
    ps_info_row(c, variable);
    ps_cells_set(c, PS_INFO_VALUE, "%s", value);
}

static void add_if_any(struct ps_cells *c, const char *variable, uint64_t n, const char *how)
{
    if (n == 0)
        return;
    ps_info_number(c, variable, n);
    ps_cells_set(c, PS_INFO_HOW, "%s", how);
}

static void add_range(struct ps_cells *c, const char *variable, uint64_t begin, uint64_t end)
{
    ps_info_row(c, variable);
    ps_cells_set(c, PS_INFO_VALUE, "0x%016" PRIx64 "-0x%016" PRIx64, begin, end);
}

static void add_extents(struct ps_cells *c, const struct ps_image *image, const struct ps_extent *e,
                        size_t n)
{
    ps_info_number(c, "Extents", n);
    for (size_t i = 0; i < n && i < MAX_EXTENTS; i++) {
        add_range(c, "Extent", e[i].phys, e[i].phys + e[i].n_bytes);
        if (ps_image_file_off(image, e[i].phys) != PS_NO_FILE_OFF)
            ps_cells_set(c, PS_INFO_HOW, "file offset 0x%" PRIx64,
                         ps_image_file_off(image, e[i].phys));
    }
}

/* What stands between extents; nothing is known of what follows the last one. */
static void add_holes(struct ps_cells *c, const struct ps_extent *e, size_t n)
{
    uint64_t end = 0;
    size_t n_holes = 0;

    for (size_t i = 0; i < n; end = e[i].phys + e[i].n_bytes, i++)
        n_holes += e[i].phys > end;
    ps_info_number(c, "Holes", n_holes);
    end = 0;
    n_holes = 0;
    for (size_t i = 0; i < n && n_holes < MAX_EXTENTS; end = e[i].phys + e[i].n_bytes, i++) {
        if (e[i].phys <= end)
            continue;
        add_range(c, "Hole", end, e[i].phys);
        n_holes++;
    }
}

static void add_memory(struct ps_cells *c, const struct ps_image *image)
{
    size_t n = 0;
    const struct ps_extent *e = ps_image_extents(image, &n);
    const uint64_t end = n ? e[n - 1].phys + e[n - 1].n_bytes : 0;
    uint64_t present = 0;

    for (size_t i = 0; i < n; i++)
        present += e[i].n_bytes;
    ps_info_number(c, "PhysicalEnd", end);
    ps_info_number(c, "PresentBytes", present);
    ps_info_number(c, "HoleBytes", end - present);
    add_if_any(c, "MissingBytes", ps_image_missing_bytes(image),
               "the headers promise them, the file has them not");
    add_if_any(c, "TornBytes", ps_image_torn_bytes(image), "of pages that are there only in part");
    add_if_any(c, "OverlapBytes", ps_image_overlap_bytes(image),
               "memory that the container has twice: the first counts");
    add_extents(c, image, e, n);
    add_holes(c, e, n);
}

static void add_machine(struct ps_cells *c, const struct ps_image_facts *f, const char *source)
{
    static const char *const names[] = {
        [PS_MACHINE_X86] = "x86", [PS_MACHINE_X64] = "x64", [PS_MACHINE_ARM64] = "ARM64"};

    if (f->machine != PS_MACHINE_UNKNOWN) {
        add_text(c, "Machine", names[f->machine]);
        ps_cells_set(c, PS_INFO_HOW, "%s%s", source,
                     f->machine == PS_MACHINE_ARM64 ? ", page tables are not read" : "");
    }
    add_if_any(c, "ContainerBuild", f->build, source);
    add_if_any(c, "NumberProcessors", f->n_processors, source);
    add_if_any(c, "ContainerPages", f->n_pages, source);
}

static const char *is_in_use(const struct ps_address_space *as, uint64_t cr3)
{
    if (!as->has_dtb)
        return "";
    return as->dtb.root - as->dtb.root % PS_FRAME_BYTES == cr3 - cr3 % PS_FRAME_BYTES
               ? ", the one in use"
               : ", not the one in use";
}

static void add_addresses(struct ps_cells *c, const struct ps_address_space *as,
                          const struct ps_image_facts *f, const char *source)
{
    const unsigned n = f->n_cr3 < PS_FACTS_CR3 ? f->n_cr3 : PS_FACTS_CR3;

    for (unsigned i = 0; i < n && i < MAX_CR3; i++) {
        ps_info_row(c, "ContainerDtb");
        ps_cells_set_address(c, PS_INFO_VALUE, f->cr3[i]);
        ps_cells_set(c, PS_INFO_HOW, "%s%s", source, is_in_use(as, f->cr3[i]));
    }
    if (n > MAX_CR3) {
        ps_info_number(c, "ContainerDtbs", n);
        ps_cells_set(c, PS_INFO_HOW, "%s", source);
    }
    if (f->kdbg) {
        ps_info_row(c, "KdDebuggerDataBlock");
        ps_cells_set_address(c, PS_INFO_VALUE, f->kdbg);
        ps_cells_set(c, PS_INFO_HOW, "%s", source);
    }
}

/* ISO 8601; a number that no calendar has is left as it is. */
static void add_time(struct ps_cells *c, uint64_t ticks, const char *source)
{
    char text[40] = "";
    struct tm tm;
    time_t seconds;

    if (ticks == 0)
        return;
    ps_info_row(c, "SystemTime");
    ps_cells_set(c, PS_INFO_HOW, "%s, UTC", source);
    if (ticks >= UNIX_EPOCH && ticks < YEAR_10000) {
        seconds = (time_t)((ticks - UNIX_EPOCH) / TICKS);
        if (gmtime_r(&seconds, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm))
            ps_cells_set(c, PS_INFO_VALUE, "%s.%07" PRIu64 "Z", text, ticks % TICKS);
    }
    if (!text[0])
        ps_cells_set(c, PS_INFO_VALUE, "0x%016" PRIx64, ticks);
}

static void add_facts(struct ps_cells *c, const struct ps_address_space *as)
{
    const struct ps_image_facts *f = ps_image_facts(as->image);
    const char *source = ps_container_source(f);

    add_machine(c, f, source);
    add_addresses(c, as, f, source);
    if (f->has_bugcheck) {
        ps_info_row(c, "BugCheckCode");
        ps_cells_set(c, PS_INFO_VALUE, "0x%08" PRIx32, f->bugcheck);
        ps_cells_set(c, PS_INFO_HOW, "%s", source);
    }
    add_time(c, f->system_time, source);
    if (f->is_partial) {
        add_text(c, "PartialMemory", "true");
        ps_cells_set(c, PS_INFO_HOW, "%s: only a part of memory, on purpose", source);
    }
}

static void add_notes(struct ps_cells *c, const struct ps_notes *notes)
{
    static const char *const kinds[] = {
        [PS_NOTE_INFO] = "information",
        [PS_NOTE_WARNING] = "warning",
        [PS_NOTE_LOSS] = "loss",
    };

    for (unsigned i = 0; i < notes->n; i++) {
        add_text(c, "Note", notes->note[i].text);
        ps_cells_set(c, PS_INFO_HOW, "%s", kinds[notes->note[i].kind]);
    }
}

void ps_info_image(struct ps_cells *c, const struct ps_address_space *as)
{
    const struct ps_image *image = as->image;

    add_text(c, "Image", ps_image_path(image));
    add_text(c, "ImageId", ps_image_id(image));
    ps_cells_set(c, PS_INFO_HOW, "size, first and last MiB");
    add_text(c, "Container", ps_image_format(image));
    if (ps_image_layers(image)[0]) {
        add_text(c, "Layers", ps_image_layers(image));
        ps_cells_set(c, PS_INFO_HOW, "around the container, outermost first");
    }
    ps_info_number(c, "FileBytes", ps_image_file_bytes(image));
    if (ps_image_layers(image)[0])
        ps_cells_set(c, PS_INFO_HOW, "unpacked");
    add_memory(c, image);
    add_facts(c, as);
    add_notes(c, ps_image_notes(image));
}
