/* types.c - the words of the record types and what each type is to the two-phase rule. */
#include "audit/event.h"

static const char *const words[AUDIT_TYPE_COUNT] = {
    [AUDIT_SEGMENT_OPEN] = "segment.open",
    [AUDIT_SEGMENT_CLOSE] = "segment.close",
    [AUDIT_BROKER_START] = "broker.start",
    [AUDIT_BROKER_STOP] = "broker.stop",
    [AUDIT_POLICY_LOAD] = "policy.load",
    [AUDIT_POLICY_REJECT] = "policy.reject",
    [AUDIT_AUTHN_FAIL] = "authn.fail",
    [AUDIT_AUTHZ_DENY] = "authz.deny",
    [AUDIT_REQUEST_REFUSED] = "request.refused",
    [AUDIT_ISSUE_ATTEMPT] = "issue.attempt",
    [AUDIT_ISSUE_OK] = "issue.ok",
    [AUDIT_ISSUE_FAIL] = "issue.fail",
    [AUDIT_ISSUE_UNKNOWN] = "issue.unknown",
    [AUDIT_ISSUE_UNDELIVERED] = "issue.undelivered",
    [AUDIT_REVOKE_ATTEMPT] = "revoke.attempt",
    [AUDIT_REVOKE_OK] = "revoke.ok",
    [AUDIT_REVOKE_FAIL] = "revoke.fail",
    [AUDIT_REVOKE_UNKNOWN] = "revoke.unknown",
    [AUDIT_INFO_OK] = "info.ok",
    [AUDIT_LIMIT_DROP] = "limit.drop",
    [AUDIT_FAULT] = "audit.fault",
    [AUDIT_RECOVERED] = "audit.recovered",
    [AUDIT_RECONCILE_RUN] = "reconcile.run",
    [AUDIT_RECONCILE_ORPHAN] = "reconcile.orphan",
    [AUDIT_RECONCILE_BYPASS] = "reconcile.bypass",
    [AUDIT_RECONCILE_MISSING] = "reconcile.missing",
    [AUDIT_RECONCILE_RESOLVED] = "reconcile.resolved",
    [AUDIT_SEGMENT_PRUNE] = "segment.prune",
    [AUDIT_KEY_ROTATE] = "key.rotate",
    [AUDIT_HEARTBEAT] = "log.heartbeat",
    [AUDIT_CLOCK_STEP] = "clock.step",
    [AUDIT_LOSS] = "audit.loss",
    [AUDIT_WITNESS_ALARM] = "witness.alarm",
    [AUDIT_UNSIGNED] = "audit.unsigned",
};

const char *audit_type_word(enum audit_type type)
{
    return (unsigned)type < AUDIT_TYPE_COUNT ? words[type] : "unknown";
}

bool audit_type_parse(struct slice word, enum audit_type *ret)
{
    for (unsigned i = 0; i < AUDIT_TYPE_COUNT; i++) {
        if (slice_eq_str(word, words[i])) {
            *ret = (enum audit_type)i;
            return true;
        }
    }
    return false;
}

bool audit_type_is_attempt(enum audit_type type)
{
    return type == AUDIT_ISSUE_ATTEMPT || type == AUDIT_REVOKE_ATTEMPT;
}

bool audit_type_is_outcome(enum audit_type type)
{
    switch (type) {
    case AUDIT_ISSUE_OK:
    case AUDIT_ISSUE_FAIL:
    case AUDIT_ISSUE_UNKNOWN:
    case AUDIT_REVOKE_OK:
    case AUDIT_REVOKE_FAIL:
    case AUDIT_REVOKE_UNKNOWN:
        return true;
    case AUDIT_SEGMENT_OPEN:
    case AUDIT_SEGMENT_CLOSE:
    case AUDIT_BROKER_START:
    case AUDIT_BROKER_STOP:
    case AUDIT_POLICY_LOAD:
    case AUDIT_POLICY_REJECT:
    case AUDIT_AUTHN_FAIL:
    case AUDIT_AUTHZ_DENY:
    case AUDIT_REQUEST_REFUSED:
    case AUDIT_ISSUE_ATTEMPT:
    case AUDIT_ISSUE_UNDELIVERED:
    case AUDIT_REVOKE_ATTEMPT:
    case AUDIT_INFO_OK:
    case AUDIT_LIMIT_DROP:
    case AUDIT_FAULT:
    case AUDIT_RECOVERED:
    case AUDIT_RECONCILE_RUN:
    case AUDIT_RECONCILE_ORPHAN:
    case AUDIT_RECONCILE_BYPASS:
    case AUDIT_RECONCILE_MISSING:
    case AUDIT_RECONCILE_RESOLVED:
    case AUDIT_SEGMENT_PRUNE:
    case AUDIT_KEY_ROTATE:
    case AUDIT_HEARTBEAT:
    case AUDIT_CLOCK_STEP:
    case AUDIT_LOSS:
    case AUDIT_WITNESS_ALARM:
    case AUDIT_UNSIGNED:
        return false;
    }
    return false;
}
