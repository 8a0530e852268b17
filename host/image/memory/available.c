#include "host/image/memory/available.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHARE      4u /* one part of so many */
#define MAX_PATH   4096u
#define TEXT_BYTES ((size_t)16 << 10)

/* The beginning of a file, as a string. 0: there is none. */
static int read_text(const char *path, char *text, size_t n)
{
    FILE *f = fopen(path, "re");
    size_t got;

    if (!f)
        return 0;
    got = fread(text, 1, n - 1, f);
    fclose(f);
    text[got] = '\0';
    return 1;
}

/* A number and nothing else behind it on its line but 'unit'. */
static int read_number(const char *text, const char *unit, uint64_t *out)
{
    char *end;
    unsigned long long n;

    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno || strncmp(end, unit, strlen(unit)) != 0)
        return 0;
    end += strlen(unit);
    if (*end && *end != '\n')
        return 0;
    *out = n;
    return 1;
}

/* The number behind 'key' at the beginning of a line. */
static int find_number(const char *text, const char *key, const char *unit, uint64_t *out)
{
    const size_t n_key = strlen(key);

    while (text) {
        if (strncmp(text, key, n_key) == 0)
            return read_number(text + n_key, unit, out);
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return 0;
}

/* The files of one kind of control group. */
struct group_kind {
    const char *limit, *usage;
    const char *cached[2]; /* keys of memory.stat */
};

static const struct group_kind group_v1 = {
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    {"total_inactive_file ", "total_active_file "},
};
static const struct group_kind group_v2 = {
    "memory.max", "memory.current", {"inactive_file ", "active_file "}};

static int file_number(const char *dir, const char *name, uint64_t *out)
{
    char path[MAX_PATH + 64], text[64];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return read_text(path, text, sizeof text) && read_number(text, "", out);
}

static uint64_t cached_in(const char *dir, const struct group_kind *kind)
{
    char path[MAX_PATH + 64];
    char *text = malloc(TEXT_BYTES);
    uint64_t sum = 0, n;

    snprintf(path, sizeof path, "%s/memory.stat", dir);
    if (text && read_text(path, text, TEXT_BYTES))
        for (size_t i = 0; i < 2; i++)
            if (find_number(text, kind->cached[i], "", &n) && n <= UINT64_MAX - sum)
                sum += n;
    free(text);
    return sum;
}

/* What a group has left; without a limit everything. */
static uint64_t left_in(const char *dir, const struct group_kind *kind)
{
    uint64_t limit, usage, cached;

    if (!file_number(dir, kind->limit, &limit) || !file_number(dir, kind->usage, &usage))
        return UINT64_MAX;
    cached = cached_in(dir, kind);
    usage -= cached < usage ? cached : usage;
    return usage < limit ? limit - usage : 0;
}

/* The least that a group and those above it have left. Where a container shows its own groups only,
 * the path leads nowhere, and the top one is the container's. */
static uint64_t left_on_way(const char *top, const char *path, const struct group_kind *kind)
{
    char dir[MAX_PATH];
    const size_t n_top = strlen(top);
    uint64_t least;

    if (n_top + strlen(path) >= sizeof dir)
        return 0;
    memcpy(dir, top, n_top);
    strcpy(dir + n_top, path);
    for (least = UINT64_MAX;;) {
        const uint64_t left = left_in(dir, kind);
        char *slash = strrchr(dir + n_top, '/');

        least = left < least ? left : least;
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Is 'name' among those of a list with commas, n bytes long? */
static int is_listed(const char *list, size_t n, const char *name)
{
    const size_t n_name = strlen(name);

    while (n >= n_name) {
        const char *comma = memchr(list, ',', n);
        const size_t n_item = comma ? (size_t)(comma - list) : n;

        if (n_item == n_name && memcmp(list, name, n_name) == 0)
            return 1;
        if (!comma)
            return 0;
        n -= n_item + 1;
        list = comma + 1;
    }
    return 0;
}

/* One line of /proc/self/cgroup: "4:memory:/path", or "0::/path" of v2. */
static uint64_t left_of_line(const char *root, char *line)
{
    char top[MAX_PATH];
    char *names = strchr(line, ':');
    char *path = names ? strchr(names + 1, ':') : NULL;
    int is_v2;

    if (!path)
        return UINT64_MAX;
    is_v2 = path == names + 1;
    if (!is_v2 && !is_listed(names + 1, (size_t)(path - names - 1), "memory"))
        return UINT64_MAX;
    snprintf(top, sizeof top, "%s/sys/fs/cgroup%s", root, is_v2 ? "" : "/memory");
    return left_on_way(top, path + 1, is_v2 ? &group_v2 : &group_v1);
}

static uint64_t left_in_groups(const char *root)
{
    char path[MAX_PATH];
    char *text = malloc(TEXT_BYTES);
    uint64_t least = UINT64_MAX;

    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    if (text && read_text(path, text, TEXT_BYTES)) {
        char *rest = text;
        char *line;

        while ((line = strsep(&rest, "\n")) != NULL) {
            const uint64_t left = left_of_line(root, line);

            least = left < least ? left : least;
        }
    }
    free(text);
    return least;
}

uint64_t ps_memory_available(const char *root)
{
    char path[MAX_PATH], text[2048];
    uint64_t kib = 0;
    uint64_t left;

    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    if (!read_text(path, text, sizeof text) || !find_number(text, "MemAvailable:", " kB", &kib) ||
        kib > UINT64_MAX / 1024)
        return 0;
    left = left_in_groups(root);
    return kib * 1024 < left ? kib * 1024 : left;
}

uint64_t ps_memory_share(uint64_t available, unsigned n_threads, unsigned n_cpus)
{
    const uint64_t share = available / SHARE;

    if (!n_threads || n_threads >= n_cpus)
        return share;
    return share / n_cpus * n_threads;
}

uint64_t ps_memory_for_unpacking(unsigned n_threads)
{
    const long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return ps_memory_share(ps_memory_available(""), n_threads, n_cpus < 1 ? 1 : (unsigned)n_cpus);
}
