/* How much memory there is for a process that could do with less. */
#ifndef PS_HOST_IMAGE_MEMORY_AVAILABLE_H
#define PS_HOST_IMAGE_MEMORY_AVAILABLE_H

#include <stdint.h>

/* Bytes that this process can have without anybody having to swap: what the system has available,
 * or less where one of its control groups (v1 and v2, and all above them) has less left; files in
 * the page cache of a group count as left. 0 where the system does not tell. 'root' is "" but for
 * tests: the directory that proc/ and sys/ are in. */
uint64_t ps_memory_available(const char *root);

/* Of what is available, the part that unpacked images may take: a quarter, and of that as much as
 * the process uses of the machine's processors, since others like it may use the rest. */
uint64_t ps_memory_share(uint64_t available, unsigned n_threads, unsigned n_cpus);

/* The same of this machine now, with n_threads as in ps_image_spec. */
uint64_t ps_memory_for_unpacking(unsigned n_threads);

#endif
