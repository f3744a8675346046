/* server.c - see server.h. What is answered is witness_add.c's; this gives it a network and signals.
 *
 * Every request is answered within its callback, the write to the disk included: a site has few
 * brokers, each with a checkpoint a minute, and one at a time is what makes compare-and-swap simple. */
#include "broker/witness/server.h"

#include "broker/base/notify.h"
#include "broker/base/privileges.h"
#include "broker/cli/command.h"
#include "broker/edge/edge.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define DRAIN_S 5

struct witness_server {
    const char *path;
    struct witness_settings *settings;
    struct witness witness;
    struct event_base *base;
    struct edge *edge;
    struct event *on_hup, *on_term, *on_int, *on_deadline, *on_drained;
    bool is_draining;
};

static const struct edge_limits limits = {
    .max_connections = 1024,
    .max_connections_peer = 128,
    .max_requests = 10000,
    .max_head_bytes = 8U << 10,
    .max_body_bytes = ADD_CHECKPOINT_MAX,
    .handshake_ms = 5000,
    .head_ms = 5000,
    .body_ms = 10000,
    .request_ms = 30000,
    .idle_ms = 120000,
    .write_ms = 10000,
};

/* ---------------------------------------------------------------- requests */

static uint64_t now_s(void)
{
    return (uint64_t)(clock_wall_us(&cb_system_clock) / 1000000);
}

static const struct {
    const char *path;
    enum http_method method;
    const char *allow;
} endpoints[] = {{ADD_CHECKPOINT_PATH, HTTP_POST, "POST"}, {"/healthz", HTTP_GET, "GET"}};

/* wrong_method - the method that the path has instead; NULL: it is the right one. */
static const char *wrong_method(const struct edge_exchange *x)
{
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (slice_eq_str(x->head.path, endpoints[i].path)) {
            return x->head.method == endpoints[i].method ? NULL : endpoints[i].allow;
        }
    }
    return x->head.method == HTTP_GET ? NULL : "GET";
}

static void answer(struct witness_server *s, const struct edge_exchange *x,
                   struct witness_answer *a, const char **ret_allow)
{
    *ret_allow = NULL;
    if (x->refused_status != 0) {
        witness_answer_text(a, x->refused_status, "the request is not accepted: %s",
                            x->refused_reason);
        return;
    }
    *ret_allow = wrong_method(x);
    if (*ret_allow != NULL) {
        witness_answer_text(a, 405, "this path has the method %s", *ret_allow);
    } else if (slice_eq_str(x->head.path, "/healthz")) {
        witness_answer_text(a, 200, "ok");
    } else if (slice_eq_str(x->head.path, ADD_CHECKPOINT_PATH)) {
        witness_add(&s->witness, x->body, now_s(), a);
    } else {
        witness_get(&s->witness, x->head.path, a);
    }
}

static void on_request(void *ctx, struct edge_exchange *x)
{
    struct witness_server *s = ctx;
    struct witness_answer a;
    struct edge_reply reply = {.status = 500};
    answer(s, x, &a, &reply.allow);
    if (a.is_alarm) {
        log_error("witness.alarm", "%s (from %s)", a.message, x->peer);
    } else if (a.is_warning) {
        log_warn("witness.unproven", "%s (from %s)", a.message, x->peer);
    } else {
        log_debug("witness.request", "%s: %d %s", x->peer, a.status, a.message);
    }
    reply.status = a.status;
    reply.content_type = a.content_type;
    reply.close = x->refused_status != 0;
    reply.body = a.body;
    edge_reply(x, &reply);
}

static void on_gone(void *ctx, struct edge_exchange *x)
{
    (void)ctx;
    (void)x; /* answered within on_request, so nothing is ever pending */
}

static void on_dropped(void *ctx, const char *peer, const char *reason, const char *detail)
{
    (void)ctx;
    log_debug("witness.dropped", "%s: %s %s", peer, reason, detail == NULL ? "" : detail);
}

/* ---------------------------------------------------------------- configuration */

static enum cb_code load_tls(const struct witness_settings *settings, struct edge_tls **ret,
                             struct cb_err *err)
{
    *ret = NULL;
    return settings->is_tls ? edge_tls_load(&settings->tls, ret, err) : CB_OK;
}

/* use_tls - for new connections from now on. Takes the reference. */
static void use_tls(struct witness_server *s, struct edge_tls *tls)
{
    if (tls != NULL) {
        edge_set_tls(s->edge, tls);
        edge_tls_unref(tls);
    }
}

static enum cb_code apply(struct witness_server *s, struct witness_settings *fresh,
                          struct cb_err *err)
{
    struct edge_tls *tls = NULL;
    if (strcmp(fresh->directory, s->settings->directory) != 0 ||
        strcmp(fresh->address, s->settings->address) != 0 || fresh->is_tls != s->settings->is_tls) {
        return cb_fail(err, CB_EINPUT, "listen and directory cannot change without a restart");
    }
    TRY(load_tls(fresh, &tls, err));
    const enum cb_code code = witness_set_logs(&s->witness, fresh->logs, fresh->num_logs, err);
    if (code != CB_OK) {
        edge_tls_unref(tls);
        return code;
    }
    use_tls(s, tls);
    return CB_OK;
}

/* on_hup - all of the new file or, if anything is wrong with it, none of it. */
static void on_hup(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct witness_server *s = arg;
    struct witness_settings *fresh = NULL;
    struct cb_err err = {0};
    char first[CB_ERR_MSG_MAX] = "out of memory";
    struct diag_list *diags = diag_new();
    if (diags != NULL && settings_load(s->path, diags, &fresh) != CB_OK) {
        diag_first(diags, first, sizeof(first));
    }
    diag_free(diags);
    if (fresh == NULL || apply(s, fresh, &err) != CB_OK) {
        log_error("reload.refused", "%s; all stays as it was", fresh == NULL ? first : err.msg);
        settings_free(fresh);
        return;
    }
    settings_free(s->settings);
    s->settings = fresh;
    log_info("reload.done", "%zu log%s", s->witness.num_logs, s->witness.num_logs == 1 ? "" : "s");
}

/* ---------------------------------------------------------------- start and stop */

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct witness_server *s = arg;
    (void)event_base_loopbreak(s->base);
}

static void on_drained(evutil_socket_t fd, short what, void *arg)
{
    struct witness_server *s = arg;
    if (edge_num_connections(s->edge) == 0) {
        on_deadline(fd, what, arg);
    }
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct witness_server *s = arg;
    const struct timeval deadline = {DRAIN_S, 0};
    const struct timeval often = {0, 10000};
    if (s->is_draining) {
        (void)event_base_loopbreak(s->base);
        return;
    }
    s->is_draining = true;
    notify_systemd("STOPPING=1");
    edge_drain(s->edge);
    (void)event_add(s->on_deadline, &deadline);
    (void)event_add(s->on_drained, &often);
}

static enum cb_code watch_signals(struct witness_server *s, struct cb_err *err)
{
    s->on_hup = evsignal_new(s->base, SIGHUP, on_hup, s);
    s->on_term = evsignal_new(s->base, SIGTERM, on_stop, s);
    s->on_int = evsignal_new(s->base, SIGINT, on_stop, s);
    s->on_deadline = evtimer_new(s->base, on_deadline, s);
    s->on_drained = event_new(s->base, -1, EV_PERSIST, on_drained, s);
    if (s->on_hup == NULL || s->on_term == NULL || s->on_int == NULL || s->on_deadline == NULL ||
        s->on_drained == NULL || event_add(s->on_hup, NULL) != 0 ||
        event_add(s->on_term, NULL) != 0 || event_add(s->on_int, NULL) != 0) {
        return cb_fail(err, CB_ESYS, "cannot watch signals");
    }
    return CB_OK;
}

static enum cb_code listen_on(struct witness_server *s, struct cb_err *err)
{
    const struct edge_handler handler = {s, on_request, on_gone, on_dropped};
    struct edge_tls *tls = NULL;
    int fd = -1;
    char text[64];
    TRY(edge_new(s->base, &limits, &handler, &cb_system_clock, &s->edge, err));
    TRY(load_tls(s->settings, &tls, err));
    use_tls(s, tls);
    TRY(edge_bind(s->settings->address, false, &fd, text, sizeof(text), err));
    const enum cb_code code = edge_listen(s->edge, fd, s->settings->is_tls, err);
    if (code != CB_OK) {
        (void)close(fd);
        return code;
    }
    log_info("listen", "%s %s", s->settings->is_tls ? "tls" : "plain", text);
    return CB_OK;
}

static enum cb_code start(struct witness_server *s, struct cb_err *err)
{
    TRY(privileges_harden(err));
    TRY(witness_open(&audit_system_io, s->settings->directory, &s->witness, err));
    TRY(witness_set_logs(&s->witness, s->settings->logs, s->settings->num_logs, err));
    s->base = event_base_new();
    if (s->base == NULL) {
        return cb_fail(err, CB_ENOMEM, "out of memory");
    }
    TRY(watch_signals(s, err));
    return listen_on(s, err);
}

static void stop(struct witness_server *s)
{
    struct event *const events[] = {s->on_hup, s->on_term, s->on_int, s->on_deadline,
                                    s->on_drained};
    edge_free(s->edge);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        if (events[i] != NULL) {
            event_free(events[i]);
        }
    }
    if (s->base != NULL) {
        event_base_free(s->base);
    }
    witness_close(&s->witness);
    settings_free(s->settings);
}

static void say_ready(const struct witness_server *s)
{
    char vkey[NOTE_KEY_TEXT_MAX];
    note_key_text(note_signer_key(s->witness.signer), vkey);
    log_info("ready", "witness %s, %zu log%s", vkey, s->witness.num_logs,
             s->witness.num_logs == 1 ? "" : "s");
    if (geteuid() == 0) {
        log_warn("root", "a witness needs no privileges: run it as a user of its own");
    }
    notify_systemd("READY=1");
}

int server_run_witness(const char *path, struct witness_settings *settings)
{
    struct witness_server s = {.path = path, .settings = settings};
    struct cb_err err = {0};
    s.witness.store.lock_fd = -1;
    log_setup(settings->log_format, settings->log_level);
    if (start(&s, &err) != CB_OK) {
        log_error("start", "%s", err.msg);
        stop(&s);
        return EXIT_USAGE;
    }
    say_ready(&s);
    (void)event_base_loop(s.base, EVLOOP_NO_EXIT_ON_EMPTY);
    stop(&s);
    log_info("stopped", "done");
    return EXIT_OK;
}
