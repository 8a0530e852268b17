/* How far a run is, on standard error: a bar for people, JSON lines for programs. */
#ifndef PS_HOST_REPORT_PROGRESS_H
#define PS_HOST_REPORT_PROGRESS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

struct ps_progress_config {
    int bar;                    /* draw a bar: --progress always, or auto on a terminal */
    int json;                   /* --status-json: no bar then, an object about once a second */
    const char *session;        /* NULL: "poolscan" */
    const char *target;         /* what is scanned, as the user named it */
    uint64_t total_bytes;       /* 0: not known */
    const char *const *devices; /* names of what scans; outlive the progress, as all strings */
    size_t n_devices;

    /* For tests; zero means the real thing. */
    FILE *out;                /* standard error */
    uint64_t (*now_ns)(void); /* a monotonic clock */
    time_t wall_start;        /* the time of day at the start */
    unsigned width;           /* columns of the terminal */
};

/* The caller's; its contents are this module's, and it does not move until ps_progress_end. Used by
 * one thread. */
struct ps_progress {
    struct ps_progress_config config;
    uint64_t start_ns;
    uint64_t due_ns; /* when to draw or print next */
    uint64_t done_bytes;
    uint64_t n_findings;
    int drawn; /* the bar is on the screen */
};

/* Should there be a bar? 'when' as --progress says: 0 auto, 1 always, 2 never (enum ps_when). */
int ps_progress_wants_bar(int when);

void ps_progress_start(struct ps_progress *p, const struct ps_progress_config *config);
/* Tell how much is done; draws at most ten times a second. Else it costs one look at the clock. */
void ps_progress_update(struct ps_progress *p, uint64_t done_bytes, uint64_t n_findings);
/* Take the bar away, so that a message can be printed; the next update draws it again. */
void ps_progress_hide(struct ps_progress *p);
/* The last JSON line; takes the bar away. */
void ps_progress_end(struct ps_progress *p);

/* Print one status line, bar or not, of the progress that was started last: 1; or 0 when there is
 * none between its start and its end. 'phase': what is being done, NULL if that is clear. Any
 * thread. */
int ps_progress_tell(const char *phase);

#endif
