/* The machine: hwloc lives here and nowhere else. */
#ifndef PS_HOST_TOPOLOGY_H
#define PS_HOST_TOPOLOGY_H

#include <stddef.h>
#include <stdint.h>

struct ps_topology;

struct ps_machine {
    unsigned n_cores;    /* cores that this process may use */
    unsigned n_pus;      /* hardware threads that this process may use */
    unsigned n_nodes;    /* NUMA nodes */
    uint64_t l2_bytes;   /* of one L2 cache; 0 if unknown */
    uint64_t l3_bytes;   /* of one last-level cache; 0 if unknown */
    unsigned n_l3;       /* how many of those */
    uint64_t memory_bytes; /* of the machine, 0 if unknown */
};

/* Never fails: without information (or memory) it describes one core without caches and binding
 * does nothing. HWLOC_SYNTHETIC and HWLOC_XMLFILE are honoured. Free with ps_topology_free. */
struct ps_topology *ps_topology_new(void);
void ps_topology_free(struct ps_topology *t); /* accepts NULL */

const struct ps_machine *ps_topology_machine(const struct ps_topology *t);

/* Bind the calling thread as worker i of n: spread over packages and cores first, hardware
 * threads of a core last. A no-op when hwloc cannot or the topology is not this machine's. */
void ps_topology_bind_worker(const struct ps_topology *t, unsigned i, unsigned n);

/* Bind the calling thread near a PCI device; a no-op when its place is unknown. */
void ps_topology_bind_near_pci(const struct ps_topology *t, int domain, int bus, int device,
                               int function);

/* NUMA node (logical index) of worker i of n, or -1: for messages and tests. */
int ps_topology_worker_node(const struct ps_topology *t, unsigned i, unsigned n);

/* n_bytes (a multiple of 4096) of page-aligned memory on the node where the calling thread runs;
 * NULL when there is none. Free with ps_topology_release. */
void *ps_topology_alloc(const struct ps_topology *t, size_t n_bytes);
void ps_topology_release(const struct ps_topology *t, void *mem, size_t n_bytes);

/* Run-time version of the library, "2.9". */
const char *ps_topology_library_version(void);

#endif
