#include "host/farm/session/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/farm/session/settings.h"
#include "host/farm/task_parts.h"

#define LOCK     "lock"
#define PLAN     "plan.jsonl"
#define SETTINGS "settings.json"
#define TEMP     ".*.tmp"

static int path_in(const struct ps_session *s, const char *name, char path[PATH_MAX],
                   struct ps_err *err)
{
    const int len = snprintf(path, PATH_MAX, "%s/%s", s->dir, name);

    if (len > 0 && len < PATH_MAX)
        return 0;
    return ps_fail(err, PS_ECREATE, PS_AT_NONE, "%.100s...: the name is too long", s->dir);
}

/* Left by one that was killed while it put something in place. */
static int is_temp(const char *name)
{
    return fnmatch(PLAN TEMP, name, 0) == 0 || fnmatch(SETTINGS TEMP, name, 0) == 0;
}

/* What a session may have left, complete or not. */
static int is_ours(const char *name)
{
    static const char *const pattern[] = {".", "..", LOCK, PLAN, SETTINGS, "task-*.shard"};

    for (size_t i = 0; i < sizeof pattern / sizeof *pattern; i++)
        if (fnmatch(pattern[i], name, 0) == 0)
            return 1;
    return is_temp(name);
}

static int check_files(const struct ps_session *s, struct ps_err *err)
{
    DIR *dir = opendir(s->dir);
    const struct dirent *e;
    int rc = 0;

    if (!dir)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "session %.120s: %s", s->dir, strerror(errno));
    while (rc == 0 && (e = readdir(dir)))
        if (!is_ours(e->d_name))
            rc = ps_fail(err, PS_ECREATE, PS_AT_NONE,
                         "session %.100s: that folder is no session, %.60s is in it; choose "
                         "another name",
                         s->dir, e->d_name);
    closedir(dir);
    return rc;
}

/* A file system without locks is trusted to have one user. */
static int take_lock(struct ps_session *s, struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = path_in(s, LOCK, path, err);

    if (rc < 0)
        return rc;
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (s->lock < 0)
        return ps_fail(err, PS_ECREATE, PS_AT_NONE, "session %.120s: %s", s->dir, strerror(errno));
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0 || errno == ENOLCK || errno == EOPNOTSUPP)
        return 0;
    return ps_fail(err, PS_ETEMP, PS_AT_NONE, "session %.120s: another process is at it", s->dir);
}

static void remove_temps(const struct ps_session *s)
{
    DIR *dir = opendir(s->dir);
    const struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (is_temp(e->d_name))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
}

int ps_session_open(struct ps_session *s, const char *dir, int is_there, struct ps_err *err)
{
    struct stat st;
    int rc = 0;

    *s = (struct ps_session){.dir = dir, .lock = -1};
    if (is_there && (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode)))
        return ps_fail(err, PS_ENOENT, PS_AT_NONE,
                       "session %.120s: there is none; --session NAME begins one", dir);
    if (!is_there)
        rc = ps_farm_make_dir(dir, err);
    if (rc == 0)
        rc = check_files(s, err);
    if (rc == 0)
        rc = take_lock(s, err);
    if (rc == 0)
        remove_temps(s);
    return rc;
}

int ps_session_has_begun(const struct ps_session *s)
{
    char path[PATH_MAX];
    struct ps_err ignored;

    return path_in(s, PLAN, path, &ignored) == 0 && access(path, F_OK) == 0;
}

int ps_session_begin(const struct ps_session *s, const struct ps_farm_plan *plan,
                     const struct ps_session_settings *settings, struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = path_in(s, SETTINGS, path, err);

    if (rc == 0)
        rc = ps_session_settings_write(settings, plan->id, path, err);
    if (rc == 0)
        rc = path_in(s, PLAN, path, err);
    return rc == 0 ? ps_farm_plan_write(plan, path, err) : rc;
}

int ps_session_load(const struct ps_session *s, struct ps_farm_plan *plan,
                    struct ps_session_settings *settings, struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = path_in(s, PLAN, path, err);

    if (!ps_session_has_begun(s))
        return ps_fail(err, PS_ENOENT, PS_AT_NONE,
                       "session %.120s: nothing has begun; --session NAME begins one", s->dir);
    if (rc == 0)
        rc = ps_farm_plan_read(plan, path, err);
    if (rc == 0)
        rc = path_in(s, SETTINGS, path, err);
    return rc == 0 ? ps_session_settings_read(settings, plan, path, err) : rc;
}

static int remove_file(const struct ps_session *s, const char *name, struct ps_err *err)
{
    char path[PATH_MAX];
    int rc = path_in(s, name, path, err);

    if (rc < 0 || unlink(path) == 0 || errno == ENOENT)
        return rc;
    return ps_fail(err, PS_EIO, PS_AT_NONE, "session %.120s: %.40s cannot be removed: %s", s->dir,
                   name, strerror(errno));
}

/* The plan goes before the settings, so that whoever finds a plan finds all that it needs. */
int ps_session_remove(const struct ps_session *s, const struct ps_farm_plan *plan,
                      struct ps_err *err)
{
    static const char *const last[] = {PLAN, SETTINGS, LOCK};
    char name[64];
    int rc = 0;

    for (size_t i = 0; i < plan->n_tasks && rc == 0; i++) {
        snprintf(name, sizeof name, PS_FARM_SHARD_NAME, (unsigned)plan->task[i].number);
        rc = remove_file(s, name, err);
    }
    for (size_t i = 0; i < sizeof last / sizeof *last && rc == 0; i++)
        rc = remove_file(s, last[i], err);
    if (rc == 0)
        (void)rmdir(s->dir);
    return rc;
}

void ps_session_close(struct ps_session *s)
{
    if (s->lock >= 0)
        close(s->lock);
    s->lock = -1;
}
