#include "host/run/tag_usage.h"

#include <stdlib.h>

#include "host/run/session.h"
#include "kernels/pool_header.h"

#define FIRST_SLOTS 4096u

void ps_tag_usages_free(struct ps_tag_usages *u)
{
    free(u->slot);
    *u = (struct ps_tag_usages){.slot = NULL};
}

static struct ps_tag_usage *slot_of(const struct ps_tag_usages *u, uint32_t tag)
{
    size_t i = (tag * UINT32_C(0x9e3779b1) >> 8) & (u->n_slots - 1);

    while (u->slot[i].is_used && u->slot[i].tag != tag)
        i = (i + 1) & (u->n_slots - 1);
    return &u->slot[i];
}

static int grow(struct ps_tag_usages *u)
{
    struct ps_tag_usages larger = {
        .n_slots = u->n_slots ? 2 * u->n_slots : FIRST_SLOTS, .n = u->n, .n_over = u->n_over};

    larger.slot = calloc(larger.n_slots, sizeof *larger.slot);
    if (!larger.slot)
        return -1;
    for (size_t i = 0; i < u->n_slots; i++)
        if (u->slot[i].is_used)
            *slot_of(&larger, u->slot[i].tag) = u->slot[i];
    free(u->slot);
    *u = larger;
    return 0;
}

struct ps_tag_usage *ps_tag_usages_at(struct ps_tag_usages *u, uint32_t tag, int *out_of_memory)
{
    struct ps_tag_usage *s;

    *out_of_memory = 0;
    tag &= ~PS_TAG_PROTECTED;
    if (u->n * 2 >= u->n_slots && grow(u) < 0) {
        *out_of_memory = 1;
        return NULL;
    }
    s = slot_of(u, tag);
    if (s->is_used)
        return s;
    if (u->n == PS_TAG_USAGE_MAX) {
        u->n_over++;
        return NULL;
    }
    s->is_used = 1;
    s->tag = tag;
    u->n++;
    return s;
}

const struct ps_tag_usage *ps_tag_usages_find(const struct ps_tag_usages *u, uint32_t tag)
{
    const struct ps_tag_usage *s = u->n_slots ? slot_of(u, tag & ~PS_TAG_PROTECTED) : NULL;

    return s && s->is_used ? s : NULL;
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
