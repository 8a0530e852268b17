/* Shards: what is written is read, field by field; what is cut or changed is told; a cut one goes
 * on to the same bytes. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/farm/shard/shard.h"
#include "kernels/pool_header.h"
#include "scan/tags/tagdb.h"
#include "tests/support/rng.h"
#include "tests/support/tmpdir.h"

#define N_TAGS    1000u
#define MAX_BYTES (64u << 20)

/* Thousands of files that are synced: in memory, where there is such a place. */
static void make_quick_dir(struct ps_tmpdir *dir)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    ps_tmpdir_make(dir);
}

/* What a task gives to a shard. */
struct content {
    struct ps_shard_head head;
    struct ps_shard_note note[2];
    struct ps_image_side side;
    struct ps_processes processes;
    struct ps_finding *big;
    struct ps_chunk_result chunk[4];
    size_t n_chunks;
    struct ps_finding *paged;
    size_t n_paged;
    struct ps_image_rest rest;
    int has_side;
};

static uint64_t number(struct rng *r)
{
    switch (rng_below(r, 4)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    default:
        return rng_next(r);
    }
}

static struct ps_finding finding(struct rng *r, uint64_t phys, enum ps_source_kind source)
{
    return (struct ps_finding){.phys = phys,
                               .file_off = number(r),
                               .va = number(r),
                               .in_big = number(r),
                               .process = number(r),
                               .n_bytes = number(r),
                               .tag = (uint32_t)number(r),
                               .word0 = (uint32_t)number(r),
                               .info = rng_below(r, 2) ? PS_TAG_UNKNOWN : rng_below(r, N_TAGS),
                               .evidence = (uint32_t)number(r),
                               .confidence = (uint8_t)rng_below(r, 101),
                               .status = (uint8_t)rng_below(r, 4),
                               .allocator = (uint8_t)rng_below(r, 5),
                               .source = (uint8_t)source,
                               .mapped = (uint8_t)rng_below(r, 3),
                               .pool = (uint8_t)rng_below(r, 4),
                               .big_type = (uint8_t)rng_below(r, 3)};
}

static void *take(size_t n, size_t size)
{
    void *p = calloc(n + 1, size);

    cr_assert_not_null(p);
    return p;
}

static struct ps_chunk_result chunk(struct rng *r, uint64_t start, size_t n_prints, unsigned most,
                                    size_t n_kept)
{
    struct ps_page_print *print = take(n_prints, sizeof *print);
    uint64_t *kept_phys = take(n_kept, sizeof *kept_phys);
    uint8_t *kept = take(n_kept, PS_PAGE_BYTES);
    struct ps_chunk_result c = {.print = print, .n_prints = n_prints, .kept_phys = kept_phys};
    uint64_t phys = start;

    c.finding = take(n_prints * most, sizeof *c.finding);
    for (size_t i = 0; i < n_prints; i++, phys += PS_PAGE_BYTES * (1 + rng_below(r, 3))) {
        print[i] = (struct ps_page_print){.phys = phys,
                                          .fingerprint = (uint32_t)number(r),
                                          .n_findings = (uint16_t)rng_below(r, most + 1),
                                          .n_below = (uint16_t)number(r),
                                          .may_be_copy = (uint16_t)rng_below(r, 2),
                                          .key = number(r)};
        for (uint32_t k = 0; k < print[i].n_findings; k++)
            c.finding[c.n_findings++] = finding(r, phys + k * 8, PS_SOURCE_HEADER);
    }
    for (size_t i = 0; i < n_kept; i++)
        kept_phys[i] = start + i * PS_PAGE_BYTES;
    if (start + n_kept * PS_PAGE_BYTES > phys)
        phys = start + n_kept * PS_PAGE_BYTES;
    rng_fill(r, kept, n_kept * PS_PAGE_BYTES);
    c.kept = kept;
    c.n_kept = n_kept;
    c.end = phys + PS_PAGE_BYTES;
    c.n_bytes = c.end - start;
    if (rng_below(r, 2)) {
        c.bytes_unreadable = c.n_bytes;
        ps_fail(&c.unreadable, PS_EIO, UINT64_MAX, "%0255d", 7);
    }
    return c;
}

static struct content *make(struct rng *r, int has_side, int large)
{
    struct content *c = take(1, sizeof *c);
    uint64_t at = 0;

    c->head.task = UINT32_MAX;
    c->head.era = &ps_eras[ps_n_eras - 1];
    strcpy(c->head.version, "0.1.0");
    memset(c->head.plan_id, 'f', 32);
    memset(c->head.tags_id, '0', 32);
    memset(c->head.image_id, 'a', 32);
    memset(c->head.image, large ? '\xff' : 'x', large ? PS_SHARD_PATH_BYTES - 1 : 5);
    c->note[0].level = 1;
    memset(c->note[0].text, 'n', large ? PS_SHARD_NOTE_BYTES - 1 : 9);
    c->has_side = has_side;
    c->processes.n = large ? PS_MAX_PROCESSES : 1;
    for (size_t i = 0; i < c->processes.n; i++) {
        c->processes.process[i] = (struct ps_process){.va = number(r), .pid = number(r)};
        snprintf(c->processes.process[i].name, PS_PROCESS_NAME_BYTES, "%015u", (unsigned)i);
    }
    c->processes.pid_at = c->processes.links_at = UINT32_MAX;
    c->side = (struct ps_image_side){.about = {.processes = &c->processes},
                                     .n_big = has_side ? (large ? 200000 : 2) : 0,
                                     .n_big_below = UINT64_MAX,
                                     .n_big_elsewhere = number(r),
                                     .bytes_hole = number(r),
                                     .bytes_torn = number(r),
                                     .bytes_missing = number(r),
                                     .carve_build = UINT32_MAX,
                                     .has_loss = 1};
    c->big = take(c->side.n_big, sizeof *c->big);
    for (size_t i = 0; i < c->side.n_big; i++)
        c->big[i] = finding(r, i < 3 ? i * PS_PAGE_BYTES : PS_NOWHERE, PS_SOURCE_BIGPOOL);
    for (size_t i = 0; i < c->side.n_big; i++)
        c->big[i].va = i;
    c->side.big = c->big;
    c->n_chunks = 3;
    for (size_t i = 0; i < c->n_chunks; i++) {
        c->chunk[i] = large ? chunk(r, at, 20000, 16, 2500) : chunk(r, at, i * 2, 2, i == 1);
        at = c->chunk[i].end + PS_PAGE_BYTES * i;
    }
    c->n_paged = has_side ? 3 : 0;
    c->paged = take(3, sizeof *c->paged);
    for (size_t i = 0; i < 3; i++) {
        c->paged[i] = finding(r, PS_NOWHERE, PS_SOURCE_HEADER);
        c->paged[i].va = UINT64_MAX - 9 + i;
    }
    c->rest = (struct ps_image_rest){1, UINT64_MAX, 3};
    return c;
}

static void release(struct content *c)
{
    for (size_t i = 0; i < c->n_chunks; i++) {
        free(c->chunk[i].finding);
        free((void *)(uintptr_t)c->chunk[i].print);
        free((void *)(uintptr_t)c->chunk[i].kept_phys);
        free((void *)(uintptr_t)c->chunk[i].kept);
    }
    free(c->big);
    free(c->paged);
    free(c);
}

static void write_begin(struct ps_shard_writer *w, const struct content *c)
{
    struct ps_err err;

    cr_assert_eq(ps_shard_put_head(w, &c->head, &err), 0);
    cr_assert_eq(ps_shard_put_note(w, &c->note[0], &err), 0);
    cr_assert_eq(ps_shard_put_note(w, &c->note[1], &err), 0);
    if (c->has_side)
        cr_assert_eq(ps_shard_put_side(w, &c->side, &err), 0);
}

/* Chunks from 'first' on, and all that follows. */
static void write_end(struct ps_shard_writer *w, const struct content *c, size_t first)
{
    struct ps_err err;

    for (size_t i = first; i < c->n_chunks; i++)
        cr_assert_eq(ps_shard_put_chunk(w, &c->chunk[i], &err), 0);
    if (c->has_side) {
        cr_assert_eq(ps_shard_put_paged(w, c->paged, c->n_paged, &err), 0);
        cr_assert_eq(ps_shard_put_rest(w, &c->rest, &err), 0);
    }
    cr_assert_eq(ps_shard_finish(w, &err), 0, "%s", err.msg);
    ps_shard_writer_free(w);
}

static void write_shard(const char *path, const struct content *c)
{
    struct ps_shard_writer *w;
    struct ps_err err;

    cr_assert_eq(ps_shard_create(&w, path, &err), 0, "%s", err.msg);
    write_begin(w, c);
    write_end(w, c, 0);
}

/* How far the comparison has come. */
struct seen {
    size_t notes, sides, big, chunks, paged, rests;
    size_t print, finding, kept; /* in the chunk */
};

static void same_finding(const struct ps_finding *a, const struct ps_finding *b, size_t n)
{
    cr_assert_eq(memcmp(a, b, n * sizeof *a), 0);
}

static void same_side(const struct content *c, const struct ps_image_side *s)
{
    cr_assert_str_eq(s->about.path, c->head.image);
    cr_assert_str_eq(s->about.id, c->head.image_id);
    cr_assert_eq(s->about.era, c->head.era);
    cr_assert_eq(s->n_big, c->side.n_big);
    cr_assert_eq(s->n_big_below, c->side.n_big_below);
    cr_assert_eq(s->n_big_elsewhere, c->side.n_big_elsewhere);
    cr_assert_eq(s->bytes_hole, c->side.bytes_hole);
    cr_assert_eq(s->bytes_torn, c->side.bytes_torn);
    cr_assert_eq(s->bytes_missing, c->side.bytes_missing);
    cr_assert_eq(s->carve_arches, c->side.carve_arches);
    cr_assert_eq(s->carve_build, c->side.carve_build);
    cr_assert_eq(s->has_loss, c->side.has_loss);
    cr_assert_eq(memcmp(s->about.processes, &c->processes, sizeof c->processes), 0);
}

static void same_chunk(const struct content *c, struct seen *s, const struct ps_shard_record *rec)
{
    const struct ps_chunk_result *want = &c->chunk[s->chunks];
    const struct ps_chunk_result *got = &rec->chunk;

    cr_assert_leq(s->print + got->n_prints, want->n_prints);
    cr_assert_leq(s->finding + got->n_findings, want->n_findings);
    cr_assert_leq(s->kept + got->n_kept, want->n_kept);
    for (size_t i = 0; i < got->n_prints; i++) {
        const struct ps_page_print *a = &got->print[i], *b = &want->print[s->print + i];

        cr_assert(a->phys == b->phys && a->fingerprint == b->fingerprint &&
                  a->n_findings == b->n_findings && a->n_below == b->n_below &&
                  a->may_be_copy == b->may_be_copy && a->key == b->key);
    }
    same_finding(got->finding, want->finding + s->finding, got->n_findings);
    cr_assert_eq(memcmp(got->kept_phys, want->kept_phys + s->kept, got->n_kept * 8), 0);
    cr_assert_eq(
        memcmp(got->kept, want->kept + s->kept * PS_PAGE_BYTES, got->n_kept * PS_PAGE_BYTES), 0);
    s->print += got->n_prints;
    s->finding += got->n_findings;
    s->kept += got->n_kept;
    cr_assert_eq(got->end, want->end);
    if (rec->more)
        return;
    cr_assert_eq(s->print, want->n_prints);
    cr_assert_eq(s->finding, want->n_findings);
    cr_assert_eq(s->kept, want->n_kept);
    cr_assert_eq(got->n_bytes, want->n_bytes);
    cr_assert_eq(got->bytes_unreadable, want->bytes_unreadable);
    cr_assert_eq(got->unreadable.code, want->unreadable.code);
    cr_assert_eq(got->unreadable.at, want->unreadable.at);
    cr_assert_str_eq(got->unreadable.msg, want->unreadable.msg);
    s->print = s->finding = s->kept = 0;
    s->chunks++;
}

static void same_record(const struct content *c, struct seen *s, const struct ps_shard_record *rec)
{
    switch (rec->kind) {
    case PS_SHARD_NOTE:
        cr_assert_lt(s->notes, 2);
        cr_assert_eq(rec->note.level, c->note[s->notes].level);
        cr_assert_str_eq(rec->note.text, c->note[s->notes].text);
        s->notes++;
        break;
    case PS_SHARD_SIDE:
        same_side(c, &rec->side);
        s->sides++;
        break;
    case PS_SHARD_BIG:
        cr_assert_leq(s->big + rec->n, c->side.n_big);
        same_finding(rec->finding, c->big + s->big, rec->n);
        s->big += rec->n;
        break;
    case PS_SHARD_CHUNK:
        cr_assert_lt(s->chunks, c->n_chunks);
        same_chunk(c, s, rec);
        break;
    case PS_SHARD_PAGED:
        cr_assert_leq(s->paged + rec->n, c->n_paged);
        same_finding(rec->finding, c->paged + s->paged, rec->n);
        s->paged += rec->n;
        break;
    default:
        cr_assert_eq(rec->kind, PS_SHARD_REST);
        cr_assert_eq(memcmp(&rec->rest, &c->rest, sizeof c->rest), 0);
        s->rests++;
    }
}

static void check_shard(const char *path, const struct content *c)
{
    struct ps_shard_reader *r;
    struct ps_shard_record rec;
    struct seen s = {0};
    struct ps_err err;
    int rc;

    cr_assert_eq(ps_shard_open(&r, path, N_TAGS, &err), 0, "%s", err.msg);
    cr_assert_str_eq(ps_shard_reader_head(r)->version, c->head.version);
    cr_assert_str_eq(ps_shard_reader_head(r)->plan_id, c->head.plan_id);
    cr_assert_str_eq(ps_shard_reader_head(r)->tags_id, c->head.tags_id);
    cr_assert_str_eq(ps_shard_reader_head(r)->image_id, c->head.image_id);
    cr_assert_str_eq(ps_shard_reader_head(r)->image, c->head.image);
    cr_assert_eq(ps_shard_reader_head(r)->task, c->head.task);
    cr_assert_eq(ps_shard_reader_head(r)->era, c->head.era);
    while ((rc = ps_shard_next(r, PS_SHARD_ALL, &rec, &err)) > 0)
        same_record(c, &s, &rec);
    cr_assert_eq(rc, 0, "%s", err.msg);
    cr_assert(s.notes == 2 && s.sides == (size_t)c->has_side && s.big == c->side.n_big &&
              s.chunks == c->n_chunks && s.paged == c->n_paged && s.rests == (size_t)c->has_side);
    cr_assert_eq(ps_shard_next(r, PS_SHARD_ALL, &rec, &err), 0, "the end stays");
    ps_shard_reader_free(r);
}

Test(shard, round_trip)
{
    const uint64_t seed = rng_seed();
    struct ps_tmpdir dir;

    fprintf(stderr, "PS_SEED=%#" PRIx64 "\n", seed);
    make_quick_dir(&dir);
    for (unsigned round = 0; round < 12; round++) {
        struct rng r = rng_make(seed + round);
        struct content *c = make(&r, round % 2, round >= 10);
        const char *path = ps_tmpdir_file(&dir, "a.shard");

        write_shard(path, c);
        check_shard(path, c);
        unlink(path);
        release(c);
    }
    ps_tmpdir_remove(&dir);
}

/* Only what is asked for is decoded, all is proved. */
Test(shard, kinds)
{
    struct rng r = rng_make(1);
    struct content *c = make(&r, 1, 0);
    struct ps_shard_reader *reader;
    struct ps_shard_record rec;
    struct ps_tmpdir dir;
    struct ps_err err;
    unsigned n = 0;
    int rc;

    make_quick_dir(&dir);
    write_shard(ps_tmpdir_file(&dir, "a"), c);
    cr_assert_eq(ps_shard_open(&reader, dir.file, N_TAGS, &err), 0);
    while ((rc = ps_shard_next(reader, 1u << PS_SHARD_CHUNK, &rec, &err)) > 0) {
        cr_assert_eq(rec.kind, PS_SHARD_CHUNK);
        n++;
    }
    cr_assert_eq(rc, 0, "%s", err.msg);
    cr_assert_eq(n, c->n_chunks);
    ps_shard_reader_free(reader);
    ps_tmpdir_remove(&dir);
    release(c);
}

static size_t slurp(const char *path, uint8_t **bytes)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    size_t n;

    cr_assert(f && fstat(fileno(f), &st) == 0 && st.st_size < (off_t)MAX_BYTES);
    n = (size_t)st.st_size;
    *bytes = malloc(n + 1);
    cr_assert_not_null(*bytes);
    cr_assert_eq(fread(*bytes, 1, n, f), n);
    fclose(f);
    return n;
}

/* 0: it is a whole shard. */
static int verdict(const char *path)
{
    struct ps_shard_reader *r;
    struct ps_shard_record rec;
    struct ps_err err = {0};
    int rc = ps_shard_open(&r, path, N_TAGS, &err);

    if (rc == 0) {
        while ((rc = ps_shard_next(r, PS_SHARD_ALL, &rec, &err)) > 0)
            ;
        ps_shard_reader_free(r);
    }
    cr_assert(rc == 0 || (rc == -PS_EFORMAT && err.msg[0]), "%d", rc);
    return rc;
}

Test(shard, each_changed_byte_is_told)
{
    struct rng r = rng_make(rng_seed());
    struct content *c = make(&r, 1, 0);
    struct ps_tmpdir dir;
    uint8_t *bytes;
    size_t n;

    make_quick_dir(&dir);
    write_shard(ps_tmpdir_file(&dir, "a"), c);
    n = slurp(dir.file, &bytes);
    for (size_t i = 0; i < n; i++) {
        const uint8_t change = (uint8_t)(1u << rng_below(&r, 8));

        bytes[i] ^= change;
        cr_assert_lt(verdict(ps_tmpdir_write(&dir, "b", bytes, n)), 0, "byte %zu", i);
        bytes[i] ^= change;
    }
    cr_assert_eq(verdict(ps_tmpdir_write(&dir, "b", bytes, n)), 0);
    free(bytes);
    ps_tmpdir_remove(&dir);
    release(c);
}

static size_t first_chunk_behind(const struct content *c, uint64_t end)
{
    size_t i = 0;

    while (i < c->n_chunks && c->chunk[i].end <= end)
        i++;
    return i;
}

/* Go on with a cut shard as a task would: from what the state says. */
static void go_on(const char *path, const struct content *c, size_t cut)
{
    struct ps_shard_state state;
    struct ps_shard_writer *w = NULL;
    struct ps_shard_head head;
    struct ps_err err;
    const int rc = ps_shard_resume(&w, path, N_TAGS, &head, &state, &err);

    if (rc < 0 || !w) {
        cr_assert(rc == 0 || rc == -PS_EFORMAT, "cut at %zu: %s", cut, err.msg);
        cr_assert_not(rc == 0 && state.is_complete, "cut at %zu", cut);
        unlink(path);
        write_shard(path, c);
        return;
    }
    cr_assert_eq(head.task, c->head.task);
    cr_assert(!c->has_side || state.has_side, "cut at %zu", cut);
    write_end(w, c, state.end ? first_chunk_behind(c, state.end) : 0);
}

static void cut_everywhere(int has_side)
{
    struct rng r = rng_make(rng_seed());
    struct content *c = make(&r, has_side, 0);
    struct ps_tmpdir dir;
    uint8_t *whole, *again;
    size_t n;

    make_quick_dir(&dir);
    write_shard(ps_tmpdir_file(&dir, "a"), c);
    n = slurp(dir.file, &whole);
    for (size_t cut = 0; cut < n; cut++) {
        ps_tmpdir_write(&dir, "b", whole, cut);
        cr_assert_lt(verdict(dir.file), 0, "cut at %zu", cut);
        go_on(dir.file, c, cut);
        cr_assert_eq(slurp(dir.file, &again), n, "cut at %zu", cut);
        cr_assert_eq(memcmp(whole, again, n), 0, "cut at %zu", cut);
        free(again);
    }
    free(whole);
    ps_tmpdir_remove(&dir);
    release(c);
}

Test(shard, each_cut_is_told_and_goes_on)
{
    cut_everywhere(0);
    cut_everywhere(1);
}

Test(shard, one_writer_at_a_time)
{
    struct rng r = rng_make(1);
    struct content *c = make(&r, 1, 0);
    struct ps_shard_writer *w, *other;
    struct ps_shard_state state;
    struct ps_shard_head head;
    struct ps_tmpdir dir;
    struct ps_err err;

    make_quick_dir(&dir);
    cr_assert_eq(ps_shard_create(&w, ps_tmpdir_file(&dir, "a"), &err), 0);
    write_begin(w, c);
    cr_assert_eq(ps_shard_resume(&other, dir.file, N_TAGS, &head, &state, &err), -PS_ETEMP);
    cr_assert_eq(ps_shard_create(&other, dir.file, &err), -PS_ECREATE);
    write_end(w, c, 0);
    cr_assert_eq(ps_shard_resume(&other, dir.file, N_TAGS, &head, &state, &err), 0);
    cr_assert(state.is_complete && !other);
    cr_assert_eq(ps_shard_resume(&other, ps_tmpdir_file(&dir, "none"), N_TAGS, &head, &state, &err),
                 -PS_ENOENT);
    ps_tmpdir_remove(&dir);
    release(c);
}

/* A finding may not point behind the tag database. */
Test(shard, tags_are_those_of_the_database)
{
    struct rng r = rng_make(1);
    struct content *c = make(&r, 1, 0);
    struct ps_tmpdir dir;

    c->big[0].info = N_TAGS;
    make_quick_dir(&dir);
    write_shard(ps_tmpdir_file(&dir, "a"), c);
    cr_assert_lt(verdict(dir.file), 0);
    unlink(dir.file);
    c->big[0].info = N_TAGS - 1;
    write_shard(dir.file, c);
    cr_assert_eq(verdict(dir.file), 0);
    ps_tmpdir_remove(&dir);
    release(c);
}
