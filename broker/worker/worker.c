/* worker.c - a worker's parts, its thread, and what happens to it from outside: renew, drain, stop.
 * How a request is run stands in worker_services.c and broker/request/. */
#include "broker/worker/worker_parts.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void worker_generation_free(struct worker_generation *g)
{
    policy_ref_put(g->policy);
    edge_tls_unref(g->tls);
    ca_issuer_free(g->issuer);
    jwt_keys_free(g->jwt_keys);
    free(g->renewal);
    *g = (struct worker_generation){0};
}

/* ---------------------------------------------------------------- the edge's three calls */

static void on_request(void *ctx, struct edge_exchange *x)
{
    struct worker *w = ctx;
    struct worker_request *wr = worker_request_new(w);
    if (wr == NULL) {
        struct edge_reply reply = {.status = 503, .close = true};
        edge_reply(x, &reply);
        return;
    }
    req_init(&wr->request, &w->services, x);
    req_resume(&wr->request);
}

static void on_gone(void *ctx, struct edge_exchange *x)
{
    (void)ctx;
    req_on_gone(x->user);
}

static void on_dropped(void *ctx, const char *peer, const char *reason, const char *detail)
{
    struct worker *w = ctx;
    metrics_add(&w->metrics.edge_dropped, 1);
    log_debug("connection.dropped", "%s: %s %s", peer, reason, detail == NULL ? "" : detail);
    if (strcmp(reason, "client_certificate") != 0) {
        return;
    }
    struct audit_event e;
    audit_event_zero(&e, AUDIT_AUTHN_FAIL);
    e.peer = slice_of(peer);
    e.who_via = SLICE("mtls");
    e.reason = slice_of(reason);
    e.detail = slice_of(detail);
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    if (audit_event_encode(&e, &body)) {
        const struct source_key from = {
            .kind = e.type, .peer = e.peer, .via = e.who_via, .reason = e.reason};
        worker_note(w, AUDIT_AUTHN_FAIL, buf_slice(&body), &from);
    }
    buf_free(&body);
}

/* ---------------------------------------------------------------- once a second */

static void copy_edge_stats(struct worker *w)
{
    struct edge_stats s;
    edge_get_stats(w->edge, &s);
    struct metrics *m = &w->metrics;
    atomic_store_explicit(&m->edge_accepted, s.accepted, memory_order_relaxed);
    atomic_store_explicit(&m->edge_refused, s.refused_over_limit, memory_order_relaxed);
    atomic_store_explicit(&m->edge_handshakes, s.handshakes, memory_order_relaxed);
    atomic_store_explicit(&m->edge_handshake_failures, s.handshake_failures, memory_order_relaxed);
    atomic_store_explicit(&m->edge_bad_requests, s.bad_requests, memory_order_relaxed);
    atomic_store_explicit(&m->edge_timeouts, s.timeouts, memory_order_relaxed);
    atomic_store_explicit(&m->edge_accept_errors, s.accept_errors, memory_order_relaxed);
    atomic_store_explicit(&m->edge_connections, edge_num_connections(w->edge),
                          memory_order_relaxed);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct worker *w = arg;
    copy_edge_stats(w);
    worker_note_tick(w);
    worker_check_drained(w);
}

/* ---------------------------------------------------------------- draining and stopping */

void worker_check_drained(struct worker *w)
{
    if (w->is_draining && !w->has_drained && TAILQ_EMPTY(&w->live) &&
        edge_num_pending(w->edge) == 0) {
        w->has_drained = true;
        copy_edge_stats(w);
        worker_note_tick(w);
        w->shared->drained(w->shared->ctx);
    }
}

static void on_drain(struct mail *mail)
{
    struct worker *w =
        (struct worker *)(void *)((char *)mail - offsetof(struct worker, drain_mail));
    w->is_draining = true;
    /* What still had to be revoked stays marked in the index; the next start goes on with it. */
    follow_up_free_all(w);
    edge_drain(w->edge);
    worker_check_drained(w);
}

void worker_drain(struct worker *w)
{
    mailbox_post(w->mailbox, &w->drain_mail);
}

static void on_stop(struct mail *mail)
{
    struct worker *w = (struct worker *)(void *)((char *)mail - offsetof(struct worker, stop_mail));
    (void)event_base_loopbreak(w->base);
}

static void free_parts(struct worker *w)
{
    follow_up_free_all(w);
    edge_free(w->edge);
    ca_free(w->ca);
    while (!TAILQ_EMPTY(&w->live)) {
        worker_request_free(TAILQ_FIRST(&w->live));
    }
    if (w->base != NULL) {
        (void)event_del(&w->tick);
    }
    mailbox_free(w->mailbox);
    worker_generation_free(&w->generation);
    if (w->base != NULL) {
        event_base_free(w->base);
    }
    free(w);
}

void worker_stop(struct worker *w)
{
    if (w->is_running) {
        mailbox_post(w->mailbox, &w->stop_mail);
        (void)pthread_join(w->thread, NULL);
        w->is_running = false;
        worker_note_tick(w); /* what was counted since the last one */
    }
    /* What is still under way after a stop that did not wait: calls to the CA end as unknown and
     * are recorded so, certificates on their way to a client as undelivered. The log is still open
     * for both; the loop is not, so nothing goes further than that. */
    ca_free(w->ca);
    w->ca = NULL;
    edge_free(w->edge);
    w->edge = NULL;
}

void worker_free(struct worker *w)
{
    if (w != NULL) {
        free_parts(w);
    }
}

/* ---------------------------------------------------------------- a new generation */

struct worker_renewal {
    struct mail mail;
    struct worker *worker;
    struct worker_generation generation;
};

bool worker_generation_prepare(struct worker_generation *g)
{
    g->renewal = calloc(1, sizeof(*g->renewal));
    return g->renewal != NULL;
}

/* renew_ca - new credentials mean a new pool: libcurl reuses connections made with the old ones. */
static void renew_ca(struct worker *w)
{
    struct cb_err err = {0};
    struct ca *ca = NULL;
    if (ca_new(w->base, &w->shared->config->ca, &cb_system_clock, &ca, &err) == CB_OK) {
        ca_retire(w->ca);
        w->ca = ca;
    } else {
        log_error("reload.ca", "worker %u keeps its CA connections: %s", w->number, err.msg);
    }
}

static void on_renew(struct mail *mail)
{
    struct worker_renewal *renewal = (struct worker_renewal *)(void *)mail;
    struct worker *w = renewal->worker;
    struct worker_generation old = w->generation;
    w->generation = renewal->generation;
    w->services.issuer = w->generation.issuer;
    w->services.jwt_keys = w->generation.jwt_keys;
    if (w->generation.has_new_ca_tls) {
        renew_ca(w);
    }
    if (w->generation.tls != NULL) {
        edge_set_tls(w->edge, w->generation.tls);
    } else {
        w->generation.tls = old.tls;
        old.tls = NULL;
    }
    worker_generation_free(&old);
    free(renewal);
}

void worker_renew(struct worker *w, struct worker_generation *generation)
{
    struct worker_renewal *renewal = generation->renewal;
    renewal->mail.deliver = on_renew;
    renewal->worker = w;
    generation->renewal = NULL;
    renewal->generation = *generation;
    *generation = (struct worker_generation){0};
    mailbox_post(w->mailbox, &renewal->mail);
}

/* ---------------------------------------------------------------- our own revocations */

struct revocation {
    struct mail mail;
    struct worker *worker;
    struct issued_cert cert;
    char owner[POLICY_PRINCIPAL_MAX + 1];
    enum revoke_reason reason;
    char follows[33];
};

static void on_revoke(struct mail *mail)
{
    struct revocation *v = (struct revocation *)(void *)mail;
    follow_up_start(v->worker, &v->cert, v->reason, slice_of(v->follows), 0);
    free(v);
}

void worker_revoke(struct worker *w, const struct issued_cert *cert, enum revoke_reason reason,
                   const char *follows)
{
    struct revocation *v = calloc(1, sizeof(*v));
    if (v == NULL) {
        return;
    }
    v->mail.deliver = on_revoke;
    v->worker = w;
    v->cert = *cert;
    const size_t len = cert->owner.len < sizeof(v->owner) ? cert->owner.len : sizeof(v->owner) - 1;
    if (len > 0) {
        memcpy(v->owner, cert->owner.ptr, len);
    }
    v->cert.owner = (struct slice){v->owner, len};
    v->reason = reason;
    (void)snprintf(v->follows, sizeof(v->follows), "%s", follows);
    mailbox_post(w->mailbox, &v->mail);
}

/* ---------------------------------------------------------------- making and running */

/* limits_of_worker - the configured caps are for the whole process. */
static struct edge_limits limits_of_worker(const struct config *config)
{
    struct edge_limits limits = config->limits;
    const unsigned n = config->workers;
    limits.max_connections = (limits.max_connections + n - 1) / n;
    limits.max_connections_peer = (limits.max_connections_peer + n - 1) / n;
    return limits;
}

enum cb_code worker_new(struct worker_shared *shared, unsigned number,
                        struct worker_generation *generation, struct worker **ret,
                        struct cb_err *err)
{
    struct worker *w = calloc(1, sizeof(*w));
    if (w == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    w->shared = shared;
    w->number = number;
    TAILQ_INIT(&w->live);
    TAILQ_INIT(&w->follow_ups);
    w->flood.last_us = clock_mono_us(&cb_system_clock);
    w->flood.tokens = 100.0; /* one worker's share of a quiet start */
    w->stop_mail.deliver = on_stop;
    w->drain_mail.deliver = on_drain;
    const struct edge_limits limits = limits_of_worker(shared->config);
    const struct edge_handler handler = {w, on_request, on_gone, on_dropped};
    w->base = event_base_new();
    enum cb_code code = w->base == NULL ? cb_fail(err, CB_ENOMEM, "cannot make an event base")
                                        : mailbox_new(w->base, &w->mailbox, err);
    if (code == CB_OK) {
        (void)event_assign(&w->tick, w->base, -1, EV_PERSIST, on_tick, w);
        code = edge_new(w->base, &limits, &handler, &cb_system_clock, &w->edge, err);
    }
    if (code == CB_OK) {
        code = ca_new(w->base, &shared->config->ca, &cb_system_clock, &w->ca, err);
    }
    if (code != CB_OK) {
        free_parts(w);
        return code;
    }
    w->generation = *generation;
    *generation = (struct worker_generation){0};
    if (w->generation.tls != NULL) {
        edge_set_tls(w->edge, w->generation.tls);
    }
    worker_services_init(w);
    *ret = w;
    return CB_OK;
}

enum cb_code worker_listen(struct worker *w, int fd, bool is_tls, struct cb_err *err)
{
    return edge_listen(w->edge, fd, is_tls, err);
}

static void *run(void *arg)
{
    struct worker *w = arg;
    (void)event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

enum cb_code worker_start(struct worker *w, struct cb_err *err)
{
    const struct timeval second = {1, 0};
    (void)event_add(&w->tick, &second);
    /* Signals belong to the main thread. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int rc = pthread_create(&w->thread, NULL, run, w);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0) {
        return cb_fail(err, CB_ESYS, "cannot start worker %u: error %d", w->number, rc);
    }
    w->is_running = true;
    return CB_OK;
}

struct metrics *worker_metrics(struct worker *w)
{
    return &w->metrics;
}
