/* Talk: standard error, and nowhere else. */
#ifndef PS_HOST_LOG_H
#define PS_HOST_LOG_H

enum ps_log_level { PS_LOG_ERROR, PS_LOG_WARN, PS_LOG_INFO, PS_LOG_DEBUG };

/* Say 'fmt' as one line "poolscan: ...". What is below the level costs a compare or two. Any
 * thread. */
void ps_log(enum ps_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* quiet: errors only; otherwise warnings, and more with each -v. Set before threads start. */
void ps_log_set_level(int quiet, int verbose);

/* Give each line first, whatever its level, to 'keep', which returns whether it is not to be said;
 * NULL: to nobody. Set only while no other thread says anything. */
void ps_log_keep(int (*keep)(void *arg, enum ps_log_level level, const char *text), void *arg);

#endif
