/* The pipeline under stress, for ThreadSanitizer: lanes of any number and depth, a backend with
 * random delays that fails at random, a collector that fails or is slow, a file that is truncated
 * meanwhile, and a cancellation. Each chunk must arrive once, in order, or the run must end with
 * the error that was planted. A plain program, because Criterion cannot run under TSan. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/cancel.h"
#include "host/image/fault_guard.h"
#include "host/pipeline/pipeline.h"
#include "kernels/pool_header.h"
#include "scan/bigpool/carve/page.h"
#include "scan/plan_compile.h"
#include "scan/pool/page_judge.h"

#define N_PAGES 512u
#define ROUNDS  40u
/* Of the pages, those of a big-pool table. */
#define TABLE_ONE_IN 5u
#define VA_BASE      UINT64_C(0xffffa58f11800000)

#define CHECK(what, ...)                                                                           \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            fprintf(stderr, "FAILED %s:%d: %s: ", __FILE__, __LINE__, #what);                      \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* A backend whose chunks become ready only in wait; a hit per page, whose tag is the page number
 * found in the page itself. */
struct fake {
    struct ps_backend base;
    struct ps_backend_ops ops;
    unsigned seed;
    unsigned fail_one_in; /* 0: never */
};

static void random_delay(unsigned *seed)
{
    int r = rand_r(seed) % 8;

    if (r < 3)
        usleep((useconds_t)r * 100);
}

static int fake_submit(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err)
{
    struct fake *f = (struct fake *)b;

    (void)c;
    random_delay(&f->seed);
    if (f->fail_one_in && (unsigned)rand_r(&f->seed) % f->fail_one_in == 0)
        return ps_fail(err, PS_EDEVICE, 7, "planted failure");
    return 0;
}

static int fake_wait(struct ps_backend *b, struct ps_chunk *c, struct ps_err *err)
{
    struct fake *f = (struct fake *)b;
    int rc = ps_hits_reserve(&c->hits, c->n_pages, err);

    if (rc < 0)
        return rc;
    random_delay(&f->seed);
    c->hits.n = 0;
    for (size_t p = 0; p < c->n_pages; p++) {
        uint32_t number;

        memcpy(&number, c->pages + p * PS_PAGE_BYTES, sizeof number);
        if (number == 0) /* a page that could not be read */
            continue;
        c->hits.hit[c->hits.n++] = (struct ps_hit){
            .slot = (uint32_t)p * 256u, .word0 = 0x02020000u, .tag = 0x636f7250u, .rule = 0};
    }
    return 0;
}

static void fake_close(struct ps_backend *b)
{
    (void)b;
}

struct expectation {
    uint64_t next_phys; /* the page whose finding comes next */
    uint64_t n;
    uint64_t fail_after; /* the collector fails then; UINT64_MAX: never */
    uint64_t cancel_after;
    uint64_t truncate_after;
    const char *path;
    uint64_t n_tables; /* pages that look like the big-pool table's */
    uint64_t next_table;
    uint64_t done; /* bytes of the chunks so far */
    uint64_t end;  /* of the last one */
    uint64_t bytes_unreadable;
    struct ps_err first_unreadable;
};

static void check_findings(struct expectation *e, const struct ps_chunk_result *r)
{
    const struct ps_finding *f = r->finding;

    for (size_t i = 0; i < r->n_findings; i++) {
        CHECK(f[i].phys >= e->next_phys, "phys %" PRIx64 " after %" PRIx64, f[i].phys,
              e->next_phys);
        CHECK(f[i].va == f[i].phys + VA_BASE, "va %" PRIx64, f[i].va);
        CHECK(f[i].phys % PS_PAGE_BYTES == 0 && f[i].file_off == f[i].phys, "phys %" PRIx64,
              f[i].phys);
        e->next_phys = f[i].phys + PS_PAGE_BYTES;
        e->n++;
    }
    CHECK(e->next_phys <= r->end, "end %" PRIx64 " before %" PRIx64, r->end, e->next_phys);
}

/* Each page that holds hits comes with its findings, once. */
static void check_prints(const struct ps_chunk_result *r)
{
    const struct ps_page_print *page = r->print;
    size_t at = 0;

    for (size_t i = 0; i < r->n_prints; i++) {
        CHECK(i == 0 || page[i].phys > page[i - 1].phys, "phys %" PRIx64, page[i].phys);
        CHECK(page[i].n_findings <= r->n_findings - at, "%u findings", page[i].n_findings);
        for (size_t k = 0; k < page[i].n_findings; k++, at++)
            CHECK(r->finding[at].phys / PS_PAGE_BYTES == page[i].phys / PS_PAGE_BYTES,
                  "phys %" PRIx64 " on page %" PRIx64, r->finding[at].phys, page[i].phys);
    }
    CHECK(at == r->n_findings, "%zu of %zu findings", at, r->n_findings);
}

static void check_kept(struct expectation *e, const struct ps_chunk_result *r)
{
    for (size_t i = 0; i < r->n_kept; i++) {
        const uint64_t phys = r->kept_phys[i];
        uint32_t number;

        memcpy(&number, r->kept + i * PS_PAGE_BYTES, sizeof number);
        CHECK(phys >= e->next_table && phys < r->end, "phys %" PRIx64 " after %" PRIx64, phys,
              e->next_table);
        CHECK(number == phys / PS_PAGE_BYTES + 1 && number % TABLE_ONE_IN == 0,
              "page %u at %" PRIx64, number, phys);
        e->next_table = phys + PS_PAGE_BYTES;
        e->n_tables++;
    }
}

static int on_chunk(void *arg, struct ps_chunk_result *r, struct ps_err *err)
{
    struct expectation *e = arg;

    CHECK(r->end == e->end + r->n_bytes, "end %" PRIx64 " after %" PRIx64, r->end, e->end);
    e->end = r->end;
    e->done += r->n_bytes;
    e->bytes_unreadable += r->bytes_unreadable;
    if (e->first_unreadable.code == 0)
        e->first_unreadable = r->unreadable;
    check_findings(e, r);
    check_prints(r);
    check_kept(e, r);
    CHECK(e->done <= (uint64_t)N_PAGES * PS_PAGE_BYTES, "done %" PRIu64, e->done);
    if (e->done >= e->truncate_after) {
        CHECK(truncate(e->path, PS_PAGE_BYTES * (N_PAGES / 2)) == 0, "truncate");
        e->truncate_after = UINT64_MAX;
    }
    if (e->done >= e->cancel_after)
        ps_cancel_request(PS_ECANCEL);
    if (e->done >= e->fail_after)
        return ps_fail(err, PS_EIO, 9, "planted failure of the writer");
    return 0;
}

/* Each finding of a page is of that page, whose bytes are given; the address is a function of it.
 * Nothing is said under the guard but by CHECK. */
static void judge(const void *arg, const uint8_t *page, const struct ps_hit *hit, size_t n,
                  struct ps_finding *f)
{
    const struct ps_pipeline_spec *spec = arg;
    uint32_t number;

    ps_page_judge(spec->era, spec->rules, page, hit, n, f);
    CHECK(n == 1, "%zu findings", n);
    memcpy(&number, page, sizeof number);
    CHECK(number == f->phys / PS_PAGE_BYTES + 1, "page %u for phys %" PRIx64, number, f->phys);
    f->va = f->phys + VA_BASE;
}

/* Every other entry of a page of a Windows 10 x64 big-pool table, eight bytes after its start. */
static void make_table(uint8_t *page)
{
    for (uint64_t i = 0; 8 + (i + 1) * 24 <= PS_PAGE_BYTES; i++) {
        const uint64_t entry[3] = {i % 2 ? 1 : VA_BASE + i * PS_PAGE_BYTES,
                                   i % 2 ? 0 : UINT64_C(0x00020000636f7250), i % 2 ? 0 : 0x1000};

        memcpy(page + 8 + i * 24, entry, sizeof entry);
    }
}

static void write_image(char *path)
{
    static uint8_t page[PS_PAGE_BYTES];
    int fd = mkstemp(path);

    CHECK(fd >= 0, "mkstemp");
    for (uint32_t p = 1; p <= N_PAGES; p++) {
        memset(page, 0, sizeof page);
        if (p % TABLE_ONE_IN == 0)
            make_table(page);
        memcpy(page, &p, sizeof p);
        CHECK(write(fd, page, sizeof page) == sizeof page, "write");
    }
    close(fd);
}

enum plan_of_round { QUIET, BACKEND_FAILS, WRITER_FAILS, CANCELLED, TRUNCATED, N_PLANS };

static void check_outcome(enum plan_of_round what, int rc, const struct ps_err *err,
                          const struct expectation *e)
{
    switch (what) {
    case BACKEND_FAILS: /* by chance it may not have failed */
        CHECK(rc == 0 || (rc == -PS_EDEVICE && err->at == 7), "rc %d", rc);
        break;
    case WRITER_FAILS:
        CHECK(rc == -PS_EIO && err->at == 9, "rc %d", rc);
        break;
    case CANCELLED:
        /* The request may come with the last chunk, when there is nothing left to cancel. */
        CHECK(rc == -PS_ECANCEL || (rc == 0 && e->n == N_PAGES), "rc %d", rc);
        break;
    case TRUNCATED:
        CHECK(rc == 0, "rc %d %s", rc, err->msg);
        CHECK(e->n + e->bytes_unreadable / PS_PAGE_BYTES >= N_PAGES, "%" PRIu64 " findings", e->n);
        CHECK(e->bytes_unreadable == 0 || e->first_unreadable.code == PS_EFORMAT, "code %d",
              e->first_unreadable.code);
        break;
    default:
        CHECK(rc == 0 && e->n == N_PAGES, "rc %d, %" PRIu64, rc, e->n);
        CHECK(e->n_tables == N_PAGES / TABLE_ONE_IN, "%" PRIu64 " table pages", e->n_tables);
    }
}

static void one_round(struct ps_pipeline_spec *spec, unsigned round, unsigned *seed)
{
    char path[] = "/tmp/ps-stress-XXXXXX";
    struct expectation e = {.fail_after = UINT64_MAX,
                            .cancel_after = UINT64_MAX,
                            .truncate_after = UINT64_MAX,
                            .path = path};
    const enum plan_of_round what = (enum plan_of_round)(round % N_PLANS);
    const uint64_t some = PS_PAGE_BYTES * ((uint64_t)rand_r(seed) % N_PAGES);
    struct ps_lane_spec lanes[8];
    struct fake fakes[8];
    struct ps_err err = {0};
    int rc;

    write_image(path);
    e.fail_after = what == WRITER_FAILS ? some : UINT64_MAX;
    e.cancel_after = what == CANCELLED ? some : UINT64_MAX;
    e.truncate_after = what == TRUNCATED ? some : UINT64_MAX;
    spec->n_lanes = 1 + (unsigned)rand_r(seed) % 8;
    spec->chunk_pages = 1 + (unsigned)rand_r(seed) % 9;
    spec->no_map = rand_r(seed) & 1;
    spec->lanes = lanes;
    spec->arg = &e;
    for (unsigned i = 0; i < spec->n_lanes; i++) {
        fakes[i] = (struct fake){.seed = (unsigned)rand_r(seed)};
        fakes[i].fail_one_in = what == BACKEND_FAILS ? 20 : 0;
        /* Deep only when it scans its own buffers: nobody guards mapped memory inside wait. */
        fakes[i].ops = (struct ps_backend_ops){.takes_mapped = 0,
                                               .depth = 1 + (unsigned)rand_r(seed) % 4,
                                               .submit = fake_submit,
                                               .wait = fake_wait,
                                               .close = fake_close};
        fakes[i].base.ops = &fakes[i].ops;
        lanes[i] = (struct ps_lane_spec){.backend = &fakes[i].base, .pci_bus = -1};
    }
    CHECK(ps_image_open(&spec->image, path, NULL, &err) == 0, "%s", err.msg);
    rc = ps_pipeline_run(spec, &err);
    check_outcome(what, rc, &err, &e);
    ps_image_close(spec->image);
    unlink(path);
}

/* A wish to stop stays for the life of a process: such a round has one of its own. */
static void round_in_child(struct ps_pipeline_spec *spec, unsigned round, unsigned *seed)
{
    pid_t pid = fork();
    int status = -1;

    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        one_round(spec, round, seed);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0, "round %u: status %#x", round, status);
    rand_r(seed);
}

/* The CPU backend on a mapped file that is cut short meanwhile. */
static void truncated_mapping(struct ps_pipeline_spec *spec, unsigned *seed)
{
    char path[] = "/tmp/ps-stress-XXXXXX";
    struct expectation e = {.fail_after = UINT64_MAX, .cancel_after = UINT64_MAX, .path = path};
    struct ps_lane_spec lanes[4];
    struct ps_err err = {0};

    write_image(path);
    spec->no_map = 0;
    spec->lanes = lanes;
    spec->n_lanes = 4;
    spec->chunk_pages = 1 + (unsigned)rand_r(seed) % 16;
    spec->arg = &e;
    for (unsigned i = 0; i < 4; i++) {
        lanes[i].pci_bus = -1;
        CHECK(ps_backend_cpu_open(&lanes[i].backend, spec->plan, ps_kernel_pick(NULL), &err) == 0,
              "%s", err.msg);
    }
    CHECK(ps_image_open(&spec->image, path, NULL, &err) == 0, "%s", err.msg);
    CHECK(ps_pipeline_run(spec, &err) == 0, "%s", err.msg);
    CHECK(e.bytes_unreadable >= PS_PAGE_BYTES * (N_PAGES / 4), "%" PRIu64, e.bytes_unreadable);
    CHECK(e.done == PS_PAGE_BYTES * N_PAGES, "%" PRIu64, e.done);
    CHECK(e.first_unreadable.code == PS_EFORMAT, "code %d", e.first_unreadable.code);
    for (unsigned i = 0; i < 4; i++)
        ps_backend_close(lanes[i].backend);
    ps_image_close(spec->image);
    unlink(path);
}

int main(void)
{
    struct ps_rule rule = {.pattern = {0x636f7250u, 0xffffffffu}, .info = PS_TAG_UNKNOWN};
    struct ps_ruleset rules = {&rule, 1};
    const struct ps_era *era = ps_era_pick(PS_ARCH_X64, 9600);
    const char *text = getenv("PS_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 20261121u;
    struct ps_topology *topology = ps_topology_new();
    struct ps_plan *plan = NULL;
    struct ps_err err = {0};
    struct ps_pipeline_spec spec = {.era = era,
                                    .rules = &rules,
                                    .topology = topology,
                                    .range_end = UINT64_MAX,
                                    .show_free = 1,
                                    .prints = 1,
                                    .on_chunk = on_chunk,
                                    .judge = judge,
                                    .keep_arches = PS_BIGPOOL_X64};

    fprintf(stderr, "PS_SEED=%u\n", seed);
    ps_fault_guard_init();
    CHECK(ps_plan_compile(&plan, era, &rules, 0, &err) == 0, "%s", err.msg);
    spec.plan = plan;
    spec.judge_arg = &spec;
    for (unsigned round = 0; round < ROUNDS; round++) {
        if (round % N_PLANS == CANCELLED)
            round_in_child(&spec, round, &seed);
        else
            one_round(&spec, round, &seed);
    }
    for (unsigned round = 0; round < 5; round++)
        truncated_mapping(&spec, &seed);
    free(plan);
    ps_topology_free(topology);
    puts("pipeline_stress: all rounds as expected");
    return 0;
}
