#include "tests/real/unpack.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK_BYTES ((size_t)1 << 16)

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static pid_t start_xz(const char *path, int *out_fd)
{
    int fd[2];
    pid_t pid;

    if (pipe(fd) < 0)
        die("pipe");
    pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        close(fd[0]);
        close(fd[1]);
        execlp("xz", "xz", "-dc", "--", path, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    *out_fd = fd[0];
    return pid;
}

static size_t read_block(int fd, unsigned char *block)
{
    size_t n = 0;

    while (n < BLOCK_BYTES) {
        ssize_t got = read(fd, block + n, BLOCK_BYTES - n);

        if (got < 0)
            die("read from xz");
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return n;
}

static int all_zero(const unsigned char *block, size_t n)
{
    return n > 0 && block[0] == 0 && memcmp(block, block + 1, n - 1) == 0;
}

void unpack_xz(const char *xz_path, const char *to_path)
{
    static unsigned char block[BLOCK_BYTES];
    int to = open(to_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0;
    int from, status;
    pid_t pid = start_xz(xz_path, &from);
    size_t n;

    if (to < 0)
        die(to_path);
    for (; (n = read_block(from, block)) > 0; at += (off_t)n)
        if (!all_zero(block, n) && pwrite(to, block, n, at) != (ssize_t)n)
            die(to_path);
    if (ftruncate(to, at) < 0 || close(to) < 0)
        die(to_path);
    close(from);
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "xz could not unpack %s\n", xz_path);
        exit(1);
    }
}
