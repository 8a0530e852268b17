/* Findings in the record formats of DRAKVUF's poolmon plugin, for what reads its output. One record
 * a line; a finding stands for the allocation that the plugin would have seen. */
#include "host/output/writer.h"

#include <stdlib.h>
#include <string.h>

#include "host/output/text.h"
#include "kernels/pool_header.h"

#define MAX_PARTS     8u
#define UNKNOWN_TYPE  "unknown_pool_type"
#define BIG_BASE_TYPE 7u
#define FLAG_PAGED    0x100u
#define FLAG_ALIGNED  0x008u
/* Of a row without Source and Description: its fixed text, and every value at its longest. */
#define ROW_BYTES 384u

enum value { END, PID, PROCESS_NAME, TAG, TYPE, SIZE, SOURCE, DESCRIPTION };

/* One field of a record: what stands around its value, and instead of all when there is none. */
struct part {
    enum value value;
    const char *before, *after, *none;
};

struct form {
    const char *lead, *end;
    int escapes; /* a backslash stands before quotes and backslashes */
    struct part part[MAX_PARTS];
};

static const struct form form_default = {
    "[POOLMON]",
    "\n",
    0,
    {
        {PID, " PID:", "", ""},
        {TAG, " Tag:\"", "\"", ""},
        {TYPE, " Type:\"", "\"", ""},
        {SIZE, " Size:", "", ""},
        {SOURCE, " Source:\"", "\"", ""},
        {DESCRIPTION, " Description:\"", "\"", ""},
    },
};

static const struct form form_kv = {
    "poolmon ",
    "\n",
    0,
    {
        {PID, "PID=", ",", ""},
        {PROCESS_NAME, "ProcessName=\"", "\",", ""},
        {TAG, "Tag=\"", "\"", ""},
        {TYPE, ",Type=\"", "\"", ""},
        {SIZE, ",Size=", "", ""},
        {SOURCE, ",Source=\"", "\"", ""},
        {DESCRIPTION, ",Description=\"", "\"", ""},
    },
};

/* The places count here, for there is no header row: Time, VCPU, CR3, UserId, PID, PPID, TID,
 * ProcessName, Method, VCPU, CR3, Tag, Type, Size, Source, Description. */
static const struct form form_csv = {
    "poolmon ,,,,",
    "\n",
    0,
    {
        {PID, "", "", ""},
        {PROCESS_NAME, ",,,\"", "\"", ",,,"},
        {TAG, ",,,,\"", "\"", ""},
        {TYPE, ",\"", "\"", ""},
        {SIZE, ",", "", ""},
        {SOURCE, ",\"", "\"", ","},
        {DESCRIPTION, ",\"", "\"", ","},
    },
};

static const struct form form_json = {
    "{\"Plugin\":\"poolmon\"",
    "}\n",
    1,
    {
        {PROCESS_NAME, ",\"ProcessName\":\"", "\"", ""},
        {PID, ",\"PID\":", "", ""},
        {TAG, ",\"Tag\":\"", "\"", ""},
        {TYPE, ",\"Type\":\"", "\"", ""},
        {SIZE, ",\"Size\":", "", ""},
        {SOURCE, ",\"Source\":\"", "\"", ""},
        {DESCRIPTION, ",\"Description\":\"", "\"", ""},
    },
};

struct info_text {
    struct ps_piece source, description;
};

struct drakvuf_state {
    const struct form *form;
    struct ps_text text;
    struct info_text *info; /* of each entry of the tag database */
    size_t n_info;
    size_t row_bytes;
    const struct ps_output_image *image;
};

/* The plugin's names, by POOL_TYPE. */
static const char *const type_names[] = {
    "NonPagedPool",
    "PagedPool",
    "NonPagedPoolMustSucceed",
    "DontUseThisType",
    "NonPagedPoolCacheAligned",
    "PagedPoolCacheAligned",
    "NonPagedPoolCacheAlignedMustS",
};

#define N_TYPE_NAMES (sizeof type_names / sizeof *type_names)

/* 'p' has room for 2 * n bytes. What would break a record, or is not ASCII, is a question mark. */
static char *put_safe(char *p, const char *s, size_t n, int escapes)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)s[i];
        const int is_special = c == '"' || (c == '\\' && escapes);

        if (is_special && escapes)
            *p++ = '\\';
        *p++ = c < ' ' || c > '~' || (is_special && !escapes) ? '?' : (char)c;
    }
    return p;
}

static struct ps_piece add_safe(struct drakvuf_state *s, const char *text)
{
    const struct ps_piece piece = {(uint32_t)s->text.n, 0};
    char safe[2];

    for (; text && *text; text++)
        ps_text_add(&s->text, safe, (size_t)(put_safe(safe, text, 1, s->form->escapes) - safe));
    return (struct ps_piece){piece.at, (uint32_t)s->text.n - piece.at};
}

static int add_infos(struct drakvuf_state *s, const struct ps_tagdb *tags, struct ps_err *err)
{
    const size_t n = tags ? ps_tagdb_count(tags) : 0;
    uint32_t longest = 0;

    s->info = calloc(n ? n : 1, sizeof *s->info);
    if (!s->info)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tag descriptions");
    for (size_t i = 0; i < n; i++) {
        const struct ps_tag_info info = ps_tagdb_at(tags, (uint32_t)i);
        const struct info_text text = {add_safe(s, info.component), add_safe(s, info.description)};

        s->info[i] = text;
        if (text.source.n + text.description.n > longest)
            longest = text.source.n + text.description.n;
    }
    s->n_info = n;
    s->row_bytes = ROW_BYTES + longest;
    if (s->text.failed)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tag descriptions");
    return 0;
}

static int drakvuf_open(struct ps_writer *w, const struct form *form, struct ps_err *err)
{
    struct drakvuf_state *s = calloc(1, sizeof *s);

    w->state = s;
    if (!s)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the output");
    s->form = form;
    return add_infos(s, w->tags, err);
}

static int default_open(struct ps_writer *w, struct ps_err *err)
{
    return drakvuf_open(w, &form_default, err);
}

static int kv_open(struct ps_writer *w, struct ps_err *err)
{
    return drakvuf_open(w, &form_kv, err);
}

static int csv_open(struct ps_writer *w, struct ps_err *err)
{
    return drakvuf_open(w, &form_csv, err);
}

static int json_open(struct ps_writer *w, struct ps_err *err)
{
    return drakvuf_open(w, &form_json, err);
}

static int begin_image(struct ps_writer *w, const struct ps_output_image *image, struct ps_err *err)
{
    struct drakvuf_state *s = w->state;

    (void)err;
    s->image = image;
    return 0;
}

/* A request that must succeed may be cache aligned too, which has a name of its own. */
static const char *header_type(const struct ps_era *era, const struct ps_finding *f)
{
    const uint32_t shift = era->arch == PS_ARCH_X64 ? PS_TYPE_SHIFT_X64 : PS_TYPE_SHIFT_X86;
    char name[PS_POOL_TYPE_TEXT_BYTES];
    size_t base = 0;

    if (ps_era_type_state(era, f->word0 >> shift) != PS_TYPE_IN_USE)
        return NULL;
    ps_era_type_print(era, f->word0 >> shift, name);
    base += strncmp(name, "Paged", 5) == 0 ? 1 : 0;
    base += strstr(name, "MustSucceed") ? 2 : 0;
    base += strstr(name, "CacheAligned") ? 4 : 0;
    return base < N_TYPE_NAMES ? type_names[base] : NULL;
}

static const char *big_type(const struct ps_finding *f)
{
    uint32_t base = f->word0 & BIG_BASE_TYPE;

    if (f->big_type == PS_BIG_TYPE_NONE)
        return NULL;
    if (f->big_type == PS_BIG_TYPE_POOL_FLAGS)
        base = (f->word0 & FLAG_PAGED ? 1u : 0u) | (f->word0 & FLAG_ALIGNED ? 4u : 0u);
    return base < N_TYPE_NAMES ? type_names[base] : NULL;
}

/* Where no type is stored, as in a free block, the pool is often known. */
static const char *type_of(const struct ps_era *era, const struct ps_finding *f)
{
    const char *name = f->source == PS_SOURCE_BIGPOOL ? big_type(f) : header_type(era, f);

    if (name)
        return name;
    if (f->pool == PS_POOL_PAGED)
        return type_names[1];
    return f->pool == PS_POOL_NONPAGED || f->pool == PS_POOL_NONPAGED_NX ? type_names[0]
                                                                         : UNKNOWN_TYPE;
}

static char *put(char *p, const char *s)
{
    const size_t n = strlen(s);

    memcpy(p, s, n);
    return p + n;
}

static char *put_piece(const struct drakvuf_state *s, struct ps_piece piece, char *p)
{
    if (piece.n != 0)
        memcpy(p, s->text.s + piece.at, piece.n);
    return p + piece.n;
}

static char *put_tag(const struct drakvuf_state *s, const struct ps_finding *f, char *p)
{
    char bytes[sizeof f->tag];

    memcpy(bytes, &f->tag, sizeof bytes);
    return put_safe(p, bytes, sizeof bytes, s->form->escapes);
}

/* Nothing is put when the value is not known. */
static char *put_value(const struct drakvuf_state *s, const struct ps_finding *f, enum value value,
                       char *p)
{
    const struct ps_process *process = f->process && s->image->processes
                                           ? ps_processes_find(s->image->processes, f->process)
                                           : NULL;

    switch (value) {
    case PID:
        return process && process->name[0] ? ps_put_u64(p, process->pid) : p;
    case PROCESS_NAME:
        return process ? put_safe(p, process->name, strlen(process->name), s->form->escapes) : p;
    case TAG:
        return put_tag(s, f, p);
    case TYPE:
        return put(p, type_of(s->image->era, f));
    case SIZE:
        return ps_put_u64(p, f->n_bytes);
    case SOURCE:
        return f->info < s->n_info ? put_piece(s, s->info[f->info].source, p) : p;
    case DESCRIPTION:
        return f->info < s->n_info ? put_piece(s, s->info[f->info].description, p) : p;
    default:
        return p;
    }
}

static char *put_row(const struct drakvuf_state *s, const struct ps_finding *f, char *p)
{
    p = put(p, s->form->lead);
    for (const struct part *part = s->form->part; part->value != END; part++) {
        char *const start = p;
        char *const value = put(p, part->before);

        p = put_value(s, f, part->value, value);
        p = p == value ? put(start, part->none) : put(p, part->after);
    }
    return put(p, s->form->end);
}

static int findings(struct ps_writer *w, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    const struct drakvuf_state *s = w->state;

    for (size_t i = 0; i < n; i++) {
        char *start = ps_sink_room(w->sink, s->row_bytes, err);

        if (!start)
            return -err->code;
        ps_sink_used(w->sink, (size_t)(put_row(s, &f[i], start) - start));
    }
    return 0;
}

static void drakvuf_close(struct ps_writer *w)
{
    struct drakvuf_state *s = w->state;

    if (!s)
        return;
    ps_text_free(&s->text);
    free(s->info);
    free(s);
}

const struct ps_writer_ops ps_writer_default = {
    .name = "default",
    .open = default_open,
    .begin_image = begin_image,
    .findings = findings,
    .close = drakvuf_close,
};

const struct ps_writer_ops ps_writer_kv = {
    .name = "kv",
    .open = kv_open,
    .begin_image = begin_image,
    .findings = findings,
    .close = drakvuf_close,
};

const struct ps_writer_ops ps_writer_drakvuf_csv = {
    .name = "drakvuf-csv",
    .open = csv_open,
    .begin_image = begin_image,
    .findings = findings,
    .close = drakvuf_close,
};

const struct ps_writer_ops ps_writer_drakvuf_json = {
    .name = "drakvuf-json",
    .open = json_open,
    .begin_image = begin_image,
    .findings = findings,
    .close = drakvuf_close,
};
