/* Page tables on both sides of the hole below 4 GiB, in memory that was written with and without
 * it. */
#include "scan/windows/paging/squeezed.h"

#include <criterion/criterion.h>
#include <string.h>

#define PAGE      4096u
#define MIB       ((uint64_t)1 << 20)
#define GIB       ((uint64_t)1 << 30)
#define VALID     0x63u
#define SLOT      0x147u
#define ROOT      UINT64_C(0x1ad000)
#define KUSER     UINT64_C(0x21000)
#define LOW       (16 * MIB)
#define HIGH      (4 * GIB)
#define HIGH_SIZE (32 * MIB)
#define UNUSUAL   UINT64_C(0xbc100000)
#define MAX_PAGES 256u

/* Pages by their physical address, and how a file shows them: flat, as runs around what is in it.
 */
static struct {
    struct ps_physmem mem;
    struct ps_phys_run run[2];
    uint64_t moved_from; /* offsets from here on are of pages that are higher by 'moved_by' */
    uint64_t moved_by;
    struct {
        uint64_t phys;
        uint64_t q[512];
    } page[MAX_PAGES];
    size_t n;
} w;

static struct ps_err err;

static uint64_t *page_at(uint64_t phys)
{
    for (size_t i = 0; i < w.n; i++)
        if (w.page[i].phys == phys)
            return w.page[i].q;
    cr_assert_lt(w.n, MAX_PAGES);
    memset(w.page[w.n].q, 0, sizeof w.page[w.n].q);
    w.page[w.n].phys = phys;
    return w.page[w.n++].q;
}

static size_t read_file(void *arg, uint64_t off, void *buf, size_t n_bytes)
{
    size_t done = 0;

    (void)arg;
    while (done < n_bytes) {
        const uint64_t at = off + done;
        const uint64_t phys = at >= w.moved_from ? at + w.moved_by : at;
        size_t n = PAGE - (size_t)(at % PAGE);

        n = n < n_bytes - done ? n : n_bytes - done;
        if (!((at < w.run[0].n_bytes) ||
              (at >= w.run[1].phys && at - w.run[1].phys < w.run[1].n_bytes)))
            break;
        memset((uint8_t *)buf + done, 0, n);
        for (size_t i = 0; i < w.n; i++)
            if (w.page[i].phys == phys - phys % PAGE)
                memcpy((uint8_t *)buf + done, (uint8_t *)w.page[i].q + phys % PAGE, n);
        done += n;
    }
    return done;
}

/* The file of a machine whose hole begins at 'hole': with it, or without. */
static void show(uint64_t hole, int is_squeezed, uint64_t n_high)
{
    w.moved_from = is_squeezed ? hole : UINT64_MAX;
    w.moved_by = HIGH - hole;
    w.run[0] = (struct ps_phys_run){0, LOW, 0};
    w.run[1] = (struct ps_phys_run){is_squeezed ? hole : HIGH, n_high, LOW / PAGE};
    w.mem = (struct ps_physmem){.read = read_file, .run = w.run, .n_runs = 2};
}

static void make_kuser(void)
{
    static const char root[] = "C:\\Windows";
    uint8_t *p = (uint8_t *)page_at(KUSER);
    const uint32_t build = 19045, one = 1, major = 10;

    memcpy(p + 0x2c, "\x64\x86\x64\x86", 4);
    for (size_t i = 0; root[i]; i++)
        p[0x30 + 2 * i] = (uint8_t)root[i];
    memcpy(p + 0x260, &build, 4);
    memcpy(p + 0x264, &one, 4);
    memcpy(p + 0x268, &one, 4);
    memcpy(p + 0x26c, &major, 4);
}

/* Map n pages from 'phys' at slot 'i' of the top table, its three tables from 'tables' on. */
static void map(uint64_t root, unsigned i, uint64_t tables, uint64_t phys, unsigned n)
{
    page_at(root)[i] = tables | VALID;
    page_at(tables)[0] = (tables + PAGE) | VALID;
    page_at(tables + PAGE)[0] = (tables + 2 * PAGE) | VALID;
    for (unsigned k = 0; k < n; k++)
        page_at(tables + 2 * PAGE)[k] = (phys + (uint64_t)k * PAGE) | VALID;
}

/* A process: the kernel half of 'root', and itself at 'says'. */
static void make_process(uint64_t phys, uint64_t says)
{
    uint64_t *q = page_at(phys);

    memcpy(q, page_at(ROOT), PAGE);
    q[SLOT] = says | VALID;
}

/* A system whose tables begin at 'tables', with 100 pages at each end of what is above 4 GiB. */
static void make_system(uint64_t root, uint64_t tables)
{
    w.n = 0;
    make_kuser();
    map(root, 0x1ef, tables, KUSER, 1);
    map(root, 0x170, tables + 4 * PAGE, HIGH + MIB, 100);
    map(root, 0x1a0, tables + 8 * PAGE, HIGH + HIGH_SIZE - 100 * PAGE, 100);
    page_at(root)[SLOT] = root | VALID;
}

static int search(uint64_t cr3, struct ps_squeezed *out)
{
    struct ps_dtb dtb;
    const int has = cr3 && ps_dtb_given(&w.mem, 1u << PS_PAGING_X64, cr3, &dtb, &err) == 1;

    if (!ps_squeezed_may_be(&w.mem, has ? &dtb : NULL))
        return 0;
    return ps_squeezed_find(&w.mem, has ? &dtb : NULL, out, &err);
}

static const uint64_t holes[] = {GIB, 2 * GIB, 3 * GIB, UINT64_C(0xf8000000), UNUSUAL};

#define N_HOLES (sizeof holes / sizeof *holes)

/* Tables below the hole lead above it: one process tells. */
Test(squeezed, tables_below)
{
    for (size_t i = 0; i < N_HOLES; i++) {
        struct ps_squeezed s;

        make_system(ROOT, 0x400000);
        make_process(HIGH + 5 * MIB, HIGH + 5 * MIB);
        show(holes[i], 1, HIGH_SIZE);
        cr_assert_eq(search(ROOT, &s), 1, "hole from %llx", (unsigned long long)holes[i]);
        cr_assert_eq(s.hole_start, holes[i]);
        cr_assert_eq(s.n_votes, 1);
        cr_assert_eq(s.pages_after, 201);
        cr_assert_eq(s.beyond_before, 200);
        cr_assert_eq(s.beyond_after, 0);
    }
}

/* Nothing is found below the hole, since all tables but the top one are above it; or that too. */
Test(squeezed, tables_above)
{
    for (size_t i = 0; i < N_HOLES; i++)
        for (unsigned k = 0; k < 2; k++) {
            const uint64_t root = k ? HIGH + 3 * MIB : ROOT;
            struct ps_squeezed s;

            make_system(root, HIGH + 2 * MIB);
            if (k)
                memcpy(page_at(ROOT), page_at(root), PAGE);
            for (uint64_t p = 5; p < 8; p++)
                make_process(HIGH + p * MIB, HIGH + p * MIB);
            show(holes[i], 1, HIGH_SIZE);
            cr_assert_eq(search(root, &s), 1, "hole from %llx", (unsigned long long)holes[i]);
            cr_assert_eq(s.hole_start, holes[i]);
            cr_assert_eq(s.n_votes, 3 + k);
            cr_assert_eq(s.pages_after, 201);
        }
}

/* With its hole there is nothing to be done, whether the end was cut off or not. */
Test(squeezed, memory_with_its_hole)
{
    static const uint64_t sizes[] = {HIGH_SIZE, HIGH_SIZE / 2, MIB};

    for (size_t i = 0; i < 3; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct ps_squeezed s;

            make_system(ROOT, k ? HIGH + MIB / 2 : 0x400000);
            for (uint64_t p = 5; p < 9; p++)
                make_process(HIGH + p * MIB, HIGH + p * MIB);
            show(3 * GIB, 0, sizes[i]);
            cr_assert_eq(search(ROOT, &s), 0, "%zu %u", i, k);
        }
}

/* More tables than the right ones say something else, as copies and leftovers do. */
Test(squeezed, votes_that_do_not_hold)
{
    struct ps_squeezed s;

    make_system(ROOT, HIGH + 2 * MIB);
    for (uint64_t p = 5; p < 8; p++)
        make_process(HIGH + p * MIB, HIGH + p * MIB);
    for (uint64_t p = 10; p < 15; p++)
        make_process(HIGH + p * MIB, HIGH + p * MIB + 256 * MIB);
    show(3 * GIB, 1, HIGH_SIZE);
    cr_assert_eq(search(ROOT, &s), 1);
    cr_assert_eq(s.hole_start, 3 * GIB);
    for (uint64_t p = 5; p < 8; p++)
        page_at(HIGH + p * MIB)[SLOT] = 0;
    cr_assert_eq(search(ROOT, &s), 0, "the others alone prove nothing");
    cr_assert_eq(s.hole_start, 0);
}

/* The entries beyond the end would be explained, but a table above the hole is where it says. */
Test(squeezed, refuted_by_a_table_in_its_place)
{
    for (unsigned k = 0; k < 2; k++) {
        struct ps_squeezed s;

        make_system(ROOT, 0x400000);
        map(ROOT, 0x170, 0x404000, 0x800000, 100);
        map(ROOT, 0x1a0, 0x408000, HIGH + GIB + MIB, 100);
        make_process(HIGH + 3 * MIB, HIGH + 3 * MIB + GIB);
        if (k)
            make_process(HIGH + 4 * MIB, HIGH + 4 * MIB);
        show(3 * GIB, 0, 5 * MIB);
        cr_assert_eq(search(ROOT, &s), !k);
    }
}

/* What has the entry but not the rest of a kernel half has no vote. */
Test(squeezed, strangers_have_no_vote)
{
    struct ps_squeezed s;
    uint64_t *q;

    make_system(ROOT, 0x400000);
    q = page_at(HIGH + 5 * MIB);
    for (unsigned i = 256; i < 300; i++)
        q[i] = UINT64_C(0x123456000) + i * PAGE + VALID;
    q[SLOT] = (HIGH + 5 * MIB) | VALID;
    show(UNUSUAL, 1, HIGH_SIZE);
    cr_assert_eq(search(ROOT, &s), 0);
    for (unsigned i = 256; i < 512; i++)
        q[i] = page_at(ROOT)[i] ? page_at(ROOT)[i] : VALID;
    q[SLOT] = (HIGH + 5 * MIB) | VALID;
    cr_assert_eq(search(ROOT, &s), 0, "too full");
}

/* No process tells: a hole that is a usual one is found by trying, if tables lie above it. */
Test(squeezed, found_by_trying)
{
    for (size_t i = 0; i < N_HOLES; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct ps_squeezed s;
            const int is_found = k && holes[i] != UNUSUAL;

            make_system(ROOT, 0x400000);
            if (k)
                for (unsigned t = 0; t < 2; t++)
                    map(ROOT, 0x1a8 + t, HIGH + (7 + t) * MIB, HIGH + 9 * MIB, 80);
            show(holes[i], 1, HIGH_SIZE);
            cr_assert_eq(search(ROOT, &s), is_found, "hole from %llx",
                         (unsigned long long)holes[i]);
            cr_assert_eq(s.n_votes, 0);
            cr_assert_eq(s.hole_start, is_found ? holes[i] : 0);
        }
}

/* Devices above 4 GiB are mapped uncached, or far away. */
Test(squeezed, devices_are_no_reason)
{
    struct ps_dtb dtb;

    make_system(ROOT, 0x400000);
    map(ROOT, 0x170, 0x404000, HIGH + 16 * GIB, 100);
    for (unsigned i = 0; i < 100; i++)
        page_at(0x40a000)[i] |= i % 2 ? 0x8 : 0x18;
    show(3 * GIB, 1, HIGH_SIZE);
    cr_assert_eq(ps_dtb_given(&w.mem, 1u << PS_PAGING_X64, ROOT, &dtb, &err), 1);
    cr_assert_eq(dtb.n_beyond, 0, "%u", (unsigned)dtb.n_beyond);
    page_at(0x40a000)[7] = (3 * GIB + HIGH_SIZE + GIB) | VALID;
    page_at(0x40a000)[8] = (3 * GIB + HIGH_SIZE + 3 * GIB) | VALID;
    cr_assert_eq(ps_dtb_given(&w.mem, 1u << PS_PAGING_X64, ROOT, &dtb, &err), 1);
    cr_assert_eq(dtb.n_beyond, 1, "%u", (unsigned)dtb.n_beyond);
}

Test(squeezed, no_reason_to_look)
{
    struct ps_dtb dtb = {.mode = PS_PAGING_X64, .maps_kuser = 1, .n_beyond = 7};

    show(3 * GIB, 1, HIGH_SIZE);
    cr_assert_not(ps_squeezed_may_be(&w.mem, &dtb));
    dtb.n_beyond = 8;
    cr_assert(ps_squeezed_may_be(&w.mem, &dtb));
    dtb.mode = PS_PAGING_PAE;
    cr_assert_not(ps_squeezed_may_be(&w.mem, &dtb));
    dtb = (struct ps_dtb){.mode = PS_PAGING_X64};
    cr_assert(ps_squeezed_may_be(&w.mem, &dtb));
    cr_assert(ps_squeezed_may_be(&w.mem, NULL));
    w.run[1].phys = GIB - HIGH_SIZE;
    cr_assert_not(ps_squeezed_may_be(&w.mem, NULL), "all of it is below any hole");
}
