/* How findings are written: each as it differs from what those before it in its record let expect.
 *
 *     u8 rules, u8 breaks if there are any, 1 2 4 or 8 bytes of distance, u8 slot of names,
 *     u8 slot of marks, u32 word0, then what breaks the rules, in the order of enum ps_wire_break
 *
 * The distance is phys less that of the finding before, rotated right by 3 bits, for headers lie at
 * multiples of 8. Names (tag, info), marks (evidence to big_type) and charges (in_big, process)
 * that came before stand in slots, into which the writer puts new ones wherever it likes. */
#ifndef PS_HOST_FARM_SHARD_FINDINGS_H
#define PS_HOST_FARM_SHARD_FINDINGS_H

#include <stddef.h>
#include <stdint.h>

#include "scan/finding.h"

enum ps_wire_rule {
    PS_WIRE_DISTANCE = 3u << 0, /* log2 of its bytes */
    PS_WIRE_NO_VA = 1u << 2,    /* va is 0; else as far from phys as the last one that is not */
    PS_WIRE_X86 = 1u << 3, /* n_bytes is BlockSize of an x86 header, not of an x64 one; where it
                            * follows: it has 8 bytes, not 4 */
    PS_WIRE_BREAKS = 1u << 4,
};
#define PS_WIRE_RULES 31u /* all there are */

enum ps_wire_break {
    PS_BREAK_NAMES = 1u << 0,      /* new in their slot: u32 tag, u32 info */
    PS_BREAK_MARKS = 1u << 1,      /* likewise: u32 evidence, seven bytes */
    PS_BREAK_FILE = 1u << 2,       /* u64 file_off; else as far from phys as the one before */
    PS_BREAK_VA_PAGES = 1u << 3,   /* i32, pages that va is farther from phys than before */
    PS_BREAK_VA = 1u << 4,         /* u64 va */
    PS_BREAK_BYTES = 1u << 5,      /* u32 or u64 n_bytes */
    PS_BREAK_CHARGE = 1u << 6,     /* u8 slot of charges; else that of the finding before */
    PS_BREAK_NEW_CHARGE = 1u << 7, /* and new there: u64 in_big, u64 process */
};

/* Of a finding, encoded. */
#define PS_FINDING_MIN_BYTES 8u
#define PS_FINDING_MAX_BYTES 76u

/* Where evidence begins in a finding: nothing but marks is behind it. */
#define PS_MARKS_AT      offsetof(struct ps_finding, evidence)
#define PS_MARKS_BYTES   (sizeof(struct ps_finding) - PS_MARKS_AT)

#define PS_FINDING_SLOTS 256u

struct ps_finding_names {
    uint32_t tag, info;
};

/* The end of a finding as it is in memory. */
struct ps_finding_marks {
    uint8_t byte[PS_MARKS_BYTES];
};

struct ps_finding_charge {
    uint64_t in_big, process;
};

/* What the findings of a record so far let expect; begun and kept alike by both sides. */
struct ps_finding_model {
    uint64_t phys;
    uint64_t file_ahead; /* file_off less phys */
    uint64_t va_ahead;   /* va less phys */
    struct ps_finding_charge charge;
    struct ps_finding_names names_in[PS_FINDING_SLOTS];
    struct ps_finding_marks marks_in[PS_FINDING_SLOTS];
    struct ps_finding_charge charge_in[PS_FINDING_SLOTS];
};

/* Every slot holds what a finding from there may have. */
void ps_finding_model_begin(struct ps_finding_model *m, enum ps_source_kind source);

/* n_bytes of a POOL_HEADER by the rules. */
static inline uint32_t ps_finding_bytes_x64(uint32_t word0)
{
    return (word0 >> 16 & 0xff) * 16;
}

static inline uint32_t ps_finding_bytes_x86(uint32_t word0)
{
    return (word0 >> 16 & 0x1ff) * 8;
}

#endif
