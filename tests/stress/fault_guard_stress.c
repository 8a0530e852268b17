/* Guards on many threads while their files shrink and grow, for ThreadSanitizer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/image/fault_guard.h"
#include "tests/support/cut_file.h"

#define N_THREADS 8
#define N_ROUNDS  300
#define N_BYTES   ((size_t)1 << 18)

static atomic_int n_wrong;

/* Even threads cut their file before each second guard, odd ones never. */
static void *guard_many(void *arg)
{
    size_t number = (size_t)arg;
    struct ps_cut_file file;

    ps_cut_file_make(&file, N_BYTES);
    for (int round = 0; round < N_ROUNDS; round++) {
        struct ps_touch touch = {file.mem, N_BYTES, 0};
        int is_cut = number % 2 == 0 && round % 2;

        ps_cut_file_cut(&file, is_cut ? N_BYTES / 4 : N_BYTES);
        if (ps_fault_guard(file.mem, N_BYTES, ps_touch, &touch) != is_cut)
            atomic_fetch_add(&n_wrong, 1);
    }
    ps_cut_file_free(&file);
    return NULL;
}

int main(void)
{
    pthread_t threads[N_THREADS];

    ps_fault_guard_init();
    for (size_t i = 0; i < N_THREADS; i++) {
        if (pthread_create(&threads[i], NULL, guard_many, (void *)i)) {
            fprintf(stderr, "cannot start a thread\n");
            return 1;
        }
    }
    for (size_t i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%d of %d guards gave a wrong answer\n", atomic_load(&n_wrong), N_THREADS * N_ROUNDS);
    return atomic_load(&n_wrong) != 0;
}
