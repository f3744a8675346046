/* collect.h - inside broker/report only: what each kind of record does to a report. */
#ifndef BROKER_REPORT_COLLECT_H
#define BROKER_REPORT_COLLECT_H

#include "audit/read/reader.h"
#include "broker/report/model.h"

struct taken {
    const struct audit_line *line;
    const struct audit_event *event; /* gone with the record */
    bool in_period;
};

/* collect_is_order - by the broker, because a person wanted it through the control socket. */
bool collect_is_order(const struct audit_event *e);
/* collect_who - who asked: never absent. collect_party - whom it is for. */
struct slice collect_who(const struct audit_event *e);
struct slice collect_party(const struct audit_event *e);
/* collect_first_name - of wanted or granted names, the one to show; absent: none. */
struct slice collect_first_name(const struct audit_names *names);
/* collect_happened - in all the tables that count who, rule, owner. */
void collect_happened(struct report *r, const struct taken *t, enum happening what);

/* collect_line - the next record; arena is for what it needs meanwhile. CB_ENOMEM only: a record that this
 * version does not understand is counted. */
enum cb_code collect_line(struct report *r, struct arena *arena, const struct audit_line *line,
                          struct cb_err *err) CB_MUST_USE;

/* ---- collect_certs.c ---- */
void take_issue_ok(struct report *r, const struct taken *t);
void take_issue_fail(struct report *r, const struct taken *t);
void take_unknown(struct report *r, const struct taken *t);
void take_undelivered(struct report *r, const struct taken *t);
void take_revoke_ok(struct report *r, const struct taken *t);
void take_revoke_fail(struct report *r, const struct taken *t);

/* ---- collect_loose.c ---- */
void loose_add(struct report *r, const struct taken *t, enum loose_kind kind);
/* loose_revoked - of this serial, then. is_done: the CA was asked and has done it, or says so. */
void loose_revoked(struct report *r, struct slice serial, int64_t us, bool is_done);
void loose_settle_ref(struct report *r, uint64_t ref, int64_t us);
void take_reconcile_run(struct report *r, const struct taken *t);
void take_reconcile_found(struct report *r, const struct taken *t);
void take_reconcile_resolved(struct report *r, const struct taken *t);
/* attempt_open - remember who asked for what, until its outcome. */
void attempt_open(struct report *r, const struct taken *t);

/* ---- collect_denials.c ---- */
void take_deny(struct report *r, const struct taken *t);
void take_issue_attempt(struct report *r, const struct taken *t);
void take_revoke_attempt(struct report *r, const struct taken *t);

/* ---- collect_broker.c ---- */
void take_policy_load(struct report *r, const struct taken *t);
void take_policy_reject(struct report *r, const struct taken *t);
void take_start(struct report *r, const struct taken *t);
void take_stop(struct report *r, const struct taken *t);
void take_segment_open(struct report *r, const struct taken *t);
void take_loss(struct report *r, const struct taken *t);
void take_unsigned(struct report *r, const struct taken *t);
void take_alarm(struct report *r, const struct taken *t);
void take_clock_step(struct report *r, const struct taken *t);
void take_key_rotate(struct report *r, const struct taken *t);
void take_prune(struct report *r, const struct taken *t);
void take_fault(struct report *r, const struct taken *t);
void take_recovered(struct report *r, const struct taken *t);

/* ---- collect_strangers.c ---- */
void take_authn_fail(struct report *r, const struct taken *t);
void take_refused(struct report *r, const struct taken *t);
void take_drop(struct report *r, const struct taken *t);
void take_info(struct report *r, const struct taken *t);

#endif
