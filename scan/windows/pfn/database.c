#include "scan/windows/pfn/database.h"

#include <stdlib.h>

#define NO_FRAME UINT32_MAX

struct ps_pfn_database {
    struct ps_pfn_place place;
    ps_pfn_read_fn *read;
    void *arg;
    size_t n_pages;
    uint32_t *frame; /* of each page of the database, NO_FRAME: not in memory */
};

const char *ps_pfn_method_name(enum ps_pfn_method method)
{
    static const char *const names[] = {"not found", "symbol", "fixed address",
                                        "pointer in the data of the Windows kernel"};

    return names[method];
}

const char *ps_page_use_name(enum ps_page_use use)
{
    static const char *const names[] = {"unknown", "free", "process", "file", "kernel"};

    return names[use];
}

/* Frames that drivers own have numbers instead of an address of their entry. */
static int is_kernel_address(enum ps_paging_mode mode, uint64_t va)
{
    const uint64_t last = ps_paging_is_x64(mode) ? UINT64_MAX : UINT32_MAX;

    return va >= ps_paging_kernel_base(mode) && va <= last - PS_FRAME_BYTES;
}

enum ps_page_use ps_pfn_use(const struct ps_pte_space *space, const struct ps_pfn *pfn)
{
    uint64_t va;

    if (pfn->location == PS_PFN_ZEROED || pfn->location == PS_PFN_FREE)
        return PS_PAGE_USE_FREE;
    if (pfn->location == PS_PFN_BAD || !ps_paging_canonical(space->mode, pfn->pte, &va) ||
        !is_kernel_address(space->mode, va))
        return PS_PAGE_USE_UNKNOWN;
    if (!ps_pte_space_va(space, va, &va))
        return PS_PAGE_USE_FILE;
    return va < ps_paging_kernel_base(space->mode) ? PS_PAGE_USE_PROCESS : PS_PAGE_USE_KERNEL;
}

static void note_frame(struct ps_pfn_database *db, struct ps_paging *paging, size_t page)
{
    uint64_t phys;

    if (db->frame[page] != NO_FRAME)
        return;
    if (ps_paging_translate(paging,
                            (db->place.va & ~(uint64_t)(PS_FRAME_BYTES - 1)) +
                                (uint64_t)page * PS_FRAME_BYTES,
                            &phys) &&
        phys / PS_FRAME_BYTES < NO_FRAME)
        db->frame[page] = (uint32_t)(phys / PS_FRAME_BYTES);
}

/* Byte of the database, from the begin of its first page, where the entry of a frame begins. */
static uint64_t entry_at(const struct ps_pfn_database *db, uint64_t phys)
{
    return db->place.va % PS_FRAME_BYTES + phys / PS_FRAME_BYTES * db->place.layout->entry_bytes;
}

static size_t pages_up_to(const struct ps_pfn_database *db, uint64_t end)
{
    const uint64_t n = entry_at(db, end) / PS_FRAME_BYTES + 1;

    return n < PS_PFN_MAX_PAGES ? (size_t)n : PS_PFN_MAX_PAGES;
}

static void note_run(struct ps_pfn_database *db, struct ps_paging *paging,
                     const struct ps_phys_run *run)
{
    const size_t end = pages_up_to(db, run->phys + run->n_bytes);

    for (uint64_t i = entry_at(db, run->phys) / PS_FRAME_BYTES; i < end; i++)
        note_frame(db, paging, (size_t)i);
}

int ps_pfn_database_open(struct ps_pfn_database **out, const struct ps_pfn_place *place,
                         struct ps_paging *paging, const struct ps_physmem *mem,
                         ps_pfn_read_fn *read, void *arg, struct ps_err *err)
{
    struct ps_pfn_database *db = calloc(1, sizeof *db);
    const struct ps_phys_run *last = mem->n_runs ? &mem->run[mem->n_runs - 1] : NULL;

    if (!db)
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the PFN database");
    *db = (struct ps_pfn_database){.place = *place, .read = read, .arg = arg};
    db->n_pages = last ? pages_up_to(db, last->phys + last->n_bytes) : 0;
    db->frame = malloc((db->n_pages + 1) * sizeof *db->frame);
    if (!db->frame) {
        ps_pfn_database_free(db);
        return ps_fail(err, PS_ENOMEM, PS_AT_NONE, "out of memory for the PFN database");
    }
    for (size_t i = 0; i < db->n_pages; i++)
        db->frame[i] = NO_FRAME;
    for (size_t i = 0; i < mem->n_runs; i++)
        note_run(db, paging, &mem->run[i]);
    *out = db;
    return 0;
}

void ps_pfn_database_free(struct ps_pfn_database *db)
{
    if (!db)
        return;
    free(db->frame);
    free(db);
}

int ps_pfn_database_entry(const struct ps_pfn_database *db, uint64_t phys, struct ps_pfn *out)
{
    const size_t n_bytes = db->place.layout->entry_bytes;
    uint64_t at = entry_at(db, phys);
    uint8_t bytes[PS_PFN_MAX_ENTRY_BYTES];

    for (size_t done = 0; done < n_bytes;) {
        const uint64_t page = (at + done) / PS_FRAME_BYTES, off = (at + done) % PS_FRAME_BYTES;
        size_t n = n_bytes - done;

        if (n > PS_FRAME_BYTES - off)
            n = (size_t)(PS_FRAME_BYTES - off);
        if (page >= db->n_pages || db->frame[page] == NO_FRAME ||
            db->read(db->arg, (uint64_t)db->frame[page] * PS_FRAME_BYTES + off, bytes + done, n) !=
                n)
            return 0;
        done += n;
    }
    *out = ps_pfn_decode(db->place.layout, bytes);
    return 1;
}

enum ps_page_use ps_pfn_database_use(const struct ps_pfn_database *db, uint64_t phys)
{
    struct ps_pfn pfn;

    return ps_pfn_database_entry(db, phys, &pfn) ? ps_pfn_use(&db->place.space, &pfn)
                                                 : PS_PAGE_USE_UNKNOWN;
}
