/* Talk: standard error, and nowhere else. */
#ifndef PS_HOST_LOG_H
#define PS_HOST_LOG_H

enum ps_log_level { PS_LOG_ERROR, PS_LOG_WARN, PS_LOG_INFO, PS_LOG_DEBUG };

/* Say 'fmt' as one line "poolscan: ...". Below the level it costs one compare. Any thread. */
void ps_log(enum ps_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* quiet: errors only; otherwise warnings, and more with each -v. Set before threads start. */
void ps_log_set_level(int quiet, int verbose);

#endif
