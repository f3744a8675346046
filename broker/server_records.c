/* server_records.c - the records of the process itself: start, stop, policy, and what the last run
 * left open. */
#include "broker/server_parts.h"

#include "broker/version.h"

static enum cb_code append(struct server *s, const struct audit_event *e, struct cb_err *err)
{
    struct buf body;
    buf_init(&body, AUDIT_LINE_MAX);
    enum cb_code code = CB_OK;
    if (!audit_event_encode(e, &body)) {
        code = cb_fail(err, CB_ELIMIT, "a record does not fit into a line");
    } else {
        code = audit_append_wait(s->shared.audit, e->type, buf_slice(&body), NULL, err);
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
    return append(s, &e, err);
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
        TRY(append(s, &e, err));
    }
    if (recovery->num_open > 0) {
        log_warn("audit.unknown",
                 "%zu attempts of the last run have no outcome; they are recorded as unknown",
                 recovery->num_open);
    }
    return CB_OK;
}

enum cb_code server_record_policy(struct server *s, const struct policy *now, struct cb_err *err)
{
    TRY(audit_keep_policy(s->shared.audit, policy_sha256(now), policy_bytes(now), err));
    struct audit_event e;
    audit_event_zero(&e, AUDIT_POLICY_LOAD);
    add_policy(now, &e);
    e.policy_old_sha256 = slice_of(policy_sha256(s->policy->policy));
    return append(s, &e, err);
}

void server_record_reject(struct server *s, const char *why)
{
    struct audit_event e;
    struct cb_err err = {0};
    audit_event_zero(&e, AUDIT_POLICY_REJECT);
    e.policy_old_sha256 = slice_of(policy_sha256(s->policy->policy));
    e.detail = slice_of(why);
    if (append(s, &e, &err) != CB_OK) {
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
    if (append(s, &e, &err) != CB_OK) {
        log_error("audit.append", "the stop is not in the audit log: %s", err.msg);
    }
}
