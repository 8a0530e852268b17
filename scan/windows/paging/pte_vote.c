#include "scan/windows/paging/pte_vote.h"

#include "scan/windows/paging/kernel_walk.h"

struct count {
    const struct ps_pagefiles *files;
    uint64_t n_inside;
};

static int on_paged_out(void *arg, const struct ps_kernel_leaf *leaf)
{
    struct count *c = arg;

    c->n_inside += leaf->pte.offset < c->files->n_pages[leaf->pte.file % PS_PAGEFILES_MAX];
    return 0;
}

int ps_pte_vote(const struct ps_physmem *mem, enum ps_paging_mode mode, uint64_t root,
                const struct ps_pagefiles *files, uint32_t build, struct ps_pte_vote *out,
                struct ps_err *err)
{
    struct ps_pte_format format = ps_pte_format_of(mode, build);
    const enum ps_pte_generation of_build = format.generation;
    const enum ps_pte_generation other = of_build == PS_PTE_OLD ? PS_PTE_SWIZZLED : PS_PTE_OLD;

    *out = (struct ps_pte_vote){.generation = of_build};
    for (unsigned g = PS_PTE_OLD; g <= PS_PTE_SWIZZLED; g++) {
        struct count count = {.files = files};
        struct ps_kernel_walk walk = {.mem = mem,
                                      .mode = mode,
                                      .root = root,
                                      .generation = (enum ps_pte_generation)g,
                                      .file_backed = format.file_backed,
                                      .paged_out = on_paged_out,
                                      .arg = &count};
        struct ps_kernel_counts counts;
        int rc = ps_kernel_walk(&walk, &counts, err);

        if (rc < 0)
            return rc;
        out->n_entries = counts.paged_out;
        out->n_inside[g] = count.n_inside;
    }
    if (mode != PS_PAGING_X86 && out->n_inside[other] > out->n_inside[of_build]) {
        out->generation = other;
        out->against_build = 1;
    }
    return 0;
}
