/* The compiled plan: everything a kernel has to know, as flat bytes without pointers, so
 * that the same bytes serve every thread and every device. Built by scan/plan_compile.c;
 * immutable afterwards. C11 and OpenCL C 1.2; host and device are both little-endian.
 *
 * A kernel has no branch on a Windows version: the era is in these numbers.
 */
#ifndef PS_KERNELS_PLAN_H
#define PS_KERNELS_PLAN_H

#include "kernels/types.h"

#define PS_PLAN_MAX_MASKS 16u   /* a rule fixes any subset of the four tag bytes */
#define PS_TAG_SET_WORDS  2048u /* 64 Ki bits */
#define PS_RULE_NONE      0xffffffffu

/* One group of tag rules that fix the same bytes: an open-addressing hash table of
 * power-of-two size inside ps_plan.table, probed upward from ps_tag_hash(tag & mask). */
struct ps_plan_group {
    ps_u32 mask;  /* 0xff in each byte that the rules fix */
    ps_u32 first; /* index of the table's first entry */
    ps_u32 shift; /* home slot = hash >> shift; the table has 1 << (32 - shift) entries */
    ps_u32 pad;
};

struct ps_plan_entry {
    ps_u32 key;  /* tag & mask */
    ps_u32 rule; /* index of the rule, PS_RULE_NONE marks a free entry */
};

struct ps_plan {
    ps_u32 n_bytes; /* of the whole plan, this header and the table */

    /* Geometry of a header, see pool_header.h. */
    ps_u32 slot_shift;     /* 3 or 4 */
    ps_u32 slots_per_page; /* 512 or 256 */
    ps_u32 block_mask;     /* of BlockSize, after the shift by 16 */
    ps_u32 prev_mask;      /* of PreviousSize */
    ps_u32 type_shift;     /* of PoolType */

    /* What is legal in this era. */
    ps_u32 min_block;        /* least BlockSize, in slots */
    ps_u32 prev_required;    /* 1: PreviousSize is not zero but in the first slot of a page */
    ps_u32 prev_never_mask;  /* PreviousSize bits that are always zero ... */
    ps_u32 prev_zero_mask;   /* ... and those that are unless ... */
    ps_u32 prev_excuse_type; /* ... PoolType has one of these bits */
    ps_u32 type_ok[8];       /* bit t set: PoolType byte t is legal */

    /* Necessary conditions on the first eight bytes of a header, read as a little-endian
     * qword q. They admit more than the exact check (pool_check.h) and never less:
     *   (q & quick_mask) == quick_value, (q & quick_nonzero) != 0,
     *   quick_lo.byte[i] <= q.byte[i] <= quick_hi.byte[i] for each byte i.             */
    ps_u64 quick_mask;
    ps_u64 quick_value;
    ps_u64 quick_nonzero;
    ps_u64 quick_lo;
    ps_u64 quick_hi;

    /* Tag rules. tag_fold is and-ed to a tag first (clears PS_TAG_PROTECTED in the eras
     * that set it). A tag matches no rule unless it is in tail_set and
     * in head_set or, for rules that leave the third byte open, in wide_set; bytes that a rule
     * leaves open have each printable value in the sets. */
    ps_u32 tag_fold;
    ps_u32 n_groups;                    /* 1 .. PS_PLAN_MAX_MASKS, most specific first */
    ps_u32 n_entries;                   /* of the table, all groups together */
    ps_u32 pad;
    ps_u32 head_set[PS_TAG_SET_WORDS];  /* bit ps_head_hash(first three bytes) */
    ps_u32 wide_set[PS_TAG_SET_WORDS];  /* bit (tag & 0xffff): the first two bytes */
    ps_u32 tail_set[PS_TAG_SET_WORDS];  /* bit (tag >> 16): the last two bytes */
    struct ps_plan_group group[PS_PLAN_MAX_MASKS];
    struct ps_plan_entry table[1];      /* n_entries follow */
};

#endif
