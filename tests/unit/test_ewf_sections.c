/* What is said of damaged E01 files before libewf sees them; files made here, byte by byte. */
#include "host/image/packed/ewf/sections.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/image/packed/ewf/names.h"
#include "tests/support/tmpdir.h"

#define N_CHUNKS    10u
#define CHUNK_BYTES 32768u

static struct ps_tmpdir dir;
static uint8_t file[8192];
static size_t n_file;
static char path[8][64];

static void set_up(void)
{
    ps_tmpdir_make(&dir);
}

static void tear_down(void)
{
    ps_tmpdir_remove(&dir);
}

TestSuite(ewf_sections, .init = set_up, .fini = tear_down);

static void put(size_t at, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
}

/* Adler-32 in its textbook form. */
static void put_sum(size_t from, size_t n)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < n; i++) {
        a = (a + file[from + i]) % 65521;
        b = (b + a) % 65521;
    }
    put(from + n, (uint64_t)b << 16 | a, 4);
}

/* A section with room for n_data bytes; gives where they begin. */
static size_t section(const char *type, size_t n_data)
{
    const size_t at = n_file;
    const int is_last = !strcmp(type, "next") || !strcmp(type, "done");

    snprintf((char *)file + at, 16, "%s", type);
    put(at + 16, is_last ? at : at + 76 + n_data, 8);
    put(at + 24, is_last ? 0 : 76 + n_data, 8);
    put_sum(at, 72);
    n_file += 76 + n_data;
    return at + 76;
}

static void begin(unsigned number)
{
    memset(file, 0, sizeof file);
    memcpy(file, "EVF\x09\x0d\x0a\xff\x00\x01", 9);
    put(9, number, 2);
    n_file = 13;
}

static void volume(uint64_t n_sectors)
{
    const size_t at = section("volume", 1052);

    put(at + 4, N_CHUNKS, 4);
    put(at + 8, CHUNK_BYTES / 512, 4);
    put(at + 12, 512, 4);
    put(at + 16, n_sectors, 8);
}

/* n compressed chunks of 100 bytes, which begin at 'base'. */
static size_t table(const char *type, unsigned n, uint64_t base)
{
    const size_t at = section(type, 24 + 4 * (size_t)n + 4);

    put(at, n, 4);
    put(at + 8, base, 8);
    put_sum(at, 20);
    for (unsigned i = 0; i < n; i++)
        put(at + 24 + 4 * (size_t)i, (i * 100 + 76) | 0x80000000u, 4);
    return at;
}

static void write_segment(unsigned number)
{
    char name[16];

    snprintf(name, sizeof name, "m.E%02u", number);
    snprintf(path[number - 1], sizeof path[0], "%s", ps_tmpdir_write(&dir, name, file, n_file));
}

static int look(unsigned n, struct ps_ewf_sections *s, struct ps_err *err)
{
    char *paths[8];

    for (unsigned i = 0; i < n; i++)
        paths[i] = path[i];
    memset(s, 0, sizeof *s);
    return ps_ewf_sections_read(s, paths, n, err);
}

/* A whole image in one file; gives where its table begins. */
static size_t whole(void)
{
    size_t sectors, at;

    begin(1);
    volume(N_CHUNKS * CHUNK_BYTES / 512);
    sectors = n_file;
    section("sectors", N_CHUNKS * 100);
    at = table("table", N_CHUNKS, sectors);
    table("table2", N_CHUNKS, sectors);
    section("done", 0);
    return at;
}

static size_t n_sane(const struct ps_ewf_sections *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_chunks; i++)
        n += s->chunk_is_sane[i];
    return n;
}

Test(ewf_sections, whole_image)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};

    whole();
    write_segment(1);
    cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(s.chunk_bytes, CHUNK_BYTES);
    cr_assert_eq(s.n_media_bytes, N_CHUNKS * CHUNK_BYTES);
    cr_assert_eq(s.n_chunks, N_CHUNKS);
    cr_assert_eq(n_sane(&s), N_CHUNKS);
    cr_assert(!s.goes_on && !s.is_broken);
    ps_ewf_sections_free(&s);
}

Test(ewf_sections, several_files)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};

    for (unsigned i = 1; i <= 3; i++) {
        size_t sectors;

        begin(i);
        if (i == 1)
            volume(30 * CHUNK_BYTES / 512);
        sectors = n_file;
        section("sectors", N_CHUNKS * 100);
        table("table", N_CHUNKS, sectors);
        section(i < 3 ? "next" : "done", 0);
        write_segment(i);
    }
    cr_assert_eq(look(3, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(s.n_chunks, 30);
    cr_assert_eq(n_sane(&s), 30);
    cr_assert(!s.goes_on && !s.is_broken);
    ps_ewf_sections_free(&s);
    cr_assert_eq(look(2, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(s.n_chunks, 20);
    cr_assert(s.goes_on);
    ps_ewf_sections_free(&s);
    memcpy(path[1], path[2], sizeof path[1]);
    cr_assert_eq(look(2, &s, &err), -PS_EFORMAT);
    cr_assert(strstr(err.msg, "segment 3, and should be 2"), "%s", err.msg);
    ps_ewf_sections_free(&s);
}

/* Nothing behind a damaged section is listed, so that nothing moves. */
Test(ewf_sections, broken_chain)
{
    size_t at = whole() - 76;

    for (int i = 0; i < 4; i++) {
        struct ps_ewf_sections s;
        struct ps_err err = {0};

        whole();
        if (i == 0)
            file[at + 73] ^= 1; /* its checksum */
        if (i == 1)
            put(at + 16, at - 10, 8); /* back */
        if (i == 2)
            put(at + 16, n_file + 1, 8); /* out of the file */
        if (i == 3)
            put(at + 24, UINT64_MAX, 8);
        if (i > 0)
            put_sum(at, 72);
        write_segment(1);
        cr_assert_eq(look(1, &s, &err), 0, "%d: %s", i, err.msg);
        cr_assert(s.is_broken && s.n_chunks == 0, "%d", i);
        ps_ewf_sections_free(&s);
    }
}

Test(ewf_sections, entries_that_lead_nowhere)
{
    const size_t at = whole() + 24;
    struct ps_ewf_sections s;
    struct ps_err err = {0};

    put(at + 4 * 3, n_file, 4);
    put(at + 4 * 7, 0x7fffffff, 4);
    write_segment(1);
    cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(n_sane(&s), N_CHUNKS - 4, "libewf may go by the table, whatever its copy says");
    cr_assert(!s.chunk_is_sane[2] && !s.chunk_is_sane[3]);
    ps_ewf_sections_free(&s);
    whole();
    put(at + 76 + 24 + 4 * N_CHUNKS + 4 + 4 * 7, 0x7fffffff, 4);
    write_segment(1);
    cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(s.n_chunks, N_CHUNKS);
    cr_assert(!s.chunk_is_sane[7] && s.chunk_is_sane[3], "nor by the copy");
    ps_ewf_sections_free(&s);
}

/* libewf takes a last chunk that lies before its section of chunks, or in a table that has none
 * before the table, for 4 GiB. */
Test(ewf_sections, last_chunk_outside_of_its_section)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};
    const struct {
        uint32_t from;
        int is_sane;
    } cases[] = {{0, 0}, {75, 0}, {76, 1}, {1075, 1}, {1076, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const size_t at = whole();

        put(at + 24 + 4 * (N_CHUNKS - 1), cases[i].from, 4);
        write_segment(1);
        cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
        cr_expect_eq(s.chunk_is_sane[N_CHUNKS - 1], cases[i].is_sane, "case %zu", i);
        ps_ewf_sections_free(&s);
    }
}

Test(ewf_sections, last_chunk_in_a_table_of_chunks)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};
    size_t at;

    for (int delta = -1; delta <= 0; delta++) {
        begin(1);
        volume(2 * CHUNK_BYTES / 512);
        at = section("table", 24 + 2 * 4 + 200);
        put(at, 2, 4);
        put(at + 8, 0, 8);
        put_sum(at, 20);
        put(at + 24, at + 32, 4);
        put(at + 28, delta < 0 ? at + 31 : at + 132, 4);
        section("done", 0);
        write_segment(1);
        cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
        cr_assert_eq(s.n_chunks, 2);
        cr_expect_eq(s.chunk_is_sane[1], delta == 0);
        ps_ewf_sections_free(&s);
    }
}

/* Where one is too short, libewf goes on with the next one, whatever that is. */
Test(ewf_sections, plain_chunks_have_one_size)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};
    size_t sectors, at;

    begin(1);
    volume(4);
    put(13 + 76 + 8, 1, 4); /* of one sector: 512 bytes and 4 of its sum */
    sectors = n_file;
    section("sectors", 2048);
    at = table("table", 4, sectors) + 24;
    section("done", 0);
    put(at, 76, 4);
    put(at + 4, 76 + 516, 4);
    put(at + 8, 76 + 516 + 515, 4);
    put(at + 12, 76 + 516 + 515 + 517, 4);
    write_segment(1);
    cr_assert_eq(look(1, &s, &err), 0, "%s", err.msg);
    cr_assert_eq(s.n_chunks, 4);
    cr_expect(s.chunk_is_sane[0] && !s.chunk_is_sane[1] && !s.chunk_is_sane[2]);
    cr_expect(s.chunk_is_sane[3], "how long the last one is nobody says");
    ps_ewf_sections_free(&s);
}

static void refused(const char *words)
{
    struct ps_ewf_sections s;
    struct ps_err err = {0};

    write_segment(1);
    cr_assert_eq(look(1, &s, &err), -PS_EFORMAT, "not refused: %s", words);
    cr_assert(strstr(err.msg, words), "'%s' does not say '%s'", err.msg, words);
    ps_ewf_sections_free(&s);
}

Test(ewf_sections, what_is_refused)
{
    const size_t at = whole();
    const size_t media = 13 + 76;

    put(at, N_CHUNKS + 1000, 4);
    put_sum(at, 20);
    refused("table");
    whole();
    file[at + 20] ^= 1;
    refused("table");
    whole();
    put(media + 8, 0, 4);
    refused("sectors");
    whole();
    put(media + 8, UINT32_MAX, 4);
    refused("sectors");
    whole();
    put(media + 12, 0, 4);
    refused("sectors");
    whole();
    put(media + 16, UINT64_MAX, 8);
    refused("sectors");
    begin(1);
    table("table", 3, 0);
    refused("before their size");
    begin(0);
    refused("segment 0");
}

Test(ewf_names, as_encase_counts)
{
    static const struct {
        const char *path;
        size_t number;
        const char *name;
    } rows[] = {
        {"a/m.E01", 2, "m.E02"},   {"m.E01", 99, "m.E99"},   {"m.E07", 100, "m.EAA"},
        {"m.E01", 101, "m.EAB"},   {"m.E01", 126, "m.EBA"},  {"m.E01", 775, "m.EZZ"},
        {"m.E01", 776, "m.FAA"},   {"/x/n.e01", 3, "n.e03"}, {"n.s01", 100, "n.saa"},
        {"m.E01", 14971, "m.ZZZ"},
    };
    char name[32];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_assert(ps_ewf_name(name, sizeof name, rows[i].path, rows[i].number), "%zu", i);
        cr_assert_str_eq(name, rows[i].name);
    }
    cr_assert_not(ps_ewf_name(name, sizeof name, "m.E01", 14972));
    cr_assert_not(ps_ewf_name(name, sizeof name, "m.E01", SIZE_MAX));
    cr_assert_not(ps_ewf_name(name, sizeof name, "m.bin", 1));
    cr_assert_not(ps_ewf_name(name, sizeof name, "m", 1));
    cr_assert_not(ps_ewf_name(name, sizeof name, "m.E01", 0));
}
