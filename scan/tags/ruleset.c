#include "scan/tags/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "scan/tags/pattern_map.h"

/* A ruleset while it grows. The map keeps patterns apart; those of the database alone are. */
struct builder {
    const struct ps_tagdb *db;
    struct ps_ruleset rules;
    size_t cap;
    int is_mixed; /* with patterns of another source */
    struct ps_pattern_map seen;
};

static int reserve(struct builder *b, struct ps_err *err)
{
    const size_t first = b->is_mixed ? 256 : ps_tagdb_count(b->db) + 1;
    size_t cap = b->cap ? 2 * b->cap : first;
    struct ps_rule *bigger;

    if (b->rules.n < b->cap)
        return 0;
    bigger = realloc(b->rules.rule, cap * sizeof *bigger);
    if (!bigger)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for %zu tag rules", cap);
    b->rules.rule = bigger;
    b->cap = cap;
    return 0;
}

static int add_rule(struct builder *b, struct ps_tag_pattern p, struct ps_err *err)
{
    int rc;

    if (b->is_mixed && ps_pattern_map_get(&b->seen, p) != PS_PATTERN_ABSENT)
        return 0;
    rc = reserve(b, err);
    if (rc == 0 && b->is_mixed)
        rc = ps_pattern_map_put(&b->seen, p, (uint32_t)b->rules.n, err);
    if (rc < 0)
        return rc;
    b->rules.rule[b->rules.n++] = (struct ps_rule){.pattern = p, .info = ps_tagdb_cover(b->db, p)};
    return 0;
}

/* One fixed byte: such an entry explains tags, but a search for all of them finds little else than
 * what is there by chance. */
static int is_too_wide(struct ps_tag_pattern p)
{
    return __builtin_popcount(p.mask) <= 8;
}

static int add_database(struct builder *b, int with_wide, struct ps_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < ps_tagdb_count(b->db) && rc >= 0; i++) {
        const struct ps_tag_pattern p = ps_tagdb_at(b->db, (uint32_t)i).pattern;

        if (with_wide || !is_too_wide(p))
            rc = add_rule(b, p, err);
    }
    return rc;
}

static int add_pattern(struct builder *b, struct ps_tag_pattern p, struct ps_err *err)
{
    int rc = add_rule(b, p, err);

    for (size_t i = 0; i < ps_tagdb_count(b->db) && rc >= 0; i++) {
        struct ps_tag_pattern both;

        if (ps_tag_pattern_overlaps(p, ps_tagdb_at(b->db, (uint32_t)i).pattern, &both))
            rc = add_rule(b, both, err);
    }
    return rc;
}

static int add_all(struct builder *b, const struct ps_ruleset_spec *spec, struct ps_err *err)
{
    int rc = 0;

    if (spec->any_tag || spec->n_patterns == 0)
        rc = add_database(b, spec->any_tag, err);
    for (size_t i = 0; i < spec->n_patterns && rc >= 0; i++)
        rc = add_pattern(b, spec->patterns[i], err);
    if (spec->any_tag && rc >= 0)
        rc = add_rule(b, (struct ps_tag_pattern){0, 0}, err);
    if (rc >= 0 && b->rules.n == 0)
        return ps_fail(err, PS_EARG, PS_AT_NONE,
                       "no pool tags to look for; name some with --tags or --tag-file, or take "
                       "--all-headers");
    return rc;
}

int ps_ruleset_build(struct ps_ruleset *out, const struct ps_ruleset_spec *spec, struct ps_err *err)
{
    struct builder b = {.db = spec->db,
                        .is_mixed = spec->any_tag || spec->n_patterns != 0,
                        .seen.factor = ps_tagdb_factor(spec->db)};
    int rc = add_all(&b, spec, err);

    ps_pattern_map_clear(&b.seen);
    if (rc < 0) {
        ps_ruleset_free(&b.rules);
        return rc;
    }
    *out = b.rules;
    return 0;
}

void ps_ruleset_free(struct ps_ruleset *rules)
{
    free(rules->rule);
    memset(rules, 0, sizeof *rules);
}
