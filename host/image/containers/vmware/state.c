#include "host/image/containers/vmware/state.h"

#include <string.h>

#include "host/image/containers/vmware/tags.h"
#include "host/image/le.h"
#include "host/image/runs.h"

#define PAGE         4096u
#define HEADER_BYTES 12u
#define GROUP_BYTES  80u
#define NAME_BYTES   64u
#define ALL_SAID     7u

/* Far more than VMware writes: a file of nothing but tags should not be read for hours. */
#define MAX_GROUPS 1024u
#define MAX_TAGS   ((uint64_t)1 << 18)

/* The machine has fewer pages in each of the three places. */
#define MAX_PAGES (PS_PHYS_END / PAGE)

static const uint32_t magics[] = {0xbed2bed2, 0xbed3bed3, 0xbed0bed0,
                                  0xbad1bad1, 0xbad2bad2, 0xbed2bed0};

int ps_vmware_is_state(const uint8_t *head, size_t n_head)
{
    for (size_t i = 0; n_head >= 4 && i < sizeof magics / sizeof *magics; i++)
        if (ps_le32(head) == magics[i])
            return 1;
    return 0;
}

/* One of the three numbers of a region. */
static void add_region(struct ps_vmware_state *s, const struct ps_vmware_tag *tag, unsigned which,
                       uint64_t value)
{
    struct ps_vmware_region *r;

    if (tag->n_indices < 1 || tag->index[0] >= PS_VMWARE_REGIONS || value > MAX_PAGES)
        return;
    r = &s->region[tag->index[0]];
    if (which == 0)
        r->ppn = value;
    else if (which == 1)
        r->page = value;
    else
        r->n_pages = value;
    r->said |= 1u << which;
}

static void add_memory(struct ps_vmware_state *s, const struct ps_vmware_tag *tag)
{
    if (s->n_memory_blocks++ > 0)
        return;
    s->memory_off = tag->data_off;
    s->memory_bytes = tag->n_stored;
    s->is_compressed = tag->is_compressed || tag->n_stored != tag->n_in_memory;
}

static int take_memory_tag(struct ps_vmware_state *s, const struct ps_vmware_tags *tags,
                           const struct ps_vmware_tag *tag, struct ps_err *err)
{
    static const char *const numbers[] = {"regionPPN", "regionPageNum", "regionSize"};
    const size_t n = tag->n_stored < 8 ? (size_t)tag->n_stored : 8;
    uint64_t value;
    int rc = 0;

    if (!strcmp(tag->name, "Memory"))
        add_memory(s, tag);
    if (!strcmp(tag->name, "regionsCount")) {
        rc = ps_vmware_tag_number(tags, tag, 0, n, &value, err);
        s->n_regions = rc > 0 ? value : s->n_regions;
    }
    for (unsigned i = 0; rc >= 0 && i < 3; i++) {
        if (strcmp(tag->name, numbers[i]) != 0)
            continue;
        rc = ps_vmware_tag_number(tags, tag, 0, n, &value, err);
        if (rc > 0)
            add_region(s, tag, i, value);
    }
    return rc;
}

/* Control register 3 stands in a tag of its own, CR[processor][3], or in one tag with the others,
 * CR[processor]. */
static int take_cr(struct ps_vmware_state *s, const struct ps_vmware_tags *tags,
                   const struct ps_vmware_tag *tag, unsigned is_32, struct ps_err *err)
{
    const size_t n = is_32 ? 4 : 8;
    uint64_t value;
    int rc = 0;

    if (tag->n_indices >= 1 && tag->index[0] >= PS_FACTS_CR3)
        return 0;
    if (tag->n_indices == 2 && tag->index[1] == 3)
        rc = ps_vmware_tag_number(tags, tag, 0, n, &value, err);
    else if (tag->n_indices == 1)
        rc = ps_vmware_tag_number(tags, tag, 3 * n, n, &value, err);
    if (rc > 0)
        s->cr3[is_32][tag->index[0]] = value;
    return rc;
}

static int take_cpu_tag(struct ps_vmware_state *s, const struct ps_vmware_tags *tags,
                        const struct ps_vmware_tag *tag, struct ps_err *err)
{
    uint64_t value;
    int rc = 0;

    if (!strcmp(tag->name, "CR64"))
        return take_cr(s, tags, tag, 0, err);
    if (!strcmp(tag->name, "CR"))
        return take_cr(s, tags, tag, 1, err);
    if (!strcmp(tag->name, "cpu:numVCPUs")) {
        rc = ps_vmware_tag_number(tags, tag, 0, 4, &value, err);
        s->n_processors = rc > 0 ? (uint32_t)value : s->n_processors;
    }
    return rc;
}

typedef int take_fn(struct ps_vmware_state *s, const struct ps_vmware_tags *tags,
                    const struct ps_vmware_tag *tag, struct ps_err *err);

static int read_group(struct ps_vmware_state *s, struct ps_vmware_tags *tags, take_fn *take,
                      uint64_t *n_tags, struct ps_err *err)
{
    struct ps_vmware_tag tag;
    int rc = 0;

    while (*n_tags < MAX_TAGS && (rc = ps_vmware_tag_next(tags, &tag, err)) > 0) {
        ++*n_tags;
        rc = take(s, tags, &tag, err);
        if (rc < 0)
            return rc;
    }
    s->is_damaged |= !tags->is_ended;
    return rc < 0 ? rc : 0;
}

static take_fn *taker_of(const uint8_t *group)
{
    char name[NAME_BYTES + 1] = {0};

    memcpy(name, group, NAME_BYTES);
    return !strcmp(name, "memory") ? take_memory_tag : !strcmp(name, "cpu") ? take_cpu_tag : NULL;
}

int ps_vmware_state_read(struct ps_vmware_state *state, struct ps_bytes *bytes, struct ps_err *err)
{
    uint8_t header[HEADER_BYTES], group[GROUP_BYTES];
    uint64_t n_groups, n_tags = 0;
    int rc;

    *state = (struct ps_vmware_state){0};
    if (bytes->n_bytes < HEADER_BYTES)
        return ps_fail(err, PS_EFORMAT, 0, "the file ends in its header (%u bytes)",
                       (unsigned)bytes->n_bytes);
    rc = bytes->ops->read(bytes, 0, header, sizeof header, err);
    n_groups = rc < 0 ? 0 : ps_le32(header + 8);
    if (n_groups > (bytes->n_bytes - HEADER_BYTES) / GROUP_BYTES || n_groups > MAX_GROUPS) {
        state->is_damaged = 1;
        n_groups = (bytes->n_bytes - HEADER_BYTES) / GROUP_BYTES;
        n_groups = n_groups < MAX_GROUPS ? n_groups : MAX_GROUPS;
    }
    for (uint64_t i = 0; rc >= 0 && i < n_groups; i++) {
        take_fn *take;

        rc = bytes->ops->read(bytes, HEADER_BYTES + i * GROUP_BYTES, group, sizeof group, err);
        take = rc < 0 ? NULL : taker_of(group);
        if (take) {
            struct ps_vmware_tags tags = {.bytes = bytes, .at = ps_le64(group + NAME_BYTES)};

            /* The low digit of the magic is the version: 0 has sizes of 32 bits. */
            tags.is_wide = (header[0] & 0xf) != 0;
            rc = read_group(state, &tags, take, &n_tags, err);
        }
    }
    return rc < 0 ? rc : 0;
}

static int is_whole(const struct ps_vmware_state *s, uint64_t i)
{
    return i < s->n_regions && s->region[i].said == ALL_SAID;
}

unsigned ps_vmware_regions(const struct ps_vmware_state *state)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PS_VMWARE_REGIONS; i++)
        n += (unsigned)is_whole(state, i);
    return n;
}

uint64_t ps_vmware_regions_end(const struct ps_vmware_state *state)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < PS_VMWARE_REGIONS; i++) {
        const struct ps_vmware_region *r = &state->region[i];

        if (is_whole(state, i) && r->page + r->n_pages > end)
            end = r->page + r->n_pages;
    }
    return end * PAGE;
}
