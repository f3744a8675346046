/* server_parts.h - the inside of the process; private to server*.c, reload_job.c, control.c and
 * operations.c. */
#ifndef BROKER_SERVER_PARTS_H
#define BROKER_SERVER_PARTS_H

#include "broker/reload/generation.h"
#include "broker/reload/reload_job.h"
#include "broker/server/server.h"
#include "broker/worker/worker.h"

#include <event2/event.h>
#include <stdatomic.h>

/* A reload that is wanted and has not begun; embedded in whatever wants it. */
struct reload_wish {
    TAILQ_ENTRY(reload_wish) link;
    bool is_queued;
    struct reload_order order;
    /* How it went; job NULL: the broker is stopping. The wish may be queued anew from here. */
    void (*done)(struct reload_wish *wish, const struct reload_job *job);
};
TAILQ_HEAD(reload_wishes, reload_wish);

/* Reloads as the main thread sees them. */
struct reloads {
    struct reload_wishes queue; /* first come, first served; one job at a time */
    struct reload_wish hup;     /* SIGHUP's: however many come, one more reload */
    struct reload_wish *served; /* by the job; NULL: whoever wanted it is gone */
    struct reload_job *job;     /* under way; NULL: none */
    uint64_t counts[RELOAD_RESULT_COUNT];
    /* the last one that was not called off; result RELOAD_STOPPED: there was none */
    enum reload_result last;
    char last_by[RELOAD_BY_MAX + 1], last_why[RELOAD_WHY_MAX];
    int64_t last_wall_us, last_duration_us;
    int64_t stale_since_us; /* 0: the last reload was not refused */
};

struct control;       /* control.h */
struct keeper;        /* keeper.h */
struct server_anchor; /* server_anchor.c */
struct order;         /* server_order.h */
TAILQ_HEAD(orders, order);

struct server {
    struct config *config;
    struct worker_shared shared;
    struct worker **workers;
    size_t num_workers;
    /* the log and its witnesses; NULL: none configured, or the log is not open yet */
    _Atomic(struct server_anchor *) anchor;
    struct note_signer *audit_key; /* signs the log's checkpoints; until the log is closed */
    struct policy_ref *policy;     /* the one in force */
    struct generation_prints prints;

    struct event_base *base; /* main thread: signals, operations listener, drain timer */
    struct mailbox *mailbox;
    struct edge *operations; /* NULL: none configured */
    struct event *on_hup, *on_term, *on_int, *on_deadline, *on_tick;
    enum audit_state last_audit_state; /* as it was last told to the operator */
    uint64_t last_audit_faults, last_seal_failures;
    bool seal_is_late; /* the operator was told so */
    struct mail drained_mail;
    _Atomic(size_t) num_drained;
    _Atomic uint64_t durable_seq;         /* records on disk */
    struct ship *ship;                    /* NULL: no syslog receivers */
    _Atomic(struct issued *) issued_feed; /* set once the index is open: see audit_observer */

    struct reloads reloads;
    struct orders orders; /* wanted over the control socket, and not done yet */
    size_t num_orders, next_worker;
    struct control *control;  /* NULL: none configured */
    struct keeper *keeper;    /* NULL: nothing is archived */
    int64_t expiring_told_us; /* monotonic: when grants that end soon were last warned of */

    bool is_draining, is_stopped_early;
    bool is_stuck; /* a reload did not end in time: leave without cleaning up what it uses */
    int64_t start_wall_s, start_mono_us;
    int64_t server_cert_not_after_s, issuer_not_after_s;
    struct buf listen_text; /* for broker.start: "tls 127.0.0.1:8443, ..." */
    const char *stop_reason;
};

/* server_audit.c */
/* server_audit_key - read it; the message says where certbroker.yaml names it. */
enum cb_code server_audit_key(struct server *s, struct cb_err *err) CB_MUST_USE;
/* server_audit_tell - once a second: log what has changed. */
void server_audit_tell(struct server *s, const struct audit_stats *stats);

/* operations.c: /healthz, /readyz, /metrics */
enum cb_code operations_start(struct server *s, struct cb_err *err) CB_MUST_USE;

/* server_reload.c: one reload after the other, and what comes of it */
void server_reload_init(struct server *s);
void server_reload_hup(struct server *s);
/* server_reload_want - queue it; done is called once, unless it is forgotten first. */
void server_reload_want(struct server *s, struct reload_wish *wish);
void server_reload_forget(struct server *s, struct reload_wish *wish);
/* server_reload_drain - no more of them, and end the one under way soon. */
void server_reload_drain(struct server *s);
/* server_reload_stop - wait for it; sets is_stuck if it does not end. */
void server_reload_stop(struct server *s);
/* server_warn_expiring - of grants that end soon; at most once a day unless the policy is new. */
void server_warn_expiring(struct server *s, bool is_new);

/* server_ship.c: syslog. Stopping comes after the log was closed, so that its last records go, too. */
enum cb_code server_ship_start(struct server *s, struct cb_err *err) CB_MUST_USE;
void server_ship_stop(struct server *s);
void server_ship_metrics(const struct server *s, struct buf *out);

/* server_anchor.c: the log and its witnesses, in the order of their calls; without witnesses nothing
 * happens. check: before the log is opened; refuses to go on with one that they have seen more of. */
enum cb_code server_anchor_check(struct server *s, struct cb_err *err) CB_MUST_USE;
enum cb_code server_anchor_start(struct server *s, struct cb_err *err) CB_MUST_USE;
/* server_anchor_seal - an on_seal of the log; ctx is the server. */
void server_anchor_seal(void *ctx, struct slice note);
/* server_anchor_unlog - from here on alarms are not recorded: before the log is closed. */
void server_anchor_unlog(struct server *s);
/* server_anchor_stop - after the log is closed: show its last checkpoint, end the threads, free. */
void server_anchor_stop(struct server *s);
/* server_anchor_json - ,"witnesses":[...]; server_anchor_metrics - in Prometheus' text. */
void server_anchor_json(const struct server *s, struct buf *out);
void server_anchor_metrics(const struct server *s, struct buf *out);

/* server_status.c: members of a JSON object about the policy in force and the last reload */
void server_policy_json(const struct server *s, struct buf *out);

/* server_start_policy.c: is the policy another one than when the broker last ran? Then that is
 * recorded like a reload, before broker.start. */
enum cb_code server_start_policy(struct server *s, struct cb_err *err) CB_MUST_USE;

/* server_records.c: what the process itself writes into the audit log; all wait for the disk */
enum cb_code server_record_start(struct server *s, struct cb_err *err) CB_MUST_USE;
enum cb_code server_record_unknowns(struct server *s, const struct audit_recovery *recovery,
                                    struct cb_err *err) CB_MUST_USE;
/* What a policy.load or policy.reject says besides which policy. Texts may be NULL. */
struct reload_note {
    const char *by, *forced, *note, *reason, *detail;
    const struct slice *changes;
    size_t num_changes;
    uint64_t num_lost; /* UINT64_MAX: not known */
};
enum cb_code server_record_policy(struct audit *audit, const struct policy *before,
                                  const struct policy *now, const struct reload_note *note,
                                  struct cb_err *err) CB_MUST_USE;
/* server_record_policy_of - the same, where of the policy before only the digest is known. */
enum cb_code server_record_policy_of(struct audit *audit, const char *before,
                                     const struct policy *now, const struct reload_note *note,
                                     struct cb_err *err) CB_MUST_USE;
/* server_record_reject - candidate: its digest, NULL if it could not be read. */
void server_record_reject(struct audit *audit, const struct policy *before, const char *candidate,
                          const struct reload_note *note);
void server_record_stop(struct server *s);

#endif
