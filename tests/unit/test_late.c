/* What is found when it is asked for first: once, before anybody goes on. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "host/threads/late.h"

#define N_THREADS 8

struct search {
    struct ps_late late;
    int n_calls;
    int answer;
    int rc;
};

static int find(void *arg, struct ps_err *err)
{
    struct search *s = arg;

    s->n_calls++;
    usleep(20000);
    s->answer = 42;
    return s->rc < 0 ? ps_fail(err, PS_ENOMEM, PS_AT_NONE, "no memory for the answer") : 0;
}

static void *ask(void *arg)
{
    struct search *s = arg;

    ps_late_ask(&s->late);
    return s->answer == 42 ? s : NULL;
}

Test(late, is_found_once_and_seen_by_all)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct search s = {.late = {.lock = &lock, .find = find, .arg = &s}};
    pthread_t thread[N_THREADS];
    struct ps_err err;

    cr_expect_eq(ps_late_error(&s.late, &err), 0);
    cr_expect_eq(s.n_calls, 0, "asking for an error finds nothing");
    for (int i = 0; i < N_THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, ask, &s), 0);
    for (int i = 0; i < N_THREADS; i++) {
        void *seen = NULL;

        pthread_join(thread[i], &seen);
        cr_expect_eq(seen, &s);
    }
    cr_expect_eq(s.n_calls, 1);
    cr_expect_eq(ps_late_error(&s.late, &err), 0);
}

Test(late, error_is_kept)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct search s = {.late = {.lock = &lock, .find = find, .arg = &s}, .rc = -1};

    for (int i = 0; i < 2; i++) {
        struct ps_err err = {0};

        ps_late_ask(&s.late);
        cr_expect_eq(ps_late_error(&s.late, &err), -PS_ENOMEM);
        cr_expect_str_eq(err.msg, "no memory for the answer");
    }
    cr_expect_eq(s.n_calls, 1);
}

Test(late, nothing_to_find)
{
    struct ps_late none = {0};
    struct ps_err err;

    ps_late_ask(&none);
    cr_expect_eq(ps_late_error(&none, &err), 0);
}
