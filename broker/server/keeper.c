/* keeper.c - see keeper.h. Tells the operator what it did and what it could not do; the same complaint
 * only every few hours until something else happens. */
#include "broker/server/keeper.h"

#include "audit/keep/archive.h"
#include "broker/base/clock.h"
#include "broker/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_S 600
#define REPEAT_US (INT64_C(6) * 3600 * 1000000) /* what is still wrong then is said again */
/* The kernel's numbers for "only when the disk is idle" (linux/ioprio.h). */
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE (3U << 13)

struct keeper {
    const char *dir, *to;
    uint64_t after_ms;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    _Atomic bool stop;
    char told[CB_ERR_MSG_MAX]; /* the last complaint */
    int64_t told_us;           /* monotonic */
};

/* be_modest - this thread alone; where the system does not let us it works all the same. */
static void be_modest(void)
{
    const pid_t self = (pid_t)syscall(SYS_gettid);
    (void)setpriority(PRIO_PROCESS, (id_t)self, 19);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, self, IOPRIO_IDLE);
}

static int64_t before_us(const struct keeper *k)
{
    return k->after_ms == UINT64_MAX
               ? INT64_MIN
               : clock_wall_us(&cb_system_clock) - (int64_t)k->after_ms * 1000;
}

static void run_once(struct keeper *k)
{
    struct archive_counts counts;
    struct cb_err err;
    const struct archive_options options = {
        .dir = k->dir, .to = k->to, .before_us = before_us(k), .stop = &k->stop};
    const enum cb_code code = archive_run(&options, &counts, &err);
    if (counts.packed + counts.copied > 0) {
        log_info("audit.archive", "%zu segments packed (%llu of %llu KiB), %zu copied to %s",
                 counts.packed, (unsigned long long)(counts.packed_bytes >> 10),
                 (unsigned long long)(counts.plain_bytes >> 10), counts.copied,
                 k->to == NULL ? "nowhere" : k->to);
    }
    if (code == CB_OK || code == CB_EBUSY) {
        k->told[0] = '\0';
    } else if (strcmp(k->told, err.msg) != 0 ||
               clock_mono_us(&cb_system_clock) - k->told_us >= REPEAT_US) {
        (void)snprintf(k->told, sizeof(k->told), "%s", err.msg);
        k->told_us = clock_mono_us(&cb_system_clock);
        log_warn("audit.archive", "%s", err.msg);
    }
}

/* wait - until the next time; false: it is to end. */
static bool wait_for_next(struct keeper *k)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PERIOD_S;
    (void)pthread_mutex_lock(&k->mutex);
    int status = 0;
    while (!atomic_load(&k->stop) && status != ETIMEDOUT) {
        status = pthread_cond_timedwait(&k->wake, &k->mutex, &until);
    }
    (void)pthread_mutex_unlock(&k->mutex);
    return !atomic_load(&k->stop);
}

static void *keeper_main(void *arg)
{
    struct keeper *k = arg;
    be_modest();
    do {
        run_once(k);
    } while (wait_for_next(k));
    return NULL;
}

static int start_thread(struct keeper *k)
{
    sigset_t all;
    sigset_t before;
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&k->mutex, NULL);
    (void)pthread_cond_init(&k->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    /* Signals belong to the main thread. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int status = pthread_create(&k->thread, NULL, keeper_main, k);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

enum cb_code keeper_start(const char *dir, const char *to, uint64_t after_ms, struct keeper **ret,
                          struct cb_err *err)
{
    if (after_ms == UINT64_MAX && to == NULL) {
        *ret = NULL;
        return CB_OK;
    }
    struct keeper *k = calloc(1, sizeof(*k));
    if (k == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    k->dir = dir;
    k->to = to;
    k->after_ms = after_ms;
    const int status = start_thread(k);
    if (status != 0) {
        free(k);
        return cb_fail(err, CB_ESYS, "cannot start the audit log's keeper: error %d", status);
    }
    *ret = k;
    return CB_OK;
}

void keeper_stop(struct keeper *k)
{
    if (k == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&k->mutex);
    atomic_store(&k->stop, true);
    (void)pthread_cond_signal(&k->wake);
    (void)pthread_mutex_unlock(&k->mutex);
    (void)pthread_join(k->thread, NULL);
    (void)pthread_mutex_destroy(&k->mutex);
    (void)pthread_cond_destroy(&k->wake);
    free(k);
}
