/* server_records.c - the records of the process itself: start, stop, policy, and what the last run
 * left open. */
#include "broker/server/server_parts.h"

#include "broker/commands/version.h"

static enum cb_code append(struct audit *audit, const struct audit_event *e, struct cb_err *err)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    enum cb_code code = CB_OK;
    if (!audit_event_encode(e, &body)) {
        code = cb_fail(err, CB_ELIMIT, "a record does not fit into a line");
    } else {
        code = audit_append_wait(audit, e->type, buf_slice(&body), NULL, err);
    }
    buf_free(&body);
    return code;
}

static void add_policy(const struct policy *policy, struct audit_event *e)
{
    e->policy_sha256 = slice_of(policy_sha256(policy));
    e->rules = policy_num_rules(policy);
    e->clients = policy_num_clients(policy);
}

enum cb_code server_record_start(struct server *s, struct cb_err *err)
{
    const struct policy *policy = s->policy->policy;
    TRY(audit_keep_policy(s->shared.audit, policy_sha256(policy), policy_bytes(policy), err));
    struct audit_event e;
    audit_event_zero(&e, AUDIT_BROKER_START);
    add_policy(policy, &e);
    e.config_sha256 = slice_of(s->config->sha256);
    e.version = SLICE(CERTBROKER_VERSION);
    e.listen = buf_slice(&s->listen_text);
    e.by = SLICE("start");
    return append(s->shared.audit, &e, err);
}

enum cb_code server_record_unknowns(struct server *s, const struct audit_recovery *recovery,
                                    struct cb_err *err)
{
    for (size_t i = 0; i < recovery->num_open; i++) {
        const struct audit_open_attempt *open = &recovery->open[i];
        struct audit_event e;
        audit_event_zero(&e, open->type == AUDIT_REVOKE_ATTEMPT ? AUDIT_REVOKE_UNKNOWN
                                                                : AUDIT_ISSUE_UNKNOWN);
        e.ref = open->seq;
        e.req = slice_of(open->req);
        e.stage = SLICE("recovery");
        e.effect = SLICE("possible");
        e.reason = SLICE("broker_ended");
        e.detail = SLICE("the broker ended before the outcome was recorded");
        TRY(append(s->shared.audit, &e, err));
    }
    if (recovery->num_open > 0) {
        log_warn("audit.unknown",
                 "%zu attempts of the last run have no outcome; they are recorded as unknown",
                 recovery->num_open);
    }
    return CB_OK;
}

static void add_note(const struct reload_note *note, struct audit_event *e)
{
    e->by = slice_of(note->by);
    e->forced = slice_of(note->forced);
    e->note = slice_of(note->note);
    e->reason = slice_of(note->reason);
    e->detail = slice_of(note->detail);
    e->num_lost = note->num_lost;
}

enum cb_code server_record_policy_of(struct audit *audit, const char *before,
                                     const struct policy *now, const struct reload_note *note,
                                     struct cb_err *err)
{
    TRY(audit_keep_policy(audit, policy_sha256(now), policy_bytes(now), err));
    struct audit_event e;
    audit_event_zero(&e, AUDIT_POLICY_LOAD);
    add_policy(now, &e);
    add_note(note, &e);
    e.policy_old_sha256 = slice_of(before);
    e.changes = note->changes;
    e.num_changes = note->num_changes;
    return append(audit, &e, err);
}

enum cb_code server_record_policy(struct audit *audit, const struct policy *before,
                                  const struct policy *now, const struct reload_note *note,
                                  struct cb_err *err)
{
    return server_record_policy_of(audit, policy_sha256(before), now, note, err);
}

void server_record_reject(struct audit *audit, const struct policy *before, const char *candidate,
                          const struct reload_note *note)
{
    struct audit_event e;
    struct cb_err err = {0};
    audit_event_zero(&e, AUDIT_POLICY_REJECT);
    add_note(note, &e);
    e.policy_sha256 = slice_of(candidate);
    e.policy_old_sha256 = slice_of(policy_sha256(before));
    if (append(audit, &e, &err) != CB_OK) {
        log_error("audit.append", "the refused reload is not in the audit log: %s", err.msg);
    }
}

void server_record_stop(struct server *s)
{
    struct audit_event e;
    struct cb_err err = {0};
    audit_event_zero(&e, AUDIT_BROKER_STOP);
    e.reason = slice_of(s->stop_reason);
    e.uptime_s = (uint64_t)((clock_mono_us(&cb_system_clock) - s->start_mono_us) / 1000000);
    if (append(s->shared.audit, &e, &err) != CB_OK) {
        log_error("audit.append", "the stop is not in the audit log: %s", err.msg);
    }
}
