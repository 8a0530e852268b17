/* Mapped files that shrink: memory whose second half raises SIGBUS. */
#ifndef PS_TESTS_SUPPORT_CUT_FILE_H
#define PS_TESTS_SUPPORT_CUT_FILE_H

#include <stddef.h>
#include <stdint.h>

struct ps_cut_file {
    uint8_t *mem;
    size_t n_bytes;
    int fd;
};

/* Map an unlinked file of n_bytes, filled with ones. Failures end the program. */
void ps_cut_file_make(struct ps_cut_file *file, size_t n_bytes);
void ps_cut_file_cut(struct ps_cut_file *file, size_t n_bytes); /* shrink it to n_bytes */
void ps_cut_file_free(struct ps_cut_file *file);

/* Sum one byte of each 64: for ps_fault_guard. */
struct ps_touch {
    const volatile uint8_t *mem;
    size_t n_bytes;
    uint64_t sum;
};

void ps_touch(void *arg);

#endif
