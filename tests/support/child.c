#include "tests/support/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGS 16u

static int redirect(const char *path, int fd)
{
    const int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    return to >= 0 && dup2(to, fd) == fd;
}

int ps_child_run(struct ps_child *child, const char *const *argv, const char *out, const char *err,
                 unsigned seconds)
{
    char *copy[MAX_ARGS] = {NULL}; /* execv takes no constant strings */
    struct rusage usage;
    pid_t pid;

    for (size_t i = 0; argv[i] && i + 1 < MAX_ARGS; i++)
        memcpy(&copy[i], &argv[i], sizeof copy[i]);
    pid = fork();
    if (pid == 0) {
        alarm(seconds); /* outlives exec */
        if (redirect(out, 1) && redirect(err, 2))
            execv(copy[0], copy);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &child->status, 0, &usage) != pid)
        return -1;
    child->max_rss_kib = usage.ru_maxrss;
    return 0;
}

long ps_child_speaks(const char *err)
{
    FILE *file = fopen(err, "r");
    char line[4096];
    long bad = 0;

    if (!file)
        return -1;
    while (!bad && fgets(line, sizeof line, file)) {
        const size_t n = strlen(line);

        if (strncmp(line, "poolscan: ", 10) != 0 || n < 20 || line[n - 1] != '\n') {
            fputs(line, stderr);
            bad = (long)n;
        }
    }
    fclose(file);
    return bad;
}
