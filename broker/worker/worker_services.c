/* worker_services.c - what a request may use, wired to this worker's real parts. Answers that come
 * from other threads (audit log, index, gate) arrive through the mailbox. */
#include "broker/worker/worker_parts.h"

#include <stddef.h>
#include <stdio.h>

static struct policy_ref *get_policy(void *ctx)
{
    struct worker *w = ctx;
    return policy_ref_get(w->generation.policy);
}

static enum audit_state get_audit_state(void *ctx)
{
    struct worker *w = ctx;
    return audit_get_state(w->shared->audit);
}

static bool is_contested(void *ctx)
{
    struct worker *w = ctx;
    return w->shared->config->witness_enforce && anchor_is_split(w->shared->anchor);
}

/* on the committer thread */
static void audit_done(struct audit_append *a, enum cb_code code)
{
    struct worker_request *wr = worker_request_of(a->ctx);
    wr->audit_code = code;
    mailbox_post(wr->worker->mailbox, &wr->audit_mail);
}

static enum cb_code submit_record(void *ctx, struct request *r, struct cb_err *err)
{
    struct worker *w = ctx;
    r->record.append.done = audit_done;
    return audit_submit(w->shared->audit, &r->record.append, err);
}

static void note(void *ctx, enum audit_type type, struct slice body, const struct source_key *from)
{
    struct worker *w = ctx;
    if (type == AUDIT_ISSUE_UNDELIVERED) {
        metrics_add(&w->metrics.undelivered, 1);
    }
    worker_note(w, type, body, from);
}

/* on the index thread */
static void issued_done(struct issued_query *q)
{
    struct worker_request *wr = worker_request_of(q->ctx);
    mailbox_post(wr->worker->mailbox, &wr->issued_mail);
}

static void ask_issued(void *ctx, struct request *r)
{
    struct worker *w = ctx;
    r->lookup.query.done = issued_done;
    issued_ask(w->shared->issued, &r->lookup.query);
}

/* on any thread; the gate holds no lock meanwhile, and waits for it before the ticket may go */
static void gate_notify(struct gate_ticket *t)
{
    struct worker_request *wr = worker_request_of(t->ctx);
    mailbox_post(wr->worker->mailbox, &wr->gate_mail);
}

static enum gate_state enter_gate(void *ctx, struct request *r)
{
    struct worker *w = ctx;
    r->gate.ticket.notify = gate_notify;
    return gate_enter(w->shared->gate, &r->gate.ticket);
}

static enum gate_state call_gate(void *ctx, struct request *r)
{
    struct worker *w = ctx;
    return gate_call(w->shared->gate, &r->gate.ticket);
}

static void leave_gate(void *ctx, struct request *r)
{
    struct worker *w = ctx;
    gate_leave(w->shared->gate, &r->gate.ticket);
    mailbox_cancel(w->mailbox, &worker_request_of(r)->gate_mail);
}

static void ca_done(void *ctx, struct ca_result *result)
{
    struct worker_request *wr = ctx;
    req_on_ca(&wr->request, result);
}

static enum cb_code post_to_ca(void *ctx, struct request *r, const char *path, struct buf *body,
                               struct cb_err *err)
{
    struct worker *w = ctx;
    return ca_post(w->ca, path, body, r->trace, ca_done, worker_request_of(r), err);
}

static void set_timer(void *ctx, struct request *r, unsigned ms)
{
    (void)ctx;
    const struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};
    (void)evtimer_add(&worker_request_of(r)->timer, &tv);
}

static void clear_timer(void *ctx, struct request *r)
{
    (void)ctx;
    (void)evtimer_del(&worker_request_of(r)->timer);
}

static void reply_done(void *ctx, bool ok)
{
    struct worker_request *wr = ctx;
    req_on_replied(&wr->request, ok);
}

static void tell_of_mismatch(const struct request *r)
{
    char fields[256] = "";
    for (unsigned f = 0; f < CERT_FIELD_COUNT; f++) {
        const size_t used = strlen(fields);
        if ((r->call.facts.differs & (1U << f)) != 0) {
            (void)snprintf(fields + used, sizeof(fields) - used, " %s",
                           cert_field_word((enum cert_field)f));
        }
    }
    log_line(LOG_LEVEL_ERROR, "ca.mismatch", r->id,
             "certificate %s of the CA is not as authorised, it differs in:%s",
             r->call.facts.serial_hex, fields);
}

/* tell_operator - what the people who run the CA have to look at; the caller is told less. */
static void tell_operator(const struct request *r)
{
    const enum reason_id reason = r->verdict.reason->id;
    const struct slice said = r->call.answer.message;
    if (reason == REFUSED_CA_MISMATCH) {
        tell_of_mismatch(r);
    } else if (reason >= REFUSED_CA_UNAVAILABLE && reason <= REFUSED_CA_UNKNOWN) {
        const struct ca_result *result = &r->call.result;
        log_line(LOG_LEVEL_WARN, "ca.trouble", r->id, "%s: %s at %s: %s%.*s",
                 r->verdict.reason->word, result->stage == NULL ? "not called" : result->stage,
                 result->upstream == NULL ? "no CA" : result->upstream, result->message,
                 (int)said.len, said.ptr == NULL ? "" : said.ptr);
    }
}

static void send_reply(void *ctx, struct request *r, struct edge_reply *reply)
{
    struct worker *w = ctx;
    metrics_request(&w->metrics, r, clock_mono_us(w->services.clock));
    tell_operator(r);
    reply->done = reply_done;
    reply->done_ctx = worker_request_of(r);
    edge_reply(r->exchange, reply);
}

static void start_follow_up(void *ctx, const struct issued_cert *cert, enum revoke_reason reason,
                            struct slice follows)
{
    follow_up_start(ctx, cert, reason, follows, 0);
}

static void request_finished(void *ctx, struct request *r)
{
    struct worker *w = ctx;
    struct worker_request *wr = worker_request_of(r);
    if (wr->order != NULL) {
        worker_order_finished(wr);
    } else if (r->route == ROUTE_FOLLOW_UP) {
        follow_up_finished(wr);
    }
    mailbox_post(w->mailbox, &wr->free_mail);
}

void worker_services_init(struct worker *w)
{
    w->services = (struct req_services){
        .ctx = w,
        .clock = &cb_system_clock,
        .settings = &w->shared->config->request,
        .issuer = w->generation.issuer,
        .jwt_keys = w->generation.jwt_keys,
        .aki_learned = &w->shared->aki_learned,
        .quotas = w->shared->quotas,
        .policy = get_policy,
        .audit_state = get_audit_state,
        .is_contested = is_contested,
        .audit_submit = submit_record,
        .audit_note = note,
        .issued_ask = ask_issued,
        .gate_enter = enter_gate,
        .gate_call = call_gate,
        .gate_leave = leave_gate,
        .ca_post = post_to_ca,
        .timer_set = set_timer,
        .timer_clear = clear_timer,
        .reply = send_reply,
        .follow_up = start_follow_up,
        .finished = request_finished,
    };
}
