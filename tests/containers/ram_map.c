#include "tests/containers/ram_map.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/containers/fail.h"

static int open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        fail("%s cannot be opened", path);
    return fd;
}

void ram_open(struct ram_map *ram, const char *path)
{
    int fd = open_file(path);
    struct stat st;
    void *mem;

    memset(ram, 0, sizeof *ram);
    if (fstat(fd, &st) < 0 || st.st_size < (off_t)RAM_PAGE)
        fail("%s is no file of a page or more", path);
    mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mem == MAP_FAILED)
        fail("%s cannot be mapped", path);
    ram->fd = fd;
    ram->raw = mem;
    ram->n_raw = (uint64_t)st.st_size;
}

void ram_close(struct ram_map *ram)
{
    void *mem;

    memcpy(&mem, &ram->raw, sizeof mem);
    munmap(mem, (size_t)ram->n_raw);
    close(ram->fd);
    free(ram->run);
    memset(ram, 0, sizeof *ram);
}

static void add_run(struct ram_map *ram, uint64_t start, uint64_t end)
{
    struct ram_run *run = realloc(ram->run, (ram->n + 1) * sizeof *run);

    if (!run)
        fail("no memory for %zu runs", ram->n);
    ram->run = run;
    ram->run[ram->n++] = (struct ram_run){start, end};
}

static int is_zero(const struct ram_map *ram, uint64_t page)
{
    const uint64_t at = page * RAM_PAGE;
    const size_t n = ram->n_raw - at < RAM_PAGE ? (size_t)(ram->n_raw - at) : RAM_PAGE;

    return ram->raw[at] == 0 && memcmp(ram->raw + at, ram->raw + at + 1, n - 1) == 0;
}

static void find_runs_within(struct ram_map *ram, uint64_t first, uint64_t end, uint64_t gap_pages)
{
    for (uint64_t page = first; page < end; page++) {
        struct ram_run *last = ram->n ? &ram->run[ram->n - 1] : NULL;

        if (is_zero(ram, page))
            continue;
        if (last && page - last->end / RAM_PAGE < gap_pages)
            last->end = (page + 1) * RAM_PAGE;
        else
            add_run(ram, page * RAM_PAGE, (page + 1) * RAM_PAGE);
    }
}

/* Holes of a sparse file are not looked at: mapped, each of their pages would take memory. */
void ram_find_runs(struct ram_map *ram, uint64_t gap_pages)
{
    off_t data = 0;

    while ((data = lseek(ram->fd, data, SEEK_DATA)) >= 0) {
        const off_t hole = lseek(ram->fd, data, SEEK_HOLE);
        const uint64_t end = hole < 0 ? ram->n_raw : (uint64_t)hole;

        find_runs_within(ram, (uint64_t)data / RAM_PAGE, (end + RAM_PAGE - 1) / RAM_PAGE,
                         gap_pages);
        data = (off_t)end;
    }
    if (ram->n == 0)
        fail("the image is all zero");
}

void ram_parse_runs(struct ram_map *ram, const char *text)
{
    uint64_t last = 0;

    do {
        char *rest;
        const uint64_t start = strtoull(text, &rest, 0);
        uint64_t end;

        if (rest == text || *rest != '-')
            fail("no run: %s", text);
        text = rest + 1;
        end = strtoull(text, &rest, 0);
        if (rest == text || end <= start || start < last || (*rest && *rest != ','))
            fail("no run that ascends: 0x%" PRIx64 "-%s", start, text);
        add_run(ram, start, end);
        last = end;
        text = rest;
    } while (*text++ == ',');
}

void ram_round_to_pages(struct ram_map *ram)
{
    size_t n = 0;

    for (size_t i = 0; i < ram->n; i++) {
        const uint64_t mask = RAM_PAGE - 1;
        const struct ram_run run = {ram->run[i].start & ~mask, (ram->run[i].end + mask) & ~mask};

        if (n > 0 && run.start <= ram->run[n - 1].end)
            ram->run[n - 1].end = run.end;
        else
            ram->run[n++] = run;
    }
    ram->n = n;
}

void ram_split(struct ram_map *ram, uint64_t n_bytes)
{
    struct ram_map cut = {0};

    for (size_t i = 0; i < ram->n; i++) {
        uint64_t at = ram->run[i].start;

        while (at < ram->run[i].end) {
            const uint64_t next = (at / n_bytes + 1) * n_bytes;
            const uint64_t end = next < ram->run[i].end ? next : ram->run[i].end;

            add_run(&cut, at, end);
            at = end;
        }
    }
    free(ram->run);
    ram->run = cut.run;
    ram->n = cut.n;
}

uint64_t ram_n_bytes(const struct ram_map *ram)
{
    uint64_t n_bytes = 0;

    for (size_t i = 0; i < ram->n; i++)
        n_bytes += ram->run[i].end - ram->run[i].start;
    return n_bytes;
}

uint64_t ram_end(const struct ram_map *ram)
{
    return ram->run[ram->n - 1].end;
}

void ram_copy(const struct ram_map *ram, uint64_t phys, void *to, size_t n_bytes)
{
    size_t there = 0;

    if (phys < ram->n_raw)
        there = ram->n_raw - phys < n_bytes ? (size_t)(ram->n_raw - phys) : n_bytes;
    if (there > 0)
        memcpy(to, ram->raw + phys, there);
    memset((uint8_t *)to + there, 0, n_bytes - there);
}
