/* Windows 8 to 11: two restore sets, each a row of compression sets that tell their pages. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/image/containers/hiber/hiber.h"
#include "host/image/containers/hiber/search.h"
#include "host/image/le.h"

/* PO_MEMORY_IMAGE. The loader restores the boot pages, the kernel it starts the others. */
struct layout {
    uint32_t length_self;
    uint16_t kernel_pages_at; /* KernelPagesProcessed; 0: not known */
    uint8_t is_x86;
    uint8_t boot_at;   /* FirstBootRestorePage */
    uint8_t kernel_at; /* FirstKernelRestorePage */
};

#define LENGTH_SELF_AT 0x0cu
#define HEADER_BYTES   0x400u /* no field that counts lies behind them */

static const struct layout layouts[] = {
    {0x360, 0x1c8, 0, 0x60, 0x68}, {0x3b0, 0x218, 0, 0x68, 0x70}, {0x3c8, 0x220, 0, 0x68, 0x70},
    {0x3d8, 0x230, 0, 0x68, 0x70}, {0x3e0, 0x230, 0, 0x68, 0x70}, {0x448, 0x230, 0, 0x68, 0x70},
    {0x4d8, 0x238, 0, 0x68, 0x70}, {0x2c8, 0x1b0, 1, 0x50, 0x54}, {0x310, 0x1f8, 1, 0x50, 0x54},
    {0x328, 0x200, 1, 0x50, 0x54}, {0x338, 0x210, 1, 0x50, 0x54}, {0x340, 0x210, 1, 0x50, 0x54},
};

static const struct layout unknown_x64 = {0, 0, 0, 0x68, 0x70};
static const struct layout unknown_x86 = {0, 0, 1, 0x50, 0x54};

/* Where the fields before the restore pages are, which no version moved. */
static uint32_t page_size(const uint8_t *head, int is_x86)
{
    return ps_le32(head + (is_x86 ? 0x14 : 0x18));
}

static uint64_t loader_pages(const uint8_t *head, int is_x86)
{
    return ps_le64(head + (is_x86 ? 0x48 : 0x58));
}

static uint64_t system_time(const uint8_t *head, int is_x86)
{
    return ps_le64(head + (is_x86 ? 0x18 : 0x20));
}

static const struct layout *find_layout(const uint8_t *head)
{
    const uint32_t length = ps_le32(head + LENGTH_SELF_AT);

    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].length_self == length)
            return &layouts[i];
    if (page_size(head, 0) == PS_HIBER_PAGE)
        return &unknown_x64;
    return page_size(head, 1) == PS_HIBER_PAGE ? &unknown_x86 : NULL;
}

/* What one restore set is read with, and what came of it. */
struct walk {
    struct ps_container *c;
    struct ps_hiber_index *index;
    uint64_t n_wanted; /* pages; UINT64_MAX: as many as there are */
    uint64_t n_read;
    uint64_t off;
    uint64_t end; /* of the bytes where sets may be */
    unsigned n_gaps;
    uint64_t n_maybe_lost; /* pages that may have been in them */
};

/* The runs of a set whose pages are the last of the index. */
static int add_runs(const struct walk *w, const uint8_t *head, const struct ps_hiber_set *set,
                    struct ps_err *err)
{
    uint64_t off = w->index->n_bytes - (uint64_t)set->n_pages * PS_HIBER_PAGE;
    int rc = 0;

    for (unsigned i = 0; i < set->n_descriptors && rc == 0; i++) {
        const uint64_t word = w->index->form == PS_HIBER_SETS_X64 ? ps_le64(head + 4 + 8 * i)
                                                                  : ps_le32(head + 4 + 4 * i);
        const uint64_t n_bytes = (1 + (word & 15)) * PS_HIBER_PAGE;
        const uint64_t page = word >> 4;

        rc = ps_runs_add(&w->c->runs,
                         page < PS_PHYS_END / PS_HIBER_PAGE ? page * PS_HIBER_PAGE : PS_PHYS_END,
                         n_bytes, off, err);
        off += n_bytes;
    }
    return rc;
}

/* The set at w->off. 1: added; 0: there is none, or not all of it; or -PS_E.... */
static int one_set(struct walk *w, struct ps_err *err)
{
    uint8_t head[PS_HIBER_HEAD_BYTES];
    struct ps_hiber_set set;
    int rc = w->off < w->end ? ps_hiber_read(w->c, w->off, head, sizeof head, err) : 0;

    if (rc <= 0)
        return rc;
    if (!ps_hiber_head(w->index->form, head, (size_t)rc, PS_HIBER_SET_PAGES, &set) ||
        (uint64_t)set.n_head + set.n_data > w->end - w->off)
        return 0;
    rc = ps_hiber_index_add(w->index, w->off, &set, err);
    if (rc == 0)
        rc = add_runs(w, head, &set, err);
    w->off = w->index->end;
    w->n_read += set.n_pages;
    return rc < 0 ? rc : 1;
}

#define MAX_GAPS      64u
#define PAGE_AT_LEAST 64u /* bytes that a page is packed to, to be on the safe side */

/* Beyond the end of a restore set lie those of another time: where as many pages are missing as
 * the gaps may have held, that end was reached. */
static int may_go_on(const struct walk *w)
{
    return w->n_wanted != UINT64_MAX && w->n_gaps < MAX_GAPS &&
           w->n_wanted - w->n_read > w->n_maybe_lost;
}

/* From w->off on, over what is damaged. */
static int walk(struct walk *w, struct ps_err *err)
{
    int rc = 1;

    while (rc > 0 && w->n_read < w->n_wanted) {
        rc = one_set(w, err);
        if (rc == 0 && may_go_on(w)) {
            const uint64_t from = w->off;

            rc = ps_hiber_find_sets(w->c, w->index->form, &w->off, 1, err);
            w->n_gaps++;
            w->n_maybe_lost += PS_HIBER_SET_PAGES + (w->off - from) / PAGE_AT_LEAST;
        }
    }
    return rc < 0 ? rc : 0;
}

static void note_lost(struct walk *w, const char *which)
{
    if (w->n_wanted == UINT64_MAX || w->n_read >= w->n_wanted)
        return;
    ps_notes_add(&w->c->notes, PS_NOTE_LOSS,
                 "of the %" PRIu64 " pages that the %s restores, %" PRIu64
                 " could not be found; the file is cut short or damaged",
                 w->n_wanted, which, w->n_wanted - w->n_read);
}

/* The restore set that begins at a page, and ends before 'end_page' if that lies behind it. */
static int restore_set(struct walk *w, uint64_t first_page, uint64_t end_page, const char *which,
                       struct ps_err *err)
{
    const uint64_t n_pages = ps_hiber_file_pages(w->c);
    int rc = 0;

    w->end = end_page > first_page && end_page < n_pages ? end_page * PS_HIBER_PAGE
                                                         : w->c->bytes->n_bytes;
    if (first_page && first_page < n_pages) {
        w->off = first_page * PS_HIBER_PAGE;
        rc = walk(w, err);
    }
    if (rc == 0)
        note_lost(w, which);
    return rc;
}

static uint64_t restore_page(const uint8_t *head, const struct layout *l, unsigned at)
{
    return l->is_x86 ? ps_le32(head + at) : ps_le64(head + at);
}

static int with_header(struct ps_container *c, const struct layout *l, struct ps_hiber_index *index,
                       struct ps_err *err)
{
    const uint8_t *h = c->head;
    const uint64_t first_boot = restore_page(h, l, l->boot_at);
    const uint64_t first_kernel = restore_page(h, l, l->kernel_at);
    struct walk boot = {.c = c, .index = index};
    struct walk kernel = {.c = c, .index = index, .n_wanted = UINT64_MAX};
    int rc;

    if (page_size(h, l->is_x86) != PS_HIBER_PAGE)
        return ps_fail(err, PS_EFORMAT, l->is_x86 ? 0x14 : 0x18,
                       "hibernation file: pages of %" PRIu32 " bytes are not supported",
                       page_size(h, l->is_x86));
    if (!l->length_self)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "a header of 0x%" PRIx32 " bytes is of no known Windows; it is read like the "
                     "newest one that is",
                     ps_le32(h + LENGTH_SELF_AT));
    c->facts.source = "hibernation file header";
    c->facts.system_time = system_time(h, l->is_x86);
    boot.n_wanted = loader_pages(h, l->is_x86);
    if (l->kernel_pages_at)
        kernel.n_wanted = ps_le64(h + l->kernel_pages_at);
    rc = restore_set(&boot, first_boot, first_kernel, "boot loader", err);
    return rc < 0 ? rc : restore_set(&kernel, first_kernel, first_boot, "Windows kernel", err);
}

/* The header was wiped: rows of sets begin at a page each, at most so far behind each other. */
static int without_header(struct ps_container *c, struct ps_hiber_index *index, struct ps_err *err)
{
    struct walk w = {.c = c,
                     .index = index,
                     .n_wanted = UINT64_MAX,
                     .off = PS_HIBER_PAGE,
                     .end = c->bytes->n_bytes};
    int rc;

    index->form = PS_HIBER_SETS_X64;
    rc = ps_hiber_find_sets(c, index->form, &w.off, 0, err);
    if (rc == 0) {
        index->form = PS_HIBER_SETS_X86;
        w.off = PS_HIBER_PAGE;
        rc = ps_hiber_find_sets(c, index->form, &w.off, 0, err);
    }
    while (rc > 0) {
        rc = walk(&w, err);
        if (rc == 0)
            rc = ps_hiber_find_sets(c, index->form, &w.off, 0, err);
    }
    if (rc == 0)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "the header was wiped when Windows resumed; pages that could be found are "
                     "read, and may be incomplete or from different times");
    return rc;
}

static int read_sets(struct ps_container *c, struct ps_hiber_index *index, struct ps_err *err)
{
    const struct layout *l = c->n_head >= HEADER_BYTES ? find_layout(c->head) : NULL;

    if (!l)
        return without_header(c, index, err);
    index->form = l->is_x86 ? PS_HIBER_SETS_X86 : PS_HIBER_SETS_X64;
    if (memcmp(c->head, "HIBR", 4) != 0)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "Windows has resumed from this hibernation file (%.4s); its pages may be old "
                     "or overwritten in part",
                     (const char *)c->head);
    return with_header(c, l, index, err);
}

int ps_hiber_open_sets(struct ps_container *c, struct ps_err *err)
{
    struct ps_hiber_index index = {0};
    int rc = read_sets(c, &index, err);

    if (rc == 0 && !index.n)
        rc = ps_fail(err, PS_EFORMAT, 0,
                     "hibernation file: no page of memory in it; Windows wipes it when it resumes");
    if (rc == 0) {
        ps_hiber_turn_runs(c);
        c->facts.machine = index.form == PS_HIBER_SETS_X64 ? PS_MACHINE_X64 : PS_MACHINE_X86;
        snprintf(c->name, sizeof c->name, "hibernation file (Windows 8+, %s)",
                 index.form == PS_HIBER_SETS_X64 ? "x64" : "x86");
        rc = ps_hiber_index_open(c, &index, err);
    }
    ps_hiber_index_free(&index);
    return rc;
}
