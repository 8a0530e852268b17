/* Values that machine code has as 32-bit operands: in which of many modules is a pool tag used? */
#ifndef PS_SCAN_WINDOWS_MODULES_OPERANDS_H
#define PS_SCAN_WINDOWS_MODULES_OPERANDS_H

#include <stddef.h>
#include <stdint.h>

/* So many bytes in front of an operand can tell which instruction it belongs to. */
#define PS_OPERAND_BEFORE 7u
#define PS_OPERAND_BYTES  4u

/* Tags, each also with its top bit changed: before Windows 8 code may have the protected form of a
 * tag, or the plain one of a protected tag. Immutable once made; may be read from any thread. */
struct ps_operand_set {
    struct ps_operand_slot {
        uint32_t value;
        uint32_t index; /* of the tag, + 1; 0: empty */
    } * slot;
    unsigned bits;            /* of the number of slots */
    uint64_t factor;          /* of scan/hash.h */
    uint64_t low[65536 / 64]; /* a bit for the low half of each value */
};

/* 0, or -1: out of memory. Free with ps_operand_set_free in any case. Of equal tags each is
 * found, and costs each of the others a step. At most 2^28 tags. The factor is that of
 * scan/hash.h. */
int ps_operand_set_make(struct ps_operand_set *set, const uint32_t *tag, size_t n, uint64_t factor);
void ps_operand_set_free(struct ps_operand_set *set);

/* Is the dword at b[at] the operand of an instruction that a compiler writes for a tag: mov to a
 * register or to memory, push, cmp? By the bytes in front of it, so another instruction can look
 * the same; 0 when too few of them are there. */
int ps_operand_is_exact(const uint8_t *b, size_t at);

struct ps_operand_search {
    const struct ps_operand_set *set;
    /* Tag number 'index' stands in the code, as an operand ('exact') or at least as bytes. */
    void (*found)(void *arg, uint32_t index, int exact);
    void *arg;
};

/* All dwords of b[0 .. n - 1] that begin at b[first] or behind it, aligned or not. */
void ps_operands_find(const struct ps_operand_search *search, const uint8_t *b, size_t n,
                      size_t first);

#endif
