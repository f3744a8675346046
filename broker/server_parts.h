/* server_parts.h - the inside of the process; private to server*.c and operations.c. */
#ifndef BROKER_SERVER_PARTS_H
#define BROKER_SERVER_PARTS_H

#include "broker/generation.h"
#include "broker/server.h"
#include "broker/worker.h"

#include <event2/event.h>
#include <stdatomic.h>

struct server {
    struct config *config;
    struct worker_shared shared;
    struct worker **workers;
    size_t num_workers;
    struct policy_ref *policy; /* the one in force */
    struct generation_prints prints;

    struct event_base *base; /* main thread: signals, operations listener, drain timer */
    struct mailbox *mailbox;
    struct edge *operations; /* NULL: none configured */
    struct event *on_hup, *on_term, *on_int, *on_deadline, *on_tick;
    enum audit_state last_audit_state; /* as it was last told to the operator */
    uint64_t last_audit_faults;
    struct mail drained_mail;
    _Atomic(size_t) num_drained;
    _Atomic(struct issued *) issued_feed; /* set once the index is open: see audit_observer */

    bool is_draining, is_stopped_early;
    bool policy_is_stale;
    uint64_t reloads_ok, reloads_refused;
    int64_t start_wall_s, start_mono_us;
    int64_t server_cert_not_after_s, issuer_not_after_s;
    struct buf listen_text; /* for broker.start: "tls 127.0.0.1:8443, ..." */
    const char *stop_reason;
};

/* operations.c: /healthz, /readyz, /metrics */
enum cb_code operations_start(struct server *s, struct cb_err *err) CB_MUST_USE;

/* server_reload.c: SIGHUP */
void server_reload(struct server *s);

/* server_records.c: what the process itself writes into the audit log; all wait for the disk */
enum cb_code server_record_start(struct server *s, struct cb_err *err) CB_MUST_USE;
enum cb_code server_record_unknowns(struct server *s, const struct audit_recovery *recovery,
                                    struct cb_err *err) CB_MUST_USE;
enum cb_code server_record_policy(struct server *s, const struct policy *now,
                                  struct cb_err *err) CB_MUST_USE;
void server_record_reject(struct server *s, const char *why);
void server_record_stop(struct server *s);

#endif
