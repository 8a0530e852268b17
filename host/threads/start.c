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

void ps_thread_cpus_of_caller(struct ps_thread_cpus *cpus)
{
    cpus->is_known = pthread_getaffinity_np(pthread_self(), sizeof cpus->set, &cpus->set) == 0;
}

int ps_thread_start(pthread_t *thread, const struct ps_thread_cpus *cpus, void *(*run)(void *),
                    void *arg)
{
    pthread_attr_t attr;
    sigset_t old;
    int is_started;

    if (pthread_attr_init(&attr) != 0)
        return 0;
    if (cpus && cpus->is_known)
        pthread_attr_setaffinity_np(&attr, sizeof cpus->set, &cpus->set);
    block_all_but_faults(&old);
    is_started = pthread_create(thread, &attr, run, arg) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return is_started;
}
