/* issued_thread.h - what the index's thread and those who talk to it share. Private to
 * broker/issued. */
#ifndef BROKER_ISSUED_ISSUED_THREAD_H
#define BROKER_ISSUED_ISSUED_THREAD_H

#include "broker/base/clock.h"
#include "broker/issued/issued_claims.h"
#include "broker/issued/issued_feed.h"
#include "broker/issued/issued_room.h"
#include "broker/issued/issued_sync.h"

#include <pthread.h>

#define WAKE_BYTES (256U << 10) /* so many bytes fed wake the thread without waiting longer */

TAILQ_HEAD(query_list, issued_query);

/* A call of issued_doomed that waits. */
struct doomed_job {
    TAILQ_ENTRY(doomed_job) link;
    size_t max;
    struct arena arena;
    struct issued_cert *certs;
    size_t num;
    enum cb_code code;
    struct cb_err err;
    bool is_done;
};
TAILQ_HEAD(job_list, doomed_job);

struct issued {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* for the thread */
    pthread_cond_t done; /* for issued_wait and issued_doomed */
    /* under lock */
    struct feed feed;
    uint64_t fed_next; /* every record below it is durable */
    int64_t first_fed_us;
    struct query_list queries;
    struct job_list jobs;
    bool is_stopping;
    struct issued_stats stats;
    /* the thread's alone */
    struct feed work;
    struct issued_sync sync;
    struct claims claims;
    struct rooms rooms;
    bool is_behind; /* the database does not hold all it was told of */
    int64_t retry_at_us;
    int64_t opened_us; /* when the open transaction began */
    uint64_t catch_ups;
};

/* issued_thread - runs until is_stopping, then takes all that is still waiting. */
void *issued_thread(void *arg);

/* issued_publish_stats - the numbers for issued_get_stats; by the thread, under lock. */
void issued_publish_stats(struct issued *issued);

static inline int64_t issued_now_us(void)
{
    return clock_mono_us(&cb_system_clock);
}

#endif
