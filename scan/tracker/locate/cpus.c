#include "scan/tracker/locate/cpus.h"

#include <stdlib.h>

#include "scan/tracker/hash.h"
#include "scan/tracker/locate/words.h"
#include "scan/tracker/reader.h"

/* A run of pointers while it grows. */
struct run {
    uint64_t end;   /* where the next pointer of it would stand; 0: no run */
    size_t n_live;  /* its length without absent tables at the end */
    size_t n_other; /* different tables in it besides the one of the keys */
    struct ps_tracker_cpus cpus;
};

struct state {
    const struct ps_tracker_cpus_spec *spec;
    uint32_t *key; /* of each slot, 0: empty or missing */
    uint64_t budget;
    struct run now, best;
};

enum likeness { OTHER, SAME, ABSENT };

static uint32_t n_hashed(const struct state *s)
{
    return s->spec->keys->n_slots - 1;
}

/* A tag may be missing in the table of the keys because its page is. */
static int conflicts(const struct state *s, uint32_t slot, uint32_t key)
{
    if (s->key[slot] != 0)
        return key != s->key[slot];
    return !ps_tracker_is_near(key, slot, n_hashed(s) - 1);
}

static enum likeness compare(struct state *s, uint64_t va)
{
    const uint32_t n = n_hashed(s);
    uint32_t n_same = 0, n_conflicts = 0;
    struct ps_tracker_reader r;

    if (va == s->spec->keys->va)
        return SAME;
    ps_tracker_reader_init(&r, s->spec->paging, va, s->spec->keys->layout->entry_bytes);
    for (uint32_t i = 0; i < n && s->budget > 0 && n_conflicts <= n_same / 20 + 1; i++) {
        const uint32_t key = ps_tracker_reader_key(&r, i);

        s->budget--;
        if (key != 0 && conflicts(s, i, key))
            n_conflicts++;
        else if (key != 0)
            n_same += key == s->key[i];
    }
    if (r.n_pages_read > 0 && r.n_pages_missing == r.n_pages_read && s->budget > 0)
        return ABSENT;
    return n_same > 0 && n_conflicts <= n_same / 20 ? SAME : OTHER;
}

static int is_in(const struct ps_tracker_cpus *c, uint64_t va)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->va[i] == va)
            return 1;
    return 0;
}

/* How many tables a run may have: a table of keys without counters is no processor's. */
static size_t limit_of(const struct ps_tracker_cpus_spec *spec)
{
    if (spec->n_cpus == 0 || spec->n_cpus >= PS_TRACKER_MAX_TABLES)
        return PS_TRACKER_MAX_TABLES;
    return spec->n_cpus + (spec->keys->n_allocs == 0);
}

static void extend(struct state *s, uint64_t at, uint64_t value)
{
    struct run *run = &s->now;
    enum likeness likeness;

    run->end = at + ps_words_width(s->spec->paging);
    if (is_in(&run->cpus, value) || run->cpus.n == limit_of(s->spec))
        return;
    likeness = compare(s, value);
    if (likeness == OTHER || (likeness == ABSENT && run->cpus.n == 0)) {
        run->end = 0;
        return;
    }
    if (run->cpus.n == 0)
        run->cpus.array_va = at;
    run->cpus.va[run->cpus.n++] = value;
    if (likeness == SAME) {
        run->n_live = run->cpus.n;
        run->n_other += value != s->spec->keys->va;
    }
}

/* Absent tables at the end count when there is a processor for each. */
static void finish(struct state *s)
{
    struct run *run = &s->now;

    if (s->spec->n_cpus == 0)
        run->cpus.n = run->n_live;
    if (run->n_other > s->best.n_other)
        s->best = *run;
    run->end = 0;
    run->cpus.n = run->n_live = run->n_other = 0;
}

static int try_word(void *arg, uint64_t at, uint64_t value)
{
    struct state *s = arg;

    if (at != s->now.end)
        finish(s);
    extend(s, at, value);
    if (s->now.end == 0)
        finish(s);
    return s->budget == 0;
}

static int begin(struct state *s, const struct ps_tracker_cpus_spec *spec)
{
    struct ps_tracker_reader r;

    s->spec = spec;
    s->budget = PS_TRACKER_CPU_SLOTS;
    s->key = malloc((spec->keys->n_slots - 1) * sizeof *s->key);
    if (!s->key)
        return -1;
    ps_tracker_reader_init(&r, spec->paging, spec->keys->va, spec->keys->layout->entry_bytes);
    for (uint32_t i = 0; i < n_hashed(s); i++)
        s->key[i] = ps_tracker_reader_key(&r, i);
    return 0;
}

static void walk_array(struct state *s, uint64_t va)
{
    uint64_t value;

    for (size_t i = 0; i < PS_TRACKER_MAX_TABLES; i++) {
        const uint64_t at = va + i * ps_words_width(s->spec->paging);

        if (!ps_words_read(s->spec->paging, at, &value) ||
            !ps_words_is_table(s->spec->paging, value))
            break;
        if (try_word(s, at, value) != 0 || s->now.end == 0)
            break;
    }
    finish(s);
}

static int run_search(const struct ps_tracker_cpus_spec *spec, const struct ps_va_range *data,
                      size_t n_data, uint64_t array_va, struct ps_tracker_cpus *out,
                      struct ps_err *err)
{
    struct state *s = calloc(1, sizeof *s);
    uint64_t pointer;
    int rc;

    out->array_va = 0;
    out->n = 0;
    if (!s || begin(s, spec) < 0) {
        free(s);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tracker tables");
    }
    if (array_va != 0) {
        walk_array(s, array_va);
        if (s->best.n_other == 0 && ps_words_read(spec->paging, array_va, &pointer))
            walk_array(s, pointer);
    } else {
        const struct ps_words words = {
            .paging = spec->paging, .range = data, .n_ranges = n_data, .word = try_word, .arg = s};

        ps_words_visit(&words);
        finish(s);
    }
    rc = s->best.n_other > 0;
    if (rc)
        *out = s->best.cpus;
    free(s->key);
    free(s);
    return rc;
}

int ps_tracker_cpus_find(const struct ps_tracker_cpus_spec *spec, const struct ps_va_range *data,
                         size_t n_data, struct ps_tracker_cpus *out, struct ps_err *err)
{
    return run_search(spec, data, n_data, 0, out, err);
}

int ps_tracker_cpus_at(const struct ps_tracker_cpus_spec *spec, uint64_t va,
                       struct ps_tracker_cpus *out, struct ps_err *err)
{
    return run_search(spec, NULL, 0, va, out, err);
}
