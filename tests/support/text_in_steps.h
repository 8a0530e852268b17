/* A text in memory as a source of bytes that gives a few at a time. */
#ifndef PS_TESTS_SUPPORT_TEXT_IN_STEPS_H
#define PS_TESTS_SUPPORT_TEXT_IN_STEPS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "scan/err.h"

struct text {
    const void *at;
    size_t left, step; /* bytes: of the text, of what one read gives at most */
};

/* The read of a struct ps_byte_source whose arg is a struct text. */
static inline int64_t read_text(void *arg, void *buf, size_t n_bytes, struct ps_err *ignored)
{
    struct text *t = arg;
    size_t n = t->step < t->left ? t->step : t->left;

    (void)ignored;
    n = n < n_bytes ? n : n_bytes;
    if (n > 0)
        memcpy(buf, t->at, n);
    t->at = (const char *)t->at + n;
    t->left -= n;
    return (int64_t)n;
}

#endif
