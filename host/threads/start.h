/* Threads beside those that scan. */
#ifndef PS_HOST_THREADS_START_H
#define PS_HOST_THREADS_START_H

#include <pthread.h>
#include <sched.h>

/* Processors that a thread may run on. */
struct ps_thread_cpus {
    cpu_set_t set;
    int is_known; /* 0: more of them than a set has room for */
};

/* Those of the calling thread. */
void ps_thread_cpus_of_caller(struct ps_thread_cpus *cpus);

/* Run 'run' with 'arg' in a thread of its own, on 'cpus'; NULL or not known: where the caller may
 * run, which is one processor if he is bound to it. 1: it runs, and *thread is to be joined; 0:
 * there is none to be had, and whoever asked does the work himself.
 *
 * The thread takes no signals but those of faults of its own (SIGBUS and the like): the others are
 * for the threads that know what to do about them. Any thread may call this. */
int ps_thread_start(pthread_t *thread, const struct ps_thread_cpus *cpus, void *(*run)(void *),
                    void *arg);

#endif
