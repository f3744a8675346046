/* words.c - see field.h: the words of fields that have but some, for completion and for a query that has a
 * slip in it. Whether these are all is checked against their owners by tests/unit/review/test_words.c. */
#include "broker/review/field.h"

const char *const review_type_words[] = {"segment.open",
                                         "segment.close",
                                         "broker.start",
                                         "broker.stop",
                                         "policy.load",
                                         "policy.reject",
                                         "authn.fail",
                                         "authz.deny",
                                         "request.refused",
                                         "issue.attempt",
                                         "issue.ok",
                                         "issue.fail",
                                         "issue.unknown",
                                         "issue.undelivered",
                                         "revoke.attempt",
                                         "revoke.ok",
                                         "revoke.fail",
                                         "revoke.unknown",
                                         "info.ok",
                                         "limit.drop",
                                         "audit.fault",
                                         "audit.recovered",
                                         "reconcile.run",
                                         "reconcile.orphan",
                                         "reconcile.bypass",
                                         "reconcile.missing",
                                         "reconcile.resolved",
                                         "segment.prune",
                                         "key.rotate",
                                         "log.heartbeat",
                                         "clock.step",
                                         "audit.loss",
                                         "witness.alarm",
                                         "audit.unsigned",
                                         NULL};

const char *const review_reason_words[] = {
    /* of the policy, and of requests that were refused otherwise */
    "deny_rule", "unknown_party", "not_delegated", "no_rule", "rule_expired", "source_not_allowed",
    "time_not_allowed", "no_names", "too_many_names", "name_not_allowed", "out_of_scope",
    "common_name_not_allowed", "subject_not_allowed", "key_not_allowed", "profile_not_allowed",
    "not_owner", "unknown_cert", "bad_request", "not_found", "method_not_allowed", "timeout",
    "length_required", "too_large", "uri_too_long", "expectation_failed", "headers_too_large",
    "unauthenticated", "idempotency_in_flight", "idempotency_mismatch", "revocation_in_flight",
    "certificate_not_found", "client_gone", "rate_limited", "too_many_active", "refused_too_often",
    "busy", "queue_timeout", "audit_unavailable", "audit_contested", "index_unavailable",
    "ca_unavailable", "ca_temporary", "ca_refused", "ca_unknown", "ca_mismatch", "internal",
    /* of the broker, its log and its policy */
    "broker_ended", "outcome_lost", "damaged", "split_view", "revoked_already",
    "client_certificate", "policy", "files", "tests", "guard", "failed", "stopped", "sigterm",
    "sigint", "second_signal", "drain_deadline",
    /* of a comparison with the CA's database */
    "bypass", "orphan", "missing", "differs", "unreadable", "revoked_at_ca", "revoked_in_log",
    "unresolved", "not_issued", "lapsed", NULL};

const char *const review_decision_words[] = {"allow", "deny", NULL};
