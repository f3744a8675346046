/* issued.c - opening, feeding and asking: everything that happens on other threads than the index's
 * own (issued_thread.c). Nothing here waits for the disk except issued_open and the calls that say
 * so. */
#include "broker/issued/issued_thread.h"

#include <signal.h>
#include <stdlib.h>

#define DOOMED_ARENA_MAX (256U << 20) /* used only as far as there are that many */

/* ---- feeding ---- */
void issued_feed(struct issued *issued, uint64_t seq, struct slice line)
{
    (void)pthread_mutex_lock(&issued->lock);
    const size_t before = issued->feed.lines.len;
    const bool was_empty = issued->first_fed_us == 0;
    feed_add(&issued->feed, seq, line);
    if (seq + 1 > issued->fed_next) {
        issued->fed_next = seq + 1;
    }
    if (was_empty) {
        issued->first_fed_us = issued_now_us();
    }
    const bool is_plenty = before < WAKE_BYTES && issued->feed.lines.len >= WAKE_BYTES;
    if (was_empty || is_plenty) {
        (void)pthread_cond_signal(&issued->wake);
    }
    (void)pthread_mutex_unlock(&issued->lock);
}

/* start_thread - signals are the main thread's business. */
static int start_thread(struct issued *issued)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    const int rc = pthread_create(&issued->thread, NULL, issued_thread, issued);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0) {
        (void)pthread_setname_np(issued->thread, "cb-issued");
    }
    return rc;
}

/* ---- opening and closing ---- */
static void init_sync_objects(struct issued *issued)
{
    pthread_condattr_t attr;
    CB_CHECK(pthread_mutex_init(&issued->lock, NULL) == 0);
    CB_CHECK(pthread_condattr_init(&attr) == 0);
    CB_CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    CB_CHECK(pthread_cond_init(&issued->wake, &attr) == 0);
    CB_CHECK(pthread_cond_init(&issued->done, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
}

static void destroy(struct issued *issued)
{
    issued_sync_free(&issued->sync);
    claims_free(&issued->claims);
    rooms_free(&issued->rooms);
    feed_free(&issued->feed);
    feed_free(&issued->work);
    (void)pthread_cond_destroy(&issued->done);
    (void)pthread_cond_destroy(&issued->wake);
    (void)pthread_mutex_destroy(&issued->lock);
    free(issued);
}

enum cb_code issued_open(const char *path, const char *audit_dir, struct issued **ret,
                         struct cb_err *err)
{
    struct issued *issued = calloc(1, sizeof(*issued));
    if (issued == NULL) {
        return cb_fail(err, CB_ENOMEM, "index of certificates: out of memory");
    }
    init_sync_objects(issued);
    TAILQ_INIT(&issued->queries);
    TAILQ_INIT(&issued->jobs);
    feed_init(&issued->feed);
    feed_init(&issued->work);
    rooms_init(&issued->rooms);
    enum cb_code code = issued_sync_init(&issued->sync, path, audit_dir, err);
    if (code == CB_OK) {
        code = issued_sync_bring(&issued->sync, UINT64_MAX, err);
    }
    if (code == CB_OK) {
        issued->fed_next = issued->sync.db->now.mark.applied;
        issued_publish_stats(issued);
        const int rc = start_thread(issued);
        code = rc == 0 ? CB_OK : cb_fail(err, CB_ESYS, "index of certificates: no thread (%d)", rc);
    }
    if (code != CB_OK) {
        destroy(issued);
        return code;
    }
    *ret = issued;
    return CB_OK;
}

void issued_close(struct issued *issued)
{
    if (issued == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&issued->lock);
    issued->is_stopping = true;
    (void)pthread_cond_signal(&issued->wake);
    (void)pthread_mutex_unlock(&issued->lock);
    (void)pthread_join(issued->thread, NULL);
    destroy(issued);
}

/* ---- asking ---- */
void issued_ask(struct issued *issued, struct issued_query *q)
{
    (void)pthread_mutex_lock(&issued->lock);
    TAILQ_INSERT_TAIL(&issued->queries, q, link);
    (void)pthread_cond_signal(&issued->wake);
    (void)pthread_mutex_unlock(&issued->lock);
}

struct waiter {
    struct issued *issued;
    bool is_done;
};

static void wake_waiter(struct issued_query *q)
{
    struct waiter *waiter = q->ctx;
    struct issued *issued = waiter->issued;
    (void)pthread_mutex_lock(&issued->lock);
    waiter->is_done = true;
    (void)pthread_cond_broadcast(&issued->done);
    (void)pthread_mutex_unlock(&issued->lock);
}

void issued_wait(struct issued *issued, struct issued_query *q)
{
    struct waiter waiter = {.issued = issued};
    q->done = wake_waiter;
    q->ctx = &waiter; /* cppcheck-suppress autoVariables ; answered before this returns */
    issued_ask(issued, q);
    (void)pthread_mutex_lock(&issued->lock);
    while (!waiter.is_done) {
        (void)pthread_cond_wait(&issued->done, &issued->lock);
    }
    (void)pthread_mutex_unlock(&issued->lock);
}

enum cb_code issued_doomed(struct issued *issued, size_t max,
                           void (*each)(void *ctx, const struct issued_cert *cert), void *ctx,
                           struct cb_err *err)
{
    struct doomed_job job = {.max = max};
    arena_init(&job.arena, DOOMED_ARENA_MAX);
    (void)pthread_mutex_lock(&issued->lock);
    TAILQ_INSERT_TAIL(&issued->jobs, &job, link);
    (void)pthread_cond_signal(&issued->wake);
    while (!job.is_done) {
        (void)pthread_cond_wait(&issued->done, &issued->lock);
    }
    (void)pthread_mutex_unlock(&issued->lock);
    if (job.code == CB_OK) {
        for (size_t i = 0; i < job.num; i++) {
            each(ctx, &job.certs[i]);
        }
    } else {
        *err = job.err;
    }
    arena_free(&job.arena);
    return job.code;
}

void issued_get_stats(struct issued *issued, struct issued_stats *ret)
{
    (void)pthread_mutex_lock(&issued->lock);
    *ret = issued->stats;
    ret->queued = issued->feed.num_lines;
    (void)pthread_mutex_unlock(&issued->lock);
}
