#include "host/output/fields.h"

#include <stdlib.h>

#include "host/output/text.h"
#include "kernels/pool_header.h"
#include "scan/bigpool/type_name.h"
#include "scan/tags/tag.h"

#define N_STATUS     4u
#define N_ALLOCATOR  5u
#define N_SOURCE     2u
#define N_POOL       4u
#define N_TYPES      256u
#define NUMBER_BYTES 40u /* no number, hex string or tag of a row is longer */

/* How one form writes what is not text: everything else about it is in the rendered pieces. */
struct form {
    void (*add_string)(struct ps_text *t, const char *s, size_t n);
    const char *null;
    uint32_t quote; /* 1: hex strings stand in quotes */
    uint32_t list;  /* 1: lists stand in brackets */
    char list_separator;
};

static const struct form forms[] = {
    [PS_ROWS_JSON] = {ps_text_add_json, "null", 1, 1, ','},
    [PS_ROWS_CSV] = {ps_text_add_csv, "", 0, 0, '|'},
    [PS_ROWS_PLAIN] = {ps_text_add, "", 0, 0, '|'},
};

struct geometry {
    uint32_t size_mask;
    uint32_t index_shift;
    uint32_t index_mask;
    uint32_t type_shift;
};

static const struct geometry geometries[] = {
    [PS_ARCH_X86] = {PS_BLOCK_MASK_X86, PS_INDEX_SHIFT_X86, 0x7f, PS_TYPE_SHIFT_X86},
    [PS_ARCH_X64] = {PS_BLOCK_MASK_X64, PS_INDEX_SHIFT_X64, 0xff, PS_TYPE_SHIFT_X64},
};

struct info_pieces {
    struct ps_piece component;
    struct ps_piece kind;
    struct ps_piece description;
};

#define MAX_FIELDS 32u

struct ps_rows {
    const struct form *form;
    struct ps_text text;
    struct ps_piece before[MAX_FIELDS]; /* ',"Name":' or ',' */
    struct ps_piece end;
    struct ps_piece source[N_SOURCE];
    struct ps_piece null;
    struct ps_piece truth[2];
    struct ps_piece status[N_STATUS];
    struct ps_piece allocator[N_ALLOCATOR];
    struct ps_piece pool[N_POOL];
    struct ps_piece evidence[PS_N_EVIDENCE];
    struct info_pieces *info;
    size_t n_info;

    size_t image_mark; /* the text from here on belongs to the image */
    struct ps_piece type[N_TYPES];
    struct ps_piece image;
    struct ps_piece image_id;
    struct geometry geometry;
    const struct ps_processes *processes; /* or NULL */
    uint32_t protected_bit;               /* in the tags of this image, or 0 */

    size_t max_common_bytes;
    size_t max_bytes; /* of a row */
    uint64_t n_rows;
};

static char *put_piece(const struct ps_rows *r, struct ps_piece piece, char *p)
{
    return ps_put_piece(p, &r->text, piece);
}

static char *put_quote(const struct ps_rows *r, char *p)
{
    *p = '"';
    return p + r->form->quote;
}

static uint32_t type_byte(const struct ps_rows *r, const struct ps_finding *f)
{
    return f->word0 >> r->geometry.type_shift;
}

static char *put_source(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, r->source[f->source == PS_SOURCE_BIGPOOL], p);
}

static int is_big(const struct ps_finding *f)
{
    return f->source == PS_SOURCE_BIGPOOL;
}

/* An address, or null when it is 'none'. */
static char *put_address(const struct ps_rows *r, uint64_t address, uint64_t none, char *p)
{
    if (address == none)
        return put_piece(r, r->null, p);
    return put_quote(r, ps_put_hex64(put_quote(r, p), address));
}

static char *put_offset(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_address(r, f->phys, PS_NOWHERE, p);
}

static char *put_file_offset(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_address(r, f->file_off, PS_NOWHERE, p);
}

static char *put_allocation(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_address(r, f->va, 0, p);
}

static char *put_in_big_pool(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_address(r, f->in_big, 0, p);
}

static char *put_process(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_address(r, f->process, 0, p);
}

/* Printable, but a quote may be among it. */
static char *put_process_name(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    const struct ps_process *process =
        f->process && r->processes ? ps_processes_find(r->processes, f->process) : NULL;
    char quoted_text[4 * PS_PROCESS_NAME_BYTES];
    struct ps_text quoted = {.s = quoted_text, .cap = sizeof quoted_text};

    if (!process || !process->name[0])
        return put_piece(r, r->null, p);
    r->form->add_string(&quoted, process->name, strlen(process->name));
    memcpy(p, quoted.s, quoted.n);
    return p + quoted.n;
}

static char *put_mapped(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    if (f->mapped == PS_MAPPED_UNKNOWN)
        return put_piece(r, r->null, p);
    return put_piece(r, r->truth[f->mapped == PS_MAPPED_YES], p);
}

static char *put_pool(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, r->pool[f->pool < N_POOL ? f->pool : PS_POOL_UNKNOWN], p);
}

static int is_plain(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != ',';
}

static char *put_escaped_tag(const struct ps_rows *r, uint32_t tag, char *p)
{
    char text[PS_TAG_TEXT_BYTES];
    char quoted_text[4 * PS_TAG_TEXT_BYTES];
    struct ps_text quoted = {.s = quoted_text, .cap = sizeof quoted_text};

    ps_tag_print(tag, text);
    r->form->add_string(&quoted, text, strlen(text));
    memcpy(p, quoted.s, quoted.n);
    return p + quoted.n;
}

static char *put_tag(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    unsigned char c[4];

    memcpy(c, &f->tag, sizeof c);
    if (!(is_plain(c[0]) && is_plain(c[1]) && is_plain(c[2]) && is_plain(c[3])))
        return put_escaped_tag(r, f->tag, p);
    p = put_quote(r, p);
    memcpy(p, c, sizeof c);
    return put_quote(r, p + sizeof c);
}

static char *put_tag_raw(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_quote(r, ps_put_hex32(put_quote(r, p), f->tag));
}

/* Names and numbers only: neither form escapes them. */
static char *put_big_type(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    char name[PS_BIGPOOL_TYPE_TEXT_BYTES];
    size_t n;

    if (f->big_type == PS_BIG_TYPE_NONE)
        return put_piece(r, r->null, p);
    n = strlen(ps_bigpool_type_print(f->big_type == PS_BIG_TYPE_POOL_FLAGS ? PS_BIGPOOL_POOL_FLAGS
                                                                           : PS_BIGPOOL_POOL_TYPE,
                                     f->word0, name));
    p = put_quote(r, p);
    memcpy(p, name, n);
    return put_quote(r, p + n);
}

static char *put_pool_type(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    if (is_big(f))
        return put_big_type(r, f, p);
    return put_piece(r, r->type[type_byte(r, f)], p);
}

static char *put_pool_type_raw(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    if (!is_big(f))
        return ps_put_u32(p, type_byte(r, f));
    return f->big_type == PS_BIG_TYPE_NONE ? put_piece(r, r->null, p) : ps_put_u32(p, f->word0);
}

static char *put_number_of_bytes(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    (void)r;
    return ps_put_u64(p, f->n_bytes);
}

static char *put_status(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, r->status[f->status < N_STATUS ? f->status : PS_STATUS_UNKNOWN], p);
}

static char *put_allocator(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    uint32_t a = f->allocator < N_ALLOCATOR ? f->allocator : PS_ALLOCATOR_UNKNOWN;

    return put_piece(r, r->allocator[a], p);
}

static char *put_confidence(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    (void)r;
    return ps_put_u32(p, f->confidence);
}

static char *put_evidence(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    uint32_t left = f->evidence & PS_EV_ALL;

    *p = '[';
    p += r->form->list;
    while (left) {
        p = put_piece(r, r->evidence[__builtin_ctz(left)], p);
        left &= left - 1u;
        *p = r->form->list_separator;
        p += left != 0;
    }
    *p = ']';
    return p + r->form->list;
}

/* A field of a POOL_HEADER, which big allocations do not have. */
static char *put_header_field(const struct ps_rows *r, const struct ps_finding *f, uint32_t value,
                              char *p)
{
    return is_big(f) ? put_piece(r, r->null, p) : ps_put_u32(p, value);
}

static char *put_block_size(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_header_field(r, f, f->word0 >> PS_BLOCK_SHIFT & r->geometry.size_mask, p);
}

static char *put_previous_size(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_header_field(r, f, f->word0 & r->geometry.size_mask, p);
}

static char *put_pool_index(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_header_field(r, f, f->word0 >> r->geometry.index_shift & r->geometry.index_mask, p);
}

static char *put_protected(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, r->truth[(f->tag & r->protected_bit) != 0], p);
}

static char *put_component(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, f->info < r->n_info ? r->info[f->info].component : r->null, p);
}

static char *put_kind(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, f->info < r->n_info ? r->info[f->info].kind : r->null, p);
}

static char *put_description(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    return put_piece(r, f->info < r->n_info ? r->info[f->info].description : r->null, p);
}

static char *put_image(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    (void)f;
    return put_piece(r, r->image, p);
}

static char *put_image_id(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    (void)f;
    return put_piece(r, r->image_id, p);
}

/* The one place that says which fields there are, and in what order. */
static const struct field {
    const char *name;
    char *(*put)(const struct ps_rows *r, const struct ps_finding *f, char *p);
    enum ps_field_kind kind;
    enum ps_field_of of;
} fields[] = {
    {"Source", put_source, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Offset", put_offset, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"FileOffset", put_file_offset, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Allocation", put_allocation, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Tag", put_tag, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"TagRaw", put_tag_raw, PS_FIELD_TEXT, PS_FIELD_OF_TAG},
    {"PoolType", put_pool_type, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"PoolTypeRaw", put_pool_type_raw, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"NumberOfBytes", put_number_of_bytes, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"Status", put_status, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Allocator", put_allocator, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Confidence", put_confidence, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"Evidence", put_evidence, PS_FIELD_LIST, PS_FIELD_OF_FINDING},
    {"BlockSize", put_block_size, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"PreviousSize", put_previous_size, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"PoolIndex", put_pool_index, PS_FIELD_NUMBER, PS_FIELD_OF_FINDING},
    {"Protected", put_protected, PS_FIELD_TRUTH, PS_FIELD_OF_TAG},
    {"Mapped", put_mapped, PS_FIELD_TRUTH, PS_FIELD_OF_FINDING},
    {"InBigPool", put_in_big_pool, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Pool", put_pool, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Process", put_process, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"ProcessName", put_process_name, PS_FIELD_TEXT, PS_FIELD_OF_FINDING},
    {"Component", put_component, PS_FIELD_TEXT, PS_FIELD_OF_TAG},
    {"Kind", put_kind, PS_FIELD_TEXT, PS_FIELD_OF_TAG},
    {"Description", put_description, PS_FIELD_TEXT, PS_FIELD_OF_TAG},
    {"Image", put_image, PS_FIELD_TEXT, PS_FIELD_OF_IMAGE},
    {"ImageId", put_image_id, PS_FIELD_TEXT, PS_FIELD_OF_IMAGE},
};

#define N_FIELDS (sizeof fields / sizeof *fields)

_Static_assert(N_FIELDS <= MAX_FIELDS, "room in struct ps_rows");

size_t ps_rows_count_fields(void)
{
    return N_FIELDS;
}

const char *ps_rows_name(size_t i)
{
    return fields[i].name;
}

enum ps_field_kind ps_rows_kind(size_t i)
{
    return fields[i].kind;
}

enum ps_field_of ps_rows_of(size_t i)
{
    return fields[i].of;
}

char *ps_rows_put(const struct ps_rows *r, size_t i, const struct ps_finding *f, char *p)
{
    return fields[i].put(r, f, p);
}

size_t ps_rows_max_bytes(const struct ps_rows *r)
{
    return r->max_bytes;
}

/* Everything added to the text since 'at', as a piece. */
static struct ps_piece piece_from(const struct ps_text *t, size_t at)
{
    return (struct ps_piece){(uint32_t)at, (uint32_t)(t->n - at)};
}

static struct ps_piece add_raw(struct ps_text *t, const char *s)
{
    size_t at = t->n;

    ps_text_add(t, s, strlen(s));
    return piece_from(t, at);
}

static struct ps_piece add_text(struct ps_rows *r, const char *s, enum ps_text_how how)
{
    size_t at = r->text.n;
    struct ps_text clean = {0};

    ps_text_add_utf8(&clean, s, how);
    r->form->add_string(&r->text, clean.s ? clean.s : "", clean.n);
    r->text.failed |= clean.failed;
    ps_text_free(&clean);
    return piece_from(&r->text, at);
}

static struct ps_piece add_text_or_null(struct ps_rows *r, const char *s)
{
    return s && *s ? add_text(r, s, PS_TEXT_READABLE) : r->null;
}

static void add_frame(struct ps_rows *r)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        size_t at = r->text.n;

        if (r->form == &forms[PS_ROWS_JSON]) {
            add_raw(&r->text, i == 0 ? "{\"" : ",\"");
            add_raw(&r->text, fields[i].name);
            add_raw(&r->text, "\":");
        } else if (i > 0) {
            add_raw(&r->text, ",");
        }
        r->before[i] = piece_from(&r->text, at);
        r->max_common_bytes += r->before[i].n + NUMBER_BYTES;
    }
    r->end = add_raw(&r->text, r->form == &forms[PS_ROWS_JSON] ? "}" : "");
}

static void add_names(struct ps_rows *r)
{
    r->null = add_raw(&r->text, r->form->null);
    for (unsigned i = 0; i < N_SOURCE; i++)
        r->source[i] = add_text(r, ps_source_name((enum ps_source_kind)i), PS_TEXT_READABLE);
    for (unsigned i = 0; i < N_POOL; i++)
        r->pool[i] = add_text_or_null(r, ps_pool_kind_name((enum ps_pool_kind)i));
    r->truth[0] = add_raw(&r->text, "false");
    r->truth[1] = add_raw(&r->text, "true");
    for (unsigned i = 0; i < N_STATUS; i++)
        r->status[i] = add_text(r, ps_status_name((enum ps_status)i), PS_TEXT_READABLE);
    for (unsigned i = 0; i < N_ALLOCATOR; i++)
        r->allocator[i] = add_text(r, ps_allocator_name((enum ps_allocator)i), PS_TEXT_READABLE);
    for (unsigned i = 0; i < PS_N_EVIDENCE; i++) {
        r->evidence[i] = add_text(r, ps_evidence_name(i), PS_TEXT_READABLE);
        r->max_common_bytes += r->evidence[i].n + 1;
    }
}

static int add_infos(struct ps_rows *r, const struct ps_tagdb *tags, struct ps_err *err)
{
    size_t n = tags ? ps_tagdb_count(tags) : 0;
    uint32_t longest = 0;

    if (n == 0)
        return 0;
    r->info = calloc(n, sizeof *r->info);
    if (!r->info)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tag descriptions");
    r->n_info = n;
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info info = ps_tagdb_at(tags, (uint32_t)i);
        struct info_pieces *p = &r->info[i];

        p->component = add_text_or_null(r, info.component);
        p->kind = add_text_or_null(r, info.kind);
        p->description = add_text_or_null(r, info.description);
        if (p->component.n + p->kind.n + p->description.n > longest)
            longest = p->component.n + p->kind.n + p->description.n;
    }
    r->max_common_bytes += longest;
    return 0;
}

int ps_rows_new(struct ps_rows **out, enum ps_row_form form, const struct ps_tagdb *tags,
                struct ps_err *err)
{
    struct ps_rows *r = calloc(1, sizeof *r);
    int rc;

    if (!r)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output rows");
    r->form = &forms[form];
    r->max_common_bytes = 64 + PS_BIGPOOL_TYPE_TEXT_BYTES +
                          PS_TEXT_SLACK; /* brackets, and what a short copy overshoots */
    add_frame(r);
    add_names(r);
    rc = add_infos(r, tags, err);
    if (rc == 0 && r->text.failed)
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output rows");
    if (rc < 0) {
        ps_rows_free(r);
        return rc;
    }
    r->image_mark = r->text.n;
    *out = r;
    return 0;
}

void ps_rows_free(struct ps_rows *r)
{
    if (!r)
        return;
    ps_text_free(&r->text);
    free(r->info);
    free(r);
}

static uint32_t add_types(struct ps_rows *r, const struct ps_era *era)
{
    uint32_t n_types = N_TYPES >> (r->geometry.type_shift - PS_TYPE_SHIFT_X64);
    uint32_t longest = 0;

    for (uint32_t type = 0; type < n_types; type++) {
        char name[PS_POOL_TYPE_TEXT_BYTES];

        if (ps_era_type_state(era, type) == PS_TYPE_ILLEGAL)
            r->type[type] = r->null;
        else
            r->type[type] = add_text(r, ps_era_type_print(era, type, name), PS_TEXT_READABLE);
        if (r->type[type].n > longest)
            longest = r->type[type].n;
    }
    return longest;
}

int ps_rows_begin_image(struct ps_rows *r, const struct ps_output_image *image, struct ps_err *err)
{
    uint32_t longest_type;

    r->text.n = r->image_mark;
    r->geometry = geometries[image->era->arch];
    r->processes = image->processes;
    r->protected_bit = image->era->protected_tags ? PS_TAG_PROTECTED : 0;
    longest_type = add_types(r, image->era);
    r->image = add_text(r, image->path, PS_TEXT_EXACT);
    r->image_id = add_text(r, image->id, PS_TEXT_EXACT);
    r->max_bytes = r->max_common_bytes + longest_type + r->image.n + r->image_id.n;
    if (r->text.failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output rows");
    return 0;
}

static char *put_row(const struct ps_rows *r, const struct ps_finding *f, char *p)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        p = put_piece(r, r->before[i], p);
        p = fields[i].put(r, f, p);
    }
    return put_piece(r, r->end, p);
}

static char *put_string(char *p, const char *s)
{
    size_t n = strlen(s);

    memcpy(p, s, n);
    return p + n;
}

int ps_rows_write(struct ps_rows *r, const struct ps_row_frame *frame, struct ps_sink *sink,
                  const struct ps_finding *f, size_t n, struct ps_err *err)
{
    size_t max = r->max_bytes + strlen(frame->first) + strlen(frame->next) + strlen(frame->after);

    for (size_t i = 0; i < n; i++) {
        char *start = ps_sink_room(sink, max, err);
        char *p = start;

        if (!start)
            return -err->code;
        p = put_string(p, r->n_rows == 0 ? frame->first : frame->next);
        p = put_row(r, &f[i], p);
        p = put_string(p, frame->after);
        ps_sink_used(sink, (size_t)(p - start));
        r->n_rows++;
    }
    return 0;
}

uint64_t ps_rows_written(const struct ps_rows *r)
{
    return r->n_rows;
}
