/* VMware: the memory of a machine (.vmem), and its saved state (.vmss, .vmsn) that says which part
 * of it is where or holds it itself. The user names either. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "host/image/containers/reader.h"
#include "host/image/containers/vmware/beside.h"
#include "host/image/containers/vmware/state.h"

#define PAGE 4096u

/* The bytes that hold the memory: all of a .vmem, or a block of a saved state. */
struct place {
    uint64_t off;
    uint64_t n_bytes;
};

static void add_facts(struct ps_container *c, const struct ps_vmware_state *s)
{
    struct ps_image_facts *f = &c->facts;

    f->source = "VMware saved state";
    f->n_processors = s->n_processors;
    for (unsigned i = 0; i < PS_FACTS_CR3; i++) {
        const uint64_t cr3 = (s->cr3[0][i] ? s->cr3[0][i] : s->cr3[1][i]) & ~UINT64_C(0xfff);
        unsigned k = 0;

        while (k < f->n_cr3 && f->cr3[k] != cr3)
            k++;
        if (cr3 && k == f->n_cr3)
            f->cr3[f->n_cr3++] = cr3;
    }
}

/* What lies behind the end of the memory must not be taken for it, also where the file goes on: a
 * run behind the file's end counts as missing. */
static int add_region(struct ps_container *c, const struct ps_vmware_region *r, struct place where,
                      struct ps_err *err)
{
    const uint64_t from = r->page * PAGE, n_bytes = r->n_pages * PAGE;
    uint64_t n = from < where.n_bytes ? where.n_bytes - from : 0;
    int rc;

    if (n > n_bytes)
        n = n_bytes;
    rc = ps_runs_add(&c->runs, r->ppn * PAGE, n, where.off + from, err);
    if (rc >= 0)
        rc = ps_runs_add(&c->runs, r->ppn * PAGE + n, n_bytes - n, UINT64_MAX - n_bytes, err);
    return rc;
}

static void note_regions(struct ps_container *c, const struct ps_vmware_state *s,
                         struct place where)
{
    const unsigned n = ps_vmware_regions(s);
    const uint64_t end = ps_vmware_regions_end(s);

    if (s->n_regions > n)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "only %u of %" PRIu64 " regions of the saved state can be read", n,
                     s->n_regions);
    if (n && end < where.n_bytes)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "%" PRIu64 " bytes behind the last region of the saved state are left out",
                     where.n_bytes - end);
}

/* Without regions the memory has no hole. */
static int add_runs(struct ps_container *c, const struct ps_vmware_state *s, struct place where,
                    struct ps_err *err)
{
    const unsigned n = ps_vmware_regions(s);
    uint64_t n_pages = 0;
    int rc = 0;

    if (n == 0) {
        n_pages = where.n_bytes / PAGE;
        rc = ps_runs_add(&c->runs, 0, where.n_bytes, where.off, err);
    }
    for (unsigned i = 0; rc >= 0 && n && i < PS_VMWARE_REGIONS && i < s->n_regions; i++) {
        if (s->region[i].said != 7)
            continue;
        n_pages += s->region[i].n_pages;
        rc = add_region(c, &s->region[i], where, err);
    }
    c->facts.n_pages = n_pages;
    note_regions(c, s, where);
    return rc;
}

static int state_probe(const struct ps_container *c)
{
    return ps_vmware_is_state(c->head, c->n_head);
}

static const char *kind_of(const char *path)
{
    const char *ext = ps_vmware_extension(path);

    return ext && strcmp(ext, ".vmsn") == 0 ? "vmsn" : "vmss";
}

static int fail_without_memory(const struct ps_vmware_state *s, const char *vmem,
                               struct ps_err *err)
{
    if (s->is_compressed)
        return ps_fail(err, PS_EFORMAT, s->memory_off,
                       "format VMware saved state: the memory in it is compressed, which cannot be "
                       "read; vmss2core of VMware converts it");
    return ps_fail(err, PS_ENOENT, PS_AT_NONE,
                   "format VMware saved state: no memory in it, and %.120s, where it should be, is "
                   "not there",
                   ps_vmware_base_name(vmem));
}

static int open_embedded(struct ps_container *c, const struct ps_vmware_state *s,
                         struct ps_err *err)
{
    const struct place where = {s->memory_off, s->memory_bytes};

    snprintf(c->name, sizeof c->name, "VMware %s (embedded memory)", kind_of(c->path));
    if (s->n_memory_blocks > 1)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "the saved state holds %u blocks of memory, of which the first is read",
                     s->n_memory_blocks);
    return add_runs(c, s, where, err);
}

static int open_memory_beside(struct ps_container *c, const struct ps_vmware_state *s,
                              struct ps_err *err)
{
    char vmem[PS_VMWARE_PATH_BYTES];
    struct ps_bytes *data;
    int rc;

    if (!ps_vmware_beside(c->path, ".vmem", vmem))
        return fail_without_memory(s, vmem, err);
    rc = ps_vmware_open_beside(&data, vmem, err);
    if (rc < 0)
        return rc;
    c->data = data;
    snprintf(c->name, sizeof c->name, "VMware vmem with %s", kind_of(c->path));
    ps_notes_add(&c->notes, PS_NOTE_INFO, "the memory is in %.150s beside it",
                 ps_vmware_base_name(vmem));
    return add_runs(c, s, (struct place){0, data->n_bytes}, err);
}

static void note_damage(struct ps_container *c, const struct ps_vmware_state *s)
{
    if (s->is_damaged)
        ps_notes_add(&c->notes, PS_NOTE_LOSS,
                     "the saved state is cut short or damaged; what it says may not be all");
}

static int state_open(struct ps_container *c, struct ps_err *err)
{
    struct ps_vmware_state s;
    struct ps_err why;
    int rc = ps_vmware_state_read(&s, c->bytes, &why);

    if (rc < 0)
        return ps_fail(err, (enum ps_code)why.code, why.at, "format VMware saved state: %.150s",
                       why.msg);
    add_facts(c, &s);
    note_damage(c, &s);
    if (s.n_memory_blocks && !s.is_compressed)
        return open_embedded(c, &s, err);
    return open_memory_beside(c, &s, err);
}

/* How well a saved state beside it goes with a file of the memory. */
enum fit { NO_STATE, OTHER_SIZE, NO_REGIONS, SAME_SIZE };

/* Does not fail: what cannot be read is none. */
static enum fit read_beside(const struct ps_container *c, const char *ext,
                            struct ps_vmware_state *s, char path[PS_VMWARE_PATH_BYTES])
{
    struct ps_bytes *bytes = NULL;
    enum fit fit = NO_STATE;
    struct ps_err ignored;
    uint8_t head[4];

    if (!ps_vmware_beside(c->path, ext, path) || ps_vmware_open_beside(&bytes, path, &ignored) < 0)
        return NO_STATE;
    if (bytes->n_bytes >= sizeof head &&
        bytes->ops->read(bytes, 0, head, sizeof head, &ignored) == 0 &&
        ps_vmware_is_state(head, sizeof head) && ps_vmware_state_read(s, bytes, &ignored) == 0)
        fit = ps_vmware_regions(s) == 0                       ? NO_REGIONS
              : ps_vmware_regions_end(s) == c->bytes->n_bytes ? SAME_SIZE
                                                              : OTHER_SIZE;
    bytes->ops->close(bytes);
    return fit;
}

struct beside {
    enum fit fit;
    struct ps_vmware_state state;
    char path[PS_VMWARE_PATH_BYTES];
};

/* The one that fits better; the suspended machine of equals. */
static enum fit find_state(const struct ps_container *c, struct beside *out, int *n)
{
    struct beside other;

    out->fit = read_beside(c, ".vmss", &out->state, out->path);
    other.fit = read_beside(c, ".vmsn", &other.state, other.path);
    *n = (out->fit != NO_STATE) + (other.fit != NO_STATE);
    if (other.fit > out->fit)
        *out = other;
    return out->fit;
}

/* A file of another name is the memory only if the regions are those of its size: it may have been
 * converted to a raw image, holes and all. */
static int vmem_probe(const struct ps_container *c)
{
    const char *ext = ps_vmware_extension(c->path);
    struct beside beside;
    int n;

    if (ext && strcmp(ext, ".vmem") == 0)
        return find_state(c, &beside, &n) != NO_STATE;
    return find_state(c, &beside, &n) == SAME_SIZE;
}

static int vmem_open(struct ps_container *c, struct ps_err *err)
{
    struct beside beside;
    int n;

    if (find_state(c, &beside, &n) == NO_STATE)
        return ps_fail(err, PS_ENOENT, PS_AT_NONE, "the saved state beside it vanished");
    snprintf(c->name, sizeof c->name, "VMware vmem with %s", kind_of(beside.path));
    add_facts(c, &beside.state);
    ps_notes_add(&c->notes, PS_NOTE_INFO, "which memory is where is said by %.120s%s",
                 ps_vmware_base_name(beside.path),
                 n > 1 ? ", which fits better than the other one beside it" : "");
    if (beside.fit == OTHER_SIZE)
        ps_notes_add(&c->notes, PS_NOTE_WARNING,
                     "the regions of the saved state end at 0x%" PRIx64 ", the file at 0x%" PRIx64,
                     ps_vmware_regions_end(&beside.state), c->bytes->n_bytes);
    note_damage(c, &beside.state);
    return add_runs(c, &beside.state, (struct place){0, c->bytes->n_bytes}, err);
}

const struct ps_reader ps_reader_vmware_state = {
    .name = "VMware saved state",
    .probe = state_probe,
    .open = state_open,
};

const struct ps_reader ps_reader_vmware_vmem = {
    .name = "VMware vmem",
    .probe = vmem_probe,
    .open = vmem_open,
};
