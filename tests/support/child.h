/* Programs that a stress test runs and looks at from outside. */
#ifndef PS_TESTS_SUPPORT_CHILD_H
#define PS_TESTS_SUPPORT_CHILD_H

/* A sanitizer's own memory would have to be known for a bound on that of a program. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PS_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PS_IS_SANITIZED 1
#endif
#endif
#ifndef PS_IS_SANITIZED
#define PS_IS_SANITIZED 0
#endif

struct ps_child {
    int status;       /* as wait gives it; a program that hangs dies by SIGALRM */
    long max_rss_kib; /* of this one */
};

/* Run argv (NULL-terminated, 15 words at most), its standard output and error into the files 'out'
 * and 'err', for 'seconds' at most. 0, or -1: it could not be started or waited for. */
int ps_child_run(struct ps_child *child, const char *const *argv, const char *out, const char *err,
                 unsigned seconds);

/* Is every line of the file a sentence of poolscan's? 0; else the length of the first line that is
 * none, which goes to standard error; -1: the file cannot be read. */
long ps_child_speaks(const char *err);

#endif
