#include "host/topology.h"

#include <hwloc.h>
#include <hwloc/linux.h>
#include <stdio.h>
#include <stdlib.h>

struct ps_topology {
    hwloc_topology_t hw; /* NULL: nothing is known */
    struct ps_machine machine;
};

static uint64_t cache_bytes(hwloc_topology_t hw, hwloc_obj_type_t type)
{
    hwloc_obj_t cache = hwloc_get_obj_by_type(hw, type, 0);

    return cache ? cache->attr->cache.size : 0;
}

static unsigned count(hwloc_topology_t hw, hwloc_obj_type_t type)
{
    int n = hwloc_get_nbobjs_by_type(hw, type);

    return n > 0 ? (unsigned)n : 1;
}

static void describe(hwloc_topology_t hw, struct ps_machine *m)
{
    m->n_cores = count(hw, HWLOC_OBJ_CORE);
    m->n_pus = count(hw, HWLOC_OBJ_PU);
    m->n_nodes = count(hw, HWLOC_OBJ_NUMANODE);
    m->l2_bytes = cache_bytes(hw, HWLOC_OBJ_L2CACHE);
    m->l3_bytes = cache_bytes(hw, HWLOC_OBJ_L3CACHE);
    m->n_l3 = count(hw, HWLOC_OBJ_L3CACHE);
    m->memory_bytes = hwloc_get_root_obj(hw)->total_memory;
}

/* A task of a farm may be short, and each of these takes a part of it: a thread bound to every
 * processor in turn to ask its CPUID, files of sysfs for every core. Devices are not listed either
 * (hwloc does not unless told to): the configuration space of one may take a millisecond to read.
 * A library that does not know a flag refuses all of them, and takes its time. */
static void ask_for_little(hwloc_topology_t hw)
{
    hwloc_topology_set_flags(
        hw, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING | HWLOC_TOPOLOGY_FLAG_NO_DISTANCES |
                HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS | HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS);
    hwloc_topology_set_type_filter(hw, HWLOC_OBJ_L1CACHE, HWLOC_TYPE_FILTER_KEEP_NONE);
}

struct ps_topology *ps_topology_new(void)
{
    struct ps_topology *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->machine = (struct ps_machine){.n_cores = 1, .n_pus = 1, .n_nodes = 1, .n_l3 = 1};
    if (hwloc_topology_init(&t->hw) != 0) {
        t->hw = NULL;
        return t;
    }
    ask_for_little(t->hw);
    if (hwloc_topology_load(t->hw) != 0) {
        hwloc_topology_destroy(t->hw);
        t->hw = NULL;
        return t;
    }
    describe(t->hw, &t->machine);
    return t;
}

void ps_topology_free(struct ps_topology *t)
{
    if (!t)
        return;
    if (t->hw)
        hwloc_topology_destroy(t->hw);
    free(t);
}

const struct ps_machine *ps_topology_machine(const struct ps_topology *t)
{
    static const struct ps_machine unknown = {.n_cores = 1, .n_pus = 1, .n_nodes = 1, .n_l3 = 1};

    return t ? &t->machine : &unknown;
}

static int is_real(const struct ps_topology *t)
{
    return t && t->hw && hwloc_topology_is_thissystem(t->hw);
}

/* The hardware thread of worker i of n, NULL if unknown; to be freed with hwloc_bitmap_free. */
static hwloc_cpuset_t worker_set(const struct ps_topology *t, unsigned i, unsigned n)
{
    hwloc_obj_t root = hwloc_get_root_obj(t->hw);
    hwloc_cpuset_t *sets = calloc(n, sizeof *sets);
    hwloc_cpuset_t mine = NULL;

    if (!sets)
        return NULL;
    if (hwloc_distrib(t->hw, &root, 1, sets, n, INT_MAX, 0) == 0) {
        mine = sets[i];
        sets[i] = NULL;
    }
    for (unsigned k = 0; k < n; k++)
        hwloc_bitmap_free(sets[k]);
    free(sets);
    return mine;
}

void ps_topology_bind_worker(const struct ps_topology *t, unsigned i, unsigned n)
{
    hwloc_cpuset_t set;

    /* More workers than hardware threads: the scheduler knows better. */
    if (!is_real(t) || i >= n || n > t->machine.n_pus)
        return;
    set = worker_set(t, i, n);
    if (!set)
        return;
    hwloc_bitmap_singlify(set);
    hwloc_set_cpubind(t->hw, set, HWLOC_CPUBIND_THREAD);
    hwloc_bitmap_free(set);
}

int ps_topology_worker_node(const struct ps_topology *t, unsigned i, unsigned n)
{
    hwloc_cpuset_t set;
    hwloc_obj_t node = NULL;
    int index = -1;

    if (!t || !t->hw || i >= n)
        return -1;
    set = worker_set(t, i, n);
    if (!set)
        return -1;
    while ((node = hwloc_get_next_obj_by_type(t->hw, HWLOC_OBJ_NUMANODE, node)) && index < 0)
        if (hwloc_bitmap_intersects(node->cpuset, set))
            index = (int)node->logical_index;
    hwloc_bitmap_free(set);
    return index;
}

void ps_topology_bind_near_pci(const struct ps_topology *t, int domain, int bus, int device,
                               int function)
{
    char path[80];
    hwloc_cpuset_t near;

    if (!is_real(t) || bus < 0)
        return;
    near = hwloc_bitmap_alloc();
    if (!near)
        return;
    snprintf(path, sizeof path, "/sys/bus/pci/devices/%04x:%02x:%02x.%x/local_cpus",
             domain < 0 ? 0 : (unsigned)domain, (unsigned)bus, (unsigned)device,
             (unsigned)function);
    if (hwloc_linux_read_path_as_cpumask(path, near) == 0) {
        hwloc_bitmap_and(near, near, hwloc_topology_get_topology_cpuset(t->hw));
        if (!hwloc_bitmap_iszero(near))
            hwloc_set_cpubind(t->hw, near, HWLOC_CPUBIND_THREAD);
    }
    hwloc_bitmap_free(near);
}

void *ps_topology_alloc(const struct ps_topology *t, size_t n_bytes)
{
    hwloc_cpuset_t here;
    void *mem = NULL;

    /* One node: aligned memory is enough. Several: on the node of the thread that will scan. */
    if (is_real(t) && t->machine.n_nodes > 1 && (here = hwloc_bitmap_alloc())) {
        if (hwloc_get_last_cpu_location(t->hw, here, HWLOC_CPUBIND_THREAD) == 0)
            mem = hwloc_alloc_membind(t->hw, n_bytes, here, HWLOC_MEMBIND_BIND, 0);
        hwloc_bitmap_free(here);
        if (!mem)
            mem = hwloc_alloc(t->hw, n_bytes);
        return mem;
    }
    return t && t->hw ? hwloc_alloc(t->hw, n_bytes) : aligned_alloc(4096, n_bytes);
}

void ps_topology_release(const struct ps_topology *t, void *mem, size_t n_bytes)
{
    if (!mem)
        return;
    if (t && t->hw)
        hwloc_free(t->hw, mem, n_bytes);
    else
        free(mem);
}

const char *ps_topology_library_version(void)
{
    static char text[16];
    unsigned v = hwloc_get_api_version();

    snprintf(text, sizeof text, "%u.%u", v >> 16, v >> 8 & 0xffu);
    return text;
}
