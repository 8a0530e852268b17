#include "host/recipe/system/system.h"

#include "host/recipe/heap/heap.h"
#include "host/recipe/memory/memory.h"
#include "host/recipe/quota/quota.h"

static const char *const modes[] = {"x64", "pae", "x86"};
static const char *const hashes[] = {"xor", "mul32", "mul64"};

static void print_system(const struct ps_rcp_system *sys, FILE *out)
{
    fprintf(out, "{\"Kind\":\"system\",\"Mode\":\"%s\",\"DTB\":\"0x%llx\"", modes[sys->mode],
            (unsigned long long)(sys->cr3 << 12 | sys->top_offset));
    if (sys->big.slots)
        fprintf(out, ",\"BigPoolTable\":\"0x%016llx\",\"BigPoolSlots\":%llu,\"BigPoolHash\":\"%s\"",
                (unsigned long long)sys->big.va, (unsigned long long)sys->big.slots,
                hashes[sys->big.hash]);
    if (sys->kernel.va) {
        fprintf(out, ",\"KernelBase\":\"0x%016llx\",\"PdbName\":\"%s\",\"PdbAge\":%llu",
                (unsigned long long)sys->kernel.va, sys->kernel.pdb,
                (unsigned long long)sys->kernel.age);
        fputs(",\"PdbGuid\":\"", out);
        for (size_t i = 0; i < 16; i++) {
            static const uint8_t place[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

            fprintf(out, "%02X", sys->kernel.guid[place[i]]);
        }
        fputc('"', out);
    }
    if (sys->tracker.slots)
        fprintf(out, ",\"TrackerTable\":\"0x%016llx\",\"TrackerSlots\":%llu,\"TrackerCpus\":%llu",
                (unsigned long long)sys->tracker.table[0].va,
                (unsigned long long)sys->tracker.slots, (unsigned long long)sys->tracker.cpus);
    ps_rcp_heaps_truth_system(sys->heaps, out);
    ps_rcp_quota_truth_system(sys->quota, out);
    ps_rcp_memory_truth_system(sys->memory, out);
    fprintf(out, ",\"Line\":%u}\n", sys->line);
}

/* Physical address of the row's entry in the table. */
static uint64_t entry_phys(const struct ps_rcp_system *sys, const struct ps_rcp_big *row)
{
    uint64_t at = (uint64_t)row->slot * ps_rcp_big_stride(&sys->era);

    return sys->big.region.page[at / PS_RECIPE_PAGE] * PS_RECIPE_PAGE + at % PS_RECIPE_PAGE;
}

static void print_big(const struct ps_rcp_system *sys, const struct ps_rcp_big *row, FILE *out)
{
    uint64_t page;

    fprintf(out, "{\"Kind\":\"big\",\"Allocation\":\"0x%016llx\",\"Tag\":\"",
            (unsigned long long)row->va);
    ps_rcp_print_tag(out, row->tag);
    fprintf(out, "\",\"TagRaw\":\"0x%08x\",\"NumberOfBytes\":%llu,\"PoolTypeRaw\":", row->tag,
            (unsigned long long)row->n_bytes);
    if (ps_rcp_is_nt5(&sys->era))
        fputs("null", out);
    else
        fprintf(out, "%u", row->type);
    fprintf(out, ",\"State\":\"%s\",\"Slot\":%u,\"Offset\":", row->is_free ? "free" : "allocated",
            row->slot);
    if (ps_rcp_system_translate(sys, row->va, &page) && page < sys->recipe->image_pages)
        fprintf(out, "\"0x%016llx\"", (unsigned long long)page << 12);
    else
        fputs("null", out);
    if (row->process && sys->era.is_x64 && ps_rcp_big_stride(&sys->era) == 0x20)
        fprintf(out, ",\"Process\":\"0x%016llx\"", (unsigned long long)row->process);
    fprintf(out, ",\"EntryOffset\":\"0x%016llx\",\"Line\":%u}\n",
            (unsigned long long)entry_phys(sys, row), row->line);
}

void ps_rcp_system_where(const struct ps_recipe *recipe, uint64_t phys, FILE *out)
{
    const struct ps_rcp_system *sys = recipe->system;
    const struct ps_rcp_big *big;
    uint64_t va, behind, page = phys / PS_RECIPE_PAGE;

    if (!sys)
        return;
    if (page >= recipe->image_pages)
        fprintf(out, ",\"PageFile\":\"0x%llx\"",
                (unsigned long long)(phys - recipe->image_pages * PS_RECIPE_PAGE));
    ps_rcp_memory_where(sys->memory, page, out);
    if (!ps_rcp_system_va(sys, page, &va)) {
        fputs(",\"Allocation\":null,\"Mapped\":false,\"InBigPool\":null", out);
        return;
    }
    va += phys % PS_RECIPE_PAGE;
    behind = va + ps_rcp_unit(&sys->era);
    big = ps_rcp_system_big(sys, va);
    fprintf(out, ",\"Allocation\":\"0x%016llx\",\"Mapped\":true,\"InBigPool\":",
            (unsigned long long)behind);
    if (big)
        fprintf(out, "\"0x%016llx\"", (unsigned long long)big->va);
    else
        fputs("null", out);
}

static void print_counts(const struct ps_rcp_counts *c, FILE *out)
{
    static const char *const pools[] = {"NonPaged", "Paged"};

    fputs("{\"Kind\":\"tag\",\"Tag\":\"", out);
    ps_rcp_print_tag(out, c->tag);
    fprintf(out, "\",\"TagRaw\":\"0x%08x\"", c->tag);
    for (int i = 0; i < 2; i++)
        fprintf(out, ",\"%sAllocs\":%llu,\"%sFrees\":%llu,\"%sDiff\":%llu,\"%sUsed\":%llu",
                pools[i], (unsigned long long)c->allocs[i], pools[i],
                (unsigned long long)c->frees[i], pools[i],
                (unsigned long long)(c->allocs[i] - c->frees[i]), pools[i],
                (unsigned long long)c->bytes[i]);
    fputs("}\n", out);
}

void ps_rcp_system_truth(const struct ps_recipe *recipe, FILE *out)
{
    const struct ps_rcp_system *sys = recipe->system;

    if (!sys)
        return;
    print_system(sys, out);
    ps_rcp_heaps_truth(sys->heaps, out);
    ps_rcp_quota_truth(sys->quota, out);
    for (size_t i = 0; i < sys->big.n_rows; i++)
        print_big(sys, &sys->big.row[i], out);
    for (size_t i = 0; i < sys->tracker.n_counts; i++)
        print_counts(&sys->tracker.counts[i], out);
}
