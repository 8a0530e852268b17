/* Headers of Windows crash dumps, written field by field from docs/IMAGES.md. */
#ifndef PS_TESTS_SUPPORT_MADE_DUMP_H
#define PS_TESTS_SUPPORT_MADE_DUMP_H

#include <stddef.h>
#include <stdint.h>

#define MADE_DUMP_BYTES 65536u

struct made_dump {
    int is_64;
    uint32_t header_bytes;
    size_t n_bytes; /* of the file so far */
    _Alignas(16) uint8_t bytes[MADE_DUMP_BYTES];
};

/* A header in which only the two signatures and DumpType are filled; the text PAGE elsewhere. */
void made_dump_init(struct made_dump *d, int is_64, uint32_t type);
/* Numbers anywhere; the file grows up to them. Outside of the buffer ends the program. */
void made_dump_put(struct made_dump *d, size_t at, uint64_t value, size_t n_bytes);
void made_dump_put32(struct made_dump *d, size_t at, uint32_t value);
void made_dump_put64(struct made_dump *d, size_t at, uint64_t value);
/* DTB, debugger data block, lists, machine, build, processors, bug check: all different. */
void made_dump_facts(struct made_dump *d);
/* PhysicalMemoryBlock: the counts, and run number i. */
void made_dump_counts(struct made_dump *d, uint32_t n_runs, uint64_t n_pages);
void made_dump_run(struct made_dump *d, uint32_t i, uint64_t frame, uint64_t n);
/* The header of a bitmap; 'signature' SDMP or FDMP. */
void made_dump_bitmap(struct made_dump *d, const char *signature, uint64_t first_page,
                      uint64_t n_pages, uint64_t n_bits);
void made_dump_bit(struct made_dump *d, uint64_t frame);
/* The header of a page list, with room for n ranges before the first page, all zero, and one of
 * them; returns the offset of the first page. n_pages of a complete dump. */
uint64_t made_dump_rdmp(struct made_dump *d, uint32_t n_ranges, uint64_t n_pages);
void made_dump_range(struct made_dump *d, uint32_t i, uint64_t frame, uint64_t n);
/* The file is n_bytes long: cut, or grown by zeros. */
void made_dump_size(struct made_dump *d, size_t n_bytes);

#endif
