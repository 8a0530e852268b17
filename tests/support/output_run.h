/* Findings through a writer and back as text. */
#ifndef PS_TESTS_SUPPORT_OUTPUT_RUN_H
#define PS_TESTS_SUPPORT_OUTPUT_RUN_H

#include <stddef.h>

#include "host/output/output.h"

#define TAG(a, b, c, d)                                                                            \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* One image and what was found in it. */
struct output_case {
    struct ps_output_image image;
    const struct ps_finding *finding;
    size_t n;
};

/* A database of a few tags: Proc with both texts, Quot whose texts need escapes, Bare with none. */
struct ps_tagdb *output_test_tags(void);

/* Write the cases in 'format' to a file and return its text, zero-terminated, to be released with
 * free(). Every call must succeed. */
char *output_run(const char *format, const struct ps_tagdb *tags, const struct output_case *c,
                 size_t n_cases, size_t *n_bytes);

/* Contents of a file, zero-terminated, to be released with free(); NULL when it cannot be read. */
char *read_file(const char *path, size_t *n_bytes);

#endif
