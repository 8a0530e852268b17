#include "host/image/image.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "host/image/fault_guard.h"
#include "tests/support/tmpdir.h"

#define PAGE 4096u

static struct ps_tmpdir dir;

/* A failing device, for the code under test too: from this offset on every pread gives EIO, and
 * calls before it stop there. */
static off_t broken_from = -1;

ssize_t pread(int fd, void *buf, size_t n_bytes, off_t off)
{
    if (broken_from >= 0 && off >= broken_from) {
        errno = EIO;
        return -1;
    }
    if (broken_from >= 0 && n_bytes > (size_t)(broken_from - off))
        n_bytes = (size_t)(broken_from - off);
    return syscall(SYS_pread64, fd, buf, n_bytes, off);
}

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(image, .init = set_up, .fini = tear_down);

static uint8_t byte_at(uint64_t off)
{
    return (uint8_t)((off * 0x9e3779b97f4a7c15u) >> 56 | 1);
}

static uint8_t *pattern(size_t n_bytes)
{
    uint8_t *data = malloc(n_bytes + 1);

    for (size_t i = 0; i < n_bytes; i++)
        data[i] = byte_at(i);
    return data;
}

static struct ps_image *open_pattern(size_t n_bytes)
{
    uint8_t *data = pattern(n_bytes);
    struct ps_image *image = NULL;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, ps_tmpdir_write(&dir, "mem.raw", data, n_bytes), NULL, &err),
                 0, "%s", err.msg);
    free(data);
    return image;
}

Test(image, whole_pages)
{
    const size_t n_bytes = 300 * PAGE;
    uint8_t *want = pattern(n_bytes);
    uint8_t *got = malloc(n_bytes);
    struct ps_image *image = open_pattern(n_bytes);
    struct ps_err err = {0};
    const struct ps_extent *extent;
    const uint8_t *mem;
    size_t n;

    extent = ps_image_extents(image, &n);
    cr_assert_eq(n, 1);
    cr_assert(extent->phys == 0 && extent->n_bytes == n_bytes && extent->file_off == 0);
    cr_assert_str_eq(ps_image_format(image), "raw");
    cr_assert_eq(ps_image_file_bytes(image), n_bytes);
    cr_assert_eq(ps_image_torn_bytes(image), 0);
    cr_assert(strstr(ps_image_path(image), "/mem.raw"));
    mem = ps_image_map(image, 0, n_bytes);
    cr_assert(mem);
    cr_assert_arr_eq(mem, want, n_bytes);
    ps_image_release(image, mem, n_bytes);
    cr_assert_arr_eq(mem, want, n_bytes, "released memory comes back from the file");
    mem = ps_image_map(image, 7 * PAGE, PAGE);
    cr_assert_arr_eq(mem, want + 7 * PAGE, PAGE);
    cr_assert_eq(ps_image_read(image, 3 * PAGE, got, 100 * PAGE, &err), 0);
    cr_assert_arr_eq(got, want + 3 * PAGE, 100 * PAGE);
    ps_image_close(image);
    ps_image_close(NULL);
    free(want);
    free(got);
}

Test(image, out_of_extent_is_refused)
{
    struct ps_image *image = open_pattern(4 * PAGE);
    struct ps_err err = {0};
    uint8_t page[PAGE];

    cr_assert_null(ps_image_map(image, 4 * PAGE, PAGE));
    cr_assert_null(ps_image_map(image, 3 * PAGE, 2 * PAGE));
    cr_assert_null(ps_image_map(image, 0, SIZE_MAX));
    cr_assert_null(ps_image_map(image, UINT64_MAX - PAGE + 1, PAGE));
    cr_assert_eq(ps_image_read(image, 4 * PAGE, page, PAGE, &err), -PS_EINTERNAL);
    cr_assert_eq(ps_image_read(image, 3 * PAGE, page, 2 * PAGE, &err), -PS_EINTERNAL);
    ps_image_close(image);
}

Test(image, torn_last_page)
{
    static const size_t tails[] = {1, 100, 4095};

    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        size_t tail = tails[i];
        struct ps_image *image = open_pattern(2 * PAGE + tail);
        struct ps_err err = {0};
        uint8_t got[2 * PAGE];
        size_t n;

        cr_assert_eq(ps_image_torn_bytes(image), tail);
        cr_assert_eq(ps_image_extents(image, &n)->n_bytes, 2 * PAGE + tail);
        cr_assert(ps_image_map(image, 0, 2 * PAGE));
        cr_assert_null(ps_image_map(image, 2 * PAGE, PAGE));
        memset(got, 0xaa, sizeof got);
        cr_assert_eq(ps_image_read(image, PAGE, got, 2 * PAGE, &err), 0, "%s", err.msg);
        for (size_t k = 0; k < 2 * PAGE; k++)
            cr_assert_eq(got[k], k < PAGE + tail ? byte_at(PAGE + k) : 0, "byte %zu", k);
        ps_image_close(image);
    }
}

static void is_extent(const struct ps_extent *e, uint64_t phys, uint64_t n_bytes, uint64_t off)
{
    cr_assert(e->phys == phys && e->n_bytes == n_bytes && e->file_off == off);
}

/* What the tool left out comes back: everything behind it is higher, a torn end too. */
Test(image, a_hole_is_put_in)
{
    const size_t n_bytes = 10 * PAGE + 100;
    struct ps_image *image = open_pattern(n_bytes);
    const struct ps_extent *e;
    struct ps_err err = {0};
    uint8_t got[PAGE];
    size_t n;

    cr_assert_eq(ps_image_flat_bytes(image), n_bytes);
    cr_assert_eq(ps_image_set_hole(image, 11 * PAGE, 12 * PAGE, "test", &err), -PS_EARG);
    cr_assert(strstr(err.msg, "0xa064"), "%s", err.msg);
    cr_assert_eq(ps_image_set_hole(image, 3 * PAGE, 3 * PAGE, "test", &err), -PS_EARG);
    cr_assert_eq(ps_image_set_hole(image, 3 * PAGE, UINT64_MAX - PAGE + 1, "t", &err), -PS_EARG);
    cr_assert_eq(ps_image_extents(image, &n)->n_bytes, n_bytes, "nothing has changed");
    cr_assert_eq(ps_image_set_hole(image, 3 * PAGE, 20 * PAGE, "test", &err), 0, "%s", err.msg);
    e = ps_image_extents(image, &n);
    cr_assert_eq(n, 2);
    is_extent(&e[0], 0, 3 * PAGE, 0);
    is_extent(&e[1], 20 * PAGE, 7 * PAGE + 100, 3 * PAGE);
    cr_assert_eq(ps_image_torn_bytes(image), 100);
    cr_assert_eq(ps_image_missing_bytes(image), 0);
    cr_assert_eq(ps_image_file_off(image, 21 * PAGE + 5), 4 * PAGE + 5);
    cr_assert_eq(ps_image_file_off(image, 3 * PAGE), PS_NO_FILE_OFF);
    cr_assert_eq(ps_image_read(image, 27 * PAGE, got, PAGE, &err), 0, "%s", err.msg);
    for (size_t i = 0; i < PAGE; i++)
        cr_assert_eq(got[i], i < 100 ? byte_at(10 * PAGE + i) : 0);
    cr_assert_eq(ps_image_notes(image)->n, 1);
    cr_assert(strstr(ps_image_notes(image)->note[0].text, "no 0x3000-0x14000"));
    cr_assert_eq(ps_image_flat_bytes(image), 0, "once only");
    cr_assert_eq(ps_image_set_hole(image, 3 * PAGE, 20 * PAGE, "test", &err), -PS_EARG);
    cr_assert(strstr(err.msg, "one run"), "%s", err.msg);
    ps_image_close(image);
}

/* Opening fails with 'code', one line of it says 'word', and nothing is handed out. */
static void refuses(const char *path, int code, const char *word)
{
    struct ps_image *const untouched = (struct ps_image *)(void *)&dir;
    struct ps_image *image = untouched;
    struct ps_err err = {0};

    cr_assert_eq(ps_image_open(&image, path, NULL, &err), -code, "%s: code %d, not %d: %s", path,
                 err.code, code, err.msg);
    cr_assert_eq(image, untouched);
    cr_assert_eq(err.code, code);
    cr_assert(strstr(err.msg, word), "'%s' does not say '%s'", err.msg, word);
    cr_assert_null(strchr(err.msg, '\n'));
}

Test(image, what_is_no_image)
{
    uint8_t bytes[PAGE - 1] = {1};

    refuses(ps_tmpdir_file(&dir, "none"), PS_ENOENT, "no such file");
    refuses(dir.path, PS_EFORMAT, "directory");
    refuses(ps_tmpdir_write(&dir, "empty", NULL, 0), PS_EFORMAT, "empty");
    refuses(ps_tmpdir_write(&dir, "short", bytes, sizeof bytes), PS_EFORMAT, "4095");
    refuses(ps_tmpdir_file(&dir, "short/below"), PS_ENOENT, "no such file");
    refuses("/dev/zero", PS_EFORMAT, "seekable");
    cr_assert_eq(mkfifo(ps_tmpdir_file(&dir, "pipe"), 0600), 0);
    refuses(dir.file, PS_EFORMAT, "seekable");
}

Test(image, no_permission)
{
    uint8_t page[PAGE] = {1};

    ps_tmpdir_write(&dir, "secret", page, sizeof page);
    cr_assert_eq(chmod(dir.file, 0), 0);
    if (!geteuid())
        cr_assert_eq(seteuid(65534), 0);
    refuses(dir.file, PS_EIO, "Permission denied");
    if (!getuid())
        cr_assert_eq(seteuid(0), 0);
}

static const struct {
    const char *head;
    size_t n_head;
    const char *name;
} containers[] = {
    {"EMiL\2\0\0\0", 8, "LiME"},
    {"AVML\2\0\0\0", 8, "AVML"},
    {"KDUMP   ", 8, "kdump"},
    {"\x7f"
     "ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0\x3e",
     19, "ELF core"},
    {"\x7f"
     "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3e",
     19, "ELF: no image"},
    {"BZh9", 4, "bzip2"},
    {"7z\xbc\xaf\x27\x1c", 6, "7z"},
    {"EVF2\r\n\x81\0", 8, "Ex01"},
    {"LVF\t\r\n\xff\0\1", 9, "L01"},
    {"LEF2\r\n\x81\0", 8, "Lx01"},
    {"AFF10\r\n\0", 8, "affconvert"},
    {"PK\3\4", 4, "aff4imager"},
    {"\x14\x20\x28\1", 4, "vmrs"},
    {"\177VirtualBox SavedState V2.0\n", 28, "dumpvmcore"},
    {"LibvirtQemudSave", 16, "virsh dump"},
    {"QEVM", 4, "dump-guest-memory"},
    {"QFI\xfb", 4, "qcow2"},
    {"KDMV", 4, "VMDK"},
    {"vhdxfile", 8, "VHDX"},
    {"conectix", 8, "VHD"},
    {"# Disk DescriptorFile\n", 22, "VMDK"},
    {"<<< Oracle VM VirtualBox Disk Image >>>\n", 40, "qemu-img"},
    {"MDMP", 4, "minidump"},
};

/* Each with its own size too: a container shorter than one page is named, not called short. */
Test(image, containers_are_named)
{
    static uint8_t bytes[3 * PAGE];

    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        memset(bytes, 0, sizeof bytes);
        memcpy(bytes, containers[i].head, containers[i].n_head);
        refuses(ps_tmpdir_write(&dir, "whole", bytes, sizeof bytes), PS_EFORMAT,
                containers[i].name);
        refuses(ps_tmpdir_write(&dir, "short", bytes, containers[i].n_head), PS_EFORMAT,
                containers[i].name);
    }
}

Test(image, a_magic_one_byte_short_is_raw)
{
    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        uint8_t bytes[PAGE] = {0};
        struct ps_image *image = NULL;
        struct ps_err err = {0};

        memcpy(bytes, containers[i].head, 2);
        cr_assert_eq(
            ps_image_open(&image, ps_tmpdir_write(&dir, "raw", bytes, sizeof bytes), NULL, &err), 0,
            "%s: %s", containers[i].name, err.msg);
        ps_image_close(image);
    }
}

Test(image, triage_dump)
{
    static uint8_t bytes[2 * PAGE];

    memcpy(bytes, "PAGEDU64", 8);
    bytes[0xf98] = 4;
    refuses(ps_tmpdir_write(&dir, "64.dmp", bytes, sizeof bytes), PS_EFORMAT, "triage");
    memcpy(bytes, "PAGEDUMP", 8);
    bytes[0xf98] = 0;
    bytes[0xf88] = 4;
    refuses(ps_tmpdir_write(&dir, "32.dmp", bytes, sizeof bytes), PS_EFORMAT, "triage");
}

/* Expected: { size as 8 bytes; head -c 1M; tail -c 1M; } | xxhsum -H2, of the same pattern. */
static void put_le(uint8_t *to, uint64_t value, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = (uint8_t)(value >> (8 * i));
}

/* An ELF core of 1 MiB, all of which n program headers name as memory. */
static uint8_t *same_again(unsigned n)
{
    uint8_t *core = calloc(1, 1 << 20);

    memcpy(core, "\177ELF\2\1\1", 7);
    put_le(core + 16, 4, 2);  /* a core */
    put_le(core + 18, 62, 2); /* x86-64 */
    put_le(core + 20, 1, 4);
    put_le(core + 32, 64, 8); /* program headers */
    put_le(core + 52, 64, 2);
    put_le(core + 54, 56, 2);
    put_le(core + 56, n, 2);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *segment = core + 64 + 56 * (size_t)i;

        put_le(segment, 1, 4);
        put_le(segment + 24, (uint64_t)i << 20, 8);
        put_le(segment + 32, 1 << 20, 8);
        put_le(segment + 40, 1 << 20, 8);
    }
    return core;
}

/* 4 GiB from a file of 1 MiB is little enough to be scanned, more is not. */
Test(image, the_same_bytes_again_and_again)
{
    uint8_t *core = same_again(4096);
    struct ps_image *image = NULL;
    struct ps_err err;

    cr_assert_eq(
        ps_image_open(&image, ps_tmpdir_write(&dir, "much", core, 1 << 20), NULL, &err), 0, "%s",
        err.msg);
    cr_assert_eq(ps_image_memory_bytes(image), UINT64_C(4) << 30);
    ps_image_close(image);
    free(core);
    core = same_again(4097);
    refuses(ps_tmpdir_write(&dir, "more", core, 1 << 20), PS_EFORMAT, "again and again");
    free(core);
}

Test(image, identity)
{
    struct ps_image *image = open_pattern(3 * 1048576 + 5);

    cr_assert_str_eq(ps_image_id(image), "20eb82ff185cb353f856393bac172e91");
    ps_image_close(image);
    image = open_pattern(5000);
    cr_assert_str_eq(ps_image_id(image), "735b4fba090275a7b26547662dff1fa8");
    ps_image_close(image);
}

static size_t n_resident(const uint8_t *mem, size_t n_bytes)
{
    static unsigned char in_memory[8192];
    size_t n = 0;

    cr_assert_eq(mincore((void *)(uintptr_t)mem, n_bytes, in_memory), 0);
    for (size_t i = 0; i < n_bytes / PAGE; i++)
        n += in_memory[i] & 1;
    return n;
}

/* Does the file system answer whether a byte is in memory? */
static int tells_what_is_cached(int fd)
{
    char byte;
    struct iovec to = {&byte, 1};

    return preadv2(fd, &to, 1, 0, RWF_NOWAIT) >= 0 || errno == EAGAIN;
}

/* On a cold file the bytes come by themselves (waited for, however long it takes up to the test's
 * time limit), and no others need to. */
Test(image, read_ahead)
{
    const size_t n_bytes = 8192 * PAGE;
    struct ps_image *image = open_pattern(n_bytes);
    const uint8_t *mem = ps_image_map(image, 0, n_bytes);
    int fd = open(ps_image_path(image), O_RDONLY);

    ps_image_will_need(image, 0, UINT64_MAX);
    ps_image_will_need(image, n_bytes, PAGE);
    ps_image_will_need(image, 17 * PAGE, 0);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    if (n_resident(mem, n_bytes) > 16 || !tells_what_is_cached(fd)) {
        cr_log_warn("no file of this file system can be made cold: read-ahead is not tested");
    } else {
        ps_image_will_need(image, 1024 * PAGE, 1024 * PAGE);
        while (n_resident(mem + 1024 * PAGE, 1024 * PAGE) < 1024)
            usleep(1000);
    }
    for (size_t i = 1024 * PAGE; i < 2048 * PAGE; i += 61)
        cr_assert_eq(mem[i], byte_at(i));
    close(fd);
    ps_image_close(image);
}

struct touch {
    const volatile uint8_t *mem;
    size_t n_bytes;
    unsigned sum;
};

static void touch_all(void *arg)
{
    struct touch *t = arg;

    for (size_t i = 0; i < t->n_bytes; i += 64)
        t->sum += t->mem[i];
}

Test(image, file_cut_while_open)
{
    const size_t n_bytes = 64 * PAGE;
    struct ps_image *image = open_pattern(n_bytes);
    const uint8_t *mem = ps_image_map(image, 0, n_bytes);
    uint8_t *got = malloc(n_bytes);
    struct touch touch = {mem, n_bytes, 0};
    struct ps_err err = {0};

    ps_fault_guard_init();
    cr_assert(mem);
    cr_assert_eq(ps_fault_guard(mem, n_bytes, touch_all, &touch), 0);
    cr_assert_eq(truncate(ps_image_path(image), 10 * PAGE), 0);
    cr_assert_eq(ps_fault_guard(mem, n_bytes, touch_all, &touch), 1);
    cr_assert_eq(ps_image_read(image, 0, got, 10 * PAGE, &err), 0);
    cr_assert_eq(ps_image_read(image, 8 * PAGE, got, 4 * PAGE, &err), -PS_EFORMAT);
    cr_assert_eq(err.at, 10 * PAGE);
    cr_assert(strstr(err.msg, "0xa000"), "%s", err.msg);
    ps_image_close(image);
    free(got);
}

Test(image, unreadable_region)
{
    struct ps_image *image = open_pattern(64 * PAGE);
    uint8_t *got = malloc(64 * PAGE);
    struct ps_err err = {0};

    broken_from = 20 * PAGE;
    cr_assert_eq(ps_image_read(image, 4 * PAGE, got, 16 * PAGE, &err), 0);
    cr_assert_eq(ps_image_read(image, 10 * PAGE, got, 16 * PAGE, &err), -PS_EIO);
    cr_assert_eq(err.at, 20 * PAGE);
    cr_assert(strstr(err.msg, "0x14000") && strstr(err.msg, strerror(EIO)), "%s", err.msg);
    ps_image_close(image);
    broken_from = 0;
    refuses(ps_tmpdir_file(&dir, "mem.raw"), PS_EIO, "0x0");
    free(got);
}

/* A file larger than the address space, all hole but one page: read, since it cannot be mapped. */
Test(image, too_large_to_map)
{
    const off_t n_bytes = (off_t)1 << 52;
    const off_t data = (off_t)1 << 51;
    char path[] = "/dev/shm/poolscan-test-XXXXXX";
    int fd = mkstemp(path);
    struct ps_image *image = NULL;
    const struct ps_extent *extent;
    struct ps_err err = {0};
    uint8_t page[PAGE];
    size_t n;

    if (fd < 0 || ftruncate(fd, n_bytes) < 0) {
        cr_log_warn("/dev/shm takes no file of 4 PiB: not tested");
        if (fd >= 0)
            unlink(path);
        return;
    }
    cr_assert_eq(pwrite(fd, "Proc", 4, data), 4);
    cr_assert_eq(ps_image_open(&image, path, NULL, &err), 0, "%s", err.msg);
    unlink(path);
    extent = ps_image_extents(image, &n);
    cr_assert_eq(n, 1);
    cr_assert(extent->phys == (uint64_t)data && extent->n_bytes == PAGE);
    cr_assert_null(ps_image_map(image, (uint64_t)data, PAGE));
    cr_assert_eq(ps_image_read(image, (uint64_t)data, page, PAGE, &err), 0);
    cr_assert_arr_eq(page, "Proc", 5);
    ps_image_close(image);
    close(fd);
}
