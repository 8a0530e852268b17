/* An image file as physical memory.
 *
 * Readers (one per container) are chosen by probing content and present the same thing: a
 * list of extents, ascending by physical address and not overlapping. What no extent covers
 * is absent from the image, or a hole of a sparse file, which reads as zeros and holds no
 * pool header. */
#ifndef PS_HOST_IMAGE_IMAGE_H
#define PS_HOST_IMAGE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "host/image/facts.h"
#include "host/image/notes.h"
#include "host/image/spec.h"
#include "scan/err.h"

enum ps_extent_kind {
    PS_EXTENT_STORED, /* in one piece at file_off */
    PS_EXTENT_PIECES, /* one page that is put together from pieces, and zeros where there is none */
};

/* No place in the file: the page is compressed there, or put together from several pieces. */
#define PS_NO_FILE_OFF UINT64_MAX

struct ps_extent {
    uint64_t phys;     /* physical address, a multiple of 4096 */
    uint64_t n_bytes;  /* a multiple of 4096, but for the last one of an image whose end is torn */
    uint64_t file_off; /* of its first byte, in the bytes that hold the pages: counted over all
                        * parts of a split image, unpacked; PS_NO_FILE_OFF */
    enum ps_extent_kind kind;
};

struct ps_image;

/* Open 'path', find its format by content. 'spec' may be NULL: the defaults. On failure *out is
 * untouched and the message does not name 'path': PS_ENOENT when there is no such file (or part of
 * it), PS_EFORMAT for an empty file, a directory, a pipe, less than one page, a container that is
 * not supported or in which nothing is readable, PS_EIO when it cannot be opened or read,
 * PS_ECREATE when there is no room to unpack it. */
int ps_image_open(struct ps_image **out, const char *path, const struct ps_image_spec *spec,
                  struct ps_err *err);
void ps_image_close(struct ps_image *image); /* accepts NULL */

/* Is the image one that goes by while it is read (spec->once)? Then it has no identity yet, and
 * nothing that was read is sure. */
int ps_image_is_passing(const struct ps_image *image);
/* All of it that is wanted was read. 1: it was right, is not passing any more and has its identity;
 * 0: open it again, without spec->once; an error that ends everything. No other thread uses it. */
int ps_image_finish(struct ps_image *image, struct ps_err *err);

const char *ps_image_path(const struct ps_image *image);
const char *ps_image_format(const struct ps_image *image); /* "raw", "split gzip raw" */
/* Of that, what the container lies in, outermost first: "", "split gzip". */
const char *ps_image_layers(const struct ps_image *image);
/* Of the file, or of what it unpacks to. */
uint64_t ps_image_file_bytes(const struct ps_image *image);
/* Of the machine's memory, as far as the image tells: what a container counts, else the size of a
 * raw image, else the sum of the runs. */
uint64_t ps_image_memory_bytes(const struct ps_image *image);
const struct ps_image_facts *ps_image_facts(const struct ps_image *image);
const struct ps_notes *ps_image_notes(const struct ps_image *image);
/* None at all when the file is one hole. */
const struct ps_extent *ps_image_extents(const struct ps_image *image, size_t *n);
/* Identity, computed at open ("" while the image is passing), of the unpacked file: XXH3-128 of
 * size (8 bytes, little-endian), first and last MiB (or all of a smaller file, twice), as 32 hex
 * digits. Pages of them that lie in a damaged block of a packed file count as zeros. */
const char *ps_image_id(const struct ps_image *image);
/* Bytes of pages that are there only in part, as the last one of a torn file: ps_image_read pads
 * them with zeros. */
uint64_t ps_image_torn_bytes(const struct ps_image *image);
/* Bytes that the container promises and the file does not have. */
uint64_t ps_image_missing_bytes(const struct ps_image *image);
/* Bytes that the container has twice: the first of them count. */
uint64_t ps_image_overlap_bytes(const struct ps_image *image);
/* Is the byte at 'phys' in the image, wherever that keeps it? */
int ps_image_has(const struct ps_image *image, uint64_t phys);
/* Bytes of the memory if it is one run from address 0 on, as that of a raw image; else 0. */
uint64_t ps_image_flat_bytes(const struct ps_image *image);
/* Where its addresses end: of such an image where the file does, which may be in a hole, of others
 * behind the last extent. */
uint64_t ps_image_end(const struct ps_image *image);
/* Such an image lacks the hole [start, end), a multiple of 4096 each: from 'start' on everything is
 * higher by its size. 'why' goes into the note that says so. Before other threads use the image;
 * extents that were handed out are gone. PS_EARG when it is no such image or has nothing at
 * 'start'; then nothing has changed. PS_ENOMEM. */
int ps_image_set_hole(struct ps_image *image, uint64_t start, uint64_t end, const char *why,
                      struct ps_err *err);

/* Where the byte at 'phys' is in the file (in what it unpacks to); PS_NO_FILE_OFF: absent, or the
 * container keeps it in no place of its own. */
uint64_t ps_image_file_off(const struct ps_image *image, uint64_t phys);
/* The same for a page that is stored as a whole; PS_NO_FILE_OFF: ask for each of its bytes. */
uint64_t ps_image_page_off(const struct ps_image *image, uint64_t phys);

/* Is a page unpacked for whoever reads it? Then a few reads here and there can cost as much as
 * many in order. */
int ps_image_is_packed(const struct ps_image *image);

/* The n_bytes at 'phys' (page aligned, inside one extent) as read-only memory, without a copy
 * and aligned to 8 bytes; NULL when that cannot be (compressed, pages that straddle parts,
 * mapping refused, past the end of a torn page): use ps_image_read. Touching the memory may
 * raise SIGBUS when the file shrank or its device fails: do it under ps_fault_guard, and ask
 * ps_image_read afterwards for the reason. Any thread. ps_image_release tells that a mapped
 * range will not be touched again, so that it stops counting as resident memory. */
const uint8_t *ps_image_map(struct ps_image *image, uint64_t phys, size_t n_bytes);
void ps_image_release(struct ps_image *image, const uint8_t *mem, size_t n_bytes);
/* Does that have any effect? Not where what is mapped is memory of this process. */
int ps_image_gives_back(const struct ps_image *image);

/* The same for bytes that several extents lie in, one behind the other: from the file_off of the
 * first to the end of the last. */
const uint8_t *ps_image_map_bytes(struct ps_image *image, uint64_t file_off, size_t n_bytes);

/* The n_bytes at 'phys' (what is not inside its extent does not count) will be mapped or read
 * soon: start to fetch them if they are not in memory. Does not wait and costs next to nothing
 * on a warm file; about 32 MiB ahead of the scan is enough for a disk. Any thread. */
void ps_image_will_need(struct ps_image *image, uint64_t phys, uint64_t n_bytes);
void ps_image_will_need_bytes(struct ps_image *image, uint64_t file_off, uint64_t n_bytes);

/* Read n_bytes at 'phys' (inside one extent, of which a torn last page counts as whole) into buf.
 * Bytes past the end of a torn last page are zero. PS_EIO with err->at = file offset when the
 * device fails, PS_EFORMAT when the file turned out to be shorter than it was. Any thread. */
int ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                  struct ps_err *err);
/* The same by one of several threads that read all of the image once, in order: no page that one of
 * them reads is unpacked for the others. */
int ps_image_read_once(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                       struct ps_err *err);

#endif
