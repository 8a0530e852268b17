/* The last line of a run: what was read, what could not be, what came out. */
#ifndef PS_HOST_REPORT_SUMMARY_H
#define PS_HOST_REPORT_SUMMARY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ps_summary {
    uint64_t n_images;
    uint64_t n_bytes;             /* scanned */
    uint64_t n_findings;          /* written */
    uint64_t n_with_address;      /* of these, with a virtual address */
    uint64_t n_unmapped;          /* headers in pages that no page table maps */
    uint64_t n_in_big_pool;       /* headers inside a big allocation */
    uint64_t n_copies_left_out;   /* headers in copies of pages, which are not written */
    uint64_t n_below;             /* findings below min_confidence, which are not written */
    unsigned min_confidence;      /* 0 .. 100 */
    uint64_t n_big;               /* big allocations */
    uint64_t n_big_elsewhere;     /* of these, not in the image */
    uint64_t n_paged_out;         /* pages scanned that were read from page files */
    uint64_t n_paged_out_missing; /* pages that no given page file has */
    uint64_t n_hole_bytes;        /* skipped: absent from the image or holes of a sparse file */
    uint64_t n_unreadable_bytes;  /* lost to read errors or truncation */
    uint64_t n_torn_bytes;        /* of pages that are there only in part */
    uint64_t n_missing_bytes;     /* that the headers of an image promise and the file lacks */
    double seconds;
    const char *backend; /* "cpu/avx512, 2 threads"; NULL or "": not told */
    const char *digest;  /* of the findings; NULL or "": none */
    int interrupted;     /* the run ended before its images did */
};

/* Print one line to 'out': "poolscan: ..." for people, or with 'json' an object of kind "summary"
 * with the same facts. Nothing is left out when it is zero, for zero is a statement too. */
void ps_summary_print(FILE *out, const struct ps_summary *s, int json);

#endif
