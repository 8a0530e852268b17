#include "host/image/fault_guard.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

struct guard {
    uintptr_t begin;
    uint64_t n_bytes;
    sigjmp_buf back;
};

/* initial-exec: the handler must reach it without the allocation that a first access to dynamic
 * thread-local storage may make. */
static __thread struct guard *volatile current __attribute__((tls_model("initial-exec")));

static struct sigaction previous;

/* Not ours: what would have happened without us. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(sig, info, context);
        return;
    }
    if (previous.sa_handler == SIG_IGN && info->si_code <= 0)
        return;
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(sig);
        return;
    }
    /* A fault happens again on return, and then kills with the right address in the core file; a
     * signal that someone sent does not come back by itself. */
    signal(sig, SIG_DFL);
    if (info->si_code <= 0)
        raise(sig);
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *interrupted = context;
    struct guard *guard = current;

    if (guard && info->si_code > 0 && (uintptr_t)info->si_addr - guard->begin < guard->n_bytes) {
        current = NULL;
        /* Here rather than by sigsetjmp, which would cost a system call at every guard. */
        pthread_sigmask(SIG_SETMASK, &interrupted->uc_sigmask, NULL);
        siglongjmp(guard->back, 1);
    }
    pass_on(sig, info, context);
}

void ps_fault_guard_init(void)
{
    /* SA_NODEFER: a fault inside the earlier handler, or after it left by siglongjmp, is told. */
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};

    action.sa_sigaction = on_sigbus;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &previous);
}

int ps_fault_guard(const void *mem, uint64_t n_bytes, void (*fn)(void *arg), void *arg)
{
    struct guard guard = {.begin = (uintptr_t)mem, .n_bytes = n_bytes};
    struct guard *const outer = current;

    if (sigsetjmp(guard.back, 0)) {
        current = outer;
        return 1;
    }
    current = &guard;
    fn(arg);
    current = outer;
    return 0;
}
