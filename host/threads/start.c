#include "host/threads/start.h"

#include <signal.h>
#include <stddef.h>

/* A fault whose signal is blocked ends the process before any handler is asked. */
static void block_all_but_faults(sigset_t *old)
{
    static const int faults[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&set, faults[i]);
    pthread_sigmask(SIG_SETMASK, &set, old);
}

int ps_thread_start(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
    sigset_t old;
    int is_started;

    block_all_but_faults(&old);
    is_started = pthread_create(thread, attr, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return is_started;
}
