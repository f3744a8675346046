/* server.c - the order in which the process comes to life and goes. The steps of start() and stop()
 * are promises: nothing listens before the audit log is open and the start is in it, and nothing
 * ends before what was begun is recorded. */
#include "broker/server/server_parts.h"

#include "audit/tlog/note.h"
#include "broker/base/notify.h"
#include "broker/base/privileges.h"
#include "broker/commands/commands.h"
#include "broker/commands/version.h"
#include "broker/control/control.h"
#include "broker/reload/generation.h"
#include "broker/server/keeper.h"
#include "broker/server/server_order.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---------------------------------------------------------------- listening sockets */

struct bound {
    int *fds; /* [listener][worker] */
    size_t num;
};

/* bind_one - a socket for each worker on one address. Port 0 becomes a real one with the first
 * socket, and the other workers share that. */
static enum cb_code bind_one(struct server *s, const struct config_listen *listen, int *fds,
                             struct cb_err *err)
{
    char text[64];
    const char *address = listen->address;
    /* With SO_REUSEPORT a second broker on the same port would silently take half of the callers.
     * Without it the kernel says whether somebody listens there already. */
    int probe = -1;
    TRY(edge_bind(address, false, &probe, text, sizeof(text), err));
    (void)close(probe);
    for (size_t w = 0; w < s->config->workers; w++) {
        TRY(edge_bind(address, true, &fds[w], text, sizeof(text), err));
        address = text;
    }
    const char *kind = listen->is_tls ? "tls" : "plain";
    log_info("listen", "%s %s", kind, text);
    buf_printf(&s->listen_text, "%s%s %s", s->listen_text.len == 0 ? "" : ", ", kind, text);
    return CB_OK;
}

static enum cb_code bind_all(struct server *s, struct bound *b, struct cb_err *err)
{
    const struct config *c = s->config;
    b->num = c->num_listen * c->workers;
    b->fds = malloc(b->num * sizeof(*b->fds));
    if (b->fds == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < b->num; i++) {
        b->fds[i] = -1;
    }
    for (size_t l = 0; l < c->num_listen; l++) {
        TRY(bind_one(s, &c->listen[l], b->fds + l * c->workers, err));
    }
    return CB_OK;
}

static void bound_free(struct bound *b)
{
    for (size_t i = 0; b->fds != NULL && i < b->num; i++) {
        if (b->fds[i] >= 0) {
            (void)close(b->fds[i]);
        }
    }
    free(b->fds);
}

/* ---------------------------------------------------------------- parts */

/* audit_observer - the index reads the log as it is written. Until it is open there is nobody to
 * tell: it reads what it missed from the files. On the committer thread. */
static void audit_observer(void *ctx, uint64_t seq, struct slice line)
{
    struct server *s = ctx;
    struct issued *issued = atomic_load(&s->issued_feed);
    atomic_store(&s->durable_seq, seq + 1);
    if (issued != NULL) {
        issued_feed(issued, seq, line);
    }
}

static enum cb_code open_stores(struct server *s, struct cb_err *err)
{
    const struct config *c = s->config;
    TRY(server_audit_key(s, err));
    const struct audit_options options = {
        .dir = c->audit_dir,
        .version = CERTBROKER_VERSION,
        .segment_bytes = c->audit_segment_bytes,
        .segment_seconds = c->audit_segment_seconds,
        .soft_free_bytes = c->audit_soft_free_bytes,
        .hard_free_bytes = c->audit_hard_free_bytes,
        .stall_ms = c->audit_stall_ms,
        .observer = audit_observer,
        .observer_ctx = s,
        .key = s->audit_key,
        .abort_on_sync_error = c->audit_abort_on_sync_error,
        .on_seal = server_anchor_seal,
        .on_seal_ctx = s,
        .known_size = issued_peek(c->index_path, c->audit_dir),
        .known_to = c->index_path,
    };
    struct audit_recovery recovery = {0};
    TRY(server_anchor_check(s, err));
    TRY(audit_open(&options, &s->shared.audit, &recovery, err));
    if (recovery.void_bytes > 0) {
        log_warn("audit.torn_tail", "%llu bytes of an unfinished batch do not count",
                 (unsigned long long)recovery.void_bytes);
    }
    if (recovery.num_unsigned > 0) {
        log_warn(
            "audit.unsigned",
            "records %llu to %llu were not signed when the last run ended: nothing tells whether "
            "they are as it wrote them",
            (unsigned long long)recovery.unsigned_first,
            (unsigned long long)(recovery.unsigned_first + recovery.num_unsigned - 1));
    }
    enum cb_code code = issued_open(c->index_path, c->audit_dir, &s->shared.issued, err);
    if (code == CB_OK) {
        atomic_store(&s->issued_feed, s->shared.issued);
        code = server_record_unknowns(s, &recovery, err);
    }
    audit_recovery_free(&recovery);
    return code == CB_OK ? server_anchor_start(s, err) : code;
}

static void one_drained(void *ctx)
{
    struct server *s = ctx;
    if (atomic_fetch_add(&s->num_drained, 1U) + 1 == s->num_workers) {
        mailbox_post(s->mailbox, &s->drained_mail);
    }
}

static enum cb_code make_workers(struct server *s, struct policy *policy, struct bound *bound,
                                 struct cb_err *err)
{
    const struct config *c = s->config;
    struct worker_generation *generations = calloc(c->workers, sizeof(*generations));
    s->workers = calloc(c->workers, sizeof(struct worker *));
    if (generations == NULL || s->workers == NULL) {
        free(generations);
        policy_free(policy);
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    enum cb_code code = generations_load(c, policy, NULL, &s->prints, generations, c->workers, err);
    if (code != CB_OK) {
        free(generations);
        policy_free(policy);
        return code;
    }
    s->policy = policy_ref_get(generations[0].policy);
    s->server_cert_not_after_s =
        generations[0].tls == NULL ? 0 : edge_tls_not_after_s(generations[0].tls);
    s->issuer_not_after_s = ca_issuer_not_after_s(generations[0].issuer);
    for (unsigned w = 0; w < c->workers && code == CB_OK; w++) {
        code = worker_new(&s->shared, w, &generations[w], &s->workers[w], err);
        s->num_workers += code == CB_OK ? 1 : 0;
        for (size_t l = 0; l < c->num_listen && code == CB_OK; l++) {
            int *fd = &bound->fds[l * c->workers + w];
            code = worker_listen(s->workers[w], *fd, c->listen[l].is_tls, err);
            *fd = -1;
        }
    }
    for (unsigned w = 0; w < c->workers; w++) {
        worker_generation_free(&generations[w]);
    }
    free(generations);
    return code;
}

static void revoke_doomed(void *ctx, const struct issued_cert *cert)
{
    struct server *s = ctx;
    enum revoke_reason reason = REVOKE_SUPERSEDED;
    (void)revoke_reason_parse(cert->revoke_reason, &reason);
    worker_revoke(s->workers[0], cert, reason, "");
}

/* ---------------------------------------------------------------- signals */

static void stop_loop(struct server *s)
{
    (void)event_base_loopbreak(s->base);
}

static void on_all_drained(struct mail *mail)
{
    struct server *s =
        (struct server *)(void *)((char *)mail - offsetof(struct server, drained_mail));
    stop_loop(s);
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct server *s = arg;
    s->is_stopped_early = true;
    s->stop_reason = "drain_deadline";
    log_warn("drain.deadline", "requests under way did not finish in time; the audit log shows "
                               "those that had reached the CA as unknown");
    stop_loop(s);
}

static void on_stop_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)what;
    struct server *s = arg;
    if (s->is_draining) {
        s->is_stopped_early = true;
        s->stop_reason = "second_signal";
        stop_loop(s);
        return;
    }
    s->is_draining = true;
    s->stop_reason = signal == SIGTERM ? "sigterm" : "sigint";
    log_info("drain", "no new connections; finishing what is under way");
    notify_systemd("STOPPING=1");
    server_reload_drain(s);
    const struct timeval tv = {(time_t)(s->config->drain_ms / 1000),
                               (suseconds_t)(s->config->drain_ms % 1000) * 1000};
    (void)evtimer_add(s->on_deadline, &tv);
    for (size_t i = 0; i < s->num_workers; i++) {
        worker_drain(s->workers[i]);
    }
}

static void on_reload_signal(evutil_socket_t signal, short what, void *arg)
{
    (void)signal;
    (void)what;
    struct server *s = arg;
    if (!s->is_draining) {
        server_reload_hup(s);
    }
}

/* on_tick - once a second. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct server *s = arg;
    struct audit_stats stats;
    server_warn_expiring(s, false);
    audit_get_stats(s->shared.audit, &stats);
    server_audit_tell(s, &stats);
}

static enum cb_code watch_signals(struct server *s, struct cb_err *err)
{
    /* libevent puts back what it found when its events are freed: a signal that comes while the
     * last records are written must not kill the process. */
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGHUP, &ignore, NULL) != 0 || sigaction(SIGTERM, &ignore, NULL) != 0 ||
        sigaction(SIGINT, &ignore, NULL) != 0) {
        return cb_fail_errno(err, "cannot set signals");
    }
    s->on_hup = evsignal_new(s->base, SIGHUP, on_reload_signal, s);
    s->on_term = evsignal_new(s->base, SIGTERM, on_stop_signal, s);
    s->on_int = evsignal_new(s->base, SIGINT, on_stop_signal, s);
    s->on_deadline = evtimer_new(s->base, on_deadline, s);
    s->on_tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    const struct timeval second = {1, 0};
    if (s->on_hup == NULL || s->on_term == NULL || s->on_int == NULL || s->on_deadline == NULL ||
        s->on_tick == NULL || event_add(s->on_tick, &second) != 0 ||
        event_add(s->on_hup, NULL) != 0 || event_add(s->on_term, NULL) != 0 ||
        event_add(s->on_int, NULL) != 0) {
        return cb_fail(err, CB_ESYS, "cannot watch signals");
    }
    return CB_OK;
}

/* ---------------------------------------------------------------- start, run, stop */

/* open_parts - everything but the workers. The sockets come first, while a low port may still be
 * bound, then the privileges go, and only then is a file of ours opened. */
static enum cb_code open_parts(struct server *s, struct bound *bound, struct cb_err *err)
{
    const struct config *c = s->config;
    TRY(bind_all(s, bound, err));
    TRY(privileges_drop(c->user, c->group, err));
    s->base = event_base_new();
    s->shared.gate = gate_new(c->max_in_flight, c->ahead, c->max_queue);
    s->shared.quotas = quotas_new();
    s->shared.sources = sources_new();
    if (s->base == NULL || s->shared.gate == NULL || s->shared.quotas == NULL ||
        s->shared.sources == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    TRY(mailbox_new(s->base, &s->mailbox, err));
    return open_stores(s, err);
}

static enum cb_code start_workers(struct server *s, struct cb_err *err)
{
    for (size_t i = 0; i < s->num_workers; i++) {
        TRY(worker_start(s->workers[i], err));
    }
    return CB_OK;
}

/* open_doors - what others may reach us by, callers last. */
static enum cb_code open_doors(struct server *s, struct cb_err *err)
{
    TRY(operations_start(s, err));
    TRY(control_start(s, &s->control, err));
    return start_workers(s, err);
}

/* start - takes the policy, whatever comes of it. */
static enum cb_code start(struct server *s, struct policy *policy, struct cb_err *err)
{
    struct bound bound = {0};
    enum cb_code code = open_parts(s, &bound, err);
    if (code == CB_OK) {
        code = make_workers(s, policy, &bound, err);
    } else {
        policy_free(policy);
    }
    bound_free(&bound);
    TRY(code);
    TRY(server_start_policy(s, err));
    TRY(server_record_start(s, err));
    TRY(watch_signals(s, err));
    TRY(server_ship_start(s, err));
    TRY(keeper_start(s->config->audit_dir, s->config->audit_archive_to,
                     s->config->audit_archive_after_ms, &s->keeper, err));
    TRY(open_doors(s, err));
    server_warn_expiring(s, true);
    return issued_doomed(s->shared.issued, 100000, revoke_doomed, s, err);
}

static void stop(struct server *s)
{
    server_reload_stop(s);
    control_stop(s->control);
    server_orders_stop(s);
    keeper_stop(s->keeper);
    for (size_t i = 0; i < s->num_workers; i++) {
        worker_stop(s->workers[i]);
    }
    if (s->shared.audit != NULL && s->policy != NULL && s->stop_reason != NULL) {
        server_record_stop(s);
    }
    edge_free(s->operations);
    /* The log may still report to requests and feed the index; after this it does not. */
    server_anchor_unlog(s);
    audit_close(s->shared.audit);
    server_anchor_stop(s);
    server_ship_stop(s);
    note_signer_free(s->audit_key);
    atomic_store(&s->issued_feed, NULL);
    issued_close(s->shared.issued);
    for (size_t i = 0; i < s->num_workers; i++) {
        worker_free(s->workers[i]);
    }
    free(s->workers);
    gate_free(s->shared.gate);
    quotas_free(s->shared.quotas);
    sources_free(s->shared.sources);
    policy_ref_put(s->policy);
    buf_free(&s->listen_text);
    struct event *const events[] = {s->on_hup, s->on_term, s->on_int, s->on_deadline, s->on_tick};
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    if (s->is_stuck) {
        return; /* a thread may still post to the mailbox */
    }
    mailbox_free(s->mailbox);
    server_orders_free(s);
    if (s->base != NULL) {
        event_base_free(s->base);
    }
}

static enum cb_code prepare(struct config *config, struct cb_err *err)
{
    TRY(version_check_libraries(err));
    TRY(privileges_harden(err));
    /* libcurl would write the secrets of its connections there, and private keys pass through them. */
    (void)unsetenv("SSLKEYLOGFILE");
    TRY(ca_setup(err));
    ca_answer_setup();
    if (config->workers == 0) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        config->workers = cores < 1 ? 1 : (unsigned)cores;
    }
    if (config->workers > CONFIG_WORKERS_MAX) {
        config->workers = CONFIG_WORKERS_MAX;
    }
    return CB_OK;
}

static int run(struct server *s, struct policy *policy)
{
    struct cb_err err = {0};
    if (start(s, policy, &err) != CB_OK) {
        log_error("start", "%s", err.msg);
        stop(s);
        return EXIT_USAGE;
    }
    log_info("ready", "certbroker %s: %zu workers, policy %.12s, %zu rules, %zu clients",
             CERTBROKER_VERSION, s->num_workers, policy_sha256(s->policy->policy),
             policy_num_rules(s->policy->policy), policy_num_clients(s->policy->policy));
    notify_systemd("READY=1");
    (void)event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY);
    stop(s);
    log_info("stopped", "%s", s->stop_reason == NULL ? "done" : s->stop_reason);
    if (s->is_stuck) {
        _exit(
            EXIT_PROBLEM); /* everything is recorded; exit() would pull the ground from under it */
    }
    return s->is_stopped_early ? EXIT_PROBLEM : EXIT_OK;
}

int server_run(struct config *config)
{
    struct cb_err err = {0};
    log_setup(config->log_format, config->log_level);
    if (prepare(config, &err) != CB_OK) {
        log_error("start", "%s", err.msg);
        return EXIT_USAGE;
    }
    struct diag_list *diags = diag_new();
    struct policy *policy = NULL;
    if (diags == NULL || policy_load_checked(config, diags, &policy) != CB_OK) {
        if (diags != NULL) {
            report_policy(diags);
        }
        diag_free(diags);
        return EXIT_USAGE;
    }
    report_policy(diags);
    diag_free(diags);

    struct server s = {.config = config};
    s.shared.config = config;
    s.shared.drained = one_drained;
    s.shared.ctx = &s;
    atomic_init(&s.shared.aki_learned, (int)AKI_HEX);
    s.drained_mail.deliver = on_all_drained;
    s.start_wall_s = clock_wall_us(&cb_system_clock) / 1000000;
    s.start_mono_us = clock_mono_us(&cb_system_clock);
    buf_init(&s.listen_text, 4096);
    server_reload_init(&s);
    TAILQ_INIT(&s.orders);
    const int status = run(&s, policy);
    curl_global_cleanup();
    return status;
}
