#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/image/containers/elf/gaps.h"
#include "host/image/containers/elf/headers.h"
#include "host/image/containers/elf/notes.h"
#include "host/image/containers/reader.h"

static int elf_probe(const struct ps_container *c)
{
    return ps_elf_probe(c->head, c->n_head);
}

struct segments {
    struct ps_container *c;
    struct ps_elf_notes notes;
    size_t n_loads;
    int has_phys; /* some p_paddr is not 0 */
};

static int take_load(struct segments *s, const struct ps_elf_segment *segment, struct ps_err *err)
{
    /* What is in memory and not in the file is not known to be zero. Some writers leave p_memsz
     * out. */
    const uint64_t n = segment->n_memory && segment->n_memory < segment->n_stored
                           ? segment->n_memory
                           : segment->n_stored;

    if (!n)
        return 0;
    s->n_loads++;
    s->has_phys |= segment->phys != 0;
    return ps_runs_add(&s->c->runs, segment->phys, n, segment->off, err);
}

static void take_notes(struct segments *s, const struct ps_elf_segment *segment)
{
    const uint64_t n_bytes = s->c->bytes->n_bytes;

    if (s->notes.n == PS_ELF_NOTE_SEGMENTS || segment->off > n_bytes)
        return;
    s->notes.segment[s->notes.n++] = (struct ps_elf_note_segment){
        segment->off,
        segment->n_stored < n_bytes - segment->off ? segment->n_stored : n_bytes - segment->off};
}

static int take_segment(void *arg, const struct ps_elf_segment *segment, struct ps_err *err)
{
    struct segments *s = arg;

    if (segment->type == PS_ELF_SEGMENT_LOAD)
        return take_load(s, segment, err);
    if (segment->type == PS_ELF_SEGMENT_NOTE)
        take_notes(s, segment);
    return 0;
}

static enum ps_machine_type machine_of(const struct ps_elf *elf)
{
    switch (elf->machine) {
    case PS_ELF_MACHINE_X86:
        return PS_MACHINE_X86;
    case PS_ELF_MACHINE_X64:
        return PS_MACHINE_X64;
    case PS_ELF_MACHINE_ARM64:
        return PS_MACHINE_ARM64;
    default:
        return PS_MACHINE_UNKNOWN;
    }
}

static int check_segments(const struct ps_elf *elf, const struct segments *s, struct ps_err *err)
{
    if (!elf->n_segments)
        return ps_fail(err, PS_EFORMAT, elf->segments_off,
                       "format ELF core: %s; a core of Xen keeps its pages in sections, which is "
                       "not supported: convert it to a raw image",
                       elf->n_segments_said ? "its program headers are not in the file"
                                            : "it has no program headers");
    if (!s->n_loads)
        return ps_fail(err, PS_EFORMAT, elf->segments_off,
                       "format ELF core: none of its %" PRIu64 " program headers holds memory",
                       elf->n_segments);
    if (!s->has_phys && (s->n_loads > 1 || s->notes.is_process))
        return ps_fail(err, PS_EFORMAT, elf->segments_off,
                       "format ELF core: the core of a process, which holds no physical memory "
                       "(p_paddr is 0 in all its program headers); name an image of the machine");
    return 0;
}

static void say_what_it_is(struct ps_container *c, const struct ps_elf *elf,
                           const struct segments *s)
{
    snprintf(c->name, sizeof c->name, "ELF core (%s%s%s)", elf->is_64 ? "64-bit" : "32-bit",
             s->notes.writer ? ", " : "", s->notes.writer ? s->notes.writer : "");
    if (elf->n_segments < elf->n_segments_said)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "ELF core: of %" PRIu64 " program headers only %" PRIu64
                     " are in the file; the memory of the others is not found",
                     elf->n_segments_said, elf->n_segments);
}

/* QEMU writes memory right behind its notes. */
static int join_blocks(struct ps_container *c, const struct segments *s, struct ps_err *err)
{
    uint64_t data_off = UINT64_MAX;
    uint64_t n_bytes;
    int rc;

    if (!s->notes.writer || strcmp(s->notes.writer, "QEMU") != 0)
        return 0;
    if (s->notes.n)
        data_off = s->notes.segment[0].off + s->notes.segment[0].n_bytes;
    rc = ps_elf_join_blocks(&c->runs, data_off, &n_bytes, err);
    if (rc == 0 && n_bytes)
        ps_notes_add(&c->notes, PS_NOTE_INFO,
                     "ELF core: written by QEMU with paging=true: %" PRIu64
                     " bytes of memory that no program header names are read too",
                     n_bytes);
    return rc;
}

static int elf_open(struct ps_container *c, struct ps_err *err)
{
    struct segments s = {.c = c};
    struct ps_elf elf;
    int rc = ps_elf_open(&elf, c->bytes, err);

    if (rc < 0)
        return rc;
    if (elf.type != PS_ELF_TYPE_CORE)
        return ps_fail(err, PS_EFORMAT, 0,
                       "format ELF: no image of physical memory; name the memory image itself");
    rc = ps_elf_each_segment(&elf, take_segment, &s, err);
    if (rc < 0)
        return rc;
    c->facts.machine = machine_of(&elf);
    rc = ps_elf_notes_read(&s.notes, c->bytes, &c->facts, err);
    if (rc < 0)
        return rc;
    say_what_it_is(c, &elf, &s);
    rc = check_segments(&elf, &s, err);
    return rc < 0 ? rc : join_blocks(c, &s, err);
}

const struct ps_reader ps_reader_elf = {
    .name = "ELF core",
    .probe = elf_probe,
    .open = elf_open,
};
