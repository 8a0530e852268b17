#include "tests/support/page_rows.h"

static uint32_t le32_at(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static const char *block_wrong(const struct ps_page_row *r, const struct ps_era *era,
                               const uint8_t *page)
{
    const int x64 = era->arch == PS_ARCH_X64;
    const uint32_t word = le32_at(page + r->at);
    const uint32_t size = x64 ? page[r->at + 2] * 16u : (word >> 16 & 0x1ffu) * 8u;
    const uint32_t previous = x64 ? page[r->at] * 16u : (word & 0x1ffu) * 8u;
    const uint32_t type = x64 ? page[r->at + 3] : word >> 25;

    if (r->n_bytes != size || r->finding.n_bytes != size)
        return "a block has another size than its header";
    if (r->previous_bytes != previous)
        return "a block has another PreviousSize than its header";
    if (r->pool_type != type)
        return "a block has another PoolType than its header";
    if (r->finding.tag != le32_at(page + r->at + 4) || r->finding.word0 != word)
        return "a block has another tag or other fields than its header";
    if (r->finding.confidence > 100)
        return "a confidence is above 100";
    return NULL;
}

const char *page_rows_wrong(const struct ps_page_list *list, const struct ps_era *era,
                            const uint8_t *page)
{
    const uint32_t unit = era->arch == PS_ARCH_X64 ? 16 : 8;
    uint32_t end = 0;

    if (list->n == 0 || list->n > 4096 / unit)
        return "there are no rows, or more than slots";
    for (uint32_t i = 0; i < list->n; i++) {
        const struct ps_page_row *r = &list->row[i];
        const char *wrong = NULL;

        if (r->at != end || r->n_bytes == 0 || r->n_bytes % unit != 0 || r->n_bytes > 4096 - r->at)
            return "a row does not begin where the one before it ends, or has no size";
        end = r->at + r->n_bytes;
        if (r->kind == PS_PAGE_BLOCK)
            wrong = block_wrong(r, era, page);
        else if (r->kind == PS_PAGE_GAP && i > 0 && list->row[i - 1].kind == PS_PAGE_GAP)
            wrong = "two gaps stand side by side";
        if (wrong)
            return wrong;
    }
    return end == 4096 ? NULL : "the rows do not reach the end of the page";
}
