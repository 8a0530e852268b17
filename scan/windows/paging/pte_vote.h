/* Which generation the software entries of an image are, where its page files can tell. */
#ifndef PS_SCAN_WINDOWS_PAGING_PTE_VOTE_H
#define PS_SCAN_WINDOWS_PAGING_PTE_VOTE_H

#include "scan/err.h"
#include "scan/pagefile.h"
#include "scan/physmem.h"
#include "scan/windows/paging/pte.h"

struct ps_pte_vote {
    enum ps_pte_generation generation; /* the winner */
    int against_build;                 /* it is not the one that the build has */
    uint64_t n_entries;                /* of the kernel half that are in a page file */
    uint64_t n_inside[2];              /* of them, by enum ps_pte_generation: in a page file that
                                        * is there, and not behind its end */
};

/* Read the kernel half as each generation has it. The one of the build wins unless the other one
 * has more entries inside: with the wrong one the number of the file is wrong, or the offset.
 * x86 without PAE has one form only. PS_ENOMEM. */
int ps_pte_vote(const struct ps_physmem *mem, enum ps_paging_mode mode, uint64_t root,
                const struct ps_pagefiles *files, uint32_t build, struct ps_pte_vote *out,
                struct ps_err *err);

#endif
