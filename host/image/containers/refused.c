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

static const char not_memory[] = "no image of physical memory; name the memory image itself";

static const char disk[] =
    "no image of physical memory; if it holds one all the same, qemu-img convert -O raw gives it";
static const char ex01[] = "not supported; export it as E01 or raw (EnCase, FTK Imager)";
static const char logical[] = "holds files; extract the memory image from it and scan that";
static const char restore[] =
    "not supported; load it into the machine and dump that as ELF core (virsh dump --memory-only, "
    "dump-guest-memory)";
static const char vbox[] =
    "not supported; start the machine and dump it (VBoxManage debugvm NAME dumpvmcore)";
static const char vmrs[] =
    "not supported; MemProcFS on Windows reads it and gives a raw image or a crash dump";
static const char zip[] = "not supported; extract the memory of an AFF4 (aff4imager, winpmem) or "
                          "what is in the ZIP (unzip)";

static const struct magic magics[] = {
    {MAGIC("AVML"), "AVML (compressed)", "not supported; avml-convert makes a LiME file of it"},
    {MAGIC("KDUMP   "), "kdump (compressed)", "not supported; dump again without compression"},
    {MAGIC("EVF2\x0d\x0a\x81"), "Ex01 (EnCase)", ex01},
    {MAGIC("LVF\x09\x0d\x0a\xff\x00"), "L01 (EnCase logical image)", logical},
    {MAGIC("LEF2\x0d\x0a\x81"), "Lx01 (EnCase logical image)", logical},
    {MAGIC("AFF10\x0d\x0a\x00"), "AFF", "not supported; affconvert -r makes a raw image of it"},
    {MAGIC("PK\x03\x04"), "AFF4 or ZIP", zip},
    {MAGIC("\x14\x20\x28\x01"), "Hyper-V saved state (vmrs)", vmrs},
    {MAGIC("\x7fVirtualBox SavedState"), "VirtualBox saved state", vbox},
    {MAGIC("LibvirtQemudSave"), "saved state of libvirt", restore},
    {MAGIC("QEVM"), "saved state of QEMU", restore},
    {MAGIC("BZh"), "bzip2", "not supported; unpack it (bzip2 -d) and scan the result"},
    {MAGIC("7z\xbc\xaf\x27\x1c"), "7z", "not supported; unpack it (7z x) and scan the result"},
    {MAGIC("QFI\xfb"), "qcow2 disk image", disk},
    {MAGIC("KDMV"), "VMDK disk image", disk},
    {MAGIC("# Disk DescriptorFile"), "VMDK disk image (description)", disk},
    {MAGIC("vhdxfile"), "VHDX disk image", disk},
    {MAGIC("conectix"), "VHD disk image", disk},
    {MAGIC("<<< Oracle VM VirtualBox Disk"), "VDI disk image", disk},
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
