/* Whom blocks are billed to. Cookies and processes here are made up by the test, which mixes them
 * by hand; vector S7 is the published one. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "scan/quota/cookie.h"
#include "scan/quota/owners.h"
#include "scan/quota/processes.h"
#include "tests/support/rng.h"
#include "tests/support/small_memory.h"

#define S7_PROCESS UINT64_C(0xffffc509bf28b080)
#define S7_COOKIE  UINT64_C(0x6f2a9c31d4e85b07)
#define S7_PAGE    UINT64_C(0xffffc509c0123000)
#define S7_AT      0x450u

static int says_yes(void *arg, uint64_t va)
{
    (void)arg;
    (void)va;
    return 1;
}

/* The header of vector S7: quota bit and nonpaged, 0x40 bytes, tag Even. */
static const uint8_t *s7_page(const uint8_t billed[8])
{
    static const uint8_t header[8] = {0, 0, 4, 0x0a, 'E', 'v', 'e', 'n'};
    static uint8_t page[4096];

    memset(page, 0, sizeof page);
    memcpy(page + S7_AT, header, sizeof header);
    memcpy(page + S7_AT + 8, billed, 8);
    return page;
}

static struct ps_owners s7_owners(void)
{
    return (struct ps_owners){.era = ps_era_pick(PS_ARCH_X64, 19041),
                              .rule = ps_quota_rule_of(PS_ARCH_X64, 19041),
                              .cookie = S7_COOKIE,
                              .is_process = says_yes};
}

Test(quota, vector_s7)
{
    static const uint8_t charged[8] = {0xd7, 0xdf, 0xd2, 0xab, 0x31, 0x9c, 0x2a, 0x6f};
    static const uint8_t released[8] = {0x57, 0x6f, 0xfa, 0x14, 0x38, 0x59, 0xd5, 0x90};
    const struct ps_owners o = s7_owners();

    cr_expect_eq(ps_owner_of_header(&o, s7_page(charged), S7_AT, S7_PAGE), S7_PROCESS);
    cr_expect_eq(ps_owner_of_header(&o, s7_page(released), S7_AT, S7_PAGE), 0);
    cr_expect_eq(ps_owner(&o, UINT64_C(0x6f2a9c31abd2dfd7), S7_PAGE + S7_AT), S7_PROCESS);
}

struct late_cookie {
    struct ps_owners owners;
    int is_there, n_asked;
};

static int find_cookie(void *arg)
{
    struct late_cookie *late = arg;

    late->n_asked++;
    if (late->is_there)
        late->owners.cookie = S7_COOKIE;
    return late->is_there;
}

Test(quota, cookie_is_asked_for_before_it_is_used)
{
    static const uint8_t charged[8] = {0xd7, 0xdf, 0xd2, 0xab, 0x31, 0x9c, 0x2a, 0x6f};
    static const uint8_t nobody[8] = {0};

    for (int is_there = 0; is_there < 2; is_there++) {
        struct late_cookie late = {.owners = s7_owners(), .is_there = is_there};

        late.owners.cookie = 0;
        late.owners.settle = find_cookie;
        late.owners.arg = &late;
        cr_expect_eq(ps_owner_of_header(&late.owners, s7_page(nobody), S7_AT + 16, S7_PAGE), 0);
        cr_expect_eq(late.n_asked, 0, "a header that is not charged asks for nothing");
        cr_expect_eq(ps_owner_of_header(&late.owners, s7_page(charged), S7_AT, S7_PAGE),
                     is_there ? S7_PROCESS : 0);
        cr_expect_eq(late.n_asked, 1);
    }
}

Test(quota, header_elsewhere_names_nobody)
{
    static const uint8_t charged[8] = {0xd7, 0xdf, 0xd2, 0xab, 0x31, 0x9c, 0x2a, 0x6f};
    const struct ps_owners o = s7_owners();

    cr_expect_eq(ps_owner_of_header(&o, s7_page(charged), S7_AT, S7_PAGE ^ 0x8000000000000000u), 0);
    cr_expect_eq(ps_owner_of_header(&o, s7_page(charged), S7_AT, 0), 0);
}

Test(quota, only_a_charged_block_names_somebody)
{
    static const uint8_t charged[8] = {0xd7, 0xdf, 0xd2, 0xab, 0x31, 0x9c, 0x2a, 0x6f};
    const struct ps_owners o = s7_owners();
    uint8_t page[4096];

    memcpy(page, s7_page(charged), sizeof page);
    page[S7_AT + 3] = 0x02; /* not charged */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), 0);
    page[S7_AT + 3] = 0x08; /* free */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), 0);
    page[S7_AT + 3] = 0x8a; /* illegal */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), 0);
    page[S7_AT + 3] = 0x0a;
    page[S7_AT + 2] = 1; /* no room for a body */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), 0);
    page[S7_AT + 2] = (4096 - S7_AT) / 16; /* to the end of the page */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), S7_PROCESS);
    page[S7_AT + 2]++; /* beyond */
    cr_expect_eq(ps_owner_of_header(&o, page, S7_AT, S7_PAGE), 0);
}

static int is_even_page(void *arg, uint64_t va)
{
    (void)arg;
    return (va >> 12 & 1) == 0;
}

Test(quota, known_processes_are_not_asked_for)
{
    static const uint64_t known[] = {0xffff900000001000u, 0xffff900000003000u, 0xffff900000005010u};
    struct ps_owners o = {.era = ps_era_pick(PS_ARCH_X64, 7601),
                          .rule = ps_quota_rule_of(PS_ARCH_X64, 7601),
                          .known = known,
                          .n_known = 3};

    for (int i = 0; i < 3; i++)
        cr_expect_eq(ps_owner(&o, known[i], 123), known[i]);
    cr_expect_eq(ps_owner(&o, 0xffff900000002000u, 123), 0);
    o.is_process = is_even_page;
    cr_expect_eq(ps_owner(&o, 0xffff900000002000u, 123), 0xffff900000002000u);
    cr_expect_eq(ps_owner(&o, 0xffff900000002008u, 123), 0, "not aligned");
    cr_expect_eq(ps_owner(&o, 0x0000700000002000u, 123), 0, "user half");
    cr_expect_eq(ps_owner(&o, 0xffff900000007000u, 123), 0);
    o.n_known = 0;
    cr_expect_eq(ps_owner(&o, known[0], 123), 0);
}

Test(quota, x86_has_it_at_the_end_of_the_block)
{
    static const uint64_t known[] = {0xb0255020u};
    const struct ps_owners o = {.era = ps_era_pick(PS_ARCH_X86, 3790),
                                .rule = ps_quota_rule_of(PS_ARCH_X86, 3790),
                                .known = known,
                                .n_known = 1};
    /* 0x48 bytes, PoolType 9, at 0x100; the address in the last four bytes. */
    static const uint8_t header[8] = {4, 0, 9, 9 << 1, 'N', 'p', 'F', 'r'};
    static const uint8_t tail[4] = {0x20, 0x50, 0x25, 0xb0};
    uint8_t page[4096] = {0};

    memcpy(page + 0x100, header, sizeof header);
    memcpy(page + 0x144, tail, sizeof tail);
    cr_expect_eq(ps_owner_of_header(&o, page, 0x100, 0xb1234000u), 0xb0255020u);
    page[0x144] = 0x28;
    cr_expect_eq(ps_owner_of_header(&o, page, 0x100, 0xb1234000u), 0);
}

Test(quota, rule_by_build)
{
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X64, 3790), PS_QUOTA_PLAIN);
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X64, 7601), PS_QUOTA_PLAIN);
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X64, 9200), PS_QUOTA_MIXED);
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X64, 26100), PS_QUOTA_MIXED);
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X64, 0), PS_QUOTA_MIXED);
    cr_expect_eq(ps_quota_rule_of(PS_ARCH_X86, 9200), PS_QUOTA_TAIL);
}

/* --- the cookie --- */

#define MAX_TRUE 64u

/* Processes that exist, and what headers have stored. */
struct world {
    uint64_t cookie;
    uint64_t process[MAX_TRUE];
    uint32_t n_processes;
    struct ps_quota_samples samples;
    uint64_t known[MAX_TRUE];
    size_t n_known;
    uint64_t n_asked;
};

static int is_in_world(void *arg, uint64_t va)
{
    struct world *w = arg;

    w->n_asked++;
    for (uint32_t i = 0; i < w->n_processes; i++)
        if (w->process[i] == va)
            return 1;
    return 0;
}

static void make_world(struct world *w, struct rng *r, uint32_t n_processes)
{
    memset(w, 0, sizeof *w);
    w->cookie = rng_next(r);
    w->n_processes = n_processes;
    for (uint32_t i = 0; i < n_processes; i++)
        w->process[i] = UINT64_C(0xffffc50900000080) | (uint64_t)rng_below(r, 1u << 20) << 12;
}

static void add(struct world *w, struct rng *r, uint64_t process, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t va = UINT64_C(0xffffc50000000000) | (rng_next(r) & 0xfffffffff0u);

        ps_quota_sample_add(&w->samples, process ^ w->cookie ^ va, va);
    }
}

static void add_noise(struct world *w, struct rng *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ps_quota_sample_add(&w->samples, rng_next(r), 0);
}

static struct ps_cookie *find(struct world *w, const uint64_t *symbol)
{
    static struct ps_cookie out;
    const struct ps_cookie_search search = {.samples = &w->samples,
                                            .known = w->known,
                                            .n_known = w->n_known,
                                            .is_process = is_in_world,
                                            .arg = w,
                                            .has_symbol = symbol != NULL,
                                            .symbol = symbol ? *symbol : 0};
    struct ps_err err;

    cr_assert_eq(ps_cookie_find(&search, &out, &err), 0);
    return &out;
}

static struct world w;

Test(cookie, cluster_of_nobody_is_the_cookie)
{
    struct rng r = rng_make(1);
    struct ps_cookie *c;

    make_world(&w, &r, 3);
    add(&w, &r, 0, 4);
    add(&w, &r, w.process[0], 20);
    add(&w, &r, w.process[1], 3);
    add(&w, &r, w.process[2], 1);
    add_noise(&w, &r, 100);
    c = find(&w, NULL);
    cr_assert_eq(c->method, PS_COOKIE_HISTOGRAM);
    cr_expect_eq(c->value, w.cookie);
    cr_expect_eq(c->n_clusters, 3);
    cr_expect_eq(c->n_explained, 3);
    cr_expect_eq(c->n_processes, 3, "the single one too");
}

Test(cookie, three_known_processes_decide)
{
    struct rng r = rng_make(2);
    struct ps_cookie *c;

    make_world(&w, &r, 5);
    for (uint32_t i = 0; i < 5; i++)
        add(&w, &r, w.process[i], 2 + 3 * i);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = 3;
    c = find(&w, NULL);
    cr_assert_eq(c->method, PS_COOKIE_HISTOGRAM);
    cr_expect_eq(c->value, w.cookie);
    cr_expect_eq(c->n_processes, 5);
}

Test(cookie, two_processes_fit_either_way_round)
{
    struct rng r = rng_make(3);
    struct ps_cookie *c;

    make_world(&w, &r, 2);
    add(&w, &r, w.process[0], 20);
    add(&w, &r, w.process[1], 20);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = 2;
    c = find(&w, NULL);
    cr_expect_eq(c->method, PS_COOKIE_NOT_FOUND);
    cr_expect_eq(c->n_processes, 0);
    cr_expect_eq(c->n_clusters, 2);
}

Test(cookie, two_heavy_processes_do_not_outweigh_the_others)
{
    struct rng r = rng_make(4);
    struct ps_cookie *c;

    make_world(&w, &r, 5);
    for (uint32_t i = 0; i < 5; i++)
        add(&w, &r, w.process[i], i < 2 ? 400 : 2);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = 5;
    c = find(&w, NULL);
    cr_expect_eq(c->method, PS_COOKIE_HISTOGRAM);
    cr_expect_eq(c->value, w.cookie);
}

Test(cookie, one_process_could_be_any)
{
    struct rng r = rng_make(5);

    make_world(&w, &r, 4);
    add(&w, &r, w.process[0], 50);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = 4;
    cr_expect_eq(find(&w, NULL)->method, PS_COOKIE_NOT_FOUND);
}

Test(cookie, noise_is_nothing)
{
    struct rng r = rng_make(6);
    struct ps_cookie *c;

    make_world(&w, &r, 40);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = 40;
    add_noise(&w, &r, PS_QUOTA_MAX_SAMPLES + 5);
    c = find(&w, NULL);
    cr_expect_eq(c->method, PS_COOKIE_NOT_FOUND);
    cr_expect_eq(c->n_clusters, 0);
    w.samples.n = 0;
    cr_expect_eq(find(&w, NULL)->method, PS_COOKIE_NOT_FOUND);
}

/* More samples with one value than a tenth of all, which are of no process. */
Test(cookie, contradiction_leaves_it_open)
{
    struct rng r = rng_make(7);
    const uint64_t junk = rng_next(&r);

    make_world(&w, &r, 6);
    for (uint32_t i = 0; i < 6; i++)
        add(&w, &r, w.process[i], 10);
    add(&w, &r, 0, 10);
    for (uint32_t i = 0; i < 7; i++)
        ps_quota_sample_add(&w.samples, junk, 0);
    cr_expect_eq(find(&w, NULL)->value, w.cookie);
    for (uint32_t i = 0; i < 7; i++)
        ps_quota_sample_add(&w.samples, junk, 0);
    cr_expect_eq(find(&w, NULL)->method, PS_COOKIE_NOT_FOUND);
}

Test(cookie, symbol_goes_first_unless_contradicted)
{
    struct rng r = rng_make(8);
    struct ps_cookie *c;
    uint64_t symbol;

    make_world(&w, &r, 3);
    symbol = w.cookie;
    c = find(&w, &symbol);
    cr_expect_eq(c->method, PS_COOKIE_SYMBOL, "nothing speaks against it");
    add(&w, &r, w.process[0], 9);
    c = find(&w, &symbol);
    cr_expect_eq(c->method, PS_COOKIE_SYMBOL);
    cr_expect_eq(c->n_explained, 1);
    symbol ^= 0x1000;
    cr_expect_eq(find(&w, &symbol)->method, PS_COOKIE_NOT_FOUND);
    add(&w, &r, w.process[1], 9);
    add(&w, &r, 0, 9);
    c = find(&w, &symbol);
    cr_expect_eq(c->method, PS_COOKIE_HISTOGRAM);
    cr_expect_eq(c->value, w.cookie);
}

/* Whatever stands there: the cookie of the world, or none. */
Test(cookie, never_a_wrong_one)
{
    const uint64_t seed = rng_seed();
    struct rng r = rng_make(seed);
    unsigned n_found = 0;

    for (int round = 0; round < 400; round++) {
        const uint32_t n = 1 + rng_below(&r, 12);
        struct ps_cookie *c;

        make_world(&w, &r, n);
        for (uint32_t i = 0; i < n; i++)
            add(&w, &r, w.process[i], rng_below(&r, 12));
        add(&w, &r, 0, rng_below(&r, 2) * rng_below(&r, 9));
        add_noise(&w, &r, rng_below(&r, 60));
        for (uint32_t i = 0; i < n; i++)
            if (rng_below(&r, 3))
                w.known[w.n_known++] = w.process[i];
        c = find(&w, NULL);
        n_found += c->method != PS_COOKIE_NOT_FOUND;
        if (c->method != PS_COOKIE_NOT_FOUND)
            cr_assert_eq(c->value, w.cookie, "round %d, PS_SEED=%" PRIu64, round, seed);
        cr_assert_lt(w.n_asked, 20000, "round %d, PS_SEED=%" PRIu64, round, seed);
    }
    cr_expect_gt(n_found, 200, "PS_SEED=%" PRIu64, seed);
}

/* Most clusters there can be, and pairs that all look right: it ends, and asks for no more than is
 * promised. */
Test(cookie, hostile_clusters)
{
    struct rng r = rng_make(9);

    make_world(&w, &r, MAX_TRUE);
    memcpy(w.known, w.process, sizeof w.known);
    w.n_known = MAX_TRUE;
    for (uint32_t i = 0; i < PS_QUOTA_MAX_SAMPLES / 2; i++)
        for (int twice = 0; twice < 2; twice++)
            ps_quota_sample_add(&w.samples, UINT64_C(0xffffc50900000080) ^ (uint64_t)i << 12, 0);
    cr_expect_eq(find(&w, NULL)->method, PS_COOKIE_NOT_FOUND);
    cr_expect_leq(w.n_asked, (uint64_t)PS_QUOTA_MAX_CLUSTERS *
                                 (PS_QUOTA_MAX_CLUSTERS + PS_QUOTA_MAX_CANDIDATES));
}

/* --- samples --- */

Test(quota, samples_of_a_page)
{
    static struct ps_quota_samples s;
    const struct ps_era *era = ps_era_pick(PS_ARCH_X64, 19041);
    static const uint8_t charged[8] = {0xd7, 0xdf, 0xd2, 0xab, 0x31, 0x9c, 0x2a, 0x6f};
    uint8_t page[4096];

    memcpy(page, s7_page(charged), sizeof page);
    ps_quota_sample_page(&s, era, page, S7_PAGE);
    cr_assert_eq(s.n, 1);
    cr_expect_eq(s.key[0], S7_PROCESS ^ S7_COOKIE);
    page[S7_AT + 7] = 0x80; /* no tag */
    ps_quota_sample_page(&s, era, page, S7_PAGE);
    cr_expect_eq(s.n, 1);
    s.n = PS_QUOTA_MAX_SAMPLES;
    page[S7_AT + 7] = 'n';
    ps_quota_sample_page(&s, era, page, S7_PAGE);
    cr_expect_eq(s.n, PS_QUOTA_MAX_SAMPLES);
}

/* --- the list of processes --- */

#define VA       UINT64_C(0xffffc50980000000)
#define FRAME(n) (UINT64_C(4096) * (n))
#define DATA     8u /* the first frame that is mapped at VA, up to frame 31 */
#define LINKS    0x448u
#define NAME     0x5a8u
#define HEAD     (VA + FRAME(20)) /* PsActiveProcessHead */

static struct small_memory m;
static struct ps_paging paging;
static struct ps_processes list;

static void put_at(uint64_t va, uint64_t value)
{
    small_memory_put64(&m, FRAME(DATA) + (va - VA), value);
}

static void put_process(uint64_t va, uint64_t pid, const char *name, uint64_t flink, uint64_t blink)
{
    put_at(va, 3 | UINT64_C(0xb8) << 16);
    put_at(va + 8, va + 8);
    put_at(va + 0x10, va + 8);
    put_at(va + LINKS - 8, pid);
    put_at(va + LINKS, flink + LINKS);
    put_at(va + LINKS + 8, blink + LINKS);
    memcpy(m.bytes + FRAME(DATA) + (va - VA) + NAME, name, strlen(name) + 1);
}

static uint64_t process_va(unsigned i)
{
    return VA + FRAME(2 * i) + 0x80 + 0x100 * i;
}

static void make_processes(void)
{
    static const char *const names[] = {"System", "smss.exe", "csrss.exe", "svch\x01st.exe"};

    small_memory_init(&m);
    for (unsigned level = 0; level < 3; level++)
        small_memory_put64(&m, FRAME(1 + level) + 8 * (VA >> (39 - 9 * level) & 511),
                           FRAME(2 + level) | 0x63);
    for (unsigned i = 0; i < 24; i++)
        small_memory_put64(&m, FRAME(4) + 8 * ((VA >> 12 & 511) + i), FRAME(DATA + i) | 0x63);
    for (unsigned i = 0; i < 4; i++)
        put_process(process_va(i), 4 + 100 * i, names[i], i == 3 ? HEAD - LINKS : process_va(i + 1),
                    i == 0 ? HEAD - LINKS : process_va(i - 1));
    put_at(HEAD, process_va(0) + LINKS);
    put_at(HEAD + 8, process_va(3) + LINKS);
    /* What could be taken for the pair of links. */
    put_at(process_va(0) + 0x100, 4);
    put_at(process_va(0) + 0x108, process_va(1));
    put_at(process_va(0) + 0x110, process_va(1));
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
}

Test(processes, are_found_without_offsets, .init = make_processes)
{
    ps_processes_read(&paging, PS_ARCH_X64, process_va(0), &list);
    cr_assert_eq(list.n, 4);
    cr_expect_eq(list.links_at, LINKS);
    cr_expect_eq(list.pid_at, LINKS - 8);
    cr_expect_eq(list.name_at, NAME);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(list.process[i].va, process_va(i));
        cr_expect_eq(list.process[i].pid, 4 + 100 * i);
    }
    cr_expect_str_eq(list.process[2].name, "csrss.exe");
    cr_expect_str_eq(list.process[3].name, "", "not a name");
    cr_expect_eq(ps_processes_find(&list, process_va(1))->pid, 104);
    cr_expect_null(ps_processes_find(&list, process_va(1) + 16));
}

Test(processes, a_broken_list_ends, .init = make_processes)
{
    put_at(process_va(2) + LINKS + 8, process_va(0));
    ps_processes_read(&paging, PS_ARCH_X64, process_va(0), &list);
    cr_expect_eq(list.n, 2);
}

Test(processes, a_list_that_never_returns_ends, .init = make_processes)
{
    /* 1 and 2 name each other, so that the way back holds. */
    put_at(process_va(2) + LINKS, process_va(1) + LINKS);
    put_at(process_va(1) + LINKS + 8, process_va(2) + LINKS);
    put_at(process_va(0) + LINKS, process_va(1) + LINKS);
    ps_processes_read(&paging, PS_ARCH_X64, process_va(0), &list);
    cr_expect_leq(list.n, PS_MAX_PROCESSES);
}

Test(processes, no_process_no_list, .init = make_processes)
{
    ps_processes_read(&paging, PS_ARCH_X64, process_va(0) + 16, &list);
    cr_expect_eq(list.n, 0);
    ps_processes_read(&paging, PS_ARCH_X64, VA + FRAME(200), &list);
    cr_expect_eq(list.n, 0);
    put_at(process_va(0) + 8, 0); /* nobody ever initialised that */
    cr_expect_not(ps_process_is_at(&paging, PS_ARCH_X64, process_va(0)));
    cr_expect(ps_process_is_at(&paging, PS_ARCH_X64, process_va(1)));
    put_at(process_va(1), 5); /* a semaphore */
    ps_paging_init(&paging, &m.mem, ps_pte_format_of(PS_PAGING_X64, 19041), FRAME(1));
    cr_expect_not(ps_process_is_at(&paging, PS_ARCH_X64, process_va(1)));
}

Test(processes, without_links_there_is_one, .init = make_processes)
{
    put_at(process_va(0) + LINKS - 8, 8);
    ps_processes_read(&paging, PS_ARCH_X64, process_va(0), &list);
    cr_expect_eq(list.n, 1);
    cr_expect_eq(list.links_at, 0);
    cr_expect_str_eq(list.process[0].name, "System");
}

Test(processes, proof_is_a_list_that_leads_back, .init = make_processes)
{
    cr_expect(ps_process_is_proven(&paging, PS_ARCH_X64, process_va(1)));
    put_at(process_va(1) + 8, process_va(2) + 8); /* somebody else's list */
    cr_expect(ps_process_is_at(&paging, PS_ARCH_X64, process_va(1)));
    cr_expect_not(ps_process_is_proven(&paging, PS_ARCH_X64, process_va(1)));
    put_at(process_va(2) + 8, VA + FRAME(200)); /* nothing there */
    cr_expect_not(ps_process_is_proven(&paging, PS_ARCH_X64, process_va(2)));
}
