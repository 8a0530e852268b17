#include "host/run/tag_usage.h"

#include <stdlib.h>

#include "host/hash_factor.h"
#include "host/run/session.h"
#include "kernels/pool_header.h"

#define FIRST_CAP 1024u

void ps_tag_usages_free(struct ps_tag_usages *u)
{
    free(u->usage);
    ps_tag_map_free(&u->map);
    *u = (struct ps_tag_usages){.usage = NULL};
}

static int grow(struct ps_tag_usages *u)
{
    const size_t cap = u->cap ? 2 * u->cap : FIRST_CAP;
    struct ps_tag_usage *usage = realloc(u->usage, cap * sizeof *usage);

    if (!usage)
        return -1;
    u->usage = usage;
    u->cap = cap;
    return 0;
}

/* NULL: out of memory. */
static struct ps_tag_usage *make(struct ps_tag_usages *u, uint32_t tag)
{
    if (u->n == 0)
        u->map.factor = ps_hash_factor();
    if ((u->n == u->cap && grow(u) < 0) || ps_tag_map_add(&u->map, tag) < 0)
        return NULL;
    u->usage[u->n] = (struct ps_tag_usage){.tag = tag};
    return &u->usage[u->n++];
}

struct ps_tag_usage *ps_tag_usages_at(struct ps_tag_usages *u, uint32_t tag, int *out_of_memory)
{
    const uint32_t plain = tag & ~PS_TAG_PROTECTED;
    const uint32_t number = ps_tag_map_find(&u->map, plain);
    struct ps_tag_usage *s;

    *out_of_memory = 0;
    if (number != PS_TAG_NO_NUMBER)
        return &u->usage[number];
    if (u->n == PS_TAG_USAGE_MAX) {
        u->n_over++;
        return NULL;
    }
    s = make(u, plain);
    *out_of_memory = !s;
    return s;
}

const struct ps_tag_usage *ps_tag_usages_find(const struct ps_tag_usages *u, uint32_t tag)
{
    const uint32_t number = ps_tag_map_find(&u->map, tag & ~PS_TAG_PROTECTED);

    return number == PS_TAG_NO_NUMBER ? NULL : &u->usage[number];
}

/* The only header of the segment heap that has a PreviousSize is the second one of a cache-aligned
 * block, which its first one stands for. */
static int is_second(const struct ps_finding *f)
{
    return (f->word0 & 0xffu) != 0;
}

/* On the segment heap a header does not tell whether its block was freed. */
int ps_tag_usage_counts(const struct ps_finding *f)
{
    const int is_segment = f->allocator == PS_ALLOCATOR_LFH || f->allocator == PS_ALLOCATOR_VS;

    if (f->source != PS_SOURCE_HEADER || f->in_big != 0 || f->confidence < PS_TAG_USAGE_CONFIDENCE)
        return 0;
    return f->status == PS_STATUS_ALLOCATED || (f->status == PS_STATUS_UNKNOWN && is_segment &&
                                                !is_second(f) && !(f->evidence & PS_EV_OVERLAP));
}

static int no_memory(struct ps_err *err)
{
    return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the tags of the image");
}

static int is_live_big(const struct ps_finding *f)
{
    return f->source == PS_SOURCE_BIGPOOL && f->status == PS_STATUS_ALLOCATED;
}

static void add(struct ps_tag_usage *s, const struct ps_finding *f)
{
    if (f->source == PS_SOURCE_BIGPOOL) {
        s->big_allocations++;
        s->big_bytes += f->n_bytes;
    } else {
        s->header_blocks++;
        s->header_bytes += f->n_bytes;
    }
}

int ps_tag_usages_add(struct ps_tag_usages *u, const struct ps_finding *f, size_t n,
                      struct ps_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct ps_tag_usage *s;
        int out_of_memory;

        if (!is_live_big(&f[i]) && !ps_tag_usage_counts(&f[i]))
            continue;
        s = ps_tag_usages_at(u, f[i].tag, &out_of_memory);
        if (out_of_memory)
            return no_memory(err);
        if (s)
            add(s, &f[i]);
    }
    return 0;
}

static int on_findings(void *arg, const struct ps_finding *f, size_t n, struct ps_err *err)
{
    return ps_tag_usages_add(arg, f, n, err);
}

int ps_tag_usages_scan(struct ps_tag_usages *u, const struct ps_options *opt,
                       struct ps_image *image, int *went_on, struct ps_err *err)
{
    struct ps_options all = *opt;
    struct ps_scan_totals totals = {0};
    struct ps_scan_session session;
    int rc;

    *went_on = 0;
    all.all_headers = 1;
    all.tags = (struct ps_strings){NULL, 0};
    all.show_free = 0;
    all.min_confidence =
        PS_CONFIDENCE_ALL; /* an entry of the big-pool table counts whatever its tag */
    rc = ps_scan_session_open(&session, &all, err);
    session.on_findings = on_findings;
    session.findings_arg = u;
    if (rc == 0)
        rc = ps_scan_session_image(&session, image, NULL, &totals, went_on, err);
    ps_scan_session_free(&session);
    return rc;
}
