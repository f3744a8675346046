/* worker_parts.h - the inside of a worker; private to worker*.c. */
#ifndef BROKER_WORKER_PARTS_H
#define BROKER_WORKER_PARTS_H

#include "broker/worker/worker.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>

/* A request with what the worker needs to run it. request is the first member. */
struct worker_request {
    struct request request;
    struct worker *worker;
    struct mail audit_mail, issued_mail, gate_mail, free_mail;
    struct event timer;
    enum cb_code audit_code;
    TAILQ_ENTRY(worker_request) link;
    /* a follow-up */
    unsigned tries;
    struct worker_order *order; /* for whom it is; NULL: our own */
};
TAILQ_HEAD(worker_requests, worker_request);

/* Our own revocation that has failed (or not begun) and waits for its next try. */
struct follow_up {
    struct worker *worker;
    struct mail mail; /* from another thread, or from inside a request's step */
    struct event timer;
    struct issued_cert cert;
    char owner[POLICY_PRINCIPAL_MAX + 1];
    enum revoke_reason reason;
    char follows[33];
    unsigned tries;
    TAILQ_ENTRY(follow_up) link;
};
TAILQ_HEAD(follow_ups, follow_up);

/* Records nobody waits for may not flood the log: a bucket that fills evenly. */
struct flood {
    int64_t last_us;
    double tokens;
    uint64_t dropped; /* since the last limit.drop record */
    int64_t first_drop_us;
};

struct worker {
    struct worker_shared *shared;
    unsigned number;
    pthread_t thread;
    bool is_running, is_draining, has_drained, should_stop;
    struct event_base *base;
    struct mailbox *mailbox;
    struct edge *edge;
    struct ca *ca;
    struct worker_generation generation;
    struct req_services services;
    struct worker_requests live;
    struct follow_ups follow_ups;
    struct event tick; /* once a second: edge counters, dropped notes, drain */
    struct mail stop_mail, drain_mail;
    struct flood flood;
    struct metrics metrics;
};

/* worker_services.c: fill w->services with functions that use this worker. */
void worker_services_init(struct worker *w);
/* worker_request.c */
struct worker_request *worker_request_new(struct worker *w); /* zeroed, linked, mails set up */
void worker_request_free(struct worker_request *wr);
struct worker_request *worker_request_of(struct request *r);
/* worker_follow_up.c */
void follow_up_start(struct worker *w, const struct issued_cert *cert, enum revoke_reason reason,
                     struct slice follows, unsigned tries);
void follow_up_finished(struct worker_request *wr); /* try again later if it failed */
void follow_up_free_all(struct worker *w);
/* worker_order.c */
void worker_order_finished(struct worker_request *wr);
/* worker_note.c; from: a stranger, see source.h, or NULL */
void worker_note(struct worker *w, enum audit_type type, struct slice body,
                 const struct source_key *from);
/* worker_note_tick - records how many notes were left out, and (one worker for all) how many refusals
 * were only counted. */
void worker_note_tick(struct worker *w);
/* worker.c */
void worker_check_drained(struct worker *w);

#endif
