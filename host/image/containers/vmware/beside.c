#include "host/image/containers/vmware/beside.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "host/image/bytes/files.h"

#define EXTENSION_BYTES 5u

static const char *const extensions[] = {".vmem", ".vmss", ".vmsn"};

const char *ps_vmware_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Where the last of the extensions begins in 'base', and which it is; NULL: there is none. */
static const char *find_extension(const char *base, const char **which)
{
    const char *found = NULL;

    for (const char *dot = strchr(base, '.'); dot; dot = strchr(dot + 1, '.'))
        for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
            if (!strncasecmp(dot, extensions[i], EXTENSION_BYTES) &&
                (dot[EXTENSION_BYTES] == '\0' || dot[EXTENSION_BYTES] == '.')) {
                found = dot;
                *which = extensions[i];
            }
    return found;
}

const char *ps_vmware_extension(const char *path)
{
    const char *which = NULL;

    find_extension(ps_vmware_base_name(path), &which);
    return which;
}

int ps_vmware_beside(const char *path, const char *ext, char out[PS_VMWARE_PATH_BYTES])
{
    const char *which;
    const char *base = ps_vmware_base_name(path);
    const char *dot = find_extension(base, &which);
    const int is_capital = dot && isupper((unsigned char)dot[1]);
    size_t n;

    if (!dot)
        dot = strrchr(base, '.');
    n = dot && dot != base ? (size_t)(dot - path) : strlen(path);
    out[0] = '\0';
    if (n + EXTENSION_BYTES >= PS_VMWARE_PATH_BYTES)
        return 0;
    memcpy(out, path, n);
    for (size_t i = 0; i <= EXTENSION_BYTES; i++)
        out[n + i] = (char)(is_capital ? toupper((unsigned char)ext[i]) : ext[i]);
    return access(out, F_OK) == 0;
}

int ps_vmware_open_beside(struct ps_bytes **out, char *path, struct ps_err *err)
{
    struct ps_err why;
    const int rc = ps_files_open(out, &path, 1, &why);

    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "%.100s, which belongs to it: %.120s",
                       ps_vmware_base_name(path), why.msg);
    return 0;
}
