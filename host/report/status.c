#include "host/report/status.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "host/report/progress.h"
#include "host/report/units.h"
#include "host/threads/start.h"

#define TARGET_BYTES 512u

/* Global because a signal handler can be passed nothing, and the phases are many layers deep. */
static struct {
    pthread_t thread;
    sem_t wake;
    int is_started;
    atomic_int is_ending;
    atomic_int n_asked;
    _Atomic(const char *) phase;
    _Atomic uint64_t bytes;
    pthread_mutex_t lock; /* of 'target' */
    char target[TARGET_BYTES];
} status = {.lock = PTHREAD_MUTEX_INITIALIZER};

void ps_status_phase(const char *phase)
{
    atomic_store(&status.bytes, 0);
    atomic_store(&status.phase, phase);
}

void ps_status_bytes(uint64_t done)
{
    atomic_store(&status.bytes, done);
}

void ps_status_target(const char *target)
{
    pthread_mutex_lock(&status.lock);
    snprintf(status.target, sizeof status.target, "%s", target);
    pthread_mutex_unlock(&status.lock);
    ps_status_phase(NULL);
}

void ps_status_request(void)
{
    atomic_fetch_add(&status.n_asked, 1);
    sem_post(&status.wake);
}

static void answer(void)
{
    const char *phase = atomic_load(&status.phase);
    const uint64_t bytes = atomic_load(&status.bytes);
    char target[TARGET_BYTES];
    char done[PS_UNIT_TEXT_BYTES];

    if (ps_progress_tell(phase))
        return;
    pthread_mutex_lock(&status.lock);
    memcpy(target, status.target, sizeof target);
    pthread_mutex_unlock(&status.lock);
    /* File names may hold anything; one message is one line and drives no terminal. */
    for (char *c = target; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    /* Not through the log, of which lines may be kept. */
    fprintf(stderr, "poolscan: %s%s%s%s%s\n", target, target[0] ? ": " : "",
            phase ? phase : "between two phases", bytes ? ", " : "",
            bytes ? ps_print_bytes(bytes, done) : "");
}

static void *status_main(void *arg)
{
    int is_ending;

    (void)arg;
    do {
        while (sem_wait(&status.wake) < 0 && errno == EINTR)
            ;
        is_ending = atomic_load(&status.is_ending);
        if (atomic_exchange(&status.n_asked, 0) > 0)
            answer();
    } while (!is_ending);
    return NULL;
}

void ps_status_start(void)
{
    if (sem_init(&status.wake, 0, 0) < 0)
        return;
    status.is_started = ps_thread_start(&status.thread, NULL, status_main, NULL);
}

void ps_status_stop(void)
{
    if (!status.is_started)
        return;
    atomic_store(&status.is_ending, 1);
    sem_post(&status.wake);
    pthread_join(status.thread, NULL);
}
