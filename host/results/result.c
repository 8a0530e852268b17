#include "host/results/result.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pool_header.h"

/* Fields that count, by their names in the rows. */
enum field {
    NUMBER_OF_BYTES,
    CONFIDENCE,
    NP_ALLOCS,
    NP_DIFF,
    NP_USED,
    P_ALLOCS,
    P_DIFF,
    P_USED,
    HEADER_BLOCKS,
    HEADER_BYTES,
    BIG_ALLOCATIONS,
    BIG_BYTES,
    N_NUMBERS,
    TAG_RAW = N_NUMBERS,
    OFFSET,
    IN_BIG_POOL,
    N_VALUES,
    TAG = N_VALUES,
    PROTECTED,
    STATUS,
    POOL,
    POOL_TYPE,
    IMAGE,
    IMAGE_ID,
    N_FIELDS
};

static const char *const names[N_FIELDS] = {
    [NUMBER_OF_BYTES] = "NumberOfBytes",
    [CONFIDENCE] = "Confidence",
    [NP_ALLOCS] = "NonPagedAllocs",
    [NP_DIFF] = "NonPagedDiff",
    [NP_USED] = "NonPagedUsed",
    [P_ALLOCS] = "PagedAllocs",
    [P_DIFF] = "PagedDiff",
    [P_USED] = "PagedUsed",
    [HEADER_BLOCKS] = "HeaderBlocks",
    [HEADER_BYTES] = "HeaderBytes",
    [BIG_ALLOCATIONS] = "BigAllocations",
    [BIG_BYTES] = "BigBytes",
    [TAG_RAW] = "TagRaw",
    [OFFSET] = "Offset",
    [IN_BIG_POOL] = "InBigPool",
    [TAG] = "Tag",
    [PROTECTED] = "Protected",
    [STATUS] = "Status",
    [POOL] = "Pool",
    [POOL_TYPE] = "PoolType",
    [IMAGE] = "Image",
    [IMAGE_ID] = "ImageId",
};

/* One row while it is read. */
struct fields {
    uint32_t set;             /* bit per enum field: it is there and not null */
    uint32_t seen;            /* ... it is there */
    uint64_t value[N_VALUES]; /* of those that are set */
    uint32_t tag;             /* of Tag */
    int is_protected, is_freed;
    unsigned pool, type_pool; /* by Pool, by PoolType */
};

struct reader {
    struct ps_json json;
    struct ps_result_sink sink;
    struct ps_result_about *about;
    struct fields row;
};

static int wrong(const struct reader *r, struct ps_err *err, const char *name, const char *what)
{
    return ps_fail(err, PS_EFORMAT, r->json.line, "line %" PRIu64 ": %s%s", r->json.line, name,
                   what);
}

static int is_set(const struct fields *row, enum field f)
{
    return (int)(row->set >> f & 1u);
}

static uint64_t value_of(const struct fields *row, enum field f)
{
    return is_set(row, f) ? row->value[f] : 0;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* What is below zero counts as nothing: more frees than allocs were counted. */
static int parse_number(const struct ps_json *j, uint64_t *value)
{
    const size_t sign = j->text[0] == '-';
    const size_t n = strlen(j->text + sign);

    if (j->is_cut || n == 0 || n > 20 || strspn(j->text + sign, "0123456789") != n)
        return 0;
    *value = sign ? 0 : strtoull(j->text, NULL, 10);
    return 1;
}

static int parse_hex(const struct ps_json *j, size_t max_digits, uint64_t *value)
{
    const size_t n = strlen(j->text);

    if (n < 3 || n > 2 + max_digits || strncmp(j->text, "0x", 2) != 0 ||
        strspn(j->text + 2, "0123456789abcdefABCDEF") != n - 2)
        return 0;
    *value = strtoull(j->text, NULL, 16);
    return 1;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

int ps_result_parse_tag(const char *s, uint32_t *tag)
{
    uint8_t byte[5] = {0};
    size_t n = 0;

    for (; *s && n < sizeof byte; n++) {
        if (*s != '\\') {
            byte[n] = (uint8_t)*s++;
            continue;
        }
        if (s[1] != 'x' || hex_digit(s[2]) < 0 || hex_digit(s[3]) < 0)
            return 0;
        byte[n] = (uint8_t)(hex_digit(s[2]) << 4 | hex_digit(s[3]));
        s += 4;
    }
    memcpy(tag, byte, sizeof *tag);
    return n == sizeof *tag;
}

/* "PagedPool|Quota", "Paged", "NonPagedNx" ... */
static unsigned pool_of(const char *name)
{
    return strncmp(name, "Paged", 5) == 0      ? PS_RESULT_PAGED
           : strncmp(name, "NonPaged", 8) == 0 ? PS_RESULT_NONPAGED
                                               : 0;
}

static void take_image(struct reader *r)
{
    struct ps_result_about *about = r->about;
    const char *text = r->json.is_cut ? "" : r->json.text;

    if (about->has_image && strcmp(about->image, text) != 0)
        about->has_other_images = 1;
    about->has_image = 1;
    snprintf(about->image, sizeof about->image, "%s", text);
}

static int take_text(struct reader *r, enum field f, struct ps_err *err)
{
    const char *text = r->json.text;

    switch (f) {
    case TAG:
        if (!ps_result_parse_tag(text, &r->row.tag))
            return wrong(r, err, "", "Tag is not four bytes");
        break;
    case STATUS:
        r->row.is_freed = strcmp(text, "Free") == 0 || strcmp(text, "Stale") == 0;
        break;
    case POOL:
        r->row.pool = pool_of(text);
        break;
    case POOL_TYPE:
        r->row.type_pool = pool_of(text);
        break;
    case IMAGE:
        take_image(r);
        break;
    case IMAGE_ID:
        snprintf(r->about->image_id, sizeof r->about->image_id, "%s", text);
        break;
    default:
        break;
    }
    return 0;
}

static int take_value(struct reader *r, enum field f, int token, struct ps_err *err)
{
    if (f < N_NUMBERS) {
        if (token != PS_JSON_NUMBER || !parse_number(&r->json, &r->row.value[f]))
            return wrong(r, err, names[f], " is no whole number");
    } else if (f < N_VALUES) {
        if (token != PS_JSON_STRING ||
            !parse_hex(&r->json, f == TAG_RAW ? 8 : 16, &r->row.value[f]))
            return wrong(r, err, names[f], " is no text of 0x and hexadecimal digits");
    } else if (f == PROTECTED) {
        if (token != PS_JSON_LITERAL)
            return wrong(r, err, names[f], " is neither true nor false");
        r->row.is_protected = strcmp(r->json.text, "true") == 0;
    } else {
        if (token != PS_JSON_STRING)
            return wrong(r, err, names[f], " is no text");
        return take_text(r, f, err);
    }
    return 0;
}

/* After the KEY, which is in the text. */
static int read_member(struct reader *r, struct ps_err *err)
{
    unsigned f = 0;
    int token, rc = 0;

    while (f < N_FIELDS && strcmp(names[f], r->json.text) != 0)
        f++;
    if (f == N_FIELDS)
        return ps_json_skip(&r->json, err);
    token = ps_json_next(&r->json, err);
    if (token < 0)
        return token;
    r->row.seen |= 1u << f;
    if (token == PS_JSON_LITERAL && strcmp(r->json.text, "null") == 0) {
        r->row.set &= ~(1u << f);
        return 0;
    }
    rc = take_value(r, (enum field)f, token, err);
    r->row.set |= 1u << f;
    return rc;
}

/* What Windows counted, else what was found. */
static void count_used(const struct fields *row, struct ps_result_row *out)
{
    out->n_freed = 0;
    out->n_found = sum(value_of(row, HEADER_BLOCKS), value_of(row, BIG_ALLOCATIONS));
    out->n_found_bytes = sum(value_of(row, HEADER_BYTES), value_of(row, BIG_BYTES));
    out->has_counted = is_set(row, NP_DIFF) || is_set(row, P_DIFF);
    if (out->has_counted) {
        out->n_live = sum(value_of(row, NP_DIFF), value_of(row, P_DIFF));
        out->n_bytes = sum(value_of(row, NP_USED), value_of(row, P_USED));
    } else {
        out->n_live = out->n_found;
        out->n_bytes = out->n_found_bytes;
    }
    out->pools = (value_of(row, NP_ALLOCS) ? PS_RESULT_NONPAGED : 0) |
                 (value_of(row, P_ALLOCS) ? PS_RESULT_PAGED : 0);
}

static int give(struct reader *r, struct ps_err *err)
{
    const struct fields *row = &r->row;
    struct ps_result_row out = {
        .tag = is_set(row, TAG_RAW) ? (uint32_t)row->value[TAG_RAW] : row->tag,
        .offset = is_set(row, OFFSET) ? row->value[OFFSET] : PS_RESULT_NOWHERE,
        .pools = row->pool ? row->pool : row->type_pool,
        .n_live = !row->is_freed,
        .n_freed = row->is_freed != 0,
        .n_bytes = row->is_freed ? 0 : value_of(row, NUMBER_OF_BYTES),
    };

    out.n_found = out.n_live;
    out.n_found_bytes = out.n_bytes;
    if (row->is_protected)
        out.tag &= ~PS_TAG_PROTECTED;
    if (row->seen & (1u << HEADER_BLOCKS | 1u << NP_DIFF))
        count_used(row, &out);
    r->about->n_rows++;
    return r->sink.row(r->sink.arg, &out, err);
}

static int end_row(struct reader *r, struct ps_err *err)
{
    const struct fields *row = &r->row;

    if (!(row->seen & (1u << TAG | 1u << TAG_RAW)))
        return wrong(r, err, "", "an object without Tag");
    if (!is_set(row, TAG) && !is_set(row, TAG_RAW))
        r->about->n_no_tag++;
    else if (is_set(row, IN_BIG_POOL))
        r->about->n_content++;
    else if (is_set(row, CONFIDENCE) && row->value[CONFIDENCE] < r->sink.min_confidence)
        r->about->n_below++;
    else
        return give(r, err);
    return 0;
}

/* The members of an object that is open. */
static int read_row(struct reader *r, struct ps_err *err)
{
    int token;

    r->row = (struct fields){0};
    while ((token = ps_json_next(&r->json, err)) == PS_JSON_KEY) {
        const int rc = read_member(r, err);

        if (rc < 0)
            return rc;
    }
    return token < 0 ? token : end_row(r, err);
}

static int read_text(struct reader *r, struct ps_err *err)
{
    int token = ps_json_next(&r->json, err);
    int rc = 0;

    if (token < 0 || token == PS_JSON_OBJECT)
        return token < 0 ? token : read_row(r, err);
    if (token != PS_JSON_ARRAY)
        return wrong(r, err, "", "no object");
    while (rc >= 0 && (token = ps_json_next(&r->json, err)) != PS_JSON_ARRAY_END) {
        if (token < 0)
            return token;
        rc = token == PS_JSON_OBJECT ? read_row(r, err) : wrong(r, err, "", "no object");
    }
    return rc;
}

int ps_result_read(struct ps_byte_source source, const struct ps_result_sink *sink,
                   struct ps_result_about *about, struct ps_err *err)
{
    struct reader *r = malloc(sizeof *r);
    int rc;

    *about = (struct ps_result_about){0};
    if (!r)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for reading a result");
    r->sink = *sink;
    r->about = about;
    ps_json_init(&r->json, source);
    while ((rc = ps_json_more(&r->json, err)) > 0) {
        rc = read_text(r, err);
        if (rc < 0)
            break;
    }
    free(r);
    return rc;
}
