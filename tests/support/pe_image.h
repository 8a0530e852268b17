/* A small PE image as a loader would lay it out, written from the format's tables. */
#ifndef PS_TESTS_SUPPORT_PE_IMAGE_H
#define PS_TESTS_SUPPORT_PE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define PE_IMAGE_BYTES 0x8000u

/* Where things are, relative to the base. */
enum {
    PE_NT_HEADERS = 0x80,
    PE_EXPORT_PAGE = 0x2000, /* directory, arrays and names */
    PE_DEBUG_PAGE = 0x3000,  /* debug directory, then the RSDS record */
    PE_DATA = 0x4000,        /* two pages */
    PE_NT_BUILD_NUMBER = 0x4010,
    PE_INITIAL_SYSTEM_PROCESS = 0x4020,
    PE_LOADED_MODULE_LIST = 0x5030,
    PE_ALMOSTRO = 0x6000, /* writable, one page less 16 bytes */
    PE_INITDATA = 0x7000, /* writable, discardable */
};

/* GUID digits of the RSDS record, and its age. */
#define PE_GUID_TEXT "0123456789ABCDEFFEDCBA9876543210"
#define PE_AGE       7u

struct pe_image_options {
    int is_x64;
    uint64_t base;           /* ImageBase, and where pointers lead */
    const char *export_name; /* NULL: no export directory */
    const char *pdb_name;    /* NULL: no debug directory */
    uint32_t build;          /* NtBuildNumber */
    uint64_t system_process; /* value of PsInitialSystemProcess */
};

void pe_image_write(uint8_t bytes[PE_IMAGE_BYTES], const struct pe_image_options *options);

#endif
