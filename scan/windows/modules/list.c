#include "scan/windows/modules/list.h"

#include <string.h>

/* Where the fields of an LDR_DATA_TABLE_ENTRY are; InLoadOrderLinks is the first one. */
struct layout {
    uint32_t word; /* bytes of a pointer */
    uint32_t base, n_bytes, name, entry_bytes;
};

static const struct layout layout_x86 = {4, 0x18, 0x20, 0x2c, 0x34};
static const struct layout layout_x64 = {8, 0x30, 0x40, 0x58, 0x68};

#define MAX_ENTRY_BYTES 0x68u
#define KERNEL_HALF_X86 UINT64_C(0x80000000)
#define KERNEL_HALF_X64 UINT64_C(0xffff800000000000)

struct reader {
    struct ps_paging *paging;
    const struct layout *l;
};

struct entry {
    uint64_t next, previous;
    struct ps_module module;
};

static struct reader reader_of(struct ps_paging *paging, int is_x64)
{
    return (struct reader){paging, is_x64 ? &layout_x64 : &layout_x86};
}

static uint64_t load(const struct reader *r, const uint8_t *at)
{
    uint64_t v64;
    uint32_t v32;

    if (r->l->word == sizeof v64) {
        memcpy(&v64, at, sizeof v64);
        return v64;
    }
    memcpy(&v32, at, sizeof v32);
    return v32;
}

static int is_kernel_address(const struct reader *r, uint64_t va)
{
    return va % r->l->word == 0 && va >= (r->l->word == 8 ? KERNEL_HALF_X64 : KERNEL_HALF_X86);
}

/* A UNICODE_STRING at b: length in bytes, then the buffer. */
static void take_name(const struct reader *r, const uint8_t *b, struct ps_module *m)
{
    uint8_t raw[2 * (PS_MODULE_NAME_BYTES - 1)];
    size_t n = b[0] | (size_t)b[1] << 8;

    n = n < sizeof raw ? n & ~(size_t)1 : sizeof raw;
    m->name[0] = '\0';
    if (ps_paging_read(r->paging, load(r, b + r->l->word), raw, n) != n)
        return;
    for (size_t i = 0; i < n / 2; i++) {
        const uint8_t c = raw[2 * i];

        m->name[i] = raw[2 * i + 1] == 0 && c > ' ' && c < 0x7f && c != '|' ? (char)c : '?';
    }
    m->name[n / 2] = '\0';
}

static int read_entry(const struct reader *r, uint64_t va, struct entry *e)
{
    uint8_t b[MAX_ENTRY_BYTES];
    uint32_t n_bytes;

    if (!is_kernel_address(r, va) ||
        ps_paging_read(r->paging, va, b, r->l->entry_bytes) != r->l->entry_bytes)
        return 0;
    e->next = load(r, b);
    e->previous = load(r, b + r->l->word);
    e->module.base = load(r, b + r->l->base);
    memcpy(&n_bytes, b + r->l->n_bytes, sizeof n_bytes);
    e->module.n_bytes = n_bytes;
    take_name(r, b + r->l->name, &e->module);
    return 1;
}

static int has(const struct ps_modules *list, uint64_t base)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->module[i].base == base)
            return 1;
    return 0;
}

/* Forward or backward from 'first', as long as each entry names the one before it. 1: it led back
 * to the head. */
static int follow(const struct reader *r, uint64_t head, uint64_t first, int backward,
                  struct ps_modules *out)
{
    uint64_t before = head, at = first;
    struct entry e;

    for (size_t i = 0; i < PS_MODULES_MAX && at != head; i++) {
        if (!read_entry(r, at, &e) || (backward ? e.next : e.previous) != before)
            return 0;
        if (e.module.base != 0 && out->n < PS_MODULES_MAX && !has(out, e.module.base))
            out->module[out->n++] = e.module;
        before = at;
        at = backward ? e.previous : e.next;
    }
    return at == head;
}

/* The two links of a list head. */
static int read_links(const struct reader *r, uint64_t va, uint64_t link[2])
{
    uint8_t b[16];
    const size_t n = 2 * (size_t)r->l->word;

    if (ps_paging_read(r->paging, va, b, n) != n)
        return 0;
    link[0] = load(r, b);
    link[1] = load(r, b + r->l->word);
    return 1;
}

int ps_modules_read(struct ps_paging *paging, int is_x64, uint64_t head, struct ps_modules *out)
{
    const struct reader r = reader_of(paging, is_x64);
    uint64_t link[2];

    out->n = 0;
    out->is_whole = 0;
    if (!read_links(&r, head, link))
        return 0;
    out->is_whole = follow(&r, head, link[0], 0, out);
    if (!out->is_whole)
        follow(&r, head, link[1], 1, out);
    return out->n > 0;
}

/* --- without symbols --- */

/* The head at 'va' with these links: its first entry leads back to it and is the Windows kernel. */
static int is_head(const struct reader *r, uint64_t va, uint64_t first, uint64_t last,
                   uint64_t base)
{
    struct entry e;

    return first != va && is_kernel_address(r, first) && is_kernel_address(r, last) &&
           read_entry(r, first, &e) && e.previous == va && e.module.base == base;
}

/* In one page of which n bytes are to be looked at; a head is not expected across pages. */
static int find_in_page(const struct reader *r, uint64_t va, size_t n, uint64_t base,
                        uint64_t *head)
{
    uint8_t b[PS_FRAME_BYTES];

    if (ps_paging_read(r->paging, va, b, n) != n)
        return 0;
    for (size_t at = 0; at + 2 * (size_t)r->l->word <= n; at += r->l->word)
        if (is_head(r, va + at, load(r, b + at), load(r, b + at + r->l->word), base)) {
            *head = va + at;
            return 1;
        }
    return 0;
}

int ps_modules_find_head(struct ps_paging *paging, int is_x64, const struct ps_va_range *range,
                         size_t n_ranges, uint64_t base, uint64_t *head)
{
    const struct reader r = reader_of(paging, is_x64);
    uint64_t left = PS_MODULES_DATA_BYTES;

    for (size_t i = 0; i < n_ranges && left > 0; i++) {
        uint64_t at = 0;

        while (at < range[i].n_bytes && left > 0) {
            const uint64_t in_page = PS_FRAME_BYTES - (range[i].va + at) % PS_FRAME_BYTES;
            uint64_t n = range[i].n_bytes - at;

            n = n < in_page ? n : in_page;
            n = n < left ? n : left;
            if (find_in_page(&r, range[i].va + at, (size_t)n, base, head))
                return 1;
            at += n;
            left -= n;
        }
    }
    return 0;
}
