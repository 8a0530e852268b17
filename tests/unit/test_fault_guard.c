#include "host/image/fault_guard.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/cut_file.h"

#define N_BYTES ((size_t)1 << 20)

TestSuite(fault_guard);

Test(fault_guard, whole_file)
{
    struct ps_cut_file file;
    struct ps_touch touch;

    ps_fault_guard_init();
    ps_cut_file_make(&file, N_BYTES);
    touch = (struct ps_touch){file.mem, N_BYTES, 0};
    cr_assert_eq(ps_fault_guard(file.mem, N_BYTES, ps_touch, &touch), 0);
    cr_assert_eq(touch.sum, N_BYTES / 64);
    ps_cut_file_free(&file);
}

/* Again and again: the signal is not left blocked, and the guard not left set. */
Test(fault_guard, cut_file)
{
    struct ps_cut_file file;
    sigset_t mask;

    ps_fault_guard_init();
    ps_cut_file_make(&file, N_BYTES);
    ps_cut_file_cut(&file, N_BYTES / 2);
    for (int i = 0; i < 1000; i++) {
        struct ps_touch touch = {file.mem, N_BYTES, 0};

        cr_assert_eq(ps_fault_guard(file.mem, N_BYTES, ps_touch, &touch), 1);
        cr_assert_eq(touch.sum, N_BYTES / 2 / 64);
        touch = (struct ps_touch){file.mem, N_BYTES / 2, 0};
        cr_assert_eq(ps_fault_guard(file.mem, N_BYTES / 2, ps_touch, &touch), 0);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    cr_assert_not(sigismember(&mask, SIGBUS));
    ps_cut_file_free(&file);
}

static void *guard_many(void *arg)
{
    struct ps_cut_file *file = arg;
    size_t n_ended = 0;

    for (int i = 0; i < 2000; i++) {
        struct ps_touch touch = {file->mem, N_BYTES, 0};

        n_ended += (size_t)ps_fault_guard(file->mem, N_BYTES, ps_touch, &touch);
    }
    return (void *)n_ended;
}

/* One thread on a cut file, one on a whole one: each gets its own answer, every time. */
Test(fault_guard, two_threads)
{
    struct ps_cut_file files[2];
    pthread_t threads[2];
    void *n_ended[2];

    ps_fault_guard_init();
    for (int i = 0; i < 2; i++)
        ps_cut_file_make(&files[i], N_BYTES);
    ps_cut_file_cut(&files[0], N_BYTES / 2);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, guard_many, &files[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], &n_ended[i]);
    cr_assert_eq((size_t)n_ended[0], 2000);
    cr_assert_eq((size_t)n_ended[1], 0);
    for (int i = 0; i < 2; i++)
        ps_cut_file_free(&files[i]);
}

/* Run fn in a child that began with 'before' as the disposition of SIGBUS; returns how it ended,
 * as waitpid says. */
static int in_child(void (*before)(int), void (*fn)(void))
{
    int status;
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    if (!pid) {
        struct rlimit no_core = {0};

        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGBUS, before);
        ps_fault_guard_init();
        fn();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void fault_without_guard(void)
{
    struct ps_cut_file file;
    struct ps_touch touch;

    ps_cut_file_make(&file, N_BYTES);
    ps_cut_file_cut(&file, 0);
    touch = (struct ps_touch){file.mem, N_BYTES, 0};
    ps_touch(&touch);
}

static void fault_outside_range(void)
{
    struct ps_cut_file file;
    struct ps_touch touch;

    ps_cut_file_make(&file, N_BYTES);
    ps_cut_file_cut(&file, 0);
    touch = (struct ps_touch){file.mem + N_BYTES / 2, N_BYTES / 2, 0};
    ps_fault_guard(file.mem, N_BYTES / 2, ps_touch, &touch);
}

static void send_to_self(void *arg)
{
    (void)arg;
    raise(SIGBUS);
}

static void sent_while_guarded(void)
{
    ps_fault_guard(NULL, UINT64_MAX, send_to_self, NULL);
}

static void fault_after_guard(void)
{
    struct ps_cut_file file;
    struct ps_touch touch;

    ps_cut_file_make(&file, N_BYTES);
    ps_cut_file_cut(&file, 0);
    touch = (struct ps_touch){file.mem, N_BYTES, 0};
    if (!ps_fault_guard(file.mem, N_BYTES, ps_touch, &touch))
        _exit(1);
    ps_touch(&touch);
}

Test(fault_guard, elsewhere_it_kills_as_before)
{
    void (*const all[])(void) = {fault_without_guard, fault_outside_range, sent_while_guarded,
                                 fault_after_guard};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int status = in_child(SIG_DFL, all[i]);

        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "case %zu: status %#x", i,
                  status);
    }
}

static void own_handler(int sig)
{
    (void)sig;
    _exit(42);
}

Test(fault_guard, an_earlier_handler_gets_the_rest)
{
    void (*const all[])(void) = {fault_without_guard, fault_outside_range, sent_while_guarded,
                                 fault_after_guard};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int status = in_child(own_handler, all[i]);

        cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42, "case %zu: status %#x", i,
                  status);
    }
}

/* Ignored stays ignored for a signal that was sent; a fault cannot be ignored. */
Test(fault_guard, ignored_before)
{
    int status = in_child(SIG_IGN, sent_while_guarded);

    cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "status %#x", status);
    status = in_child(SIG_IGN, fault_without_guard);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS, "status %#x", status);
}

static sigjmp_buf back_to_test;
static void *volatile seen_address;

static void info_handler(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    (void)context;
    seen_address = info->si_addr;
    siglongjmp(back_to_test, 1);
}

Test(fault_guard, an_earlier_handler_with_info_gets_it)
{
    struct sigaction action = {.sa_flags = SA_SIGINFO};
    struct ps_cut_file file;
    struct ps_touch touch;

    action.sa_sigaction = info_handler;
    sigaction(SIGBUS, &action, NULL);
    ps_fault_guard_init();
    ps_cut_file_make(&file, N_BYTES);
    ps_cut_file_cut(&file, N_BYTES / 2);
    touch = (struct ps_touch){file.mem, N_BYTES, 0};
    if (!sigsetjmp(back_to_test, 1)) {
        ps_touch(&touch);
        cr_assert_fail("a fault without a guard went unseen");
    }
    cr_assert_eq(seen_address, file.mem + N_BYTES / 2);
    ps_cut_file_free(&file);
}
