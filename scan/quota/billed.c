#include "scan/quota/billed.h"

#define FIRST_MIXED_BUILD 8000u
#define QUOTA_BIT         0x08u
#define TYPE_PROCESS      3u
#define TYPE_BITS         0x7fu
#define WAITERS_AT        8u

enum ps_quota_rule ps_quota_rule_of(enum ps_arch arch, uint32_t build)
{
    if (arch == PS_ARCH_X86)
        return PS_QUOTA_TAIL;
    return build != 0 && build < FIRST_MIXED_BUILD ? PS_QUOTA_PLAIN : PS_QUOTA_MIXED;
}

/* Requests of the NT 5 era are stored plus one: of those in use none gains or loses the quota bit
 * by that. */
static int is_charged(const struct ps_page_view *view, uint32_t word0)
{
    const uint32_t type = ps_view_type(view, word0);

    return (type & QUOTA_BIT) != 0 && ps_era_type_state(view->era, type) == PS_TYPE_IN_USE;
}

int ps_quota_billed(const struct ps_page_view *view, uint32_t slot, uint64_t *billed)
{
    const uint32_t word0 = ps_view_word0(view, slot);
    const uint32_t n_slots = ps_view_block(view, word0);
    const uint8_t *header = view->page + ((size_t)slot << view->slot_shift);
    uint32_t tail;

    if (!is_charged(view, word0) || n_slots < 2 || n_slots > view->n_slots - slot)
        return 0;
    if (view->era->arch == PS_ARCH_X64) {
        memcpy(billed, header + 8, sizeof *billed);
        return 1;
    }
    memcpy(&tail, header + ((size_t)n_slots << view->slot_shift) - sizeof tail, sizeof tail);
    *billed = tail;
    return 1;
}

uint64_t ps_quota_process(enum ps_quota_rule rule, uint64_t cookie, uint64_t billed, uint64_t va)
{
    return rule == PS_QUOTA_MIXED ? billed ^ cookie ^ va : billed;
}

static int is_kernel_half(enum ps_arch arch, uint64_t va)
{
    if (arch == PS_ARCH_X86)
        return va >> 31 == 1;
    return va >= UINT64_C(0xffff800000000000);
}

int ps_quota_possible(enum ps_arch arch, uint64_t process)
{
    return is_kernel_half(arch, process) && process % (arch == PS_ARCH_X86 ? 8 : 16) == 0;
}

static uint64_t load_pointer(enum ps_arch arch, const uint8_t *at)
{
    uint64_t v64;
    uint32_t v32;

    if (arch == PS_ARCH_X64) {
        memcpy(&v64, at, sizeof v64);
        return v64;
    }
    memcpy(&v32, at, sizeof v32);
    return v32;
}

int ps_quota_is_process_head(enum ps_arch arch, const uint8_t bytes[PS_QUOTA_HEAD_BYTES])
{
    const size_t width = arch == PS_ARCH_X64 ? 8 : 4;

    return (bytes[0] & TYPE_BITS) == TYPE_PROCESS &&
           is_kernel_half(arch, load_pointer(arch, bytes + WAITERS_AT)) &&
           is_kernel_half(arch, load_pointer(arch, bytes + WAITERS_AT + width));
}
