/* A session: the folder in which a long scan keeps what it has, so that it can go on after any end.
 *
 *     lock             locked (flock) by the process that uses the session
 *     settings.json    what the output is to be
 *     plan.jsonl       a plan with one task for each image; it is put in place last: without it
 *                      nothing has begun
 *     task-*.shard     what was found so far, growing under their own names
 *
 * One thread. */
#ifndef PS_HOST_FARM_SESSION_SESSION_H
#define PS_HOST_FARM_SESSION_SESSION_H

#include <stddef.h>

#include "host/farm/plan.h"
#include "host/options.h"
#include "scan/err.h"

/* An image that could not be opened when the session began, and so is not in the plan. */
struct ps_session_failure {
    uint32_t before; /* so many images of the plan stood before it */
    int code;        /* PS_E... */
    char *text;      /* what was said */
};

/* What is not in the plan, because it does not shape what is found. */
struct ps_session_settings {
    char *format;
    char *output; /* absolute; NULL: standard output */
    int fail_if_none;
    char **name; /* of the images, as they were typed */
    size_t n_names;
    struct ps_session_failure *failure; /* in the order of the images */
    size_t n_failures;
};

/* From the options of the scan that begins, so far without images. PS_EIO when the current folder
 * has no name; PS_ENOMEM. Free in any case. */
int ps_session_settings_make(struct ps_session_settings *out, const struct ps_options *opt,
                             struct ps_err *err);
/* The next image of opt->args: its name in the plan, or why it is not there. PS_ENOMEM. */
int ps_session_settings_add(struct ps_session_settings *s, const char *name, struct ps_err *err);
int ps_session_settings_add_failure(struct ps_session_settings *s, int code, const char *text,
                                    struct ps_err *err);
void ps_session_settings_free(struct ps_session_settings *s); /* accepts one that is all zero */

struct ps_session {
    const char *dir;
    int lock; /* file descriptor */
};

/* Make the folder, or with 'is_there' expect it, and lock it. PS_ECREATE: it cannot be made, or is
 * there and holds other things; PS_ENOENT: it is not there; PS_ETEMP: another process uses it. */
int ps_session_open(struct ps_session *s, const char *dir, int is_there, struct ps_err *err);
/* Has it a plan? */
int ps_session_has_begun(const struct ps_session *s);
/* Put settings and the sealed plan in place. PS_ECREATE, PS_EIO. */
int ps_session_begin(const struct ps_session *s, const struct ps_farm_plan *plan,
                     const struct ps_session_settings *settings, struct ps_err *err);
/* Read them; the caller frees both. PS_EFORMAT: damaged, or not of each other; PS_ENOENT: nothing
 * has begun; PS_EIO, PS_ENOMEM. */
int ps_session_load(const struct ps_session *s, struct ps_farm_plan *plan,
                    struct ps_session_settings *settings, struct ps_err *err);
/* Remove all files of the session, and the folder if it is empty then. PS_EIO. */
int ps_session_remove(const struct ps_session *s, const struct ps_farm_plan *plan,
                      struct ps_err *err);
void ps_session_close(struct ps_session *s);

#endif
