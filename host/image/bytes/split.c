#include "host/image/bytes/split.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More parts than any imager writes; one file descriptor each. */
#define MAX_PARTS 10000u

/* "DIR/STEM.NNN" taken apart. */
struct part_name {
    const char *path;
    size_t n_stem; /* bytes of 'path' up to and with the last dot */
    unsigned width;
    unsigned number;
};

/* Digits as '%0*u' prints them for 'width': no fewer, and more only without a leading zero. */
static int parse_number(const char *digits, unsigned width, unsigned *number)
{
    size_t n = strspn(digits, "0123456789");

    if (!n || digits[n] || n > 9 || (width && n < width) || (width && n > width && *digits == '0'))
        return 0;
    *number = (unsigned)strtoul(digits, NULL, 10);
    return 1;
}

/* Does 'path' end like a part? Two digits or more, and not such as a date or a version: a part
 * number above 1 has three digits or begins with zero. */
static int parse_part_name(struct part_name *name, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');

    if (!dot || dot == base || !parse_number(dot + 1, 0, &name->number))
        return 0;
    name->path = path;
    name->n_stem = (size_t)(dot + 1 - path);
    name->width = (unsigned)strlen(dot + 1);
    return name->width >= 2 && (dot[1] == '0' || name->width == 3);
}

static char *part_path(const struct part_name *name, unsigned number)
{
    size_t n = name->n_stem + 16;
    char *path = malloc(n);

    if (path)
        snprintf(path, n, "%.*s%0*u", (int)name->n_stem, name->path, (int)name->width, number);
    return path;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int part_exists(const struct part_name *name, unsigned number)
{
    char *path = part_path(name, number);
    int exists = path && !access(path, F_OK);

    free(path);
    return exists;
}

/* The highest part number present. A directory that cannot be listed is asked part by part, which
 * cannot see beyond a missing one. */
static unsigned last_part(const struct part_name *name)
{
    const char *base = base_name(name->path);
    size_t n_dir = (size_t)(base - name->path);
    size_t n_stem = name->n_stem - n_dir;
    char *dir_path = n_dir ? strndup(name->path, n_dir) : strdup(".");
    DIR *dir = dir_path ? opendir(dir_path) : NULL;
    unsigned last = name->number;

    free(dir_path);
    if (!dir) {
        while (last < MAX_PARTS && part_exists(name, last + 1))
            last++;
        return last;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        unsigned number;

        if (!strncmp(entry->d_name, base, n_stem) &&
            parse_number(entry->d_name + n_stem, name->width, &number) && number > last)
            last = number;
    }
    closedir(dir);
    return last;
}

static int add_path(struct ps_paths *out, char *path, struct ps_err *err)
{
    char **grown = path ? realloc(out->path, (out->n + 1) * sizeof *grown) : NULL;

    if (!grown) {
        free(path);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the names of parts");
    }
    out->path = grown;
    out->path[out->n++] = path;
    return 0;
}

/* 'name' is a part, but not the first. */
static int refuse_later_part(const struct part_name *name, struct ps_err *err)
{
    for (unsigned first = 0; first < 2 && first < name->number; first++) {
        char *path = part_exists(name, first) ? part_path(name, first) : NULL;

        if (path) {
            ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                    "a later part of a split image; name its first part, %.120s", base_name(path));
            free(path);
            return -PS_EFORMAT;
        }
    }
    return ps_fail(err, PS_ENOENT, PS_AT_NONE,
                   "looks like part %u of a split image whose first part is not there; put the "
                   "parts together, or rename the file if it is a whole image",
                   name->number);
}

static int add_parts(struct ps_paths *out, const struct part_name *name, struct ps_err *err)
{
    unsigned last = last_part(name);
    int rc = 0;

    if (last - name->number >= MAX_PARTS)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "split image with a part number %u; at most %u parts are read", last,
                       MAX_PARTS);
    for (unsigned number = name->number; number <= last && rc >= 0; number++) {
        char *path = number == name->number ? strdup(name->path) : part_path(name, number);

        if (path && number != name->number && access(path, F_OK)) {
            ps_fail(err, PS_ENOENT, PS_AT_NONE,
                    "part %.120s of the split image is missing, and later parts are there",
                    base_name(path));
            free(path);
            return -PS_ENOENT;
        }
        rc = add_path(out, path, err);
    }
    return rc;
}

int ps_split_paths(struct ps_paths *out, const char *path, struct ps_err *err)
{
    struct ps_paths paths = {0};
    struct part_name name;
    int rc;

    if (!parse_part_name(&name, path) || access(path, F_OK))
        rc = add_path(&paths, strdup(path), err);
    else if (name.number > 1 || (name.number == 1 && part_exists(&name, 0)))
        rc = refuse_later_part(&name, err);
    else
        rc = add_parts(&paths, &name, err);
    if (rc < 0)
        ps_paths_free(&paths);
    else
        *out = paths;
    return rc;
}

void ps_paths_free(struct ps_paths *paths)
{
    for (size_t i = 0; i < paths->n; i++)
        free(paths->path[i]);
    free(paths->path);
    *paths = (struct ps_paths){0};
}
