/* The sections of the segment files of an E01 image, looked at before libewf gets to see them.
 *
 * libewf trusts what a damaged file says: a section that leads nowhere shifts all that follows, a
 * chunk that is not there costs memory which never comes back. What is found here says which chunks
 * it may be asked for. docs/IMAGES.md has the layout. */
#ifndef PS_HOST_IMAGE_PACKED_EWF_SECTIONS_H
#define PS_HOST_IMAGE_PACKED_EWF_SECTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"

/* Every segment file begins with it. */
#define PS_EWF_MAGIC       "EVF\x09\x0d\x0a\xff\x00"
#define PS_EWF_MAGIC_BYTES 8u
#define PS_EWF_NUMBER_AT   9u /* its number, 2 bytes */

struct ps_ewf_sections {
    uint32_t chunk_bytes;
    uint64_t n_media_bytes; /* as the first segment file says */
    /* Of the chunks listed, in order: 1 if its place lies in its segment file, 0 if libewf should
     * not be asked for it. */
    uint8_t *chunk_is_sane;
    size_t n_chunks;
    size_t cap;
    size_t n_last_table;
    /* The last section that holds chunks, which the table behind it lists; 0: there is none, and
     * chunks lie in the table that lists them, as in SMART files. */
    uint64_t sectors_at, sectors_end;
    int goes_on;   /* the last file says that another one follows */
    int is_broken; /* the sections end early; chunks behind that are not listed */
};

/* Begin with all zero; free with ps_ewf_sections_free, also after a failure. PS_EFORMAT for files
 * that are no segments 1, 2 ... of a physical image, PS_ENOMEM, and what opening and reading them
 * gives; a chain of sections that ends early is no failure. */
int ps_ewf_sections_read(struct ps_ewf_sections *s, char *const *paths, size_t n_paths,
                         struct ps_err *err);
void ps_ewf_sections_free(struct ps_ewf_sections *s);

#endif
