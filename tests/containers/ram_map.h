/* The memory that goes into a container: a raw image, and which ranges of it the machine had. */
#ifndef PS_TESTS_CONTAINERS_RAM_MAP_H
#define PS_TESTS_CONTAINERS_RAM_MAP_H

#include <stddef.h>
#include <stdint.h>

#define RAM_PAGE 4096u

/* Physical addresses, 'end' is the first one after it. */
struct ram_run {
    uint64_t start;
    uint64_t end;
};

/* Failure of any of these ends the program. */
struct ram_map {
    int fd;
    const uint8_t *raw; /* offset in the file = physical address */
    uint64_t n_raw;
    struct ram_run *run; /* ascending, not touching each other */
    size_t n;
};

/* Map the raw image; no runs yet. */
void ram_open(struct ram_map *ram, const char *path);
void ram_close(struct ram_map *ram);

/* Runs: the pages that are not all zero. What is zero between them for fewer than gap_pages pages
 * belongs to the run around it. */
void ram_find_runs(struct ram_map *ram, uint64_t gap_pages);

/* Runs as the text says, "0x1000-0x9fc00,0x100000-0x1000000": ascending, any bytes. */
void ram_parse_runs(struct ram_map *ram, const char *text);

/* Runs of whole pages, for containers that know nothing else; rounded out. */
void ram_round_to_pages(struct ram_map *ram);

/* Cut each run at multiples of n_bytes; runs may touch each other then. */
void ram_split(struct ram_map *ram, uint64_t n_bytes);

uint64_t ram_n_bytes(const struct ram_map *ram);
uint64_t ram_end(const struct ram_map *ram); /* of the last run */

/* What the memory holds; zeros where the raw image ends. */
void ram_copy(const struct ram_map *ram, uint64_t phys, void *to, size_t n_bytes);

#endif
