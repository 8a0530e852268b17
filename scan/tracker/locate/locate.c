#include "scan/tracker/locate/locate.h"

#include <stdlib.h>

#include "scan/windows/kernel/addresses.h"
#include "scan/tracker/locate/cpus.h"
#include "scan/tracker/locate/search.h"
#include "scan/tracker/locate/words.h"
#include "scan/tracker/reader.h"

/* Tables that are counted again at most. */
#define MAX_TRIES 64u

/* What is known of a table before it is summed. */
struct found {
    struct ps_tracker_proof proof;
    uint64_t pointer_va;
    enum ps_tracker_method method;
};

static uint32_t size_by_symbol(struct ps_paging *paging, const struct ps_tracker_spec *spec)
{
    uint64_t n;

    if (spec->symbols.size == 0 || !ps_words_read(paging, spec->symbols.size, &n))
        return 0;
    if (n < 2 || n > PS_TRACKER_MAX_SLOTS || ((n - 1) & (n - 2)) != 0)
        return 0;
    return (uint32_t)n;
}

/* What the symbols lead to is a table if its tags or counters say so, or when its size is one. */
static int find_by_symbols(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                           struct found *out, struct ps_err *err)
{
    const struct ps_tracker_layout *layout = ps_tracker_layout_pick(spec->arch, spec->build);
    const uint32_t n_slots = size_by_symbol(paging, spec);
    uint64_t budget = PS_TRACKER_SEARCH_SLOTS, va;
    int rc = 0;

    if (spec->symbols.table == 0 || !ps_words_read(paging, spec->symbols.table, &va) ||
        !ps_words_is_table(paging, va))
        return 0;
    for (int rule = PS_TRACKER_BY_HASH; rule <= PS_TRACKER_BY_COUNTERS && rc == 0; rule++)
        rc = ps_tracker_prove_any(paging, va, spec->arch, spec->build, (enum ps_tracker_rule)rule,
                                  &budget, &out->proof, err);
    if (rc < 0)
        return rc;
    if (rc == 0 && (n_slots == 0 || !layout))
        return 0;
    if (rc == 0)
        out->proof = (struct ps_tracker_proof){.va = va, .layout = layout, .n_allocs = 1};
    if (n_slots != 0)
        out->proof.n_slots = n_slots;
    out->pointer_va = spec->symbols.table;
    out->method = PS_TRACKER_SYMBOLS;
    return 1;
}

static int find_by_data(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                        struct found *out, struct ps_tracker_table *table, struct ps_err *err)
{
    static const enum ps_tracker_method methods[] = {PS_TRACKER_HASH, PS_TRACKER_COUNTERS};
    struct ps_tracker_search search = {.paging = paging,
                                       .data = spec->data,
                                       .n_data = spec->n_data,
                                       .arch = spec->arch,
                                       .build = spec->build};
    const int last =
        spec->build < PS_TRACKER_HASH_BUILD ? PS_TRACKER_BY_COUNTERS : PS_TRACKER_BY_HASH;
    int rc = 0;

    for (int rule = PS_TRACKER_BY_HASH; rule <= last && rc == 0; rule++) {
        struct ps_tracker_best best;

        search.rule = (enum ps_tracker_rule)rule;
        rc = ps_tracker_search(&search, &best, err);
        table->n_candidates = best.n_candidates;
        table->n_candidates_over = best.n_over;
        if (rc > 0)
            *out = (struct found){best.proof, best.pointer_va, methods[rule]};
    }
    return rc;
}

static int find_cpus(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                     const struct found *found, struct ps_tracker_cpus *out, struct ps_err *err)
{
    const struct ps_tracker_cpus_spec how = {
        .paging = paging, .keys = &found->proof, .n_cpus = spec->n_cpus};
    int rc = 0;

    if (spec->build != 0 && spec->build < PS_TRACKER_PER_CPU_BUILD)
        return 0;
    if (spec->symbols.cpus != 0)
        rc = ps_tracker_cpus_at(&how, spec->symbols.cpus, out, err);
    if (rc == 0)
        rc = ps_tracker_cpus_find(&how, spec->data, spec->n_data, out, err);
    return rc;
}

/* Of tables that are alike, PoolTrackTable is the one that something besides the array points to.
 */
struct outside {
    struct ps_paging *paging;
    const struct ps_tracker_cpus *cpus;
    struct ps_addresses tables;
    struct found *found;
    unsigned n_tries;
};

static uint32_t count_keys(struct ps_paging *paging, uint64_t va, const struct found *found)
{
    struct ps_tracker_reader r;
    uint32_t n_keys = 0;

    ps_tracker_reader_init(&r, paging, va, found->proof.layout->entry_bytes);
    for (uint32_t i = 0; i + 1 < found->proof.n_slots; i++)
        n_keys += ps_tracker_reader_key(&r, i) != 0;
    return n_keys;
}

static int try_outside(void *arg, uint64_t at, uint64_t value)
{
    struct outside *o = arg;
    const uint64_t width = ps_words_width(o->paging);

    if (at - o->cpus->array_va < o->cpus->n * width || !ps_addresses_has(&o->tables, value))
        return 0;
    if (count_keys(o->paging, value, o->found) >= o->found->proof.n_keys) {
        o->found->proof.va = value;
        o->found->pointer_va = at;
        return 1;
    }
    return ++o->n_tries == MAX_TRIES;
}

static int choose_keys(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                       const struct ps_tracker_cpus *cpus, struct found *found, struct ps_err *err)
{
    struct outside o = {.paging = paging, .cpus = cpus, .found = found};
    const struct ps_words words = {.paging = paging,
                                   .range = spec->data,
                                   .n_ranges = spec->n_data,
                                   .word = try_outside,
                                   .arg = &o};

    if (cpus->n == 0 || found->method != PS_TRACKER_HASH)
        return 0;
    if (ps_addresses_init(&o.tables) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tracker tables");
    for (size_t i = 0; i < cpus->n; i++)
        ps_addresses_add(&o.tables, cpus->va[i]);
    ps_addresses_add(&o.tables, found->proof.va);
    ps_words_visit(&words);
    ps_addresses_free(&o.tables);
    return 0;
}

static void find_expansion(struct ps_paging *paging, const struct ps_tracker_symbols *symbols,
                           struct ps_tracker_parts *parts)
{
    uint64_t va, n;

    if (symbols->expansion == 0 || symbols->expansion_size == 0)
        return;
    if (!ps_words_read(paging, symbols->expansion, &va) || !ps_words_is_table(paging, va) ||
        !ps_words_read(paging, symbols->expansion_size, &n) || n > PS_TRACKER_MAX_SLOTS)
        return;
    parts->expansion_va = va;
    parts->n_expansion = (uint32_t)n;
}

/* The table of the keys first, then those of the processors. */
static int sum_up(struct ps_paging *paging, const struct ps_tracker_spec *spec, struct found *found,
                  struct ps_tracker_table *out, struct ps_err *err)
{
    struct ps_tracker_cpus *cpus = calloc(1, sizeof *cpus);
    uint64_t *va = calloc(PS_TRACKER_MAX_TABLES + 1, sizeof *va);
    struct ps_tracker_parts parts = {.table_va = va, .n_tables = 1};
    int rc;

    if (!cpus || !va) {
        rc = ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tracker tables");
        goto out;
    }
    rc = find_cpus(paging, spec, found, cpus, err);
    if (rc >= 0)
        rc = choose_keys(paging, spec, cpus, found, err);
    if (rc < 0)
        goto out;
    va[0] = found->proof.va;
    for (size_t i = 0; i < cpus->n; i++)
        va[parts.n_tables++] = cpus->va[i];
    find_expansion(paging, &spec->symbols, &parts);
    out->method = found->method;
    out->layout = found->proof.layout;
    out->n_slots = found->proof.n_slots;
    out->pointer_va = found->pointer_va;
    out->cpus_va = cpus->array_va;
    rc = ps_tracker_table_read(out, paging, &parts, err);
out:
    free(va);
    free(cpus);
    return rc < 0 ? rc : 1;
}

int ps_tracker_find(struct ps_paging *paging, const struct ps_tracker_spec *spec,
                    struct ps_tracker_table *out, struct ps_err *err)
{
    struct found found = {.method = PS_TRACKER_NOT_FOUND};
    int rc;

    *out = (struct ps_tracker_table){.method = PS_TRACKER_NOT_FOUND};
    rc = find_by_symbols(paging, spec, &found, err);
    if (rc == 0)
        rc = find_by_data(paging, spec, &found, out, err);
    return rc <= 0 ? rc : sum_up(paging, spec, &found, out, err);
}
