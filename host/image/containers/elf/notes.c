#include "host/image/containers/elf/notes.h"

#include <string.h>

#include "host/image/le.h"
#include "host/image/runs.h"

#define NOTE_HEADER_BYTES 12u
#define NAME_BYTES        8u
/* Two notes for each of some thousand processors; the rest of a hostile file is left alone. */
#define MAX_NOTES      8192u

#define CR0_PAGING     (UINT64_C(1) << 31)
#define CR3_ROOT       (~UINT64_C(0xfff))
#define EFER_LONG_MODE (UINT64_C(1) << 10)

/* QEMU: u32 version, u32 size, 16 registers, RIP, RFLAGS (u64); CS DS ES FS GS SS LDT TR GDT IDT
 * (u32 selector, limit, flags, pad; u64 base); CR0 to CR4. Later versions append. */
#define QEMU_VERSION_AT 0u
#define QEMU_CS_AT      152u
#define QEMU_CR0_AT     392u
#define QEMU_CR3_AT     416u
#define QEMU_BYTES      424u

/* VirtualBox, version 0x10004 to 0x10006 of its core: 16 registers, RIP and RFLAGS among them 18
 * u64; CS DS ES FS GS SS (u64 base, u32 limit, u32 attributes, u16 selector, padding to 24 bytes);
 * CR0 CR2 CR3 CR4, 8 debug registers; GDTR IDTR (16 bytes each); LDTR TR as the segments; three u64
 * of SYSENTER; EFER. */
#define VBOX_CS_SELECTOR_AT    160u
#define VBOX_CR0_AT            288u
#define VBOX_CR3_AT            304u
#define VBOX_EFER_AT           488u
#define VBOX_BYTES             496u

#define VBOX_CORE_MAGIC        0xc01ac0deu
#define VBOX_CORE_BYTES        8u /* of the note VBCORE that are looked at */
#define VBOX_VERSION_AT        4u
#define VBOX_FIRST_WITH_LAYOUT 0x00010004u

#define NT_PRPSINFO            3u

struct note {
    char name[NAME_BYTES + 1];
    uint32_t type;
    uint64_t n_desc;
    uint64_t desc_off;
};

struct walk {
    struct ps_elf_notes *notes;
    struct ps_bytes *bytes;
    struct ps_image_facts *facts;
    int ring; /* which processors are taken now: 0 in the Windows kernel, 1 all the others */
    int has_vbox_layout;
    uint32_t n_processors;
    unsigned n_seen;
};

/* 1: *off is moved behind the note. */
static int next_note(const struct walk *w, uint64_t *off, uint64_t end, struct note *out,
                     struct ps_err *err)
{
    uint8_t h[NOTE_HEADER_BYTES];
    uint64_t n_name, left;
    int rc;

    if (end - *off < sizeof h)
        return 0;
    rc = w->bytes->ops->read(w->bytes, *off, h, sizeof h, err);
    if (rc < 0)
        return rc;
    *out = (struct note){.type = ps_le32(h + 8), .n_desc = ps_le32(h + 4)};
    n_name = ps_le32(h);
    left = end - *off - sizeof h;
    if (n_name > left)
        return 0;
    rc = w->bytes->ops->read(w->bytes, *off + sizeof h, out->name,
                             n_name < NAME_BYTES ? (size_t)n_name : NAME_BYTES, err);
    if (rc < 0)
        return rc;
    n_name += -n_name & 3;
    if (n_name > left || out->n_desc > left - n_name)
        return 0;
    out->desc_off = *off + sizeof h + n_name;
    left -= n_name + out->n_desc;
    *off = end - (left > (-out->n_desc & 3) ? left - (-out->n_desc & 3) : 0);
    return 1;
}

/* 1: the note is long enough, and its beginning is in 'out'. */
static int read_desc(const struct walk *w, const struct note *note, uint8_t *out, size_t n_bytes,
                     struct ps_err *err)
{
    int rc;

    if (note->n_desc < n_bytes)
        return 0;
    rc = w->bytes->ops->read(w->bytes, note->desc_off, out, n_bytes, err);
    return rc < 0 ? rc : 1;
}

/* A processor that does not page has no root; several in the same process have one between them. */
static void add_root(struct ps_image_facts *facts, uint64_t cr0, uint64_t cr3)
{
    cr3 &= CR3_ROOT;
    if (!(cr0 & CR0_PAGING) || !cr3 || cr3 >= PS_PHYS_END || facts->n_cr3 == PS_FACTS_CR3)
        return;
    for (unsigned i = 0; i < facts->n_cr3; i++)
        if (facts->cr3[i] == cr3)
            return;
    facts->cr3[facts->n_cr3++] = cr3;
}

/* Whose turn is it? The root of a process may map little of the Windows kernel. */
static int is_turn(const struct walk *w, unsigned selector)
{
    return (selector & 3) == 0 ? w->ring == 0 : w->ring == 1;
}

static int take_qemu(struct walk *w, const struct note *note, struct ps_err *err)
{
    uint8_t state[QEMU_BYTES];
    int rc = read_desc(w, note, state, sizeof state, err);

    w->notes->writer = "QEMU";
    if (rc <= 0 || !ps_le32(state + QEMU_VERSION_AT))
        return rc;
    w->facts->source = "ELF note QEMU";
    w->n_processors += w->ring == 0;
    if (is_turn(w, ps_le32(state + QEMU_CS_AT)))
        add_root(w->facts, ps_le64(state + QEMU_CR0_AT), ps_le64(state + QEMU_CR3_AT));
    return rc;
}

static int take_vbox_core(struct walk *w, const struct note *note, struct ps_err *err)
{
    uint8_t core[VBOX_CORE_BYTES];
    int rc = read_desc(w, note, core, sizeof core, err);

    w->notes->writer = "VirtualBox";
    w->has_vbox_layout = rc > 0 && ps_le32(core) == VBOX_CORE_MAGIC &&
                         ps_le32(core + VBOX_VERSION_AT) >= VBOX_FIRST_WITH_LAYOUT;
    /* e_machine is that of the host. */
    if (w->ring == 0)
        w->facts->machine = PS_MACHINE_UNKNOWN;
    return rc;
}

/* One that was not started yet says nothing. */
static void take_vbox_machine(struct ps_image_facts *facts, const uint8_t *state)
{
    if (!(ps_le64(state + VBOX_CR0_AT) & CR0_PAGING))
        return;
    if (ps_le64(state + VBOX_EFER_AT) & EFER_LONG_MODE)
        facts->machine = PS_MACHINE_X64;
    else if (facts->machine == PS_MACHINE_UNKNOWN)
        facts->machine = PS_MACHINE_X86;
}

static int take_vbox_cpu(struct walk *w, const struct note *note, struct ps_err *err)
{
    uint8_t state[VBOX_BYTES];
    int rc = read_desc(w, note, state, sizeof state, err);

    w->n_processors += w->ring == 0;
    if (rc <= 0 || !w->has_vbox_layout)
        return rc;
    w->facts->source = "ELF note VBCPU";
    take_vbox_machine(w->facts, state);
    if (is_turn(w, ps_le16(state + VBOX_CS_SELECTOR_AT)))
        add_root(w->facts, ps_le64(state + VBOX_CR0_AT), ps_le64(state + VBOX_CR3_AT));
    return rc;
}

static int take(struct walk *w, const struct note *note, struct ps_err *err)
{
    int rc = 0;

    if (!strcmp(note->name, "QEMU"))
        rc = take_qemu(w, note, err);
    else if (!strcmp(note->name, "VBCORE"))
        rc = take_vbox_core(w, note, err);
    else if (!strcmp(note->name, "VBCPU"))
        rc = take_vbox_cpu(w, note, err);
    else if (!strcmp(note->name, "CORE") && note->type == NT_PRPSINFO)
        w->notes->is_process = 1;
    return rc < 0 ? rc : 0;
}

static int walk_segment(struct walk *w, const struct ps_elf_note_segment *segment,
                        struct ps_err *err)
{
    const uint64_t end = segment->off + segment->n_bytes;
    uint64_t off = segment->off;
    int rc = 1;

    while (rc > 0 && w->n_seen < MAX_NOTES) {
        struct note note;

        rc = next_note(w, &off, end, &note, err);
        if (rc <= 0)
            return rc;
        w->n_seen++;
        rc = take(w, &note, err);
        rc = rc < 0 ? rc : 1;
    }
    return rc < 0 ? rc : 0;
}

int ps_elf_notes_read(struct ps_elf_notes *notes, struct ps_bytes *bytes,
                      struct ps_image_facts *facts, struct ps_err *err)
{
    struct walk w = {.notes = notes, .bytes = bytes, .facts = facts};
    int rc = 0;

    for (w.ring = 0; rc == 0 && w.ring < 2; w.ring++) {
        w.n_seen = 0;
        for (size_t i = 0; rc == 0 && i < notes->n; i++)
            rc = walk_segment(&w, &notes->segment[i], err);
    }
    facts->n_processors = w.n_processors;
    return rc;
}
