#include "scan/bigpool/entry.h"

#include "scan/word.h"

#define PAGE_BYTES 4096u

/* No allocation is larger; 16 TiB was the largest system VA region. */
#define MAX_BYTES64 (UINT64_C(1) << 44)
#define MAX_PAGES32 (UINT32_C(1) << 24)

static size_t pointer_bytes(enum ps_arch arch)
{
    return arch == PS_ARCH_X64 ? 8 : 4;
}

static int is_kernel_half(enum ps_arch arch, uint64_t va)
{
    return arch == PS_ARCH_X64 ? va >> 56 == 0xff : va >> 31 == 1;
}

enum ps_bigpool_state ps_bigpool_va_state(enum ps_arch arch, uint64_t va)
{
    if (va <= 1)
        return va ? PS_BIGPOOL_EMPTY : PS_BIGPOOL_ABSENT;
    if ((va & (PAGE_BYTES - 2)) || !is_kernel_half(arch, va))
        return PS_BIGPOOL_DAMAGED;
    return va & 1 ? PS_BIGPOOL_FREED : PS_BIGPOOL_ALLOCATED;
}

int ps_bigpool_entry_decode(const struct ps_bigpool_layout *layout, const uint8_t *at, size_t n,
                            struct ps_bigpool_entry *out)
{
    size_t pointer = pointer_bytes(layout->arch);
    uint64_t va, size;
    uint32_t word;

    if (n < layout->entry_bytes)
        return 0;
    va = ps_word(at, pointer);
    word = (uint32_t)ps_word(at + layout->word_at, 4);
    size = ps_word(at + layout->size_at, layout->size_width);
    *out = (struct ps_bigpool_entry){
        .va = va & ~UINT64_C(1),
        .n_bytes = layout->word == PS_BIGPOOL_PAGES ? size * PAGE_BYTES : size,
        .billed = layout->billed_at ? ps_word(at + layout->billed_at, pointer) : 0,
        .tag = (uint32_t)ps_word(at + layout->key_at, 4),
        .state = (uint8_t)ps_bigpool_va_state(layout->arch, va),
    };
    if (layout->word == PS_BIGPOOL_TYPE)
        out->type = word;
    if (layout->word == PS_BIGPOOL_PACKED) {
        out->pattern = (uint8_t)word;
        out->type = word >> 8 & 0xfff;
        out->slush = (uint16_t)(word >> 20);
    }
    return 1;
}

/* The protected bit may be set in the last byte. */
static int is_printable_tag(uint32_t tag)
{
    for (int i = 0; i < 4; i++) {
        uint32_t c = tag >> 8 * i & (i == 3 ? 0x7f : 0xff);

        if (c < 0x20 || c > 0x7e)
            return 0;
    }
    return 1;
}

/* Without a branch for each byte. */
static int is_zero(const uint8_t *at, size_t n)
{
    uint8_t any = 0;

    for (size_t i = 0; i < n; i++)
        any |= at[i];
    return any == 0;
}

/* A quota object is an address or nothing; a billed process is an address mixed with a cookie. */
static int is_possible_bill(const struct ps_bigpool_layout *layout,
                            const struct ps_bigpool_entry *e)
{
    return layout->word != PS_BIGPOOL_PAGES || e->billed == 0 ||
           is_kernel_half(layout->arch, e->billed);
}

int ps_bigpool_entry_legal(const struct ps_bigpool_layout *layout, const uint8_t *at, size_t n)
{
    const uint64_t max =
        layout->word == PS_BIGPOOL_PAGES ? (uint64_t)MAX_PAGES32 * PAGE_BYTES : MAX_BYTES64;
    size_t pointer = pointer_bytes(layout->arch);
    struct ps_bigpool_entry e;
    enum ps_bigpool_state state;

    if (n < layout->entry_bytes)
        return 0;
    /* Most entries are empty, or none at all. */
    state = ps_bigpool_va_state(layout->arch, ps_word(at, pointer));
    if (state == PS_BIGPOOL_EMPTY)
        return is_zero(at + pointer, layout->entry_bytes - pointer);
    if (state != PS_BIGPOOL_ALLOCATED && state != PS_BIGPOOL_FREED)
        return 0;
    ps_bigpool_entry_decode(layout, at, n, &e);
    if (layout->word == PS_BIGPOOL_TYPE && e.type > 0xfff)
        return 0;
    return is_printable_tag(e.tag) && e.n_bytes != 0 && e.n_bytes <= max &&
           is_possible_bill(layout, &e);
}
