#include "scan/tracker/locate/search.h"

#include "scan/windows/kernel/addresses.h"
#include "scan/tracker/locate/words.h"

static int is_better(const struct ps_tracker_proof *a, const struct ps_tracker_proof *b)
{
    return a->n_keys != b->n_keys ? a->n_keys > b->n_keys : a->n_allocs > b->n_allocs;
}

static int try_layout(struct ps_paging *paging, uint64_t va, const struct ps_tracker_layout *layout,
                      enum ps_tracker_rule rule, uint64_t *budget, struct ps_tracker_proof *best,
                      struct ps_err *err)
{
    struct ps_tracker_proof p;
    int rc;

    if (!ps_tracker_glance(paging, va, layout, rule))
        return 0;
    rc = ps_tracker_prove(paging, va, layout, rule, budget, &p, err);
    if (rc > 0 && (best->n_keys == 0 || is_better(&p, best)))
        *best = p;
    return rc;
}

int ps_tracker_prove_any(struct ps_paging *paging, uint64_t va, enum ps_arch arch, uint32_t build,
                         enum ps_tracker_rule rule, uint64_t *budget, struct ps_tracker_proof *out,
                         struct ps_err *err)
{
    const struct ps_tracker_layout *first = ps_tracker_layout_pick(arch, build);
    struct ps_tracker_proof best = {.n_keys = 0};
    int rc = 0;

    if (first)
        rc = try_layout(paging, va, first, rule, budget, &best, err);
    for (size_t i = 0; rc == 0 && i < ps_n_tracker_layouts; i++)
        if (ps_tracker_layouts[i].arch == arch && &ps_tracker_layouts[i] != first)
            rc = try_layout(paging, va, &ps_tracker_layouts[i], rule, budget, &best, err);
    if (rc > 0)
        *out = best;
    return rc;
}

struct state {
    const struct ps_tracker_search *search;
    struct ps_addresses seen;
    uint64_t budget;
    struct ps_tracker_best *best;
    struct ps_err *err;
};

static int try_word(void *arg, uint64_t at, uint64_t value)
{
    struct state *s = arg;
    const struct ps_tracker_search *how = s->search;
    struct ps_tracker_proof p;
    int rc;

    switch (ps_addresses_add(&s->seen, value)) {
    case PS_ADDRESS_KNOWN:
        return 0;
    case PS_ADDRESS_TOO_MANY:
        s->best->n_over++;
        return 0;
    case PS_ADDRESS_NEW:
        break;
    }
    s->best->n_candidates++;
    rc = ps_tracker_prove_any(how->paging, value, how->arch, how->build, how->rule, &s->budget, &p,
                              s->err);
    if (rc <= 0)
        return rc;
    if (s->best->proof.n_keys == 0 || is_better(&p, &s->best->proof)) {
        s->best->proof = p;
        s->best->pointer_va = at;
    }
    return 0;
}

int ps_tracker_search(const struct ps_tracker_search *search, struct ps_tracker_best *out,
                      struct ps_err *err)
{
    struct state s = {.search = search, .budget = PS_TRACKER_SEARCH_SLOTS, .best = out, .err = err};
    const struct ps_words words = {.paging = search->paging,
                                   .range = search->data,
                                   .n_ranges = search->n_data,
                                   .word = try_word,
                                   .arg = &s};
    int rc;

    *out = (struct ps_tracker_best){.pointer_va = 0};
    if (ps_addresses_init(&s.seen) < 0)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tracker table");
    rc = ps_words_visit(&words);
    ps_addresses_free(&s.seen);
    return rc < 0 ? rc : out->proof.n_keys > 0;
}
