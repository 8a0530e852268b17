/* Bytes -> a segment file of an E01 image, which libewf opens by its name: what can be read of it
 * is read, twice, and is the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/image/bytes/files.h"
#include "host/image/le.h"
#include "host/image/packed/packing.h"

#define PIECE      4096u
#define MAX_PIECES 256u

/* The layout of a segment file. */
#define FIRST   13u
#define SECTION 76u
#define NEXT_AT 16u
#define TABLE   24u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* The name is LeakSanitizer's. libewf 20140813 loses memory in several places when a file is
 * damaged; that nothing of ours is lost in it is what witness/ewf says under the sanitizer. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libewf.so\n";
}

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}

static int memory_file(char *path, size_t n_path, const uint8_t *data, size_t size)
{
    const int fd = memfd_create("fuzz_ewf", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        die("no file in memory");
    snprintf(path, n_path, "/proc/self/fd/%d", fd);
    return fd;
}

/* The same bytes and the same failures, whatever was read before. Up to the first failure: what
 * libewf loses with each would fill the memory in a night. */
static void read_all(struct ps_bytes *bytes)
{
    static uint8_t first[PIECE], second[PIECE];

    for (uint64_t i = 0; i < MAX_PIECES && i * PIECE < bytes->n_bytes; i++) {
        const uint64_t at = i * PIECE;
        const size_t n = bytes->n_bytes - at < PIECE ? (size_t)(bytes->n_bytes - at) : PIECE;
        struct ps_err err = {0};
        const int rc = bytes->ops->read(bytes, at, first, n, &err);

        if (rc < 0 && rc != -PS_EFORMAT)
            die(err.msg);
        if (bytes->ops->read(bytes, at, second, n, &err) != rc)
            die("read once and not again");
        if (rc == 0 && memcmp(first, second, n) != 0)
            die("other bytes when read again");
        if (rc < 0)
            return;
    }
}

static void put_adler32(uint8_t *bytes, size_t n)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < n; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    for (unsigned i = 0; i < 4; i++)
        bytes[n + i] = (uint8_t)((b << 16 | a) >> 8 * i);
}

/* What is in a section of n bytes, its header among them. */
static void mend_section(uint8_t *section, size_t n)
{
    const size_t n_data = n - SECTION;
    uint8_t *in = section + SECTION;

    put_adler32(section, SECTION - 4);
    if (!strncmp((char *)section, "table", 5) && n_data >= TABLE) {
        const size_t n_entries = ps_le32(in) < (n_data - TABLE) / 4 ? ps_le32(in) : 0;

        put_adler32(in, TABLE - 4);
        if (n_data - TABLE - n_entries * 4 >= 4)
            put_adler32(in + TABLE, n_entries * 4);
    } else if (strncmp((char *)section, "header", 6) != 0 && n_data >= 4) {
        put_adler32(in, n_data - 4);
    }
}

static void mend(uint8_t *file, size_t size)
{
    size_t at = FIRST;

    for (unsigned i = 0; i < 64 && at <= size && size - at >= SECTION; i++) {
        const uint64_t next = ps_le64(file + at + NEXT_AT);

        if (next < at + SECTION || next > size) {
            put_adler32(file + at, SECTION - 4);
            return;
        }
        mend_section(file + at, (size_t)next - at);
        at = (size_t)next;
    }
}

static void try_file(const uint8_t *data, size_t size)
{
    const struct ps_image_spec spec = {.n_threads = 1};
    struct ps_notes notes = {0};
    struct ps_bytes *bytes = NULL, *file = NULL;
    struct ps_err err = {0};
    char name[64], *path = name;
    int fd, rc;

    fd = memory_file(name, sizeof name, data, size);
    if (ps_files_open(&file, &path, 1, &err) < 0)
        die(err.msg);
    rc = ps_packing_ewf.open(&bytes, &(struct ps_packed){file, path, &spec, &notes}, &err);
    if (rc < 0) {
        if (rc != -PS_EFORMAT && rc != -PS_ENOENT)
            die(err.msg);
        file->ops->close(file);
    } else {
        /* An entry of a table has 4 bytes, and a chunk 64 MiB at most. */
        if (!bytes->n_bytes || bytes->n_bytes / ((uint64_t)64 << 20) > size / 4)
            die("more bytes than the file can hold");
        read_all(bytes);
        bytes->ops->close(bytes);
    }
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *mended;

    if (!ps_packing_ewf.open || !ps_packing_ewf.probe(data, size))
        return 0;
    try_file(data, size);
    mended = malloc(size);
    if (!mended)
        return 0;
    memcpy(mended, data, size);
    mend(mended, size);
    if (memcmp(mended, data, size) != 0)
        try_file(mended, size);
    free(mended);
    return 0;
}
