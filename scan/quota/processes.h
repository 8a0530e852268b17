/* The processes of the image, from the one that PsInitialSystemProcess points to. */
#ifndef PS_SCAN_QUOTA_PROCESSES_H
#define PS_SCAN_QUOTA_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

#include "scan/pool/era.h"
#include "scan/windows/paging/paging.h"

#define PS_MAX_PROCESSES      1024u
#define PS_PROCESS_NAME_BYTES 16u

struct ps_process {
    uint64_t va; /* of the EPROCESS */
    uint64_t pid;
    char name[PS_PROCESS_NAME_BYTES]; /* printable; "": not known */
};

struct ps_processes {
    struct ps_process process[PS_MAX_PROCESSES]; /* in the order of the list */
    size_t n;
    uint32_t pid_at, links_at; /* in the EPROCESS; 0: the list was not found */
    uint32_t name_at;          /* 0: not known */
};

/* Is there an EPROCESS at 'va': its DISPATCHER_HEADER says so? */
int ps_process_is_at(struct ps_paging *paging, enum ps_arch arch, uint64_t va);

/* The same, and the list of its waiters leads back to it: for addresses that no cookie vouches for.
 */
int ps_process_is_proven(struct ps_paging *paging, enum ps_arch arch, uint64_t va);

/* Follow ActiveProcessLinks from System's EPROCESS at 'va'. Where fields are in it is seen there,
 * whatever the build: number 4, then two pointers of a list that lead away and back, and the name.
 * out->n is 0 when there is no process at 'va', and 1 when no list is found in it. Ends after
 * PS_MAX_PROCESSES, and where a link does not lead back. */
void ps_processes_read(struct ps_paging *paging, enum ps_arch arch, uint64_t va,
                       struct ps_processes *out);

/* The process at that address; NULL when it is not in the list. */
const struct ps_process *ps_processes_find(const struct ps_processes *list, uint64_t va);

#endif
