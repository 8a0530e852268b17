/* What a container format implements: raw memory, crash dump, LiME, ELF core ...
 *
 * Each has its files here and one row in the table of image.c. Open turns the headers of the
 * container into a list of runs; image.c does map, read and release for all of them. Everything in
 * the file is hostile: a count bounds no allocation before it was compared with the size of the
 * file, and what runs.h takes care of (overlap, order, ends past the file) is not checked here. */
#ifndef PS_HOST_IMAGE_CONTAINERS_READER_H
#define PS_HOST_IMAGE_CONTAINERS_READER_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/bytes/bytes.h"
#include "host/image/facts.h"
#include "host/image/image.h"
#include "host/image/notes.h"
#include "host/image/runs.h"
#include "scan/err.h"

#define PS_HEAD_BYTES 8192u

/* An image while its container is opened. */
struct ps_container {
    /* Given. */
    const char *path; /* as the user named it, for files that belong to it */
    const struct ps_image_spec *spec;
    struct ps_bytes *bytes; /* what the user named, unpacked; owned by the image */
    const uint8_t *head;    /* the beginning of bytes */
    size_t n_head;          /* PS_HEAD_BYTES, or fewer when there are no more */
    /* To be filled by open. */
    struct ps_bytes *data; /* where the runs lie; 'bytes' before open. What open puts here
                            * is owned by the image, also when open fails later */
    int has_no_offsets;    /* file_off of a run is no place in the file: pages of 'data'
                            * are unpacked from it */
    struct ps_runs runs;
    struct ps_image_facts facts;
    struct ps_notes notes;
    char name[64]; /* the reader's name before open; may say more after it:
                    * "crash dump (64-bit, kernel bitmap)" */
};

struct ps_reader {
    const char *name; /* as ps_image_format says it, after the storage's prefix */
    /* Is it ours? By content; the path is for files beside it. Reads nothing but c->head, unless
     * that gives reason to. The first reader of the table that says yes opens the image. */
    int (*probe)(const struct ps_container *c);
    /* Fill *c. PS_EFORMAT with err->at = offset of the bad field, if there is nothing at all to be
     * read; else what is readable, with a note that says what is not. Messages do not name the
     * image file. */
    int (*open)(struct ps_container *c, struct ps_err *err);
};

/* Ranges of physical memory, each behind a header of its own. */
extern const struct ps_reader ps_reader_lime;
/* Core files of virtual machines (containers/elf/). Takes everything that begins as ELF. */
extern const struct ps_reader ps_reader_elf;
/* Windows XP to 11. */
extern const struct ps_reader ps_reader_hiber;
/* Containers that are recognised and refused: scanned as raw memory, their physical addresses
 * would be wrong. */
extern const struct ps_reader ps_reader_refused;
/* Windows crash dumps; triage dumps are refused. */
extern const struct ps_reader ps_reader_crash_dump;
/* The saved state of a VMware machine, and the memory that one beside it belongs to. */
extern const struct ps_reader ps_reader_vmware_state;
extern const struct ps_reader ps_reader_vmware_vmem;
/* Bytes that are physical memory from address 0 on. Takes everything, so it comes last. */
extern const struct ps_reader ps_reader_raw;

#endif
