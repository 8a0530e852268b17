#include "host/image/packed/packing.h"

#include <string.h>

#include "host/image/packed/ewf/sections.h"

static int ewf_probe(const uint8_t *head, size_t n_head)
{
    return n_head >= PS_EWF_MAGIC_BYTES && !memcmp(head, PS_EWF_MAGIC, PS_EWF_MAGIC_BYTES);
}

#if PS_WITH_EWF

#include <inttypes.h>
#include <libewf.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/image/bytes/blocks.h"
#include "host/image/le.h"
#include "host/image/packed/ewf/names.h"

/* Chunks have 32 KiB mostly; smaller ones are put together to blocks of at least this. */
#define MIN_BLOCK_BYTES 32768u
/* libewf lists what is damaged for as long as a handle lives, and looks it up slowly. */
#define MAX_ERRORS 64u
/* libewf never gives back the zeros that it makes of a chunk which it cannot get at. */
#define MAX_LOST_BYTES ((uint64_t)256 << 20)
#define MD5_BYTES      16u
#define SHA1_BYTES     20u

struct ewf {
    struct ps_bytes *file; /* what the user named */
    char *const *path;     /* of the segment files: found or &alone */
    int n_paths;
    char **found; /* by libewf, which frees them */
    char *alone;
    struct ps_ewf_sections sections;
    uint64_t n_bytes;
    uint32_t block_bytes;
    _Atomic uint64_t n_lost;          /* bytes of memory, to libewf */
    _Atomic(libewf_handle_t *) first; /* that the image was opened with, until a worker takes it */
};

/* Two threads with one handle would corrupt the heap. */
struct worker {
    libewf_handle_t *handle;
};

/* libewf's first line says what was wrong; those after it, who noticed. */
static int fail_by(struct ps_err *err, const char *what, libewf_error_t **error)
{
    char text[1024] = "";
    const char *why;

    if (*error)
        libewf_error_backtrace_sprint(*error, text, sizeof text);
    libewf_error_free(error);
    text[strcspn(text, "\n")] = 0;
    why = strstr(text, ": ");
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "E01: %s; it is damaged, or libewf cannot read it (%.120s)", what,
                   why ? why + 2 : "no reason given");
}

static void close_handle(libewf_handle_t *handle)
{
    libewf_error_t *error = NULL;

    if (!handle)
        return;
    if (libewf_handle_close(handle, &error) != 0)
        libewf_error_free(&error);
    if (libewf_handle_free(&handle, &error) != 1)
        libewf_error_free(&error);
}

static int open_handle(const struct ewf *ewf, libewf_handle_t **out, struct ps_err *err)
{
    libewf_handle_t *handle = NULL;
    libewf_error_t *error = NULL;

    if (libewf_handle_initialize(&handle, &error) != 1)
        return fail_by(err, "no handle for it", &error);
    /* With a bound on the files that it keeps open, libewf reads wrong bytes. */
    if (libewf_handle_open(handle, ewf->path, ewf->n_paths, LIBEWF_OPEN_READ, &error) != 1) {
        fail_by(err, "cannot be opened", &error);
        libewf_handle_free(&handle, NULL);
        return -err->code;
    }
    /* So that what does not match its checksum differs from what could not be read. */
    libewf_handle_set_read_zero_chunk_on_error(handle, 0, NULL);
    *out = handle;
    return 0;
}

static int ewf_worker_new(void *arg, void **out, struct ps_err *err)
{
    struct ewf *ewf = arg;
    struct worker *worker = calloc(1, sizeof *worker);
    int rc = 0;

    if (!worker)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    worker->handle = atomic_exchange(&ewf->first, NULL);
    if (!worker->handle)
        rc = open_handle(ewf, &worker->handle, err);
    if (rc < 0) {
        free(worker);
        return rc;
    }
    *out = worker;
    return 0;
}

static void ewf_worker_free(void *arg, void *state)
{
    struct worker *worker = state;

    (void)arg;
    close_handle(worker->handle);
    free(worker);
}

/* Are the n_bytes at 'off' of the media among what libewf found damaged, and gave as zeros? */
static int is_damaged(const struct worker *worker, uint64_t off, size_t n_bytes, uint32_t *n_errors)
{
    uint32_t sector_bytes = 0;
    uint64_t first = 0, n = 0;

    *n_errors = 0;
    libewf_handle_get_number_of_checksum_errors(worker->handle, n_errors, NULL);
    libewf_handle_get_bytes_per_sector(worker->handle, &sector_bytes, NULL);
    for (uint32_t i = 0; i < *n_errors; i++) {
        if (libewf_handle_get_checksum_error(worker->handle, i, &first, &n, NULL) == 1 &&
            first * sector_bytes < off + n_bytes && off < (first + n) * sector_bytes)
            return 1;
    }
    return 0;
}

/* A handle that knows of no damage yet. */
static int renew(const struct ewf *ewf, struct worker *worker, struct ps_err *err)
{
    libewf_handle_t *handle = NULL;
    int rc = open_handle(ewf, &handle, err);

    if (rc < 0)
        return rc;
    close_handle(worker->handle);
    worker->handle = handle;
    return 0;
}

static int is_listed(const struct ewf *ewf, uint64_t off, size_t n_bytes)
{
    const uint64_t chunk_bytes = ewf->sections.chunk_bytes;

    for (uint64_t i = off / chunk_bytes; i * chunk_bytes < off + n_bytes; i++)
        if (!ewf->sections.chunk_is_sane[i])
            return 0;
    return 1;
}

static int is_zeros(const uint8_t *bytes, size_t n)
{
    return !bytes[0] && !memcmp(bytes, bytes + 1, n - 1);
}

static int fail_chunk(struct ps_err *err, uint64_t off, const char *why)
{
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "E01: the chunk at offset 0x%" PRIx64 " of the media %s", off, why);
}

static int ewf_unpack(void *arg, void *state, const struct ps_block *block, size_t number,
                      const uint8_t *in, uint8_t *out, struct ps_err *err)
{
    struct ewf *ewf = arg;
    struct worker *worker = state;
    const uint64_t off = (uint64_t)number * ewf->block_bytes;
    libewf_error_t *error = NULL;
    uint32_t n_errors;
    int damaged;

    (void)in;
    if (!is_listed(ewf, off, block->n_bytes))
        return fail_chunk(err, off, "has no place in the file; its table is damaged");
    if (atomic_load(&ewf->n_lost) > MAX_LOST_BYTES)
        return fail_chunk(err, off, "is not tried: too many before it could not be read");
    if (libewf_handle_read_random(worker->handle, out, block->n_bytes, (off64_t)off, &error) !=
        (ssize_t)block->n_bytes)
        return fail_by(err, "a chunk cannot be read", &error);
    damaged = is_damaged(worker, off, block->n_bytes, &n_errors);
    if (damaged && is_zeros(out, block->n_bytes))
        atomic_fetch_add(&ewf->n_lost, block->n_bytes);
    if (n_errors >= MAX_ERRORS && renew(ewf, worker, err) < 0)
        return -err->code;
    if (damaged)
        return fail_chunk(err, off, "does not match its checksum; the file is damaged");
    return 0;
}

static void free_own(struct ewf *ewf)
{
    libewf_error_t *error = NULL;

    close_handle(atomic_load(&ewf->first));
    ps_ewf_sections_free(&ewf->sections);
    if (ewf->found && libewf_glob_free(ewf->found, ewf->n_paths, &error) != 1)
        libewf_error_free(&error);
    free(ewf->alone);
    free(ewf);
}

static void ewf_free(void *arg)
{
    struct ewf *ewf = arg;
    struct ps_bytes *file = ewf->file;

    free_own(ewf);
    file->ops->close(file);
}

static const struct ps_blocks_codec codec = {
    .prefix = "",
    .worker_new = ewf_worker_new,
    .worker_free = ewf_worker_free,
    .unpack = ewf_unpack,
    .free = ewf_free,
};

static int missing(struct ps_err *err, const char *path, size_t number)
{
    char name[160];

    if (!ps_ewf_name(name, sizeof name, path, number))
        return ps_fail(
            err, PS_ENOENT, PS_AT_NONE,
            "E01: segment file %zu is missing; put all of them into one folder, with the "
            "names that they had",
            number);
    return ps_fail(err, PS_ENOENT, PS_AT_NONE,
                   "E01: the segment file %s is missing; put it beside the others", name);
}

/* Does 'path' have the name that its segment should have? */
static int is_named(struct ps_bytes *file, const char *path, struct ps_err *err)
{
    const char *slash = strrchr(path, '/');
    uint8_t number[2];
    char name[160];
    int rc;

    if (file->n_bytes < PS_EWF_NUMBER_AT + sizeof number)
        return 0;
    rc = file->ops->read(file, PS_EWF_NUMBER_AT, number, sizeof number, err);
    if (rc < 0)
        return rc;
    return ps_ewf_name(name, sizeof name, path, ps_le16(number)) &&
           !strcmp(name, slash ? slash + 1 : path);
}

/* A file that is not named like a segment is alone. */
static int find_segments(struct ewf *ewf, const char *path, struct ps_err *err)
{
    libewf_error_t *error = NULL;
    const int found = libewf_glob(path, strlen(path), LIBEWF_FORMAT_UNKNOWN, &ewf->found,
                                  &ewf->n_paths, &error) == 1;
    int rc;

    libewf_error_free(&error);
    for (int i = 0; found && i < ewf->n_paths; i++)
        if (!strcmp(ewf->found[i], path))
            ewf->path = ewf->found;
    if (ewf->path)
        return 0;
    rc = is_named(ewf->file, path, err);
    if (rc < 0)
        return rc;
    if (rc && found)
        return missing(err, path, (size_t)ewf->n_paths + 1);
    if (ewf->found)
        libewf_glob_free(ewf->found, ewf->n_paths, NULL);
    ewf->found = NULL;
    ewf->n_paths = 1;
    ewf->path = &ewf->alone;
    ewf->alone = strdup(path);
    return ewf->alone ? 0 : ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
}

/* What is before the first chunk that is missing up to the end. */
static int measure(struct ewf *ewf, struct ps_notes *notes, struct ps_err *err)
{
    struct ps_ewf_sections *s = &ewf->sections;
    size_t n = s->n_chunks;

    while (n && !s->chunk_is_sane[n - 1])
        n--;
    if (!n)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "E01: no table says where the chunks are; the file is cut short or damaged");
    ewf->n_bytes = s->n_media_bytes;
    if (n < s->n_media_bytes / s->chunk_bytes + (s->n_media_bytes % s->chunk_bytes != 0)) {
        ewf->n_bytes = (uint64_t)n * s->chunk_bytes;
        ps_notes_add(notes, PS_NOTE_LOSS,
                     "E01: only the first %" PRIu64 " of %" PRIu64
                     " bytes can be found; a segment file is cut short or damaged",
                     ewf->n_bytes, s->n_media_bytes);
    }
    ewf->block_bytes = s->chunk_bytes;
    if (ewf->block_bytes < MIN_BLOCK_BYTES)
        ewf->block_bytes *= (MIN_BLOCK_BYTES + s->chunk_bytes - 1) / s->chunk_bytes;
    return 0;
}

/* libewf has to see the same. */
static int check_media(const struct ewf *ewf, libewf_handle_t *handle, struct ps_err *err)
{
    libewf_error_t *error = NULL;
    size64_t n_bytes = 0;
    size32_t chunk_bytes = 0;

    if (libewf_handle_get_media_size(handle, &n_bytes, &error) != 1 ||
        libewf_handle_get_chunk_size(handle, &chunk_bytes, &error) != 1)
        return fail_by(err, "its size is not known", &error);
    if (n_bytes != ewf->sections.n_media_bytes || chunk_bytes != ewf->sections.chunk_bytes ||
        (libewf_handle_segment_files_corrupted(handle, NULL) == 1 && !ewf->sections.is_broken))
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "E01: the sections are damaged, and libewf finds other sizes in them; take "
                       "what it gives (ewfexport) and scan that");
    return 0;
}

static void print_hex(char *text, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

static void note_digests(libewf_handle_t *handle, struct ps_notes *notes)
{
    uint8_t md5[MD5_BYTES], sha1[SHA1_BYTES];
    char text[2 * SHA1_BYTES + 1];

    if (libewf_handle_get_md5_hash(handle, md5, sizeof md5, NULL) == 1) {
        print_hex(text, md5, sizeof md5);
        ps_notes_add(notes, PS_NOTE_INFO, "E01: stored MD5 of the media: %s (not verified)", text);
    }
    if (libewf_handle_get_sha1_hash(handle, sha1, sizeof sha1, NULL) == 1) {
        print_hex(text, sha1, sizeof sha1);
        ps_notes_add(notes, PS_NOTE_INFO, "E01: stored SHA-1 of the media: %s (not verified)",
                     text);
    }
}

static void note_errors(libewf_handle_t *handle, struct ps_notes *notes)
{
    uint32_t n = 0;

    if (libewf_handle_get_number_of_acquiry_errors(handle, &n, NULL) == 1 && n)
        ps_notes_add(notes, PS_NOTE_WARNING,
                     "E01: %" PRIu32
                     " ranges of sectors could not be read when the image was taken, "
                     "and are zeros in it",
                     n);
}

static int open_blocks(struct ewf *ewf, struct ps_bytes **out, const struct ps_packed *packed,
                       struct ps_err *err)
{
    const size_t n = (size_t)((ewf->n_bytes + ewf->block_bytes - 1) / ewf->block_bytes);
    struct ps_blocks_spec spec = {
        .codec = &codec,
        .arg = ewf,
        .block = calloc(n, sizeof *spec.block),
        .n_blocks = n,
        .n_threads = packed->spec->n_threads,
        .keep_bytes = packed->spec->in_order ? 0 : packed->spec->unpack_memory,
        .all = packed->spec->all,
    };
    int rc;

    if (!spec.block)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu blocks", n);
    for (size_t i = 0; i < n; i++)
        spec.block[i].n_bytes = ewf->block_bytes;
    spec.block[n - 1].n_bytes = (uint32_t)(ewf->n_bytes - (uint64_t)(n - 1) * ewf->block_bytes);
    rc = ps_blocks_open(out, &spec, err);
    if (rc < 0)
        free(spec.block);
    return rc;
}

static int open_all(struct ewf *ewf, struct ps_bytes **out, const struct ps_packed *packed,
                    struct ps_err *err)
{
    libewf_handle_t *handle = NULL;
    int rc = find_segments(ewf, packed->path, err);

    if (rc == 0)
        rc = ps_ewf_sections_read(&ewf->sections, ewf->path, (size_t)ewf->n_paths, err);
    if (rc == 0 && ewf->sections.goes_on)
        rc = missing(err, ewf->path[ewf->n_paths - 1], (size_t)ewf->n_paths + 1);
    if (rc == 0)
        rc = measure(ewf, packed->notes, err);
    if (rc == 0)
        rc = open_handle(ewf, &handle, err);
    if (rc < 0)
        return rc;
    atomic_store(&ewf->first, handle);
    rc = check_media(ewf, handle, err);
    if (rc < 0)
        return rc;
    note_digests(handle, packed->notes);
    note_errors(handle, packed->notes);
    return open_blocks(ewf, out, packed, err);
}

static int ewf_open(struct ps_bytes **out, const struct ps_packed *packed, struct ps_err *err)
{
    struct ewf *ewf;
    int rc;

    if (!packed->path || *packed->bytes->ops->prefix)
        return ps_fail(err, PS_EFORMAT, 0,
                       "format E01: inside %s it cannot be read; unpack that, and name the first "
                       "segment file",
                       packed->path ? "the parts of a split file" : "another packing");
    ewf = calloc(1, sizeof *ewf);
    if (!ewf)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    ewf->file = packed->bytes;
    rc = open_all(ewf, out, packed, err);
    if (rc < 0)
        free_own(ewf);
    return rc;
}

const struct ps_packing ps_packing_ewf = {
    .name = "E01",
    .library = "libewf",
    .probe = ewf_probe,
    .open = ewf_open,
    .version = libewf_get_version,
};

#else

const struct ps_packing ps_packing_ewf = {
    .name = "E01",
    .library = "libewf",
    .probe = ewf_probe,
};

#endif
