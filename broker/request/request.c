/* request.c - which state follows which, and the loop that walks a request through them.
 *
 * What a state does stands in its stage_*.c; what it may use of the world in request.h. Nothing
 * here knows about certificates, HTTP or the CA. */
#include "broker/request/request.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>

/* Enough for 100 names, their audit record and the CA's answer; nothing a client sends is larger
 * than the body cap, and the CA's answer has a cap of its own. */
#define ARENA_CAP (768U << 10)
#define PATH_RECORDED_MAX 200U

/* The way of each route. A refusal jumps to REQ_OUTCOME from wherever it happens. */
static const enum req_state plans[REQ_ROUTE_COUNT][REQ_STATE_COUNT] = {
    [ROUTE_NEWCERT] = {REQ_AUTHENTICATE, REQ_PARSE, REQ_AUTHORISE, REQ_LIMIT, REQ_CLAIM, REQ_ROOM,
                       REQ_QUEUE, REQ_INTENT, REQ_CALL, REQ_CHECK, REQ_OUTCOME, REQ_REPLY,
                       REQ_DONE},
    [ROUTE_REVOKE] = {REQ_AUTHENTICATE, REQ_PARSE, REQ_LOOKUP, REQ_AUTHORISE, REQ_LIMIT, REQ_CLAIM,
                      REQ_QUEUE, REQ_INTENT, REQ_CALL, REQ_CHECK, REQ_OUTCOME, REQ_REPLY, REQ_DONE},
    [ROUTE_INFO] = {REQ_AUTHENTICATE, REQ_PARSE, REQ_AUTHORISE, REQ_QUEUE, REQ_CALL, REQ_CHECK,
                    REQ_OUTCOME, REQ_REPLY, REQ_DONE},
    [ROUTE_HEALTH] = {REQ_REPLY, REQ_DONE},
    [ROUTE_WHOAMI] = {REQ_AUTHENTICATE, REQ_REPLY, REQ_DONE},
    [ROUTE_EXPLAIN] = {REQ_AUTHENTICATE, REQ_PARSE, REQ_LOOKUP, REQ_AUTHORISE, REQ_ROOM, REQ_REPLY,
                       REQ_DONE},
    [ROUTE_REFUSED] = {REQ_AUTHENTICATE, REQ_OUTCOME, REQ_REPLY, REQ_DONE},
    [ROUTE_FOLLOW_UP] = {REQ_CLAIM, REQ_QUEUE, REQ_INTENT, REQ_CALL, REQ_CHECK, REQ_OUTCOME,
                         REQ_DONE},
};

static const struct {
    const char *word;
    req_stage_fn stage;
} states[REQ_STATE_COUNT] = {
    [REQ_AUTHENTICATE] = {"authenticate", stage_authenticate},
    [REQ_PARSE] = {"parse", stage_parse},
    [REQ_LOOKUP] = {"lookup", stage_lookup},
    [REQ_AUTHORISE] = {"authorise", stage_authorise},
    [REQ_LIMIT] = {"limit", stage_limit},
    [REQ_CLAIM] = {"claim", stage_claim},
    [REQ_ROOM] = {"room", stage_room},
    [REQ_QUEUE] = {"queue", stage_queue},
    [REQ_INTENT] = {"intent", stage_intent},
    [REQ_CALL] = {"call", stage_call},
    [REQ_CHECK] = {"check", stage_check},
    [REQ_OUTCOME] = {"outcome", stage_outcome},
    [REQ_REPLY] = {"reply", stage_reply},
    [REQ_DONE] = {"done", NULL},
};

const char *req_state_word(enum req_state state)
{
    return states[state].word;
}

const char *req_route_word(enum req_route route)
{
    static const char *const words[REQ_ROUTE_COUNT] = {
        "newcert", "revoke", "info", "health", "whoami", "explain", "refused", "follow_up"};
    return words[route];
}

static void enter(struct request *r, unsigned plan_at)
{
    r->plan_at = plan_at;
    r->state = plans[r->route][plan_at];
}

/* skip_to - move forward in the row to a state; a row without it goes to its end. */
static void skip_to(struct request *r, enum req_state state)
{
    unsigned at = r->plan_at;
    while (plans[r->route][at] != state && plans[r->route][at] != REQ_DONE) {
        at++;
    }
    enter(r, at);
}

/* after_refusal - refusals are recorded and answered like everything else. */
static void after_refusal(struct request *r)
{
    /* Routes without an outcome record of their own (whoami, explain) refuse through the row that
     * has one. */
    if (r->route == ROUTE_WHOAMI || r->route == ROUTE_EXPLAIN || r->route == ROUTE_HEALTH) {
        r->route = ROUTE_REFUSED;
        r->plan_at = 0;
    }
    if (r->state == REQ_OUTCOME) {
        skip_to(r, r->route == ROUTE_FOLLOW_UP ? REQ_DONE : REQ_REPLY);
    } else {
        skip_to(r, REQ_OUTCOME);
    }
}

static bool is_waiting(const struct request *r)
{
    return r->record.is_pending || r->lookup.is_pending || r->call.is_pending;
}

static void finish(struct request *r)
{
    /* The gate's and the index's places are given back whatever way the request took. */
    r->sv->timer_clear(r->sv->ctx, r);
    r->sv->gate_leave(r->sv->ctx, r);
    if (!is_waiting(r) && !r->is_finished) {
        r->is_finished = true;
        r->sv->finished(r->sv->ctx, r);
    }
}

void req_resume(struct request *r)
{
    if (r->is_stepping) {
        r->is_woken = true;
        return;
    }
    r->is_stepping = true;
    while (r->state != REQ_DONE) {
        r->is_woken = false;
        const enum req_step step = states[r->state].stage(r);
        if (step == STEP_REFUSE) {
            after_refusal(r);
        } else if (step == STEP_SETTLED) {
            skip_to(r, REQ_OUTCOME);
        } else if (step == STEP_NEXT) {
            enter(r, r->plan_at + 1);
        } else if (!r->is_woken) {
            break;
        }
    }
    r->is_stepping = false;
    if (r->state == REQ_DONE) {
        finish(r);
    }
}

/* ---------------------------------------------------------------- making and freeing */

/* make_id - 128 random bits. They are drawn for many requests at once, because each question to the
 * generator costs a system call; that they lie in memory before does no harm, an id is no secret. */
static void make_id(char out[33])
{
    static _Thread_local unsigned char pool[64][16];
    static _Thread_local size_t left;
    if (left == 0) {
        /* RAND_bytes can only fail when the generator is broken: nothing may be issued then. */
        CB_CHECK(RAND_bytes(pool[0], sizeof(pool)) == 1);
        left = sizeof(pool) / sizeof(pool[0]);
    }
    left--;
    hex_encode(pool[left], sizeof(pool[left]), out);
}

static void init_common(struct request *r, const struct req_services *sv)
{
    make_id(r->id);
    r->sv = sv;
    r->start_mono_us = clock_mono_us(sv->clock);
    r->record.attempt_seq = UINT64_MAX;
    r->verdict.reason = reason_of(REFUSED_NONE);
    arena_init_secret(&r->arena, ARENA_CAP);
    buf_init(&r->record.body, AUDIT_LINE_MAX);
    r->gate.ticket.ctx = r;
    r->record.append.ctx = r;
    r->lookup.query.ctx = r;
}

/* token_or_absent - a header we echo or record: kept only when it is short and plain. */
static struct slice token_or_absent(struct arena *arena, struct slice text, size_t max)
{
    if (text.ptr == NULL || text.len == 0 || text.len > max) {
        return (struct slice){NULL, 0};
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!ascii_is_alnum(text.ptr[i]) && !slice_has_byte(SLICE("-_.:/+="), text.ptr[i])) {
            return (struct slice){NULL, 0};
        }
    }
    return arena_slice(arena, text);
}

/* path_to_record - capped, and without a query: people put secrets there. */
static struct slice path_to_record(struct slice path)
{
    const char *query = path.len == 0 ? NULL : memchr(path.ptr, '?', path.len);
    if (query != NULL) {
        path.len = (size_t)(query - path.ptr) + 1; /* the mark shows that there was one */
    }
    return (struct slice){path.ptr, path.len < PATH_RECORDED_MAX ? path.len : PATH_RECORDED_MAX};
}

void req_init(struct request *r, const struct req_services *sv, struct edge_exchange *x)
{
    init_common(r, sv);
    r->exchange = x;
    x->user = r;
    r->policy = sv->policy(sv->ctx);
    r->peer = slice_of(arena_dup(&r->arena, slice_of(x->peer)));
    r->method = arena_slice(&r->arena, x->head.method_text);
    r->path = arena_slice(&r->arena, path_to_record(x->head.path));
    r->client_request_id = token_or_absent(&r->arena, x->head.request_id, 128);
    r->trace = token_or_absent(&r->arena, x->head.traceparent, 128);
    if (x->refused_status != 0) {
        r->route = ROUTE_REFUSED;
    } else {
        r->route = req_route_of(x->head.method, x->head.path, &r->verdict.allow);
    }
    enter(r, 0);
}

bool req_init_follow_up(struct request *r, const struct req_services *sv,
                        const struct issued_cert *cert, enum revoke_reason reason,
                        struct slice follows)
{
    init_common(r, sv);
    r->route = ROUTE_FOLLOW_UP;
    r->policy = sv->policy(sv->ctx);
    r->who.id = SLICE("certbroker");
    r->who.via = "broker";
    r->follows = arena_slice(&r->arena, follows);
    r->lookup.cert = *cert;
    r->lookup.cert.owner = arena_slice(&r->arena, cert->owner);
    r->lookup.cert.names = NULL;
    r->lookup.cert.num_names = 0;
    r->lookup.has_cert = true;
    memcpy(r->revoke.serial_hex, cert->serial_hex, sizeof(r->revoke.serial_hex));
    memcpy(r->revoke.serial_dec, cert->serial_dec, sizeof(r->revoke.serial_dec));
    memcpy(r->revoke.aki_hex, cert->aki_hex, sizeof(r->revoke.aki_hex));
    r->revoke.reason = reason;
    r->ask.action = ACTION_REVOKE;
    enter(r, 0);
    return r->follows.ptr != NULL;
}

void req_free(struct request *r)
{
    buf_free(&r->record.body);
    buf_free(&r->call.result.body);
    arena_free(&r->arena);
    policy_ref_put(r->policy);
    OPENSSL_cleanse(&r->call.facts, sizeof(r->call.facts));
}

struct slice req_owner(const struct request *r)
{
    return r->ask.on_behalf_of.ptr == NULL ? r->who.id : r->ask.on_behalf_of;
}

enum req_step req_refuse(struct request *r, enum reason_id reason, const char *fmt, ...)
{
    r->verdict.reason = reason_of(reason);
    r->verdict.rule_id = NULL;
    r->verdict.retry_after_s = r->verdict.reason->retry_after_s;
    if (fmt == NULL) {
        (void)snprintf(r->verdict.detail, sizeof(r->verdict.detail), "%s",
                       r->verdict.reason->sentence);
    } else {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(r->verdict.detail, sizeof(r->verdict.detail), fmt, ap);
        va_end(ap);
    }
    return STEP_REFUSE;
}

/* ---------------------------------------------------------------- completions */

void req_on_audit(struct request *r, enum cb_code code)
{
    r->record.is_pending = false;
    r->record.is_written = code == CB_OK;
    r->record.result = code;
    req_resume(r);
}

void req_on_issued(struct request *r)
{
    r->lookup.is_pending = false;
    req_resume(r);
}

void req_on_gate(struct request *r)
{
    req_resume(r);
}

void req_on_ca(struct request *r, struct ca_result *result)
{
    r->call.is_pending = false;
    r->call.has_result = true;
    buf_free(&r->call.result.body);
    r->call.result = *result;
    /* It lives as long as the pool, which a reload may retire before our last record. */
    r->call.result.upstream = arena_dup(&r->arena, slice_of(result->upstream));
    req_resume(r);
}

void req_on_timer(struct request *r)
{
    r->is_timed_out = true;
    req_resume(r);
}

void req_on_gone(struct request *r)
{
    r->is_gone = true;
    req_resume(r);
}

void req_on_replied(struct request *r, bool ok)
{
    r->exchange = NULL;
    r->has_replied = true;
    if (!ok) {
        r->is_gone = true;
    }
    req_resume(r);
}
