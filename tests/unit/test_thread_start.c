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

Test(thread_start, obeys_attributes_and_says_when_there_is_none)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t mask;

    pthread_attr_init(&attr);
    /* More than there are addresses. */
    cr_assert_eq(pthread_attr_setstacksize(&attr, (size_t)1 << 60), 0);
    cr_assert_not(ps_thread_start(&thread, &attr, mask_of_mine, &mask));
    pthread_attr_destroy(&attr);
}
