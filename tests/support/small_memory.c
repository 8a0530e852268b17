#include "tests/support/small_memory.h"

#include <stdlib.h>
#include <string.h>

static size_t read_runs(void *arg, uint64_t phys, void *buf, size_t n_bytes)
{
    const struct small_memory *m = arg;
    size_t done = 0;

    for (size_t i = 0; i < m->mem.n_runs && done < n_bytes; i++) {
        const struct ps_phys_run *r = &m->run[i];
        uint64_t at = phys + done;
        size_t n = n_bytes - done;

        if (at < r->phys || at - r->phys >= r->n_bytes)
            continue;
        if (n > r->n_bytes - (at - r->phys))
            n = (size_t)(r->n_bytes - (at - r->phys));
        memcpy((uint8_t *)buf + done, m->bytes + at, n);
        done += n;
    }
    return done;
}

void small_memory_init(struct small_memory *m)
{
    memset(m->bytes, 0, sizeof m->bytes);
    m->run[0] = (struct ps_phys_run){0, sizeof m->bytes, 0};
    m->mem = (struct ps_physmem){.read = read_runs, .arg = m, .run = m->run, .n_runs = 1};
}

void small_memory_hole(struct small_memory *m, uint64_t first, uint64_t end)
{
    m->run[0] = (struct ps_phys_run){0, first * PS_FRAME_BYTES, 0};
    m->run[1] = (struct ps_phys_run){end * PS_FRAME_BYTES,
                                     (SMALL_MEMORY_FRAMES - end) * PS_FRAME_BYTES, first};
    m->mem.n_runs = 2;
}

static void put(struct small_memory *m, uint64_t phys, uint64_t value, size_t n)
{
    if (phys > sizeof m->bytes - n)
        abort();
    for (size_t i = 0; i < n; i++)
        m->bytes[phys + i] = (uint8_t)(value >> 8 * i);
}

void small_memory_put64(struct small_memory *m, uint64_t phys, uint64_t value)
{
    put(m, phys, value, 8);
}

void small_memory_put32(struct small_memory *m, uint64_t phys, uint32_t value)
{
    put(m, phys, value, 4);
}
