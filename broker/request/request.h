/* request.h - the life of one request. READ THIS FIRST.
 *
 * A request walks through the states below, in the order its route's row in request.c gives. Each
 * state has one stage function (stage_*.c). A stage ends in one of four ways:
 *
 *   STEP_NEXT    done, go on with the next state of the row
 *   STEP_WAIT    a completion will come (req_on_*), and then the stage is called again
 *   STEP_REFUSE  verdict is filled in: record it, then answer it
 *   STEP_SETTLED nothing is left to be done (already revoked): straight to the outcome
 *
 * Every request ends in REQ_OUTCOME and REQ_REPLY, the refused ones too: nothing is answered that
 * was not recorded first (repeated refusals of one limit are only counted: reason.h). Stages never call each other and never free anything. Completions do
 * three things: store the result, clear the pending bit, call req_resume.
 *
 * Everything outside (audit log, CA, index, gate, clock, the client) is reached through struct
 * req_services, so that the tests can play every race with a virtual clock.
 *
 * Threads: a request lives on one worker thread from start to end. */
#ifndef BROKER_REQUEST_REQUEST_H
#define BROKER_REQUEST_REQUEST_H

#include "audit/audit.h"
#include "broker/base/arena.h"
#include "broker/base/clock.h"
#include "broker/ca/answer.h"
#include "broker/ca/ca.h"
#include "broker/ca/check.h"
#include "broker/ca/gate.h"
#include "broker/edge/edge.h"
#include "broker/issued/issued.h"
#include "broker/jwt/jwt.h"
#include "broker/limits/quota.h"
#include "broker/limits/source.h"
#include "broker/request/parse.h"
#include "broker/request/policy_ref.h"
#include "broker/request/reason.h"

enum req_state {
    REQ_AUTHENTICATE, /* who is it: exactly one client of the policy */
    REQ_PARSE,        /* client bytes to a typed ask */
    REQ_LOOKUP,       /* revoke: whose certificate is it */
    REQ_AUTHORISE,    /* the policy's decision, with the snapshot taken at the start */
    REQ_LIMIT,        /* how often: a token of each rate that the rules set */
    REQ_CLAIM,        /* one at a time: idempotency key, or the serial to be revoked */
    REQ_ROOM,         /* how many: room for one more valid certificate */
    REQ_QUEUE,        /* the fair queue in front of the CA; a client that leaves is forgotten */
    REQ_INTENT,       /* the attempt is on stable storage before the CA hears of it */
    REQ_CALL,         /* one POST; from here on the request always runs to its outcome */
    REQ_CHECK,        /* is the answer what was authorised */
    REQ_OUTCOME,      /* the outcome (or the refusal) is on stable storage */
    REQ_REPLY,        /* answer, then wipe */
    REQ_DONE,
};
#define REQ_STATE_COUNT 14
const char *req_state_word(enum req_state state);

enum req_step { STEP_NEXT, STEP_WAIT, STEP_REFUSE, STEP_SETTLED };

enum req_route {
    ROUTE_NEWCERT,
    ROUTE_REVOKE,
    ROUTE_INFO,
    ROUTE_HEALTH,
    ROUTE_WHOAMI,
    ROUTE_EXPLAIN,
    ROUTE_REFUSED,   /* no such path, wrong method, or not HTTP as we accept it */
    ROUTE_FOLLOW_UP, /* our own revocation of what must not stay valid */
};
#define REQ_ROUTE_COUNT 8
const char *req_route_word(enum req_route route);

/* How the CA wants the authority key id of a revocation spelt (CFSSL builds differ). */
enum aki_mode { AKI_AUTO, AKI_HEX, AKI_EMPTY };

struct profile_usages { /* a profile the CA is known to have, and the usages it gives */
    const char *name;
    struct usage_set usages;
    uint64_t max_validity_s; /* 0: only the rule's */
};

struct req_settings {
    unsigned queue_timeout_ms;
    uint32_t refused_per_minute; /* of one principal, recorded one by one; 0: all of them */
    bool revoke_undelivered;
    enum aki_mode aki_mode;
    const struct profile_usages *profiles;
    size_t num_profiles;
};

struct request;

/* What a request may use of the world. One per worker; the functions are called on its thread. */
struct req_services {
    void *ctx;
    const struct cb_clock *clock;
    const struct req_settings *settings;
    struct ca_issuer *issuer;  /* the worker's own */
    struct jwt_keys *jwt_keys; /* likewise; NULL: no token issuers are configured */
    _Atomic(int) *aki_learned; /* enum aki_mode that last worked under AKI_AUTO; shared */
    struct quotas *quotas;     /* shared */

    struct policy_ref *(*policy)(void *ctx); /* a reference to the policy in force */
    enum audit_state (*audit_state)(void *ctx);
    /* a witness contradicts the audit log, and that is to stop newcert */
    bool (*is_contested)(void *ctx);
    /* append r->record.append; completion: req_on_audit */
    enum cb_code (*audit_submit)(void *ctx, struct request *r, struct cb_err *err);
    /* a record nobody waits for (undelivered, authn.fail); everything is copied. from: a stranger,
     * whose repeated failures are only counted; else NULL */
    void (*audit_note)(void *ctx, enum audit_type type, struct slice body,
                       const struct source_key *from);
    void (*issued_ask)(void *ctx, struct request *r); /* r->lookup.query; req_on_issued */
    enum gate_state (*gate_enter)(void *ctx, struct request *r); /* later: req_on_gate */
    enum gate_state (*gate_call)(void *ctx, struct request *r);
    void (*gate_leave)(void *ctx, struct request *r);
    /* completion: req_on_ca */
    enum cb_code (*ca_post)(void *ctx, struct request *r, const char *path, struct buf *body,
                            struct cb_err *err);
    void (*timer_set)(void *ctx, struct request *r, unsigned ms); /* one; later: req_on_timer */
    void (*timer_clear)(void *ctx, struct request *r);
    void (*reply)(void *ctx, struct request *r, struct edge_reply *reply); /* req_on_replied */
    /* start our own revocation; everything in it is copied */
    void (*follow_up)(void *ctx, const struct issued_cert *cert, enum revoke_reason reason,
                      struct slice follows);
    void (*finished)(void *ctx, struct request *r); /* DONE and nothing pending: free it later */
};

struct principal {
    const struct policy_client *client; /* NULL: nobody (yet) */
    struct policy_caller caller;        /* the same with what it is known by */
    struct name peer;                   /* what caller.peer points to */
    struct slice id;                    /* the client, or one of the many it stands for */
    const char *via;                    /* "mtls.uri", "bearer", ...; "broker" for follow-ups */
    struct slice credential;            /* the SAN that decided; absent for secrets */
    struct slice cert_sha256;
};

struct req_verdict { /* why a request is refused, or "ok" */
    const struct reason *reason;
    char detail[POLICY_DETAIL_MAX]; /* a sentence about the caller's own request */
    unsigned retry_after_s;
    const char *rule_id; /* 429: the rule whose limit is reached */
    const char *allow;   /* 405 */
    bool
        is_counted_only; /* of a limit: not the first such refusal, so it gets no record of its own */
};

struct tried_rule { /* explain: a rule that was looked at */
    const char *rule_id;
    enum policy_reason reason; /* why it does not allow it: the first condition that fails */
    bool is_delegation;
    struct slice detail;
};

struct request {
    const struct req_services *sv;
    enum req_route route;
    enum req_state state;
    unsigned plan_at; /* index into the route's row */
    bool is_stepping; /* inside req_resume: a completion only sets is_woken */
    bool is_woken;
    bool is_gone;      /* the client left */
    bool is_timed_out; /* the stage's timer fired */
    int64_t start_mono_us;

    char id[33];                    /* ours: 128 random bits, hex */
    struct slice client_request_id; /* theirs, checked; echoed */
    struct slice trace;
    struct edge_exchange *exchange; /* NULL: a follow-up, or already answered */
    struct policy_ref *policy;
    struct arena arena; /* secret: everything below points into it */

    struct principal who;
    struct slice peer, method, path;
    struct policy_ask ask;
    struct revoke_ask revoke;
    struct slice idem;
    char ask_sha256[SHA256_HEX_LEN + 1];
    struct policy_decision decision;
    /* The ask with what the rules add to it: what the CA is asked for, and its answer held to. */
    struct policy_ask grant;
    struct req_verdict verdict;

    struct {
        struct issued_query query;
        bool is_pending;
        unsigned step; /* of the stage that asks more than once */
        bool has_cert; /* cert is known: to be revoked, or superseded by this request */
        struct issued_cert cert;
        bool has_claim;          /* to be released at the end */
        bool is_already_revoked; /* the answer is "done", without asking the CA again */
        struct slice claim_client, claim_key;
        bool has_asked_room, has_room; /* the latter is to be released, too */
        struct issued_limit limits[ISSUED_LIMITS_MAX];
    } lookup;

    struct {
        struct gate_ticket ticket;
        bool has_asked;
    } gate;

    struct {
        struct audit_append append;
        struct buf body;
        bool is_pending, is_written;
        enum cb_code result;
        uint64_t attempt_seq; /* UINT64_MAX: none */
        bool is_outcome_asked;
        bool is_late_encoded;
        bool is_late; /* the log failed after the CA acted: written when it is back */
        enum audit_type late_type;
    } record;

    struct {
        bool is_pending, has_result, tried_other_aki;
        enum aki_mode aki_used;
        struct ca_result result;
        struct ca_answer answer;
        struct cert_facts facts;
        struct slice
            request_der;       /* the CSR the CA made for its key; empty: none worth passing on */
        struct slice info_der; /* info: the CA's certificate, from our own file */
        bool has_asked_serial; /* whether the certificate is really a new one */
        bool is_replay;        /* it is not: somebody else's, to be left alone */
        bool may_have_acted;   /* the CA has, or may have, done what was asked */
    } call;

    struct {
        struct tried_rule *tried; /* nearest first */
        size_t num_tried;
        size_t num_more; /* that are not listed */
    } explain;

    struct slice follows;  /* a follow-up: id of the request that caused it */
    struct slice by, note; /* a follow-up that somebody wanted: who, and why */
    bool is_reply_started, has_replied, is_delivery_noted;
    bool is_finished;
};

/* req_init - a request for this exchange (or NULL for a follow-up); the caller has zeroed it. */
void req_init(struct request *r, const struct req_services *sv, struct edge_exchange *x);
/* req_init_follow_up - revoke cert because of the request `follows`. */
bool req_init_follow_up(struct request *r, const struct req_services *sv,
                        const struct issued_cert *cert, enum revoke_reason reason,
                        struct slice follows);
/* req_resume - take as many steps as can be taken now. */
void req_resume(struct request *r);
void req_free(struct request *r); /* after finished(): wipes and releases everything inside */

/* Completions, on the request's thread. */
void req_on_audit(struct request *r, enum cb_code code);
void req_on_issued(struct request *r);
void req_on_gate(struct request *r);
void req_on_ca(struct request *r, struct ca_result *result); /* takes the result */
void req_on_timer(struct request *r);
void req_on_gone(struct request *r);
void req_on_replied(struct request *r, bool ok);

/* ---- for the stages only ---- */
typedef enum req_step (*req_stage_fn)(struct request *r);
enum req_step stage_authenticate(struct request *r);
enum req_step stage_parse(struct request *r);
enum req_step stage_lookup(struct request *r);
enum req_step stage_authorise(struct request *r);
enum req_step stage_limit(struct request *r);
enum req_step stage_claim(struct request *r);
enum req_step stage_room(struct request *r);
enum req_step stage_queue(struct request *r);
enum req_step stage_intent(struct request *r);
enum req_step stage_call(struct request *r);
enum req_step stage_check(struct request *r);
enum req_step stage_outcome(struct request *r);
enum req_step stage_reply(struct request *r);

/* req_owner - for whom it is: on_behalf_of, or who asked. */
struct slice req_owner(const struct request *r);
/* req_refuse - fill the verdict; detail as printf, NULL for the reason's own sentence. */
enum req_step req_refuse(struct request *r, enum reason_id reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* req_route_of - the one table of method and path; exact bytes. *ret_allow: for a 405. */
enum req_route req_route_of(enum http_method method, struct slice path, const char **ret_allow);

#endif
