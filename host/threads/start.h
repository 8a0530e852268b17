/* Threads beside those that scan. */
#ifndef PS_HOST_THREADS_START_H
#define PS_HOST_THREADS_START_H

#include <pthread.h>

/* Run 'run' with 'arg' in a thread of its own, with 'attr', which may be NULL. 1: it runs, and
 * *thread is to be joined; 0: there is none to be had, and whoever asked does the work himself.
 *
 * The thread takes no signals but those of faults of its own (SIGBUS and the like): the others are
 * for the threads that know what to do about them. Any thread may call this. */
int ps_thread_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

#endif
