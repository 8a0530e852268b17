/* Available memory, from texts of /proc and control groups that this writes itself. */
#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/image/memory/available.h"

#define GIB ((uint64_t)1 << 30)

static char root[64];

static void put(const char *path, const char *text)
{
    char whole[512];
    FILE *f;

    snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        cr_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *slash = '/';
    }
    f = fopen(whole, "w");
    cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void begin(void)
{
    strcpy(root, "/tmp/poolscan-available-XXXXXX");
    cr_assert(mkdtemp(root));
    put("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\n"
                        "MemAvailable:    8388608 kB\nBuffers:  5 kB\n");
}

static void end(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(available, .init = begin, .fini = end);

Test(available, without_groups)
{
    cr_assert_eq(ps_memory_available(root), 8 * GIB);
    cr_assert_eq(ps_memory_available("/nonexistent"), 0);
    cr_assert_gt(ps_memory_available(""), 0);
}

Test(available, version_2)
{
    put("proc/self/cgroup", "0::/a.slice/b\n");
    put("sys/fs/cgroup/a.slice/b/memory.max", "max\n");
    put("sys/fs/cgroup/a.slice/b/memory.current", "1000\n");
    cr_assert_eq(ps_memory_available(root), 8 * GIB);
    /* The group above has the limit: 2 GiB, of which 1.5 are used, 0.5 of these by files. */
    put("sys/fs/cgroup/a.slice/memory.max", "2147483648\n");
    put("sys/fs/cgroup/a.slice/memory.current", "1610612736\n");
    cr_assert_eq(ps_memory_available(root), GIB / 2);
    put("sys/fs/cgroup/a.slice/memory.stat",
        "anon 7\nfile 8\ninactive_file 268435456\nactive_file 268435456\nslab 9\n");
    cr_assert_eq(ps_memory_available(root), GIB);
    put("sys/fs/cgroup/a.slice/b/memory.max", "5000\n");
    cr_assert_eq(ps_memory_available(root), 4000);
    put("sys/fs/cgroup/a.slice/b/memory.current", "6000\n");
    cr_assert_eq(ps_memory_available(root), 0);
    put("sys/fs/cgroup/a.slice/b/memory.stat", "inactive_file 18446744073709551615\n");
    cr_assert_eq(ps_memory_available(root), 5000);
}

Test(available, version_1)
{
    put("proc/self/cgroup", "5:cpu,memoryless:/x\n4:cpuset,memory:/x\n0::/\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "5000000000\n");
    cr_assert_eq(ps_memory_available(root), 8 * GIB);
    put("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1073741824\n");
    put("sys/fs/cgroup/memory/x/memory.usage_in_bytes", "1073741824\n");
    cr_assert_eq(ps_memory_available(root), 0);
    put("sys/fs/cgroup/memory/x/memory.stat",
        "inactive_file 5\ntotal_inactive_file 4096\ntotal_active_file 4096\n");
    cr_assert_eq(ps_memory_available(root), 8192);
}

/* In a container the path is that of the host, and what is seen is the container's own. */
Test(available, path_of_another_view)
{
    put("proc/self/cgroup", "4:memory:/docker/0123/not/here\n");
    put("sys/fs/cgroup/memory/memory.limit_in_bytes", "3000\n");
    put("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
    cr_assert_eq(ps_memory_available(root), 2000);
}

/* Nothing of it is believed that is no number. */
Test(available, hostile)
{
    static const char *const meminfo[] = {
        "",
        "MemAvailable:",
        "MemAvailable: -5 kB\n",
        "MemAvailable: 5 MB\n",
        "MemAvailable: 5 kB or more\n",
        "MemAvailable: 99999999999999999999999 kB\n",
        "MemAvailable: 18446744073709551615 kB\n",
        "x MemAvailable: 5 kB\n",
    };
    static const char *const groups[] = {"", ":", "::", "0:", "\n\n::\n:::\n", "0::", "1:memory",
                                         "4:,,memory:relative\n", "0::/../../..\n"};
    char *text = malloc(40000);

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        put("proc/self/cgroup", groups[i]);
        cr_assert_eq(ps_memory_available(root), 8 * GIB, "%s", groups[i]);
    }
    memset(text, '/', 39999);
    memcpy(text, "0::", 3);
    text[39999] = '\0';
    put("proc/self/cgroup", text);
    cr_assert_eq(ps_memory_available(root), 0);
    put("proc/self/cgroup", "0::/a\n");
    put("sys/fs/cgroup/a/memory.max", "-1\n");
    put("sys/fs/cgroup/a/memory.current", "7\n");
    cr_assert_eq(ps_memory_available(root), 8 * GIB);
    for (size_t i = 0; i < sizeof meminfo / sizeof *meminfo; i++) {
        put("proc/meminfo", meminfo[i]);
        cr_assert_eq(ps_memory_available(root), 0, "%s", meminfo[i]);
    }
    free(text);
}

Test(available, share)
{
    cr_assert_eq(ps_memory_share(8 * GIB, 0, 16), 2 * GIB);
    cr_assert_eq(ps_memory_share(8 * GIB, 16, 16), 2 * GIB);
    cr_assert_eq(ps_memory_share(8 * GIB, 99, 16), 2 * GIB);
    cr_assert_eq(ps_memory_share(8 * GIB, 4, 16), GIB / 2);
    cr_assert_eq(ps_memory_share(UINT64_MAX, 1, 2), UINT64_MAX / 4 / 2);
    cr_assert_eq(ps_memory_share(0, 0, 1), 0);
}
