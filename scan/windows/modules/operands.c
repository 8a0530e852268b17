#include "scan/windows/modules/operands.h"

#include <stdlib.h>
#include <string.h>

#include "scan/hash.h"

#define TOP_BIT    0x80000000u
#define FIRST_BITS 6u

/* Opcodes of Intel's manual, volume 2: MOV r32, imm32 (B8+r), PUSH imm32, CMP EAX, imm32; with a
 * ModRM byte MOV r/m32, imm32 (C7 /0) and CMP r/m32, imm32 (81 /7). */
#define OP_MOV_REGISTER 0xb8u
#define OP_PUSH         0x68u
#define OP_CMP_EAX      0x3du
#define OP_MOV          0xc7u
#define OP_CMP          0x81u

static uint32_t load(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static size_t next(const struct ps_operand_set *set, size_t at)
{
    return (at + 1) & (((size_t)1 << set->bits) - 1);
}

static void add(struct ps_operand_set *set, uint32_t value, uint32_t index)
{
    size_t at = ps_hash_home(value, set->factor, set->bits);

    while (set->slot[at].index != 0)
        at = next(set, at);
    set->slot[at] = (struct ps_operand_slot){value, index + 1};
    set->low[(value & 0xffffu) / 64] |= UINT64_C(1) << value % 64;
}

int ps_operand_set_make(struct ps_operand_set *set, const uint32_t *tag, size_t n, uint64_t factor)
{
    memset(set, 0, sizeof *set);
    set->factor = factor;
    set->bits = FIRST_BITS;
    while ((size_t)1 << set->bits < 4 * n)
        set->bits++;
    set->slot = calloc((size_t)1 << set->bits, sizeof *set->slot);
    if (!set->slot)
        return -1;
    for (size_t i = 0; i < n; i++) {
        add(set, tag[i], (uint32_t)i);
        add(set, tag[i] ^ TOP_BIT, (uint32_t)i);
    }
    return 0;
}

void ps_operand_set_free(struct ps_operand_set *set)
{
    free(set->slot);
    set->slot = NULL;
}

/* Bytes of ModRM, SIB and displacement, which p points to; *reg is the field in the middle. */
static size_t modrm_bytes(const uint8_t *p, unsigned *reg)
{
    const unsigned mod = p[0] >> 6, rm = p[0] & 7u;
    const size_t displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;

    *reg = p[0] >> 3 & 7u;
    if (mod == 3)
        return 1;
    if (rm == 4)
        return 2 + (mod == 0 && (p[1] & 7u) == 5 ? 4 : displacement);
    return 1 + (mod == 0 && rm == 5 ? 4 : displacement);
}

/* Is there a ModRM form of 'n' bytes in front of p, and an opcode in front of that? */
static int is_modrm_form(const uint8_t *p, size_t n)
{
    const uint8_t opcode = p[-1 - (ptrdiff_t)n];
    unsigned reg;

    if (opcode != OP_MOV && opcode != OP_CMP)
        return 0;
    return modrm_bytes(p - n, &reg) == n && reg == (opcode == OP_MOV ? 0u : 7u);
}

int ps_operand_is_exact(const uint8_t *b, size_t at)
{
    static const size_t form[] = {1, 2, 3, 5, 6};
    const uint8_t *p = b + at;

    if (at == 0)
        return 0;
    if ((p[-1] & 0xf8u) == OP_MOV_REGISTER || p[-1] == OP_PUSH || p[-1] == OP_CMP_EAX)
        return 1;
    for (size_t i = 0; i < sizeof form / sizeof *form && form[i] < at; i++)
        if (is_modrm_form(p, form[i]))
            return 1;
    return 0;
}

static void look_up(const struct ps_operand_search *search, const uint8_t *b, size_t at)
{
    const struct ps_operand_set *set = search->set;
    const uint32_t value = load(b + at);
    size_t slot = ps_hash_home(value, set->factor, set->bits);

    for (; set->slot[slot].index != 0; slot = next(set, slot))
        if (set->slot[slot].value == value)
            search->found(search->arg, set->slot[slot].index - 1, ps_operand_is_exact(b, at));
}

void ps_operands_find(const struct ps_operand_search *search, const uint8_t *b, size_t n,
                      size_t first)
{
    const uint64_t *low = search->set->low;

    for (size_t at = first; at < n && n - at >= PS_OPERAND_BYTES; at++) {
        const unsigned half = b[at] | (unsigned)b[at + 1] << 8;

        if (low[half / 64] >> half % 64 & 1)
            look_up(search, b, at);
    }
}
