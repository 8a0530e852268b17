/* Memory that tells when it is overrun. */
#ifndef PS_TESTS_SUPPORT_GUARDED_H
#define PS_TESTS_SUPPORT_GUARDED_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernel.h"

/* n_pages pages between two pages that cannot be touched. n_pages may be 0: 'pages' then
 * points at unreadable memory. Out of memory ends the program. */
struct guarded_pages {
    uint8_t *pages;
    size_t n_pages;
};

struct guarded_pages guarded_pages_make(size_t n_pages);
void guarded_pages_free(struct guarded_pages *g);

/* Room for 'cap' hits with sentinels before and behind. */
struct guarded_hits {
    struct ps_hit *hits;
    size_t cap;
};

struct guarded_hits guarded_hits_make(size_t cap);
/* 1 while every sentinel is whole. */
int guarded_hits_intact(const struct guarded_hits *g);
void guarded_hits_free(struct guarded_hits *g);

#endif
