#include "scan/windows/modules/code.h"

#include <string.h>

#include "scan/windows/kernel/pe.h"

/* What stays of a page for operands that begin near its end. */
#define KEPT_BYTES (PS_OPERAND_BEFORE + PS_OPERAND_BYTES - 1)

struct code {
    struct ps_paging *paging;
    const struct ps_operand_search *search;
    uint64_t pages_left;
    struct ps_code_count *count;
    size_t n_kept;
    uint8_t b[KEPT_BYTES + PS_FRAME_BYTES];
};

static size_t read_paging(void *arg, uint64_t va, void *buf, size_t n_bytes)
{
    return ps_paging_read(arg, va, buf, n_bytes);
}

/* At most a page, which continues what is kept. */
static void search_piece(struct code *c, uint64_t va, size_t n)
{
    const size_t first = c->n_kept < PS_OPERAND_BYTES - 1 ? 0 : c->n_kept - (PS_OPERAND_BYTES - 1);

    if (ps_paging_read(c->paging, va, c->b + c->n_kept, n) != n) {
        c->count->n_missing++;
        c->n_kept = 0;
        return;
    }
    c->count->n_pages++;
    n += c->n_kept;
    ps_operands_find(c->search, c->b, n, first);
    c->n_kept = n < KEPT_BYTES ? n : KEPT_BYTES;
    memmove(c->b, c->b + n - c->n_kept, c->n_kept);
}

static void search_range(struct code *c, uint64_t va, uint64_t n_bytes)
{
    c->n_kept = 0;
    while (n_bytes > 0 && c->pages_left > 0) {
        const uint64_t in_page = PS_FRAME_BYTES - va % PS_FRAME_BYTES;
        const uint64_t n = n_bytes < in_page ? n_bytes : in_page;

        search_piece(c, va, (size_t)n);
        va += n;
        n_bytes -= n;
        c->pages_left--;
    }
}

void ps_code_search(struct ps_paging *paging, const struct ps_module *m,
                    const struct ps_operand_search *search, uint64_t max_pages,
                    struct ps_code_count *count)
{
    const struct ps_va_reader memory = {.read = read_paging, .arg = paging};
    struct code c = {.paging = paging, .search = search, .pages_left = max_pages, .count = count};
    struct ps_pe pe;

    if (!ps_pe_read(&memory, m->base, &pe)) {
        search_range(&c, m->base, m->n_bytes < PS_PE_MAX_BYTES ? m->n_bytes : PS_PE_MAX_BYTES);
        return;
    }
    for (size_t i = 0; i < pe.n_sections; i++)
        if (pe.section[i].executable)
            search_range(&c, m->base + pe.section[i].rva, pe.section[i].n_bytes);
}
