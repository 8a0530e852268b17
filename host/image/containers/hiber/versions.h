/* The headers and tables of Windows XP to 7. */
#ifndef PS_HOST_IMAGE_CONTAINERS_HIBER_VERSIONS_H
#define PS_HOST_IMAGE_CONTAINERS_HIBER_VERSIONS_H

#include "host/image/containers/hiber/hiber.h"

/* _PO_MEMORY_RANGE_ARRAY: numbers are 4 bytes on x86, else 8; the count is always 4. */
struct ps_hiber_ranges {
    const char *name;
    uint8_t is_x86;
    uint8_t next_at, count_at; /* NextTable, EntryCount */
    uint8_t first_at, stride;  /* of the ranges */
    uint8_t start_at, end_at;  /* in a range; the end is the page behind the last one */
};

/* PO_MEMORY_IMAGE. */
struct ps_hiber_version {
    uint32_t length_self;
    uint8_t first_table_at;
    uint8_t time_at;
    uint8_t processor_page; /* of the file, with KPROCESSOR_STATE */
    const struct ps_hiber_ranges *ranges;
};

extern const struct ps_hiber_version ps_hiber_versions[];
extern const size_t ps_n_hiber_versions;

/* The page with the first block among the first of the file: 1, or 0: none, or -PS_E.... */
int ps_hiber_first_block(const struct ps_container *c, uint64_t *page, struct ps_err *err);
/* FirstTablePage, if the header can be that version's; else 0. */
uint64_t ps_hiber_first_table(const struct ps_container *c, const struct ps_hiber_version *v);
/* CR3, and the time if the header is there. */
int ps_hiber_version_facts(struct ps_container *c, const struct ps_hiber_version *v, int has_header,
                           struct ps_err *err);

#endif
