#include "host/commands/unknown/drivers.h"

#include <stdlib.h>
#include <string.h>

#include "host/cancel.h"
#include "host/hash_factor.h"
#include "host/log.h"
#include "host/virtual/windows_kernel.h"

#define NO_MODULE UINT16_MAX

/* The last module that a tag was seen in. */
struct mark {
    uint16_t module, exact;
};

struct search {
    struct ps_drivers *d;
    struct ps_operand_set set;
    struct mark *mark; /* of each tag */
    uint32_t *seen;    /* tags seen in this module */
    size_t n_seen;
    uint16_t module;
};

static void on_found(void *arg, uint32_t index, int exact)
{
    struct search *s = arg;
    struct mark *m = &s->mark[index];

    if (m->module != s->module) {
        *m = (struct mark){.module = s->module};
        s->seen[s->n_seen++] = index;
    }
    m->exact |= exact != 0;
}

static int make_search(struct search *s, const struct ps_tallies *t, struct ps_err *err)
{
    uint32_t *tag = calloc(t->n + 1, sizeof *tag);
    int failed = !tag;

    for (size_t i = 0; tag && i < t->n; i++)
        tag[i] = t->tally[i].tag;
    failed = failed || ps_operand_set_make(&s->set, tag, t->n, ps_hash_factor()) < 0;
    free(tag);
    s->mark = calloc(t->n + 1, sizeof *s->mark);
    s->seen = calloc(t->n + 1, sizeof *s->seen);
    if (failed || !s->mark || !s->seen)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the search in drivers");
    for (size_t i = 0; i < t->n; i++)
        s->mark[i].module = NO_MODULE;
    return 0;
}

static void free_search(struct search *s)
{
    ps_operand_set_free(&s->set);
    free(s->mark);
    free(s->seen);
}

static int push(struct ps_drivers *d, struct ps_driver_ref ref)
{
    if (d->n == PS_DRIVERS_MAX_REFS) {
        d->n_left_out++;
        return 0;
    }
    if (d->n == d->cap) {
        const size_t cap = d->cap ? 2 * d->cap : 1024;
        struct ps_driver_ref *more = realloc(d->ref, cap * sizeof *more);

        if (!more)
            return -1;
        d->ref = more;
        d->cap = cap;
    }
    d->ref[d->n++] = ref;
    return 0;
}

static int keep_seen(struct search *s, struct ps_err *err)
{
    for (size_t i = 0; i < s->n_seen; i++) {
        const uint32_t tally = s->seen[i];
        const struct ps_driver_ref ref = {tally, s->module, s->mark[tally].exact};

        if (push(s->d, ref) < 0)
            return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the search in drivers");
    }
    s->n_seen = 0;
    return 0;
}

static int by_tally(const void *a, const void *b)
{
    const struct ps_driver_ref *x = a, *y = b;

    if (x->tally != y->tally)
        return x->tally < y->tally ? -1 : 1;
    if (x->exact != y->exact)
        return x->exact ? -1 : 1;
    return (x->module > y->module) - (x->module < y->module);
}

static int search_modules(struct search *s, struct ps_paging *paging, struct ps_err *err)
{
    const struct ps_operand_search search = {.set = &s->set, .found = on_found, .arg = s};
    struct ps_drivers *d = s->d;
    int rc = 0;

    for (size_t i = 0; i < d->list->n && rc == 0; i++) {
        s->module = (uint16_t)i;
        ps_code_search(paging, &d->list->module[i], &search,
                       PS_DRIVERS_MAX_PAGES - d->code.n_pages - d->code.n_missing, &d->code);
        rc = ps_cancel_check(err);
        if (rc == 0)
            rc = keep_seen(s, err);
    }
    if (d->n > 0)
        qsort(d->ref, d->n, sizeof *d->ref, by_tally);
    return rc;
}

/* By symbol, else among the variables of the Windows kernel. */
static int find_head(const struct ps_address_space *as, uint64_t *head)
{
    const uint64_t base = as->kernel.base ? as->kernel.base : as->symbols.base;
    struct ps_va_range range[PS_KERNEL_MAX_RANGES];
    const size_t n = ps_address_space_kernel_data(as, range);

    *head = ps_address_space_sure_symbol(as, PS_SYMBOL_PsLoadedModuleList);
    if (*head)
        return 1;
    return base &&
           ps_modules_find_head(as->paging, ps_paging_is_x64(as->dtb.mode), range, n, base, head);
}

/* Fills d->list, or says in one line why it stays empty. */
static int read_list(struct ps_drivers *d, const struct ps_address_space *as, const char *path,
                     struct ps_err *err)
{
    struct ps_modules *list;
    uint64_t head;

    if (!as->has_dtb) {
        ps_log(PS_LOG_WARN, "%s: drivers are not listed: no page tables were found; %s", path,
               ps_address_space_why_no_tables(as));
        return 0;
    }
    if (!find_head(as, &head)) {
        ps_log(PS_LOG_WARN,
               "%s: drivers are not listed: PsLoadedModuleList was not found; --symbols FILE says "
               "where it is",
               path);
        return 0;
    }
    list = malloc(sizeof *list);
    if (!list)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the list of modules");
    if (ps_modules_read(as->paging, ps_paging_is_x64(as->dtb.mode), head, list)) {
        d->list = list;
        return 0;
    }
    ps_log(PS_LOG_WARN, "%s: drivers are not listed: no module can be read at PsLoadedModuleList",
           path);
    free(list);
    return 0;
}

static int search_space(struct ps_drivers *d, struct ps_address_space *as, const char *path,
                        const struct ps_tallies *t, const struct ps_options *opt,
                        struct ps_err *err)
{
    struct search s = {.d = d};
    int rc = ps_address_space_kernel(as, opt, err);

    if (rc >= 0)
        rc = read_list(d, as, path, err);
    if (rc >= 0 && d->list)
        rc = make_search(&s, t, err);
    if (rc >= 0 && d->list)
        rc = search_modules(&s, as->paging, err);
    free_search(&s);
    return rc;
}

/* 0: the image is another one, and nobody asked for it. */
static int is_wanted(const struct ps_address_space *as, const struct ps_drivers_image *image)
{
    if (!image->id[0] || strcmp(image->id, ps_image_id(as->image)) == 0)
        return 1;
    ps_log(PS_LOG_WARN, "%s is not the image of the result, whose ImageId is %s%s", image->path,
           image->id, image->is_from_result ? ": drivers are not listed" : "");
    return !image->is_from_result;
}

int ps_drivers_find(struct ps_drivers *d, const struct ps_drivers_image *image,
                    const struct ps_tallies *t, const struct ps_options *opt, struct ps_err *err)
{
    struct ps_address_space as = {0};
    int rc = ps_address_space_open(&as, opt, image->path, err);

    if (rc >= 0 && is_wanted(&as, image))
        rc = search_space(d, &as, image->path, t, opt, err);
    else if (rc < 0 && image->is_from_result) {
        ps_log(PS_LOG_WARN, "drivers are not listed: %s", err->msg);
        rc = 0;
    }
    ps_address_space_close(&as);
    return rc;
}

const struct ps_driver_ref *ps_drivers_of(const struct ps_drivers *d, size_t tally, size_t *n)
{
    size_t lo = 0, hi = d->n;

    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;

        if (d->ref[mid].tally < tally)
            lo = mid + 1;
        else
            hi = mid;
    }
    *n = 0;
    while (lo + *n < d->n && d->ref[lo + *n].tally == tally)
        ++*n;
    return d->ref + lo;
}

void ps_drivers_free(struct ps_drivers *d)
{
    free(d->list);
    free(d->ref);
    memset(d, 0, sizeof *d);
}
