#include "host/virtual/pool/quota.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/log.h"
#include "host/virtual/windows_kernel.h"
#include "scan/merge/big_owner.h"

/* Pages are taken in groups that lie side by side: a cold file is not read all over. */
#define GROUP_FRAMES   16u
#define MAX_MAPPINGS   4u
#define FIRST_ROUND    64u
#define CACHED_ANSWERS 4096u /* a power of two */

struct answer {
    uint64_t va; /* 0: none */
    int is_process;
};

/* Lanes ask while they scan: with memory of their own, one at a time. Nothing that the lock
 * encloses is left by a fault of theirs, whose pages are not touched inside. */
struct ps_quota_private {
    struct ps_quota *quota;
    pthread_mutex_t lock;
    struct ps_image_memory memory;
    struct ps_paging paging;
    enum ps_arch arch;
    enum ps_quota_rule rule;
    struct answer answer[CACHED_ANSWERS];
    struct ps_owners owners;
    struct ps_quota_samples samples;
};

const char *ps_quota_rule_name(enum ps_quota_rule rule)
{
    static const char *const names[] = {"plain", "mixed", "tail"};

    return names[rule];
}

/* Without a cookie anything may stand where an address would: it has to show more. */
static int look_at(struct ps_quota_private *own, uint64_t va)
{
    return own->rule == PS_QUOTA_MIXED ? ps_process_is_at(&own->paging, own->arch, va)
                                       : ps_process_is_proven(&own->paging, own->arch, va);
}

static int is_process(void *arg, uint64_t va)
{
    struct ps_quota_private *own = arg;
    struct answer *a = &own->answer[(va >> 4 ^ va >> 16) & (CACHED_ANSWERS - 1)];
    int yes;

    pthread_mutex_lock(&own->lock);
    if (a->va != va)
        *a = (struct answer){va, look_at(own, va)};
    yes = a->is_process;
    pthread_mutex_unlock(&own->lock);
    return yes;
}

/* --- which pages to look at --- */

struct survey {
    const struct ps_quota_source *source;
    const struct ps_era *era;
    struct ps_quota_samples *samples;
    int has_regions;
    uint64_t n_frames, n_groups, step;
    uint64_t group;   /* the next one, counted */
    uint64_t n_asked; /* frames */
    size_t n_pages;   /* looked at */
    uint8_t page[PS_FRAME_BYTES];
};

static int has_regions(const struct ps_regions *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->nearness[i] == PS_REGION_INSIDE)
            return 1;
    return 0;
}

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        const uint64_t t = a % b;

        a = b;
        b = t;
    }
    return a;
}

/* Each group once, and any number of them evenly over memory: a golden section apart. */
static uint64_t step_of(uint64_t n)
{
    uint64_t step = n - n / 3 - n / 21;

    while (n > 1 && gcd(step, n) != 1)
        step--;
    return step;
}

static void start_survey(struct survey *s)
{
    s->n_frames = ps_physmem_frames(&s->source->space->memory.mem);
    s->n_groups = (s->n_frames + GROUP_FRAMES - 1) / GROUP_FRAMES;
    s->step = step_of(s->n_groups);
    s->has_regions = has_regions(s->source->regions);
}

static uint64_t phys_of_frame(const struct ps_physmem *mem, uint64_t frame)
{
    size_t low = 0, high = mem->n_runs;

    while (high - low > 1) {
        const size_t mid = low + (high - low) / 2;

        if (mem->run[mid].frame <= frame)
            low = mid;
        else
            high = mid;
    }
    return mem->run[low].phys + (frame - mem->run[low].frame) * PS_FRAME_BYTES;
}

/* The address at which a pool would have the page: 1, or 0 when there is none. */
static int pool_address(const struct survey *s, uint64_t phys, uint64_t *va)
{
    struct ps_mapping m[MAX_MAPPINGS];
    size_t n = ps_inverse_map_find(s->source->map, phys, m, MAX_MAPPINGS);

    n = n < MAX_MAPPINGS ? n : MAX_MAPPINGS;
    for (size_t i = 0; i < n; i++) {
        if (!(m[i].flags & (PS_MAPPING_WRITABLE | PS_MAPPING_TRANSITION)))
            continue;
        if (s->has_regions && ps_regions_nearness(s->source->regions, m[i].va) != PS_REGION_INSIDE)
            continue;
        *va = m[i].va;
        return 1;
    }
    return 0;
}

static void look_at_frame(struct survey *s, uint64_t frame)
{
    const struct ps_physmem *mem = &s->source->space->memory.mem;
    const uint64_t phys = phys_of_frame(mem, frame);
    uint64_t va;

    s->n_asked++;
    if (!pool_address(s, phys, &va) ||
        mem->read(mem->arg, phys, s->page, sizeof s->page) != sizeof s->page)
        return;
    s->n_pages++;
    ps_quota_sample_page(s->samples, s->era, s->page, va);
}

/* Go on until 'n_pages' have been looked at: 0 when there is nothing more to look at. */
static int look_at_pages(struct survey *s, size_t n_pages)
{
    while (s->n_pages < n_pages) {
        const uint64_t first = s->group * s->step % (s->n_groups ? s->n_groups : 1) * GROUP_FRAMES;

        if (s->group == s->n_groups || s->n_asked >= PS_QUOTA_MAX_FRAMES ||
            s->samples->n == PS_QUOTA_MAX_SAMPLES)
            return 0;
        s->group++;
        for (uint64_t i = first; i < first + GROUP_FRAMES && i < s->n_frames; i++)
            look_at_frame(s, i);
    }
    return 1;
}

/* --- what stands elsewhere --- */

static void sample_big(const struct ps_bigpool_table *t, struct ps_quota_samples *samples)
{
    if (t->method == PS_BIGPOOL_NOT_FOUND)
        return;
    for (size_t i = 0; i < t->n_rows && samples->n < PS_QUOTA_MAX_SAMPLES / 2; i++)
        if (t->row[i].entry.state == PS_BIGPOOL_ALLOCATED && ps_big_is_charged(t, &t->row[i].entry))
            ps_quota_sample_add(samples, t->row[i].entry.billed, t->row[i].entry.va);
}

static uint64_t read_variable(struct ps_address_space *as, enum ps_symbol symbol, int *is_there)
{
    const size_t width = ps_paging_is_x64(as->dtb.mode) ? 8 : 4;
    uint64_t va, value = 0;

    *is_there = !(as->symbols.guessed & 1u << symbol) && ps_address_space_symbol(as, symbol, &va) &&
                ps_paging_read(as->paging, va, &value, width) == width;
    return *is_there ? value : 0;
}

/* --- the cookie --- */

struct known {
    uint64_t va[PS_QUOTA_MAX_KNOWN];
    size_t n;
};

static void take_known(const struct ps_processes *list, struct known *known)
{
    for (size_t i = 0; i < list->n && known->n < PS_QUOTA_MAX_KNOWN; i++)
        known->va[known->n++] = list->process[i].va;
}

/* With more pages each time, until it is found. */
static int look_for_cookie(struct ps_quota *q, struct ps_err *err)
{
    const struct ps_quota_source *source = &q->source;
    struct survey s = {.source = source, .era = q->own->owners.era, .samples = &q->own->samples};
    struct known known = {.n = 0};
    struct ps_cookie_search search = {
        .samples = s.samples, .known = known.va, .is_process = is_process, .arg = q->own};
    int rc = 0, more = 1;

    take_known(&q->processes, &known);
    search.n_known = known.n;
    search.symbol = read_variable(source->space, PS_SYMBOL_ExpPoolQuotaCookie, &search.has_symbol);
    sample_big(source->table, s.samples);
    start_survey(&s);
    for (size_t n = FIRST_ROUND;
         rc == 0 && more && n <= PS_QUOTA_MAX_PAGES && q->cookie.method == PS_COOKIE_NOT_FOUND;
         n *= 2) {
        more = look_at_pages(&s, n);
        rc = ps_cookie_find(&search, &q->cookie, err);
    }
    q->n_samples = s.samples->n;
    q->n_pages = s.n_pages;
    return rc;
}

/* --- all of it --- */

static int make_own(struct ps_quota *q, const struct ps_address_space *as, struct ps_err *err)
{
    struct ps_quota_private *own = calloc(1, sizeof *own);
    int rc;

    q->own = own;
    if (!own)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the owners of blocks");
    own->quota = q;
    pthread_mutex_init(&own->lock, NULL);
    rc = ps_image_memory_init(&own->memory, as->image, err);
    if (rc < 0)
        return rc;
    own->arch = ps_address_space_arch(as);
    ps_paging_init(&own->paging, &own->memory.mem, as->paging->format, as->dtb.root);
    own->owners = (struct ps_owners){
        .era = ps_era_pick(own->arch, as->build), .is_process = is_process, .arg = own};
    return 0;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void set_owners(struct ps_quota *q)
{
    struct ps_owners *o = &q->own->owners;

    o->cookie = q->cookie.value;
    o->known = q->cookie.process;
    o->n_known = q->cookie.n_processes;
}

static int find_cookie(void *arg, struct ps_err *err)
{
    const double start = now_ms();
    struct ps_quota *q = arg;
    const int rc = look_for_cookie(q, err);

    if (rc == 0)
        set_owners(q);
    ps_log(PS_LOG_DEBUG,
           "quota: cookie by %s: %zu samples of %zu pages, %zu clusters of which %zu are "
           "explained, in %.2f ms",
           ps_cookie_method_name(q->cookie.method), q->n_samples, q->n_pages, q->cookie.n_clusters,
           q->cookie.n_explained, now_ms() - start);
    return rc;
}

/* Without the cookie nobody can tell. */
static int has_cookie(void *arg)
{
    struct ps_quota *q = ((struct ps_quota_private *)arg)->quota;

    ps_late_ask(&q->late);
    return q->cookie.method != PS_COOKIE_NOT_FOUND;
}

int ps_quota_settle(struct ps_quota *q, struct ps_err *err)
{
    ps_late_ask(&q->late);
    return ps_late_error(&q->late, err);
}

/* Of an unknown build the older rule may hold where the later one does not: the cookie tells, so
 * that it is looked for at once. */
static int settle_rule(struct ps_quota *q, struct ps_err *err)
{
    const int rc = ps_quota_settle(q, err);

    if (rc < 0 || q->cookie.method != PS_COOKIE_NOT_FOUND)
        return rc;
    q->rule = q->own->rule = PS_QUOTA_PLAIN;
    memset(q->own->answer, 0, sizeof q->own->answer);
    return 0;
}

int ps_quota_open(struct ps_quota *q, const struct ps_quota_source *source, struct ps_err *err)
{
    struct ps_address_space *as = source->space;
    uint64_t process;
    int is_there, rc;

    *q = (struct ps_quota){.source = *source};
    rc = make_own(q, as, err);
    if (rc < 0)
        return rc;
    process = read_variable(as, PS_SYMBOL_PsInitialSystemProcess, &is_there);
    if (is_there)
        ps_processes_read(as->paging, q->own->arch, process, &q->processes);
    q->rule = q->own->rule = ps_quota_rule_of(q->own->arch, as->build);
    if (q->rule == PS_QUOTA_MIXED)
        q->late = (struct ps_late){.lock = source->lock, .find = find_cookie, .arg = q};
    if (q->rule == PS_QUOTA_MIXED && as->build == 0)
        rc = settle_rule(q, err);
    q->own->owners.rule = q->rule;
    q->own->owners.settle = q->rule == PS_QUOTA_MIXED ? has_cookie : NULL;
    q->owners = &q->own->owners;
    ps_log(PS_LOG_DEBUG, "quota: rule %s, %zu processes listed", ps_quota_rule_name(q->rule),
           q->processes.n);
    return rc;
}

void ps_quota_close(struct ps_quota *q)
{
    if (!q->own)
        return;
    ps_image_memory_free(&q->own->memory);
    pthread_mutex_destroy(&q->own->lock);
    free(q->own);
    q->own = NULL;
    q->owners = NULL;
}
