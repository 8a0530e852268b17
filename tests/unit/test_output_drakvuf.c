/* Records in the formats of DRAKVUF's poolmon: the text of a few, and many hostile ones read back
 * by jansson and by readers that share nothing with the writer. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/output_run.h"
#include "tests/support/rng.h"

#define N_FINDINGS  4000u
#define N_VALUES    7u
#define VALUE_BYTES 160u

enum { PID, PROCESS_NAME, TAG_TEXT, TYPE, SIZE, SOURCE, DESCRIPTION };

static const char *const names[N_VALUES] = {"PID",  "ProcessName", "Tag",        "Type",
                                            "Size", "Source",      "Description"};

/* What one record says; an empty string: nothing. */
struct record {
    char value[N_VALUES][VALUE_BYTES];
};

static struct ps_processes processes = {
    .process = {{.va = 0x1000, .pid = 4, .name = "System"},
                {.va = 0x2000, .pid = 1234, .name = "a\"b,\\c"}},
    .n = 2,
};

static const struct ps_finding proc = {
    .tag = TAG('P', 'r', 'o', 'c'),
    .word0 = 0x022d0104,
    .n_bytes = 720,
    .process = 0x1000,
};

static struct output_case make_case(const struct ps_finding *f, size_t n, enum ps_arch arch,
                                    uint32_t build)
{
    return (struct output_case){
        {"a.raw", "0", ps_era_pick(arch, build), &processes},
        f,
        n,
    };
}

static void check(const char *format, struct ps_finding f, const char *want)
{
    struct ps_tagdb *db = output_test_tags();
    struct output_case c = make_case(&f, 1, PS_ARCH_X64, 7601);
    char *text;

    f.info = ps_tagdb_find(db, f.tag);
    text = output_run(format, db, &c, 1, NULL);
    cr_assert_str_eq(text, want, "%s: %s", format, text);
    free(text);
    ps_tagdb_free(db);
}

Test(output_drakvuf, a_known_tag)
{
    check("default", proc,
          "[POOLMON] PID:4 Tag:\"Proc\" Type:\"NonPagedPool\" Size:720 Source:\"nt!ps\" "
          "Description:\"Process objects\"\n");
    check("kv", proc,
          "poolmon PID=4,ProcessName=\"System\",Tag=\"Proc\",Type=\"NonPagedPool\",Size=720,"
          "Source=\"nt!ps\",Description=\"Process objects\"\n");
    check("drakvuf-csv", proc,
          "poolmon ,,,,4,,,\"System\",,,,\"Proc\",\"NonPagedPool\",720,\"nt!ps\","
          "\"Process objects\"\n");
    check("drakvuf-json", proc,
          "{\"Plugin\":\"poolmon\",\"ProcessName\":\"System\",\"PID\":4,\"Tag\":\"Proc\","
          "\"Type\":\"NonPagedPool\",\"Size\":720,\"Source\":\"nt!ps\","
          "\"Description\":\"Process objects\"}\n");
}

/* A protected tag is not ASCII, its entry is found all the same. */
Test(output_drakvuf, what_is_not_ascii)
{
    struct ps_finding f = proc;

    f.tag |= 0x80000000u;
    f.process = 0;
    check("kv", f,
          "poolmon Tag=\"Pro?\",Type=\"NonPagedPool\",Size=720,Source=\"nt!ps\","
          "Description=\"Process objects\"\n");
    f.tag = TAG('"', '\n', '\\', 0);
    check("default", f, "[POOLMON] Tag:\"??\\?\" Type:\"NonPagedPool\" Size:720\n");
    check("drakvuf-json", f,
          "{\"Plugin\":\"poolmon\",\"Tag\":\"\\\"?\\\\?\",\"Type\":\"NonPagedPool\","
          "\"Size\":720}\n");
    check("drakvuf-csv", f, "poolmon ,,,,,,,,,,,\"??\\?\",\"NonPagedPool\",720,,\n");
}

static void big(uint8_t names_of, uint32_t type, uint8_t pool, const char *want)
{
    struct ps_finding f = {.source = PS_SOURCE_BIGPOOL,
                           .tag = TAG('B', 'i', 'g', '1'),
                           .big_type = names_of,
                           .word0 = type,
                           .pool = pool};
    char line[160];

    snprintf(line, sizeof line, "poolmon Tag=\"Big1\",Type=\"%s\",Size=0\n", want);
    check("kv", f, line);
}

Test(output_drakvuf, types_of_big_allocations)
{
    static const char *const all[] = {
        "NonPagedPool",
        "PagedPool",
        "NonPagedPoolMustSucceed",
        "DontUseThisType",
        "NonPagedPoolCacheAligned",
        "PagedPoolCacheAligned",
        "NonPagedPoolCacheAlignedMustS",
    };

    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++) {
        big(PS_BIG_TYPE_POOL_TYPE, i, 0, all[i]);
        big(PS_BIG_TYPE_POOL_TYPE, i | 0x620, 0, all[i]); /* session, Nx, zeroed */
    }
    big(PS_BIG_TYPE_POOL_TYPE, 7, 0, "unknown_pool_type");
    big(PS_BIG_TYPE_POOL_FLAGS, 0x100, 0, "PagedPool");
    big(PS_BIG_TYPE_POOL_FLAGS, 0x108, 0, "PagedPoolCacheAligned");
    big(PS_BIG_TYPE_POOL_FLAGS, 0x040, 0, "NonPagedPool");
    big(PS_BIG_TYPE_POOL_FLAGS, 0x088, 0, "NonPagedPoolCacheAligned");
    big(PS_BIG_TYPE_NONE, 1, 0, "unknown_pool_type");
    big(PS_BIG_TYPE_NONE, 0, PS_POOL_PAGED, "PagedPool");
    big(PS_BIG_TYPE_NONE, 1, PS_POOL_NONPAGED_NX, "NonPagedPool");
}

/* Of a POOL_HEADER, from docs/POOL.md: the newer Windows stores the request with bit 1 set, XP and
 * 2003 one more than it, with bit 2 set. */
static const char *wanted_type(const struct ps_finding *f, int is_xp)
{
    static const char *const vista[] = {"NonPagedPool", "PagedPool", "NonPagedPoolCacheAligned",
                                        "PagedPoolCacheAligned"};
    static const char *const xp[] = {"NonPagedPool", "PagedPool", "NonPagedPoolMustSucceed"};
    const uint32_t t = f->word0 >> (is_xp ? 25 : 24);

    if (!is_xp && (t & 0x92) == 2)
        return vista[(t & 1) + (t >> 1 & 2)];
    if (is_xp && t % 4 && !((t & 0x10) && (t & 0x60)))
        return xp[(t - 1) % 4];
    return f->pool == 1 ? "PagedPool" : f->pool ? "NonPagedPool" : "unknown_pool_type";
}

/* 'quotes' says whether the format can hold a double quote. */
static void safe(char *out, const char *s, size_t n, int quotes)
{
    for (size_t i = 0; i < n; i++)
        out[i] = isascii(s[i]) && isprint(s[i]) && (quotes || s[i] != '"') ? s[i] : '?';
    out[n] = '\0';
}

static void wanted(const struct ps_finding *f, const struct ps_tagdb *db, int is_xp, int quotes,
                   struct record *r)
{
    char tag[4];

    memset(r, 0, sizeof *r);
    memcpy(tag, &f->tag, 4);
    safe(r->value[TAG_TEXT], tag, 4, quotes);
    snprintf(r->value[TYPE], VALUE_BYTES, "%s", wanted_type(f, is_xp));
    snprintf(r->value[SIZE], VALUE_BYTES, "%" PRIu64, f->n_bytes);
    if (f->info < ps_tagdb_count(db)) {
        const struct ps_tag_info info = ps_tagdb_at(db, f->info);

        safe(r->value[SOURCE], info.component, strlen(info.component), quotes);
        safe(r->value[DESCRIPTION], info.description, strlen(info.description), quotes);
    }
    for (size_t i = 0; i < processes.n; i++)
        if (processes.process[i].va == f->process) {
            snprintf(r->value[PID], VALUE_BYTES, "%" PRIu64, processes.process[i].pid);
            safe(r->value[PROCESS_NAME], processes.process[i].name,
                 strlen(processes.process[i].name), quotes);
        }
}

static void set(struct record *r, const char *name, size_t n_name, const char *value, size_t n)
{
    size_t i = 0;

    while (i < N_VALUES && (strlen(names[i]) != n_name || memcmp(names[i], name, n_name) != 0))
        i++;
    cr_assert_lt(i, N_VALUES, "%.*s is no field", (int)n_name, name);
    cr_assert_eq(r->value[i][0], '\0', "%s is there twice", names[i]);
    cr_assert_gt(n, 0u, "%s is empty", names[i]);
    cr_assert_lt(n, VALUE_BYTES);
    memcpy(r->value[i], value, n);
}

/* NAME, 'is', a word or a text in quotes; 'between' the fields. */
static void read_named(const char *line, const char *lead, char is, char between, struct record *r)
{
    cr_assert_eq(strncmp(line, lead, strlen(lead)), 0, "%s", line);
    line += strlen(lead);
    while (*line) {
        const size_t n_name = strcspn(line, (char[]){is, '\0'});
        const char *value = line + n_name + 1;
        size_t n;

        cr_assert_eq(line[n_name], is, "%s", line);
        if (*value == '"') {
            n = strcspn(++value, "\"");
            cr_assert_eq(value[n], '"', "%s", line);
            set(r, line, n_name, value, n);
            line = value + n + 1;
        } else {
            n = strcspn(value, (char[]){between, '\0'});
            set(r, line, n_name, value, n);
            line = value + n;
        }
        if (*line)
            cr_assert_eq(*line++, between, "%s", line);
    }
}

static void read_default(const char *line, struct record *r)
{
    read_named(line, "[POOLMON] ", ':', ' ', r);
}

static void read_kv(const char *line, struct record *r)
{
    read_named(line, "poolmon ", '=', ',', r);
}

static void read_csv(const char *line, struct record *r)
{
    static const int place[16] = {-1, -1, -1, -1,       PID,  -1,   -1,     PROCESS_NAME,
                                  -1, -1, -1, TAG_TEXT, TYPE, SIZE, SOURCE, DESCRIPTION};

    cr_assert_eq(strncmp(line, "poolmon ", 8), 0);
    line += 8;
    for (size_t i = 0; i < 16; i++) {
        const int quoted = *line == '"';
        const size_t n = strcspn(line + quoted, quoted ? "\"" : ",");

        cr_assert(place[i] >= 0 || n == 0, "place %zu: %s", i, line);
        if (n != 0)
            set(r, names[place[i]], strlen(names[place[i]]), line + quoted, n);
        line += n + (quoted ? 2u : 0u);
        cr_assert_eq(*line, i < 15 ? ',' : '\0', "place %zu: %s", i, line);
        line += i < 15;
    }
}

static void read_json(const char *line, struct record *r)
{
    json_error_t error;
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    const char *key;
    json_t *value;

    cr_assert_not_null(o, "%s: %s", error.text, line);
    cr_assert_str_eq(json_string_value(json_object_get(o, "Plugin")), "poolmon");
    cr_assert_eq(json_object_del(o, "Plugin"), 0);
    json_object_foreach(o, key, value)
    {
        char text[VALUE_BYTES];

        cr_assert_eq(json_is_integer(value), !strcmp(key, "PID") || !strcmp(key, "Size"), "%s",
                     line);
        if (json_is_integer(value))
            snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
            snprintf(text, sizeof text, "%s", json_string_value(value));
        set(r, key, strlen(key), text, strlen(text));
    }
    json_decref(o);
}

static const struct reader {
    const char *format;
    void (*read)(const char *line, struct record *r);
    unsigned lacks; /* a bit for each value that the format has no place for */
    int quotes;
} readers[] = {
    {"default", read_default, 1u << PROCESS_NAME, 0},
    {"kv", read_kv, 0, 0},
    {"drakvuf-csv", read_csv, 0, 0},
    {"drakvuf-json", read_json, 0, 1},
};

static void fill(struct rng *r, struct ps_finding *f, uint32_t n_info)
{
    for (size_t i = 0; i < N_FINDINGS; i++) {
        f[i] = (struct ps_finding){
            .tag = (uint32_t)rng_next(r),
            .word0 = (uint32_t)rng_next(r),
            .n_bytes = rng_next(r) % 5 ? rng_next(r) % 4097 : rng_next(r) >> 1,
            .info = (uint32_t)(rng_next(r) % (n_info + 1)),
            .process = rng_next(r) % 4 * 0x1000,
            .pool = (uint8_t)(rng_next(r) % 4),
        };
        if (rng_next(r) % 2)
            f[i].tag &= 0x7f7f7f7f;
    }
}

static void check_all(const struct reader *reader, const struct ps_finding *f,
                      const struct ps_tagdb *db, int is_xp)
{
    struct output_case c = is_xp ? make_case(f, N_FINDINGS, PS_ARCH_X86, 2600)
                                 : make_case(f, N_FINDINGS, PS_ARCH_X64, 19041);
    size_t n_bytes;
    char *text = output_run(reader->format, db, &c, 1, &n_bytes);
    char *line = text;

    for (size_t i = 0; i < N_FINDINGS; i++) {
        struct record got = {{{0}}}, want;
        char *end = strchr(line, '\n');

        cr_assert_not_null(end, "%s: line %zu", reader->format, i);
        *end = '\0';
        reader->read(line, &got);
        wanted(&f[i], db, is_xp, reader->quotes, &want);
        for (size_t v = 0; v < N_VALUES; v++)
            if (!(reader->lacks >> v & 1))
                cr_assert_str_eq(got.value[v], want.value[v], "%s: %s: %s", reader->format,
                                 names[v], line);
            else
                cr_assert_eq(got.value[v][0], '\0');
        line = end + 1;
    }
    cr_assert_eq(line, text + n_bytes, "%s: more than the findings", reader->format);
    free(text);
}

Test(output_drakvuf, hostile_findings)
{
    static struct ps_finding f[N_FINDINGS];
    struct ps_tagdb *db = output_test_tags();
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);

    fprintf(stderr, "PS_SEED=%" PRIu64 "\n", seed);
    fill(&r, f, (uint32_t)ps_tagdb_count(db));
    for (size_t i = 0; i < 2 * (sizeof readers / sizeof *readers); i++)
        check_all(&readers[i / 2], f, db, (int)(i % 2));
    ps_tagdb_free(db);
}
