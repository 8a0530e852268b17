/* Raw files: an offset is a physical address, or one too low by the hole that was left out. */
#include "tests/containers/fail.h"
#include "tests/containers/maker.h"
#include "tests/containers/out.h"

#define GIB        (UINT64_C(1) << 30)
#define HOLE       (3 * GIB)
#define ABOVE_HOLE (4 * GIB)

static void write_runs(struct maker *maker, int leave_hole_out)
{
    const struct ram_map *ram = &maker->ram;
    struct out out;

    out_open(&out, maker->out);
    for (size_t i = 0; i < ram->n; i++) {
        const struct ram_run *run = &ram->run[i];
        const int is_above = run->start >= ABOVE_HOLE;

        if (leave_hole_out && !is_above && run->end > HOLE)
            fail("there is memory in the hole");
        out_skip_to(&out, leave_hole_out && is_above ? run->start - GIB : run->start);
        out_ram(&out, ram, run->start, run->end - run->start);
    }
    out_close(&out);
}

void write_raw(struct maker *maker)
{
    write_runs(maker, 0);
}

/* What some tools make of a machine with a hole from 3 to 4 GiB, without a word about it. */
void write_squeezed(struct maker *maker)
{
    if (ram_end(&maker->ram) <= ABOVE_HOLE)
        fail("nothing above 4 GiB");
    write_runs(maker, 1);
}
