/* The end of make_container when something is wrong. */
#ifndef PS_TESTS_CONTAINERS_FAIL_H
#define PS_TESTS_CONTAINERS_FAIL_H

/* One line on standard error, exit status 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Memory of all zeros, which there is: its lack ends the program. */
void *need_memory(unsigned long n_bytes);

#endif
