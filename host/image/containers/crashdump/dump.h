/* Windows crash dumps, inside: what the kinds of dump have in common.
 *
 * A header of 0x2000 bytes (64-bit) or 0x1000 (32-bit) is followed by what says which pages are
 * there, and by the pages. The bytes and their meaning: docs/IMAGES.md, "Windows crash dumps". */
#ifndef PS_HOST_IMAGE_CONTAINERS_CRASHDUMP_DUMP_H
#define PS_HOST_IMAGE_CONTAINERS_CRASHDUMP_DUMP_H

#include <stdint.h>

#include "host/image/containers/reader.h"
#include "host/image/le.h"
#include "scan/err.h"

#define PS_DUMP_PAGE 4096u

struct ps_dump {
    struct ps_container *c;
    int is_64;
    uint32_t header_bytes; /* and the offset of what follows */
    uint32_t type;         /* DumpType; PS_DUMP_FILLER when it was never filled */
};

enum ps_dump_type {
    PS_DUMP_FULL = 1,
    PS_DUMP_SUMMARY = 2,
    PS_DUMP_HEADER = 3,
    PS_DUMP_TRIAGE = 4,
    PS_DUMP_BITMAP = 5,
    PS_DUMP_ACTIVE = 6,
    PS_DUMP_KERNEL = 8,
    PS_DUMP_KERNEL_AND_USER = 9,
    PS_DUMP_COMPLETE = 10,
};

/* The text "PAGE": what Windows fills the header with before it writes any field. */
#define PS_DUMP_FILLER   UINT32_C(0x45474150)
#define PS_DUMP_FILLER64 UINT64_C(0x4547415045474150)

/* Fields of the header; 0 when they were never filled. */
static inline uint32_t ps_dump_u32(const struct ps_dump *d, uint32_t at)
{
    const uint32_t value = ps_le32(d->c->head + at);

    return value == PS_DUMP_FILLER ? 0 : value;
}

static inline uint64_t ps_dump_u64(const struct ps_dump *d, uint32_t at)
{
    const uint64_t value = ps_le64(d->c->head + at);

    return value == PS_DUMP_FILLER64 ? 0 : value;
}

/* Page frames that may follow each other up to the end of physical addresses. */
static inline int ps_dump_is_frames(uint64_t frame, uint64_t n)
{
    const uint64_t end = PS_PHYS_END / PS_DUMP_PAGE;

    return frame < end && n <= end - frame;
}

/* Pages on their way into the runs of a container: they follow each other in the file without
 * gaps. Never more runs than pages that the file has room for, whatever its lists say. */
struct ps_dump_pages {
    struct ps_container *c;
    uint64_t file_off; /* of the next page */
    uint64_t n;        /* pages added */
    uint64_t lost;     /* the first frame that is past the end of the file */
    uint64_t n_lost;
};

/* The next n pages of the file are the frames from 'frame' on, for which ps_dump_is_frames
 * holds. PS_ENOMEM. */
int ps_dump_pages_add(struct ps_dump_pages *pages, uint64_t frame, uint64_t n, struct ps_err *err);
/* Call once after the last one: what is past the end of the file counts as missing. */
int ps_dump_pages_end(struct ps_dump_pages *pages, struct ps_err *err);

/* The three ways in which pages are listed: runs in the header, a bit for each page, ranges. Each
 * fills c->runs, the name, and what it knows better of c->facts; damage that leaves something to
 * read becomes a note. PS_EFORMAT with err->at when nothing can be read. */
int ps_dump_full(struct ps_dump *d, struct ps_err *err);
int ps_dump_bitmap(struct ps_dump *d, struct ps_err *err);
int ps_dump_rdmp(struct ps_dump *d, struct ps_err *err);

/* Does the list of runs in the header agree with itself? */
int ps_dump_full_is_sound(const struct ps_dump *d);
/* NumberOfPages, whatever kind the dump is of; 0 when it was never filled or cannot be. */
uint64_t ps_dump_n_pages(const struct ps_dump *d);

/* "crash dump (64-bit, WHAT)". */
void ps_dump_name(const struct ps_dump *d, const char *what);
/* PS_EFORMAT with "format Windows crash dump (64-bit): WHY". */
int ps_dump_refuse(const struct ps_dump *d, uint64_t at, struct ps_err *err, const char *why);

#endif
