/* The truth file of a real image: what the kernel's own tables say. shared/images/README.md. */
#ifndef PS_TESTS_REAL_TRUTH_H
#define PS_TESTS_REAL_TRUTH_H

#include <stddef.h>
#include <stdint.h>

struct truth_tag {
    uint32_t tag;    /* as in memory, protected bit clear */
    int64_t live;    /* allocations less frees, small and big, by the tracker */
    int64_t n_big;   /* live big allocations */
    int64_t n_found; /* for the caller to count */
};

struct truth {
    uint64_t cr3;
    struct truth_tag *tags; /* ascending by tag */
    size_t n_tags;
    size_t n_big;
    size_t n_boot_tables; /* pool tables that are in no big-page table: made before there is one */
};

/* Ends the program when the file is not what it should be. */
void truth_load(struct truth *truth, const char *path);
void truth_free(struct truth *truth);
/* NULL: the tracker does not know that tag. The protected bit of 'tag' does not matter. */
struct truth_tag *truth_find(const struct truth *truth, uint32_t tag);

#endif
