#include "scan/tracker/locate/words.h"

#include "scan/word.h"

unsigned ps_words_width(const struct ps_paging *paging)
{
    return ps_paging_is_x64(paging->format.mode) ? 8 : 4;
}

int ps_words_read(struct ps_paging *paging, uint64_t va, uint64_t *value)
{
    const unsigned width = ps_words_width(paging);
    uint8_t bytes[8];

    if (ps_paging_read(paging, va, bytes, width) != width)
        return 0;
    *value = ps_word(bytes, width);
    return 1;
}

int ps_words_is_table(const struct ps_paging *paging, uint64_t value)
{
    return value % PS_FRAME_BYTES == 0 && value >= ps_paging_kernel_base(paging->format.mode);
}

/* Offset of the first word in [from, end) that is 'base' or more, 'end' if there is none. There are
 * millions of words, and most are less. */
static size_t next_kernel64(const uint8_t *page, size_t from, size_t end, uint64_t base)
{
    for (; from + 8 <= end; from += 8)
        if (ps_word(page + from, 8) >= base)
            return from;
    return end;
}

static size_t next_kernel32(const uint8_t *page, size_t from, size_t end, uint64_t base)
{
    for (; from + 4 <= end; from += 4)
        if (ps_word(page + from, 4) >= base)
            return from;
    return end;
}

static int visit_page(const struct ps_words *w, uint64_t page_va, size_t from, size_t end)
{
    const unsigned width = ps_words_width(w->paging);
    const uint64_t base = ps_paging_kernel_base(w->paging->format.mode);
    size_t (*const next)(const uint8_t *, size_t, size_t, uint64_t) =
        width == 8 ? next_kernel64 : next_kernel32;
    uint8_t page[PS_FRAME_BYTES];
    int rc = 0;

    if (ps_paging_read(w->paging, page_va, page, sizeof page) != sizeof page)
        return 0;
    from = (from + width - 1) & ~(size_t)(width - 1);
    for (from = next(page, from, end, base); rc == 0 && from < end;
         from = next(page, from + width, end, base)) {
        const uint64_t value = ps_word(page + from, width);

        if (ps_words_is_table(w->paging, value))
            rc = w->word(w->arg, page_va + from, value);
    }
    return rc;
}

static int visit_range(const struct ps_words *w, const struct ps_va_range *r, uint64_t *budget)
{
    uint64_t at = r->va, left = r->n_bytes < *budget ? r->n_bytes : *budget;
    int rc = 0;

    *budget -= left;
    while (left > 0 && rc == 0) {
        const size_t off = (size_t)(at % PS_FRAME_BYTES);
        const size_t n = left < PS_FRAME_BYTES - off ? (size_t)left : PS_FRAME_BYTES - off;

        rc = visit_page(w, at - off, off, off + n);
        at += n;
        left -= n;
    }
    return rc;
}

int ps_words_visit(const struct ps_words *w)
{
    uint64_t budget = PS_TRACKER_MAX_DATA;
    int rc = 0;

    for (size_t i = 0; i < w->n_ranges && rc == 0; i++)
        rc = visit_range(w, &w->range[i], &budget);
    return rc;
}
