#include "host/image/containers/reader.h"

#include <string.h>

/* What a file begins with, and what it then is. */
struct magic {
    const char *bytes;
    size_t n_bytes;
    const char *what;
    const char *advice;
};

#define MAGIC(bytes) (bytes), sizeof(bytes) - 1

static const char convert[] = "not supported yet; convert it to a raw image";
static const char expand[] = "not supported yet; expand it and scan the result";
static const char not_memory[] = "no image of physical memory; name the memory image itself";

static const struct magic magics[] = {
    {MAGIC("AVML"), "AVML (compressed)", "not supported; avml-convert makes a LiME file of it"},
    {MAGIC("KDUMP   "), "kdump (compressed)", "not supported; dump again without compression"},
    {MAGIC("EVF2\x0d\x0a\x81"), "Ex01 (EnCase)", convert},
    {MAGIC("PK\x03\x04"), "AFF4 or ZIP", expand},
    {MAGIC("BZh"), "bzip2", expand},
    {MAGIC("7z\xbc\xaf\x27\x1c"), "7z", expand},
    {MAGIC("QFI\xfb"), "qcow2 disk image", not_memory},
    {MAGIC("KDMV"), "VMDK disk image", not_memory},
    {MAGIC("vhdxfile"), "VHDX disk image", not_memory},
    {MAGIC("MDMP"), "minidump of a process", not_memory},
};

static const struct magic *find_magic(const uint8_t *head, size_t n_head)
{
    for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
        if (n_head >= magics[i].n_bytes && !memcmp(head, magics[i].bytes, magics[i].n_bytes))
            return &magics[i];
    }
    return NULL;
}

static int refused_probe(const struct ps_container *c)
{
    return find_magic(c->head, c->n_head) != NULL;
}

static int refused_open(struct ps_container *c, struct ps_err *err)
{
    const struct magic *magic = find_magic(c->head, c->n_head);

    return ps_fail(err, PS_EFORMAT, 0, "format %s: %s", magic->what, magic->advice);
}

const struct ps_reader ps_reader_refused = {
    .name = "refused",
    .probe = refused_probe,
    .open = refused_open,
};
