/* Which tags a scan looks for: the list that is compiled into a plan. A rule's index here
 * is ps_hit.rule. */
#ifndef PS_SCAN_TAGS_RULESET_H
#define PS_SCAN_TAGS_RULESET_H

#include <stddef.h>
#include <stdint.h>

#include "scan/err.h"
#include "scan/tags/tag.h"
#include "scan/tags/tagdb.h"

struct ps_rule {
    struct ps_tag_pattern pattern; /* as written: plan_compile.c folds the protected bit */
    uint32_t info;                 /* index in the tag database, or PS_TAG_UNKNOWN */
};

struct ps_ruleset {
    struct ps_rule *rule;
    size_t n;
};

/* What to look for. With neither flag nor patterns: every tag the database knows, but for entries
 * with a single fixed byte, which explain tags that are found otherwise.
 * patterns: only these ("--tags"); where a database entry and a pattern overlap there is a
 * more specific rule for the overlap, so that hits stay explained. any_tag ("--all-headers"):
 * every printable tag, and every tag the database knows, besides. */
struct ps_ruleset_spec {
    const struct ps_tagdb *db;
    const struct ps_tag_pattern *patterns;
    size_t n_patterns;
    int any_tag;
};

/* No two rules have the same pattern. PS_EARG when there is nothing to look for, PS_ENOMEM. */
int ps_ruleset_build(struct ps_ruleset *out, const struct ps_ruleset_spec *spec,
                     struct ps_err *err);
void ps_ruleset_free(struct ps_ruleset *rules); /* accepts a zeroed one */

#endif
