#include "host/image/packed/ewf/sections.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/bytes/files.h"
#include "host/image/le.h"

#define FILE_HEADER_BYTES 13u

#define SECTION_BYTES     76u /* of its header, which ends with an Adler-32 of what is before */
#define SECTION_SUMMED    72u
#define TYPE_BYTES        16u
#define NEXT_AT           16u
#define SIZE_AT           24u

#define VOLUME_BYTES      24u /* that are looked at */
#define CHUNK_SECTORS_AT  8u
#define SECTOR_BYTES_AT   12u
#define N_SECTORS_AT      16u

#define TABLE_BYTES       24u /* before its entries; ends like the header of a section */
#define TABLE_SUMMED      20u
#define BASE_AT           8u
#define COMPRESSED        0x80000000u
#define PER_READ          4096u

#define MAX_CHUNK_BYTES   ((uint32_t)64 << 20)
#define MAX_MEDIA_BYTES   ((uint64_t)1 << 52)
/* What does not compress may grow by this, and by an eighth. */
#define GROWTH_BYTES 4096u

struct section {
    char type[TYPE_BYTES + 1];
    uint64_t at;
    uint64_t next;
    uint64_t n_bytes; /* with its header */
};

struct table {
    uint64_t at; /* of its entries */
    size_t n;
    size_t first;       /* chunk that it lists */
    int is_copy;        /* of the table before it */
    uint64_t room;      /* for chunks, in the file, from where their offsets count */
    uint64_t last_from; /* where the last one that it lists may begin, from there */
    uint64_t last_to;
    uint64_t max_chunk;   /* bytes, compressed */
    uint64_t plain_chunk; /* ... not compressed, with its Adler-32 */
};

/* RFC 1950; here, since zlib need not be in the build. */
static uint32_t adler32_of(const uint8_t *bytes, size_t n)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < n; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static int is_type(const struct section *section, const char *type)
{
    return !strcmp(section->type, type);
}

/* 1; 0 when there is no sound section at 'at'. */
static int read_section(struct ps_bytes *file, uint64_t at, struct section *section,
                        struct ps_err *err)
{
    uint8_t head[SECTION_BYTES];
    int rc;

    if (at > file->n_bytes || file->n_bytes - at < SECTION_BYTES)
        return 0;
    rc = file->ops->read(file, at, head, sizeof head, err);
    if (rc < 0)
        return rc;
    memcpy(section->type, head, TYPE_BYTES);
    section->type[TYPE_BYTES] = 0;
    section->at = at;
    section->next = ps_le64(head + NEXT_AT);
    section->n_bytes = ps_le64(head + SIZE_AT);
    if (ps_le32(head + SECTION_SUMMED) != adler32_of(head, SECTION_SUMMED))
        return 0;
    if (is_type(section, "next") || is_type(section, "done"))
        return 1;
    return section->next > at && section->next <= file->n_bytes &&
           section->next - at >= SECTION_BYTES && section->n_bytes >= SECTION_BYTES &&
           section->n_bytes <= section->next - at;
}

static int read_volume(struct ps_ewf_sections *s, struct ps_bytes *file,
                       const struct section *section, struct ps_err *err)
{
    uint8_t volume[VOLUME_BYTES];
    uint64_t n_sectors, chunk_sectors, sector_bytes;
    int rc;

    if (section->n_bytes - SECTION_BYTES < VOLUME_BYTES)
        return ps_fail(err, PS_EFORMAT, section->at, "E01: the section '%s' is too short",
                       section->type);
    rc = file->ops->read(file, section->at + SECTION_BYTES, volume, sizeof volume, err);
    if (rc < 0)
        return rc;
    chunk_sectors = ps_le32(volume + CHUNK_SECTORS_AT);
    sector_bytes = ps_le32(volume + SECTOR_BYTES_AT);
    n_sectors = ps_le64(volume + N_SECTORS_AT);
    /* SMART has 4 bytes of it, and 4 of zeros. */
    if (!chunk_sectors || !sector_bytes || chunk_sectors > MAX_CHUNK_BYTES / sector_bytes ||
        !n_sectors || n_sectors > MAX_MEDIA_BYTES / sector_bytes)
        return ps_fail(err, PS_EFORMAT, section->at + SECTION_BYTES,
                       "E01: %" PRIu64 " sectors of %" PRIu64 " bytes in chunks of %" PRIu64
                       " sectors: the file is damaged",
                       n_sectors, sector_bytes, chunk_sectors);
    s->chunk_bytes = (uint32_t)(chunk_sectors * sector_bytes);
    s->n_media_bytes = n_sectors * sector_bytes;
    return 0;
}

/* What is not compressed has a size that is known: libewf goes on with the next chunk where one is
 * too short, be that one sane or not. */
static int is_plain_chunk(uint32_t from, uint32_t to, const struct table *table)
{
    return from < to && to - from == table->plain_chunk && to <= table->room;
}

static int is_chunk(uint32_t from, uint32_t to, const struct table *table)
{
    return from < to && to - from <= table->max_chunk && to <= table->room;
}

static void add_entries(struct ps_ewf_sections *s, const struct table *table, size_t first,
                        const uint8_t *entry, size_t n, int ends_table)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t from = ps_le32(entry + i * 4);
        const uint32_t to = i + 1 < n || !ends_table ? ps_le32(entry + i * 4 + 4) : 0;
        int sane;

        /* The last one ends where its section of chunks does, or in SMART files the table: libewf
         * takes what lies before or behind that for 4 GiB. Of the others, the upper bit says that a
         * chunk is compressed, but not in what EnCase 6.7 wrote behind the first 2 GiB. */
        if (i + 1 == n && ends_table)
            sane =
                (from & ~COMPRESSED) >= table->last_from && (from & ~COMPRESSED) < table->last_to;
        else if (from & COMPRESSED)
            sane =
                is_chunk(from & ~COMPRESSED, to & ~COMPRESSED, table) || is_chunk(from, to, table);
        else
            sane = is_plain_chunk(from, to & ~COMPRESSED, table) || is_plain_chunk(from, to, table);
        /* libewf goes by the table, or by its copy: neither may lead it astray. */
        s->chunk_is_sane[first + i] =
            (uint8_t)(sane && (!table->is_copy || s->chunk_is_sane[first + i]));
    }
}

static int read_entries(struct ps_ewf_sections *s, struct ps_bytes *file, const struct table *table,
                        struct ps_err *err)
{
    uint8_t entry[(PER_READ + 1) * 4];
    size_t done = 0;
    int rc = 0;

    while (rc == 0 && done < table->n) {
        const size_t left = table->n - done;
        const size_t n = left < PER_READ ? left : PER_READ;
        const size_t n_read = left > n ? n + 1 : n;

        rc = file->ops->read(file, table->at + done * 4, entry, n_read * 4, err);
        if (rc == 0)
            add_entries(s, table, table->first + done, entry, n, n == left);
        done += n;
    }
    return rc;
}

static int make_room(struct ps_ewf_sections *s, size_t n_more, struct ps_err *err)
{
    size_t cap = s->cap ? s->cap : PER_READ;
    uint8_t *grown;

    while (cap - s->n_chunks < n_more)
        cap *= 2;
    grown = realloc(s->chunk_is_sane, cap);
    if (!grown)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for %zu chunks", cap);
    memset(grown + s->n_chunks, 0, cap - s->n_chunks);
    s->chunk_is_sane = grown;
    s->cap = cap;
    return 0;
}

static void set_last(const struct ps_ewf_sections *s, const struct section *section, uint64_t base,
                     struct table *table)
{
    const uint64_t from =
        s->sectors_end ? s->sectors_at + SECTION_BYTES : table->at + (uint64_t)table->n * 4;
    const uint64_t to = s->sectors_end ? s->sectors_end : section->at + section->n_bytes;

    table->last_from = from > base ? from - base : 0;
    table->last_to = to > base ? to - base : 0;
}

/* A copy of the table (table2) lists the chunks of the table before it once more. */
static int read_table(struct ps_ewf_sections *s, struct ps_bytes *file,
                      const struct section *section, struct ps_err *err)
{
    uint8_t head[TABLE_BYTES];
    const uint64_t room = section->n_bytes - SECTION_BYTES;
    const int is_copy = is_type(section, "table2");
    struct table table = {
        .at = section->at + SECTION_BYTES + TABLE_BYTES,
        .is_copy = is_copy,
        .max_chunk = (uint64_t)s->chunk_bytes + s->chunk_bytes / 8 + GROWTH_BYTES,
        .plain_chunk = (uint64_t)s->chunk_bytes + 4,
    };
    uint64_t base;
    int rc = 0;

    if (room >= TABLE_BYTES)
        rc = file->ops->read(file, section->at + SECTION_BYTES, head, sizeof head, err);
    if (rc < 0)
        return rc;
    if (room < TABLE_BYTES || ps_le32(head) > (room - TABLE_BYTES) / 4 ||
        ps_le32(head + TABLE_SUMMED) != adler32_of(head, TABLE_SUMMED))
        return ps_fail(err, PS_EFORMAT, section->at, "E01: a table of chunks is damaged");
    table.n = ps_le32(head);
    base = ps_le64(head + BASE_AT);
    /* No chunk lies behind the table that lists it. */
    if (base < section->at + section->n_bytes)
        table.room = section->at + section->n_bytes - base;
    set_last(s, section, base, &table);
    if (is_copy && (s->n_chunks < table.n || s->n_last_table != table.n))
        return ps_fail(err, PS_EFORMAT, section->at, "E01: the copy of a table is not like it");
    table.first = is_copy ? s->n_chunks - table.n : s->n_chunks;
    if (!is_copy)
        rc = make_room(s, table.n, err);
    if (rc == 0 && !is_copy) {
        s->n_chunks += table.n;
        s->n_last_table = table.n;
    }
    return rc < 0 ? rc : read_entries(s, file, &table, err);
}

static int look_into(struct ps_ewf_sections *s, struct ps_bytes *file,
                     const struct section *section, struct ps_err *err)
{
    const int is_volume = is_type(section, "volume") || is_type(section, "disk");

    if (is_volume && !s->chunk_bytes)
        return read_volume(s, file, section, err);
    if (is_type(section, "sectors")) {
        s->sectors_at = section->at;
        s->sectors_end = section->at + section->n_bytes;
    }
    if (!is_type(section, "table") && !is_type(section, "table2"))
        return 0;
    if (!s->chunk_bytes)
        return ps_fail(err, PS_EFORMAT, section->at,
                       "E01: chunks are listed before their size is said");
    return read_table(s, file, section, err);
}

/* All sections of a file, up to the last one or the first that is damaged. */
static int walk(struct ps_ewf_sections *s, struct ps_bytes *file, struct ps_err *err)
{
    struct section section;
    uint64_t at = FILE_HEADER_BYTES;
    int rc;

    s->goes_on = 0;
    s->sectors_at = s->sectors_end = 0;
    for (;; at = section.next) {
        rc = read_section(file, at, &section, err);
        if (rc == 0)
            s->is_broken = 1;
        if (rc <= 0)
            return rc;
        s->goes_on = is_type(&section, "next");
        if (s->goes_on || is_type(&section, "done"))
            return 0;
        rc = look_into(s, file, &section, err);
        if (rc < 0)
            return rc;
    }
}

static int check_header(struct ps_bytes *file, size_t number, const char *name, struct ps_err *err)
{
    uint8_t head[FILE_HEADER_BYTES];
    int rc;

    if (file->n_bytes < sizeof head)
        return ps_fail(err, PS_EFORMAT, 0, "E01: %.100s has no header", name);
    rc = file->ops->read(file, 0, head, sizeof head, err);
    if (rc < 0)
        return rc;
    if (memcmp(head, PS_EWF_MAGIC, PS_EWF_MAGIC_BYTES) != 0)
        return ps_fail(err, PS_EFORMAT, 0, "E01: %.100s is no segment file", name);
    if (ps_le16(head + PS_EWF_NUMBER_AT) != number)
        return ps_fail(err, PS_EFORMAT, PS_EWF_NUMBER_AT,
                       "E01: %.100s says that it is segment %u, and should be %zu; give the "
                       "segment files the names that they had",
                       name, ps_le16(head + PS_EWF_NUMBER_AT), number);
    return 0;
}

static int read_file(struct ps_ewf_sections *s, char *path, size_t number, struct ps_err *err)
{
    const char *slash = strrchr(path, '/');
    struct ps_bytes *file;
    int rc = ps_files_open(&file, &path, 1, err);

    if (rc < 0)
        return rc;
    rc = check_header(file, number, slash ? slash + 1 : path, err);
    if (rc == 0)
        rc = walk(s, file, err);
    file->ops->close(file);
    return rc;
}

int ps_ewf_sections_read(struct ps_ewf_sections *s, char *const *paths, size_t n_paths,
                         struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < n_paths && !s->is_broken; i++)
        rc = read_file(s, paths[i], i + 1, err);
    return rc;
}

void ps_ewf_sections_free(struct ps_ewf_sections *s)
{
    free(s->chunk_is_sane);
    memset(s, 0, sizeof *s);
}
