/* What a writer gets. */
#ifndef PS_TESTS_CONTAINERS_MAKER_H
#define PS_TESTS_CONTAINERS_MAKER_H

#include <stdint.h>

#include "tests/containers/ram_map.h"

/* Of the Windows inside, as headers say them; 0 is not said. */
struct maker_facts {
    int is_x86;
    uint32_t build;
    uint32_t n_processors;
    uint64_t dtb;
    uint64_t kdbg;
    uint64_t loaded_modules;
    uint64_t process_head;
    uint64_t pfn_database;
    uint32_t bugcheck;
    uint64_t system_time;
};

#define NUMBER_NOT_GIVEN UINT32_MAX

struct maker {
    struct ram_map ram;
    const char *out;
    const char *variant; /* of the format; never NULL */
    struct maker_facts facts;
    uint32_t number; /* of the variant: a version, a length ...; NUMBER_NOT_GIVEN */
    int xnum;        /* ELF: the count of program headers as PN_XNUM says it */
};

/* One container format, and the variants that --variant knows of it, the first one the usual. */
struct format {
    const char *name;
    const char *variants;
    void (*write)(struct maker *maker);
};

int is_variant(const struct maker *maker, const char *name);

void write_raw(struct maker *maker);
void write_squeezed(struct maker *maker);
void write_lime(struct maker *maker);
void write_elf64(struct maker *maker);
void write_elf32(struct maker *maker);
void write_dump64(struct maker *maker);
void write_dump32(struct maker *maker);
void write_vmware(struct maker *maker);
void write_hiber8(struct maker *maker);
void write_hiber7(struct maker *maker);
void write_zdmp(struct maker *maker);

#endif
