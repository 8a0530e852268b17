/* Source, ring, chunk size and topology, each alone. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/pipeline/load.h"
#include "host/pipeline/pipeline.h"
#include "host/pipeline/ring.h"
#include "host/pipeline/source.h"
#include "tests/support/made_dump.h"
#include "tests/support/tmpdir.h"

static const struct ps_machine two_cores = {
    .n_cores = 2, .n_pus = 2, .n_nodes = 1, .l3_bytes = 32u << 20, .n_l3 = 1};

/* The bound, counted the long way: a header in each slot of everything in flight. */
static uint64_t worst_case(size_t pages, unsigned lanes, unsigned depth, unsigned slot_bytes)
{
    uint64_t bytes = (uint64_t)pages * 4096;
    uint64_t slots = bytes / slot_bytes;
    uint64_t in_flight = (uint64_t)lanes * depth * (bytes + slots * 16);
    uint64_t waiting = ((uint64_t)lanes * (depth + 1) + 2) * slots * 40;

    return in_flight + waiting;
}

Test(chunk_pages, stays_inside_the_memory_bound)
{
    for (unsigned lanes = 1; lanes <= 1024; lanes *= 2)
        for (unsigned depth = 1; depth <= 4; depth++)
            for (unsigned shift = 3; shift <= 4; shift++)
                for (uint64_t want = 0; want <= (uint64_t)1 << 40; want = want ? want * 64 : 4096) {
                    size_t p = ps_pipeline_chunk_pages(&two_cores, lanes, depth, shift, want);

                    cr_assert(ge(sz, p, 1));
                    if (p > 1)
                        cr_assert(le(u64, worst_case(p, lanes, depth, 1u << shift),
                                     PS_PIPELINE_MEMORY_BYTES),
                                  "lanes %u depth %u shift %u: %zu pages", lanes, depth, shift, p);
                }
}

Test(chunk_pages, follows_a_request_and_the_cache)
{
    struct ps_machine small_cache = two_cores;

    cr_assert(eq(sz, ps_pipeline_chunk_pages(&two_cores, 2, 1, 4, 4096), 1));
    cr_assert(eq(sz, ps_pipeline_chunk_pages(&two_cores, 2, 1, 4, 1u << 20), 256));
    small_cache.l3_bytes = 4u << 20;
    cr_assert(lt(sz, ps_pipeline_chunk_pages(&small_cache, 2, 1, 4, 0),
                 ps_pipeline_chunk_pages(&two_cores, 2, 1, 4, 0)));
}

Test(source, numbers_the_pieces_of_a_range)
{
    char path[] = "/tmp/ps-source-XXXXXX";
    int fd = mkstemp(path);
    static char bytes[10 * 4096 + 100];
    struct ps_image *image = NULL;
    struct ps_source s;
    struct ps_err err = {0};
    uint64_t expected_phys = 2 * 4096;

    memset(bytes, 'x', sizeof bytes);
    cr_assert(eq(long, (long)write(fd, bytes, sizeof bytes), (long)sizeof bytes));
    close(fd);
    cr_assert(eq(int, ps_image_open(&image, path, NULL, &err), 0), "%s", err.msg);
    cr_assert(eq(int, ps_source_init(&s, image, 2 * 4096, UINT64_MAX, 3 * 4096, &err), 0));
    cr_assert(eq(u64, ps_source_count(&s), 3));
    for (uint64_t i = 0; i < 3; i++) {
        const struct ps_span span = ps_source_span(&s, i);
        struct ps_piece p = ps_source_piece(&s, &span, 0);

        cr_expect(eq(sz, span.n_pieces, 1));

        cr_expect(eq(u64, p.phys, expected_phys));
        cr_expect(eq(u64, p.n_bytes, i < 2 ? 3 * 4096 : 2 * 4096 + 100));
        expected_phys += p.n_bytes;
    }
    cr_assert(eq(u64, ps_pipeline_total(image, 2 * 4096, UINT64_MAX), 8 * 4096 + 100));
    cr_assert(eq(u64, ps_pipeline_total(image, 0, 4096), 4096));
    cr_assert(eq(u64, ps_pipeline_total(image, 1u << 30, UINT64_MAX), 0));
    ps_source_fini(&s);
    ps_image_close(image);
    unlink(path);
}

/* A crash dump whose pages begin at 0x60 of a page of the file, and whose last one is torn. */
Test(load, a_torn_page_is_mapped_only_where_its_rest_is)
{
    static struct made_dump d;
    struct ps_tmpdir dir;
    struct ps_image *image = NULL;
    struct ps_chunk c = {.max_pages = 3};
    struct ps_ring_entry e = {.n = 0};
    struct ps_source s;
    struct ps_span span;
    struct ps_err err = {0};

    ps_tmpdir_make(&dir);
    made_dump_init(&d, 1, 8);
    cr_assert(eq(u64, made_dump_rdmp(&d, 3, 0), 0x2060));
    made_dump_range(&d, 0, 1, 3);
    made_dump_put(&d, 0x4060 + 300, 0xaa, 1);
    made_dump_size(&d, 0x4060 + 301);
    cr_assert(eq(int,
                 ps_image_open(&image, ps_tmpdir_write(&dir, "d", d.bytes, d.n_bytes), NULL, &err),
                 0),
              "%s", err.msg);
    cr_assert(eq(int, ps_source_init(&s, image, 0, UINT64_MAX, 2 * 4096, &err), 0));
    span = ps_source_span(&s, 0);
    cr_assert(eq(int, ps_load_map(image, &s, &span, &c), 1));
    ps_source_fini(&s);
    cr_assert(eq(int, ps_source_init(&s, image, 0, UINT64_MAX, 3 * 4096, &err), 0));
    span = ps_source_span(&s, 0);
    cr_assert(eq(int, ps_load_map(image, &s, &span, &c), 0));
    c.buffer = aligned_alloc(4096, 3 * 4096);
    memset(c.buffer, 0xff, 3 * 4096);
    ps_load_read(image, &s, &span, &c, &e);
    cr_assert(eq(sz, c.n_pages, 3));
    cr_assert(c.pages[0x2000 + 300] == 0xaa && c.pages[0x2000 + 301] == 0);
    cr_assert(c.pages[0x2fff] == 0 && e.bytes_unreadable == 0);
    free(c.buffer);
    ps_source_fini(&s);
    ps_image_close(image);
    ps_tmpdir_remove(&dir);
}

Test(ring, hands_out_in_order_and_only_as_far_as_it_is_long)
{
    struct ps_ring ring;
    struct ps_ring_entry *e;
    struct ps_err err = {0};
    uint64_t seq;

    cr_assert(eq(int, ps_ring_init(&ring, 2, 3, &err), 0));
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), 0));
    cr_assert(eq(int, ps_ring_take(&ring, 0, &seq), 1));
    cr_assert(eq(int, ps_ring_take(&ring, 0, &seq), 1));
    cr_assert(eq(u64, seq, 1));
    cr_assert(eq(int, ps_ring_take(&ring, 0, &seq), 0), "the window is full");
    ps_ring_put(&ring, 1);
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), 0), "1 must wait for 0");
    ps_ring_put(&ring, 0);
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), 1));
    cr_assert(eq(ptr, e, ps_ring_entry(&ring, 0)));
    ps_ring_done(&ring);
    cr_assert(eq(int, ps_ring_take(&ring, 0, &seq), 1));
    cr_assert(eq(u64, seq, 2));
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), 1));
    ps_ring_done(&ring);
    ps_ring_put(&ring, 2);
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), 1));
    ps_ring_done(&ring);
    cr_assert(eq(int, ps_ring_next(&ring, 1, &e), -1));
    ps_ring_fini(&ring);
}

Test(ring, keeps_the_first_failure)
{
    struct ps_ring ring;
    struct ps_ring_entry *e;
    struct ps_err err = {0};
    struct ps_err later = {0};
    uint64_t seq;

    cr_assert(eq(int, ps_ring_init(&ring, 2, 3, &err), 0));
    ps_fail(&err, PS_EIO, 1, "first");
    ps_fail(&later, PS_EDEVICE, 2, "later");
    ps_ring_stop(&ring, &err);
    ps_ring_stop(&ring, &later);
    cr_assert(eq(int, ring.failure.code, PS_EIO));
    cr_assert(eq(int, ps_ring_take(&ring, 1, &seq), 0));
    cr_assert(eq(int, ps_ring_next(&ring, 1000, &e), -1));
    ps_ring_fini(&ring);
}

Test(topology, spreads_workers_over_nodes)
{
    struct ps_topology *t;

    setenv("HWLOC_SYNTHETIC", "numa:2 l3:1(size=16777216) core:8 pu:2", 1);
    t = ps_topology_new();
    cr_assert(eq(uint, ps_topology_machine(t)->n_nodes, 2));
    cr_assert(eq(uint, ps_topology_machine(t)->n_cores, 16));
    cr_assert(eq(uint, ps_topology_machine(t)->n_pus, 32));
    cr_assert(eq(u64, ps_topology_machine(t)->l3_bytes, 16777216));
    cr_assert(eq(int, ps_topology_worker_node(t, 0, 2), 0));
    cr_assert(eq(int, ps_topology_worker_node(t, 1, 2), 1));
    cr_assert(eq(int, ps_topology_worker_node(t, 7, 16), 0));
    cr_assert(eq(int, ps_topology_worker_node(t, 8, 16), 1));
    cr_assert(eq(int, ps_topology_worker_node(t, 9, 9), -1));
    /* Not this machine: binding must do nothing, and memory must come all the same. */
    ps_topology_bind_worker(t, 0, 2);
    void *mem = ps_topology_alloc(t, 8192);
    cr_assert(ne(ptr, mem, NULL));
    cr_assert(eq(u64, (uint64_t)(uintptr_t)mem % 4096, 0));
    ps_topology_release(t, mem, 8192);
    ps_topology_free(t);
}

Test(topology, describes_this_machine)
{
    struct ps_topology *t = ps_topology_new();

    cr_assert(ge(uint, ps_topology_machine(t)->n_pus, 1));
    ps_topology_bind_worker(t, 0, 1);
    ps_topology_free(t);
    cr_assert(eq(uint, ps_topology_machine(NULL)->n_pus, 1));
}

/* The processors of a list like "0-3,8". */
static cpu_set_t listed(const char *path)
{
    FILE *f = fopen(path, "r");
    cpu_set_t set;
    unsigned first;
    unsigned last;
    int c = ',';

    cr_assert(ne(ptr, f, NULL));
    CPU_ZERO(&set);
    while (c == ',' && fscanf(f, "%u", &first) == 1) {
        last = first;
        c = fgetc(f);
        if (c == '-') {
            cr_assert(eq(int, fscanf(f, "%u", &last), 1));
            c = fgetc(f);
        }
        for (unsigned i = first; i <= last; i++)
            CPU_SET(i, &set);
    }
    fclose(f);
    return set;
}

static cpu_set_t bound_to(void)
{
    cpu_set_t set;

    cr_assert(eq(int, sched_getaffinity(0, sizeof set, &set), 0));
    return set;
}

Test(topology, binds_near_a_pci_device)
{
    const cpu_set_t allowed = bound_to();
    struct ps_topology *t = ps_topology_new();
    cpu_set_t one, near, now;
    unsigned at[4];
    glob_t found;

    if (glob("/sys/bus/pci/devices/*/local_cpulist", 0, NULL, &found) != 0)
        cr_skip("no PCI devices here");
    cr_assert(eq(int,
                 sscanf(found.gl_pathv[0], "/sys/bus/pci/devices/%x:%x:%x.%x", &at[0], &at[1],
                        &at[2], &at[3]),
                 4));
    near = listed(found.gl_pathv[0]);
    CPU_AND(&near, &near, &allowed);
    globfree(&found);

    ps_topology_bind_worker(t, 0, 1);
    one = bound_to();
    cr_assert(eq(int, CPU_COUNT(&one), 1));
    ps_topology_bind_near_pci(t, 0, 255, 31, 7);
    now = bound_to();
    cr_assert(eq(int, CPU_EQUAL(&now, &one), 1), "a device that does not exist binds nothing");

    ps_topology_bind_near_pci(t, (int)at[0], (int)at[1], (int)at[2], (int)at[3]);
    now = bound_to();
    cr_assert(eq(int, CPU_EQUAL(&now, CPU_COUNT(&near) ? &near : &one), 1));
    ps_topology_free(t);
}
