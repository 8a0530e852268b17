/* A thread takes no signal of the process, and who starts it takes what he took before. */
#include "host/threads/start.h"

#include <criterion/criterion.h>
#include <signal.h>

static void *mask_of_mine(void *arg)
{
    pthread_sigmask(SIG_BLOCK, NULL, arg);
    return arg;
}

Test(thread_start, blocks_signals_but_faults)
{
    static const int blocked[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD};
    static const int open[] = {SIGBUS, SIGSEGV, SIGFPE, SIGILL};
    sigset_t before, after, mask;
    pthread_t thread;
    void *result;

    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigemptyset(&mask);
    cr_assert(ps_thread_start(&thread, NULL, mask_of_mine, &mask));
    cr_assert_eq(pthread_join(thread, &result), 0);
    cr_assert_eq(result, &mask);
    for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++)
        cr_assert_eq(sigismember(&mask, blocked[i]), 1, "signal %d", blocked[i]);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++)
        cr_assert_eq(sigismember(&mask, open[i]), 0, "signal %d", open[i]);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    for (int number = 1; number < 32; number++)
        cr_assert_eq(sigismember(&after, number), number == SIGUSR2, "signal %d", number);
}

static void *cpus_of_mine(void *arg)
{
    ps_thread_cpus_of_caller(arg);
    return arg;
}

/* From a thread that is bound to one processor, as lanes are. */
static void *start_on_all(void *arg)
{
    const struct ps_thread_cpus *all = arg;
    struct ps_thread_cpus bound, found[2];
    pthread_t thread;
    int cpu = 0;

    while (!CPU_ISSET(cpu, &all->set))
        cpu++;
    bound.is_known = 1;
    CPU_ZERO(&bound.set);
    CPU_SET(cpu, &bound.set);
    cr_assert_eq(pthread_setaffinity_np(pthread_self(), sizeof bound.set, &bound.set), 0);
    for (int with = 0; with < 2; with++) {
        cr_assert(ps_thread_start(&thread, with ? all : NULL, cpus_of_mine, &found[with]));
        cr_assert_eq(pthread_join(thread, NULL), 0);
    }
    cr_assert(CPU_EQUAL(&found[0].set, &bound.set));
    cr_assert(CPU_EQUAL(&found[1].set, &all->set));
    return arg;
}

Test(thread_start, runs_where_it_is_told)
{
    struct ps_thread_cpus all;
    pthread_t thread;

    ps_thread_cpus_of_caller(&all);
    cr_assert(all.is_known);
    cr_assert(ps_thread_start(&thread, NULL, start_on_all, &all));
    cr_assert_eq(pthread_join(thread, NULL), 0);
}

Test(thread_start, says_when_there_is_none)
{
    struct ps_thread_cpus none = {.is_known = 1};
    pthread_t thread;
    sigset_t mask;

    CPU_ZERO(&none.set);
    cr_assert_not(ps_thread_start(&thread, &none, mask_of_mine, &mask));
}
