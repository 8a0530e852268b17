#include "scan/quota/processes.h"

#include <string.h>

#include "scan/quota/billed.h"

/* ActiveProcessLinks and ImageFileName of all builds lie in here. */
#define EPROCESS_BYTES 0x800u
#define SYSTEM_PID     4u
#define WAITERS_AT     8u /* in the DISPATCHER_HEADER */

/* The list being followed. */
struct reader {
    struct ps_paging *paging;
    enum ps_arch arch;
    uint32_t width; /* of a pointer */
};

static uint64_t load(const struct reader *r, const uint8_t *at)
{
    uint64_t v64;
    uint32_t v32;

    if (r->width == sizeof v64) {
        memcpy(&v64, at, sizeof v64);
        return v64;
    }
    memcpy(&v32, at, sizeof v32);
    return v32;
}

/* 0 when it cannot be read, which is no address either. */
static uint64_t read_pointer(const struct reader *r, uint64_t va)
{
    uint8_t bytes[8] = {0};

    if (ps_paging_read(r->paging, va, bytes, r->width) != r->width)
        return 0;
    return load(r, bytes);
}

int ps_process_is_at(struct ps_paging *paging, enum ps_arch arch, uint64_t va)
{
    uint8_t head[PS_QUOTA_HEAD_BYTES];

    return ps_quota_possible(arch, va) &&
           ps_paging_read(paging, va, head, sizeof head) == sizeof head &&
           ps_quota_is_process_head(arch, head);
}

/* Do the list entries that an entry at 'va' names, name it? */
static int is_linked(const struct reader *r, uint64_t va, uint64_t flink, uint64_t blink)
{
    return flink != 0 && blink != 0 && read_pointer(r, flink + r->width) == va &&
           read_pointer(r, blink) == va;
}

int ps_process_is_proven(struct ps_paging *paging, enum ps_arch arch, uint64_t va)
{
    const struct reader r = {paging, arch, arch == PS_ARCH_X64 ? 8 : 4};
    const uint64_t waiters = va + WAITERS_AT;

    return ps_process_is_at(paging, arch, va) &&
           is_linked(&r, waiters, read_pointer(&r, waiters), read_pointer(&r, waiters + r.width));
}

static int find_links(const struct reader *r, uint64_t va, const uint8_t *b, size_t n,
                      struct ps_processes *out)
{
    for (uint32_t at = 0; at + 3 * r->width <= n; at += r->width) {
        const uint32_t links = at + r->width;

        if (load(r, b + at) != SYSTEM_PID ||
            !is_linked(r, va + links, load(r, b + links), load(r, b + links + r->width)))
            continue;
        out->pid_at = at;
        out->links_at = links;
        return 1;
    }
    return 0;
}

/* The name fills its field with zeros. */
static void find_name(const uint8_t *b, size_t n, struct ps_processes *out)
{
    static const char system_name[PS_PROCESS_NAME_BYTES - 1] = "System";

    for (uint32_t at = 4; at + PS_PROCESS_NAME_BYTES <= n; at += 4)
        if (memcmp(b + at, system_name, sizeof system_name) == 0) {
            out->name_at = at;
            return;
        }
}

/* Up to the first byte that is no character: a name, or nothing. */
static void take_name(const struct reader *r, uint32_t name_at, struct ps_process *p)
{
    char name[PS_PROCESS_NAME_BYTES] = {0};
    size_t n = 0;

    if (name_at == 0 ||
        ps_paging_read(r->paging, p->va + name_at, name, sizeof name - 1) != sizeof name - 1)
        return;
    while (name[n] >= 0x20 && name[n] < 0x7f)
        n++;
    if (name[n] == '\0')
        memcpy(p->name, name, n);
}

static void take(const struct reader *r, uint64_t va, struct ps_processes *out)
{
    struct ps_process *p = &out->process[out->n++];

    *p = (struct ps_process){.va = va, .pid = read_pointer(r, va + out->pid_at)};
    take_name(r, out->name_at, p);
}

/* The head of the list is among them, and is no process. */
static void follow(const struct reader *r, struct ps_processes *out)
{
    const uint64_t first = out->process[0].va + out->links_at;
    uint64_t at = first;

    for (unsigned i = 0; i < PS_MAX_PROCESSES && out->n < PS_MAX_PROCESSES; i++) {
        const uint64_t next = read_pointer(r, at);

        if (next == first || next == 0 || read_pointer(r, next + r->width) != at)
            return;
        at = next;
        if (ps_process_is_at(r->paging, r->arch, at - out->links_at))
            take(r, at - out->links_at, out);
    }
}

void ps_processes_read(struct ps_paging *paging, enum ps_arch arch, uint64_t va,
                       struct ps_processes *out)
{
    const struct reader r = {paging, arch, arch == PS_ARCH_X64 ? 8 : 4};
    uint8_t bytes[EPROCESS_BYTES];
    size_t n;

    out->n = 0;
    out->pid_at = out->links_at = out->name_at = 0;
    if (!ps_process_is_at(paging, arch, va))
        return;
    n = ps_paging_read(paging, va, bytes, sizeof bytes);
    if (!find_links(&r, va, bytes, n, out)) {
        out->process[out->n++] = (struct ps_process){.va = va, .pid = SYSTEM_PID, .name = "System"};
        return;
    }
    find_name(bytes, n, out);
    take(&r, va, out);
    follow(&r, out);
}

const struct ps_process *ps_processes_find(const struct ps_processes *list, uint64_t va)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->process[i].va == va)
            return &list->process[i];
    return NULL;
}
