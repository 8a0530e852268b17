#include "scan/tags/builtin/builtin.h"

#include "scan/tags/builtin/hash.h"

uint32_t ps_builtin_find(struct ps_tag_pattern p)
{
    const struct ps_builtin_table *t = &ps_builtin_table;
    const uint64_t hash = ps_builtin_hash(p, t->seed);
    const uint32_t d = t->displacement[ps_builtin_bucket(hash, t->n_buckets)];
    const uint32_t at = t->place[ps_builtin_slot(hash, d, t->n)];
    const struct ps_builtin_entry *e = &t->entry[at];

    return e->value == p.value && e->mask == p.mask ? at : PS_TAG_UNKNOWN;
}

struct ps_tag_info ps_builtin_at(uint32_t i)
{
    const char *text = ps_builtin_table.text;
    const struct ps_builtin_entry *e = &ps_builtin_table.entry[i];

    return (struct ps_tag_info){
        .pattern = {.value = e->value, .mask = e->mask},
        .component = text + e->component,
        .kind = text + e->kind,
        .pool = text + e->pool,
        .seen = text + e->seen,
        .description = text + e->description,
        .source = text + e->source,
        .line = e->line,
    };
}
