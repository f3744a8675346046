/* operations.c - the operations listener: is the process alive, should it get traffic, what are its
 * numbers. Plain HTTP on an address of its own, on the main thread, so that it answers while the
 * workers are busy. */
#include "broker/server/server_parts.h"

/* not_ready - why this process should get no traffic now; NULL when it should. */
static const char *not_ready(const struct server *s)
{
    if (s->is_draining) {
        return "draining";
    }
    switch (audit_get_state(s->shared.audit)) {
    case AUDIT_OK:
    case AUDIT_LOW_SPACE: /* revocation still works; the metrics tell */
        break;
    case AUDIT_CORRUPT:
        return "audit_corrupt";
    case AUDIT_STALLED:
        return "audit_stalled";
    case AUDIT_BLOCKED:
        return "audit_blocked";
    }
    struct issued_stats issued;
    issued_get_stats(s->shared.issued, &issued);
    return issued.is_behind ? "index_behind" : NULL;
}

static void healthz(const struct server *s, struct edge_reply *reply)
{
    (void)s;
    buf_add_str(&reply->body, "{\"status\":\"ok\"}\n");
}

static void readyz(const struct server *s, struct edge_reply *reply)
{
    const char *why = not_ready(s);
    if (why != NULL) {
        reply->status = 503;
        reply->retry_after_s = 1;
    }
    buf_printf(&reply->body, "{\"ready\":%s,\"reason\":\"%s\",\"audit\":\"%s\",",
               why == NULL ? "true" : "false", why == NULL ? "" : why,
               audit_state_word(audit_get_state(s->shared.audit)));
    server_policy_json(s, &reply->body);
    server_anchor_json(s, &reply->body);
    buf_add_str(&reply->body, "}\n");
}

/* add_reloads - every result from the start, zeros too; a reload that was called off is none. */
static void add_reloads(const struct reloads *r, struct metrics_reloads *list,
                        struct metrics_process *p)
{
    for (unsigned i = 0; i < RELOAD_STOPPED; i++) {
        const enum reload_result result = (enum reload_result)i;
        list[i] = (struct metrics_reloads){reload_result_word(result), r->counts[i],
                                           reload_is_refused(result)};
    }
    p->reloads = list;
    p->num_reloads = RELOAD_STOPPED;
    p->last_reload_s = r->last_wall_us / 1000000;
    p->last_reload_us = r->last_duration_us;
    p->policy_is_stale = r->stale_since_us != 0;
}

static void metrics(const struct server *s, struct edge_reply *reply)
{
    struct metrics *list[CONFIG_WORKERS_MAX];
    struct metrics_reloads reloads[RELOAD_RESULT_COUNT];
    for (size_t i = 0; i < s->num_workers; i++) {
        list[i] = worker_metrics(s->workers[i]);
    }
    struct metrics_process p = {
        .workers = list,
        .num_workers = s->num_workers,
        .audit_state = audit_get_state(s->shared.audit),
        .policy_rules = policy_num_rules(s->policy->policy),
        .policy_clients = policy_num_clients(s->policy->policy),
        .policy_sha256 = policy_sha256(s->policy->policy),
        .server_cert_not_after_s = s->server_cert_not_after_s,
        .issuer_not_after_s = s->issuer_not_after_s,
        .start_s = s->start_wall_s,
        .is_draining = s->is_draining,
    };
    add_reloads(&s->reloads, reloads, &p);
    p.grants_expiring = policy_num_expiring(
        s->policy->policy, clock_wall_us(&cb_system_clock) / 1000000, &p.first_grant_end_s);
    audit_get_stats(s->shared.audit, &p.audit);
    issued_get_stats(s->shared.issued, &p.issued);
    gate_get_stats(s->shared.gate, &p.gate);
    metrics_print(&p, &reply->body);
    server_ship_metrics(s, &reply->body);
    server_anchor_metrics(s, &reply->body);
    reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
}

static const struct {
    const char *path;
    void (*answer)(const struct server *s, struct edge_reply *reply);
} endpoints[] = {{"/healthz", healthz}, {"/readyz", readyz}, {"/metrics", metrics}};

static void on_request(void *ctx, struct edge_exchange *x)
{
    const struct server *s = ctx;
    struct edge_reply reply = {.status = 404};
    buf_init(&reply.body, 1U << 20);
    if (x->refused_status != 0) {
        reply.status = x->refused_status;
        reply.close = true;
    }
    for (size_t i = 0; reply.status == 404 && i < sizeof(endpoints) / sizeof(endpoints[0]); i++) {
        if (slice_eq_str(x->head.path, endpoints[i].path)) {
            reply.status = x->head.method == HTTP_GET ? 200 : 405;
            reply.allow = "GET";
            if (reply.status == 200) {
                endpoints[i].answer(s, &reply);
            }
            break;
        }
    }
    if (reply.status != 405) {
        reply.allow = NULL;
    }
    if (reply.body.len == 0) {
        buf_printf(&reply.body, "{\"error\":%d}\n", reply.status);
    }
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
    (void)peer;
    (void)reason;
    (void)detail;
}

enum cb_code operations_start(struct server *s, struct cb_err *err)
{
    if (s->config->operations == NULL) {
        return CB_OK;
    }
    struct edge_limits limits = s->config->limits;
    limits.max_connections = 64;
    limits.max_connections_peer = 64;
    limits.max_body_bytes = 0;
    const struct edge_handler handler = {s, on_request, on_gone, on_dropped};
    int fd = -1;
    char text[64];
    TRY(edge_bind(s->config->operations, false, &fd, text, sizeof(text), err));
    TRY(edge_new(s->base, &limits, &handler, &cb_system_clock, &s->operations, err));
    TRY(edge_listen(s->operations, fd, false, err));
    log_info("listen", "operations %s", text);
    return CB_OK;
}
