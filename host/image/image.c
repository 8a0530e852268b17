#include "host/image/image.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/digest.h"
#include "host/image/bytes/files.h"
#include "host/image/bytes/split.h"
#include "host/image/containers/reader.h"
#include "host/image/packed/packing.h"
#include "host/image/runs.h"

#define PAGE     4096u
#define ID_BYTES ((size_t)1 << 20)  /* hashed at each end of the file */
#define ID_PART  ((size_t)64 << 10) /* read at a time: new pages for all of it cost more than it */

struct ps_image {
    char *path;
    struct ps_image_spec spec;
    struct ps_bytes *bytes; /* what the user named, unpacked */
    struct ps_bytes *data;  /* that holds the pages: the same, mostly */
    int has_no_offsets;
    struct ps_layout layout;
    uint64_t end;       /* 0: that of the last extent */
    struct ps_run flat; /* the one run that it was made of; n_bytes 0: other than from 0 on */
    struct ps_image_facts facts;
    struct ps_notes notes;
    char format[128];
    char layers[128];         /* of it, what stands before the container */
    struct ps_digest *digest; /* of the identity, while the image is passing */
    char id[PS_DIGEST_HEX_BYTES];
};

static const struct ps_reader *const readers[] = {
    &ps_reader_lime,       &ps_reader_elf,          &ps_reader_hiber,       &ps_reader_refused,
    &ps_reader_crash_dump, &ps_reader_vmware_state, &ps_reader_vmware_vmem, &ps_reader_raw,
};

static int open_bytes(struct ps_image *image, struct ps_err *err)
{
    struct ps_paths paths;
    int rc = ps_split_paths(&paths, image->path, err);

    if (rc < 0)
        return rc;
    rc = ps_files_open(&image->bytes, paths.path, paths.n, err);
    ps_paths_free(&paths);
    if (rc < 0)
        return rc;
    snprintf(image->format, sizeof image->format, "%s", image->bytes->ops->prefix);
    return ps_packed_open(&image->bytes, image->path, &image->spec, &image->notes, image->format,
                          sizeof image->format, err);
}

static const struct ps_reader *find_reader(const struct ps_container *c)
{
    size_t i = 0;

    while (!readers[i]->probe(c))
        i++; /* the last row takes everything */
    return readers[i];
}

static void note_losses(struct ps_image *image)
{
    const struct ps_layout *l = &image->layout;

    if (l->n_missing)
        ps_notes_add(&image->notes, PS_NOTE_LOSS,
                     "%" PRIu64 " bytes of memory that the headers promise are not in the file; "
                     "it is cut short or damaged",
                     l->n_missing);
}

/* Memory that the runs of a damaged or hostile list have: each byte of the file under so many
 * addresses that scanning it would never end. Nothing is known that shows a byte twice. */
#define MOST_TIMES ((uint64_t)64)
#define LITTLE     ((uint64_t)4 << 30)

static int check_size(const struct ps_layout *l, const struct ps_container *c, struct ps_err *err)
{
    if (l->n_covered <= LITTLE || l->n_covered / MOST_TIMES <= c->data->n_bytes)
        return 0;
    return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                   "format %s: the headers make %" PRIu64 " bytes of memory from a file of %" PRIu64
                   ", the same ones again and again; they are damaged",
                   c->name, l->n_covered, c->data->n_bytes);
}

static int lay_out(struct ps_image *image, const struct ps_container *c, struct ps_err *err)
{
    int rc = ps_runs_extents(&c->runs, c->data, &image->layout, err);

    if (rc < 0)
        return rc;
    if (!image->layout.n && image->layout.n_missing)
        return ps_fail(err, PS_EFORMAT, PS_AT_NONE,
                       "format %s: none of the memory that the headers promise is in the file",
                       c->name);
    rc = check_size(&image->layout, c, err);
    if (rc < 0)
        return rc;
    note_losses(image);
    if (c->runs.n == 1 && c->runs.run[0].phys == 0 && !image->layout.n_missing)
        image->flat = c->runs.run[0];
    image->end = image->flat.n_bytes;
    return 0;
}

static int open_container(struct ps_image *image, struct ps_err *err)
{
    struct ps_bytes *bytes = image->bytes;
    uint8_t head[PS_HEAD_BYTES];
    struct ps_container c = {
        .path = image->path,
        .spec = &image->spec,
        .bytes = bytes,
        .data = bytes,
        .head = head,
        .n_head = bytes->n_bytes < PS_HEAD_BYTES ? (size_t)bytes->n_bytes : PS_HEAD_BYTES,
        .notes = image->notes,
    };
    const struct ps_reader *reader;
    const size_t n_prefix = strlen(image->format);
    int rc = bytes->ops->read(bytes, 0, head, c.n_head, err);

    if (rc < 0)
        return rc;
    reader = find_reader(&c);
    snprintf(c.name, sizeof c.name, "%s", reader->name);
    rc = reader->open(&c, err);
    image->data = c.data;
    image->has_no_offsets = c.has_no_offsets;
    image->facts = c.facts;
    image->notes = c.notes;
    snprintf(image->layers, sizeof image->layers, "%.*s", n_prefix ? (int)n_prefix - 1 : 0,
             image->format);
    snprintf(image->format + n_prefix, sizeof image->format - n_prefix, "%s", c.name);
    if (rc >= 0)
        rc = lay_out(image, &c, err);
    ps_runs_free(&c.runs);
    return rc;
}

/* What is damaged where it is packed counts as zeros: the rest of the image can be read. */
static int read_end(struct ps_bytes *bytes, uint64_t off, uint8_t *buf, size_t n_bytes,
                    struct ps_err *err)
{
    int rc = bytes->ops->read(bytes, off, buf, n_bytes, err);

    if ((bytes->ops->map && !bytes->ops->stays) || (rc != -PS_EFORMAT && rc != -PS_EIO))
        return rc;
    for (size_t at = 0; at < n_bytes; at += PAGE) {
        const size_t n = n_bytes - at < PAGE ? n_bytes - at : PAGE;

        rc = bytes->ops->read(bytes, off + at, buf + at, n, err);
        if (rc == -PS_EFORMAT || rc == -PS_EIO)
            memset(buf + at, 0, n);
        else if (rc < 0)
            return rc;
    }
    return 0;
}

/* Add the first bytes, or the last. */
static int hash_end(struct ps_image *image, int is_last, struct ps_err *err)
{
    struct ps_bytes *bytes = image->bytes;
    const size_t n = bytes->n_bytes < ID_BYTES ? (size_t)bytes->n_bytes : ID_BYTES;
    const uint64_t first = is_last ? bytes->n_bytes - n : 0;
    uint8_t *buf = malloc(ID_PART);
    int rc = 0;

    if (!buf)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the identity of the image");
    for (size_t at = 0; rc >= 0 && at < n; at += ID_PART) {
        const size_t n_part = n - at < ID_PART ? n - at : ID_PART;

        rc = read_end(bytes, first + at, buf, n_part, err);
        if (rc >= 0)
            ps_digest_update(image->digest, buf, n_part);
    }
    free(buf);
    return rc;
}

static int finish_id(struct ps_image *image, struct ps_err *err)
{
    const int rc = hash_end(image, 1, err);

    if (rc < 0)
        return rc;
    ps_digest_hex(image->digest, image->id);
    ps_digest_free(image->digest);
    image->digest = NULL;
    return 0;
}

static int compute_id(struct ps_image *image, struct ps_err *err)
{
    int rc;

    image->digest = ps_digest_new();
    if (!image->digest)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the identity of the image");
    ps_digest_update_u64(image->digest, image->bytes->n_bytes);
    rc = hash_end(image, 0, err);
    return rc < 0 || ps_image_is_passing(image) ? rc : finish_id(image, err);
}

/* *is_bet: it is, or was when it failed, made of what goes by. */
static int open_as(struct ps_image **out, const char *path, const struct ps_image_spec *spec,
                   int *is_bet, struct ps_err *err)
{
    struct ps_image *image = calloc(1, sizeof *image);
    int rc = 0;

    if (image)
        image->path = strdup(path);
    if (!image || !image->path)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory");
    if (rc >= 0 && spec)
        image->spec = *spec;
    if (rc >= 0)
        rc = open_bytes(image, err);
    if (rc >= 0)
        rc = open_container(image, err);
    if (rc >= 0)
        rc = compute_id(image, err);
    *is_bet = image && image->bytes && image->bytes->ops->finish;
    if (rc < 0) {
        ps_image_close(image);
        return rc;
    }
    *out = image;
    return 0;
}

/* Is there anything to be read of what goes by, and in its own order? */
static int can_pass(const struct ps_image *image)
{
    const struct ps_bytes *bytes = image->bytes;

    return !ps_image_is_passing(image) ||
           (image->data == bytes && !bytes->ops->is_lost(image->bytes));
}

int ps_image_open(struct ps_image **out, const char *path, const struct ps_image_spec *spec,
                  struct ps_err *err)
{
    struct ps_image_spec again;
    struct ps_image *image = NULL;
    int is_bet;
    int rc = open_as(&image, path, spec, &is_bet, err);

    if (is_bet && (rc == -PS_EFORMAT || (rc == 0 && !can_pass(image)))) {
        if (rc == 0)
            ps_image_close(image);
        again = *spec;
        again.once = 0;
        rc = open_as(&image, path, &again, &is_bet, err);
    }
    if (rc == 0)
        *out = image;
    return rc;
}

int ps_image_is_passing(const struct ps_image *image)
{
    return image->bytes->ops->finish && !image->id[0];
}

int ps_image_finish(struct ps_image *image, struct ps_err *err)
{
    const int rc = image->bytes->ops->finish(image->bytes, err);

    if (rc <= 0)
        return rc;
    return finish_id(image, err) < 0 ? -err->code : 1;
}

void ps_image_close(struct ps_image *image)
{
    if (!image)
        return;
    ps_digest_free(image->digest);
    if (image->data && image->data != image->bytes)
        image->data->ops->close(image->data);
    if (image->bytes)
        image->bytes->ops->close(image->bytes);
    ps_layout_free(&image->layout);
    free(image->path);
    free(image);
}

const char *ps_image_path(const struct ps_image *image)
{
    return image->path;
}

const char *ps_image_format(const struct ps_image *image)
{
    return image->format;
}

const char *ps_image_layers(const struct ps_image *image)
{
    return image->layers;
}

uint64_t ps_image_file_bytes(const struct ps_image *image)
{
    return image->bytes->n_bytes;
}

uint64_t ps_image_memory_bytes(const struct ps_image *image)
{
    if (image->facts.n_pages && image->facts.n_pages <= PS_PHYS_END / PAGE)
        return image->facts.n_pages * PAGE;
    return image->layout.n_covered;
}

const struct ps_image_facts *ps_image_facts(const struct ps_image *image)
{
    return &image->facts;
}

const struct ps_notes *ps_image_notes(const struct ps_image *image)
{
    return &image->notes;
}

const struct ps_extent *ps_image_extents(const struct ps_image *image, size_t *n)
{
    *n = image->layout.n;
    return image->layout.extent;
}

const char *ps_image_id(const struct ps_image *image)
{
    return image->id;
}

uint64_t ps_image_torn_bytes(const struct ps_image *image)
{
    return image->layout.n_torn;
}

uint64_t ps_image_missing_bytes(const struct ps_image *image)
{
    return image->layout.n_missing;
}

uint64_t ps_image_overlap_bytes(const struct ps_image *image)
{
    return image->layout.n_overlaps;
}

int ps_image_has(const struct ps_image *image, uint64_t phys)
{
    return ps_layout_find(&image->layout, phys) != NULL;
}

uint64_t ps_image_flat_bytes(const struct ps_image *image)
{
    return image->flat.n_bytes;
}

uint64_t ps_image_end(const struct ps_image *image)
{
    const struct ps_layout *l = &image->layout;
    const uint64_t end = l->n ? l->extent[l->n - 1].phys + l->extent[l->n - 1].n_bytes : 0;

    return image->end > end ? image->end : end;
}

int ps_image_set_hole(struct ps_image *image, uint64_t start, uint64_t end, const char *why,
                      struct ps_err *err)
{
    const struct ps_run *flat = &image->flat;
    struct ps_runs runs = {0};
    struct ps_layout layout;
    int rc;

    if (flat->n_bytes == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "format %s: a hole can only be put into memory that is one run from address "
                       "0 on, such as that of a raw image",
                       image->format);
    if (start >= flat->n_bytes || end <= start || end > PS_PHYS_END || start % PAGE || end % PAGE)
        return ps_fail(err, PS_EARG, start,
                       "no memory would be above a hole 0x%" PRIx64 "-0x%" PRIx64
                       ": the image ends at 0x%" PRIx64,
                       start, end, flat->n_bytes);
    rc = ps_runs_add(&runs, 0, start, flat->file_off, err);
    if (rc == 0)
        rc = ps_runs_add(&runs, end, flat->n_bytes - start, flat->file_off + start, err);
    if (rc == 0)
        rc = ps_runs_extents(&runs, image->data, &layout, err);
    ps_runs_free(&runs);
    if (rc < 0)
        return rc;
    ps_layout_free(&image->layout);
    image->layout = layout;
    image->end = end + (flat->n_bytes - start);
    image->flat = (struct ps_run){0};
    ps_notes_add(&image->notes, PS_NOTE_INFO,
                 "no 0x%" PRIx64 "-0x%" PRIx64 ": addresses above were moved by 0x%" PRIx64 " (%s)",
                 start, end, end - start, why);
    return 0;
}

/* The first piece that ends after 'phys'. */
static size_t piece_at(const struct ps_layout *l, uint64_t phys)
{
    size_t low = 0, high = l->n_pieces;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;

        if (l->piece[mid].phys + l->piece[mid].n_bytes <= phys)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint64_t ps_image_file_off(const struct ps_image *image, uint64_t phys)
{
    const struct ps_layout *l = &image->layout;
    const struct ps_extent *e = ps_layout_find(l, phys);
    size_t i;

    if (!e || image->has_no_offsets)
        return PS_NO_FILE_OFF;
    if (e->kind == PS_EXTENT_STORED)
        return e->file_off + (phys - e->phys);
    i = piece_at(l, phys);
    if (i == l->n_pieces || phys < l->piece[i].phys)
        return PS_NO_FILE_OFF;
    return l->piece[i].file_off + (phys - l->piece[i].phys);
}

uint64_t ps_image_page_off(const struct ps_image *image, uint64_t phys)
{
    const struct ps_extent *e = ps_layout_find(&image->layout, phys);

    if (!e || e->kind != PS_EXTENT_STORED || image->has_no_offsets)
        return PS_NO_FILE_OFF;
    return e->file_off + (phys - e->phys);
}

int ps_image_is_packed(const struct ps_image *image)
{
    return !image->data->ops->map;
}

const uint8_t *ps_image_map(struct ps_image *image, uint64_t phys, size_t n_bytes)
{
    const struct ps_bytes_ops *ops = image->data->ops;
    const struct ps_extent *e = ps_layout_find(&image->layout, phys);

    if (!e || e->kind != PS_EXTENT_STORED || !ops->map || n_bytes > e->n_bytes - (phys - e->phys))
        return NULL;
    return ops->map(image->data, e->file_off + (phys - e->phys), n_bytes);
}

const uint8_t *ps_image_map_bytes(struct ps_image *image, uint64_t file_off, size_t n_bytes)
{
    const uint64_t all = image->data->n_bytes;

    if (!image->data->ops->map || file_off > all || n_bytes > all - file_off)
        return NULL;
    return image->data->ops->map(image->data, file_off, n_bytes);
}

void ps_image_release(struct ps_image *image, const uint8_t *mem, size_t n_bytes)
{
    if (image->data->ops->release)
        image->data->ops->release(image->data, mem, n_bytes);
}

int ps_image_gives_back(const struct ps_image *image)
{
    return image->data->ops->release != NULL;
}

void ps_image_will_need(struct ps_image *image, uint64_t phys, uint64_t n_bytes)
{
    const struct ps_bytes_ops *ops = image->data->ops;
    const struct ps_extent *e = ps_layout_find(&image->layout, phys);
    uint64_t left;

    if (!e || e->kind != PS_EXTENT_STORED || !ops->will_need)
        return;
    left = e->n_bytes - (phys - e->phys);
    ops->will_need(image->data, e->file_off + (phys - e->phys), n_bytes < left ? n_bytes : left);
}

void ps_image_will_need_bytes(struct ps_image *image, uint64_t file_off, uint64_t n_bytes)
{
    const uint64_t all = image->data->n_bytes;

    if (image->data->ops->will_need && file_off <= all && n_bytes <= all - file_off)
        image->data->ops->will_need(image->data, file_off, n_bytes);
}

/* Of a page that is put together: what no piece covers is zero. */
static int read_pieces(struct ps_image *image, uint64_t phys, uint8_t *buf, size_t n_bytes,
                       struct ps_err *err)
{
    const struct ps_layout *l = &image->layout;
    int rc = 0;

    memset(buf, 0, n_bytes);
    for (size_t i = piece_at(l, phys); rc == 0 && i < l->n_pieces; i++) {
        const struct ps_piece_run *p = &l->piece[i];
        const uint64_t from = p->phys > phys ? p->phys : phys;
        uint64_t n = p->n_bytes - (from - p->phys);

        if (from - phys >= n_bytes)
            break;
        if (n > n_bytes - (from - phys))
            n = n_bytes - (from - phys);
        rc = image->data->ops->read(image->data, p->file_off + (from - p->phys),
                                    buf + (from - phys), (size_t)n, err);
    }
    return rc;
}

typedef int read_fn(struct ps_bytes *bytes, uint64_t off, void *buf, size_t n_bytes,
                    struct ps_err *err);

static int read_with(struct ps_image *image, read_fn *read, uint64_t phys, void *buf,
                     size_t n_bytes, struct ps_err *err)
{
    const struct ps_extent *e = ps_layout_find(&image->layout, phys);
    uint64_t stored = e ? e->n_bytes - (phys - e->phys) : 0;
    size_t padding = (size_t)(e ? (PAGE - e->n_bytes % PAGE) % PAGE : 0);

    if (!e || (n_bytes > stored && n_bytes - stored > padding))
        return ps_fail(err, PS_EINTERNAL, PS_AT_NONE,
                       "physical address 0x%" PRIx64 ": %zu bytes are not inside one extent", phys,
                       n_bytes);
    if (n_bytes > stored) {
        memset((uint8_t *)buf + stored, 0, (size_t)(n_bytes - stored));
        n_bytes = (size_t)stored;
    }
    if (e->kind == PS_EXTENT_PIECES)
        return read_pieces(image, phys, buf, n_bytes, err);
    return read(image->data, e->file_off + (phys - e->phys), buf, n_bytes, err);
}

int ps_image_read(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                  struct ps_err *err)
{
    return read_with(image, image->data->ops->read, phys, buf, n_bytes, err);
}

int ps_image_read_once(struct ps_image *image, uint64_t phys, void *buf, size_t n_bytes,
                       struct ps_err *err)
{
    const struct ps_bytes_ops *ops = image->data->ops;

    return read_with(image, ops->read_once ? ops->read_once : ops->read, phys, buf, n_bytes, err);
}
