/* reason.c - the table; see reason.h. */
#include "broker/request/reason.h"

#include "broker/base/err.h"

static const struct reason reasons[REASON_ID_COUNT] = {
    {REFUSED_NONE, "ok", 200, 0, 0, RECORD_NOT, "done"},
    {REFUSED_BAD_REQUEST, "bad_request", 400, 20400, 0, RECORD_DURABLE, "the request is malformed"},
    {REFUSED_NOT_FOUND, "not_found", 404, 20404, 0, RECORD_DURABLE, "no such endpoint"},
    {REFUSED_METHOD, "method_not_allowed", 405, 20405, 0, RECORD_DURABLE,
     "this endpoint has another method"},
    {REFUSED_TIMEOUT, "timeout", 408, 20408, 0, RECORD_NOTED,
     "the request took too long to arrive"},
    {REFUSED_LENGTH_REQUIRED, "length_required", 411, 20411, 0, RECORD_DURABLE,
     "send a Content-Length and no Transfer-Encoding"},
    {REFUSED_TOO_LARGE, "too_large", 413, 20413, 0, RECORD_DURABLE, "the request is too large"},
    {REFUSED_URI_TOO_LONG, "uri_too_long", 414, 20414, 0, RECORD_DURABLE,
     "the request line is too long"},
    {REFUSED_EXPECTATION, "expectation_failed", 417, 20417, 0, RECORD_DURABLE,
     "only 100-continue is understood"},
    {REFUSED_HEAD_TOO_LARGE, "headers_too_large", 431, 20431, 0, RECORD_DURABLE,
     "the headers are too large"},
    {REFUSED_UNAUTHENTICATED, "unauthenticated", 401, 20401, 0, RECORD_NOTED,
     "present a client certificate or bearer token of a known client"},
    {REFUSED_DENIED, "denied", 403, 20403, 0, RECORD_DURABLE, "the policy does not allow this"},
    {REFUSED_IDEMPOTENCY_IN_FLIGHT, "idempotency_in_flight", 409, 20409, 1, RECORD_DURABLE,
     "a request with this Idempotency-Key is still under way"},
    {REFUSED_IDEMPOTENCY_MISMATCH, "idempotency_mismatch", 422, 20422, 0, RECORD_DURABLE,
     "this Idempotency-Key was used for a different request"},
    {REFUSED_REVOKE_IN_FLIGHT, "revocation_in_flight", 409, 20410, 1, RECORD_DURABLE,
     "this certificate is being revoked right now"},
    {REFUSED_CERT_NOT_FOUND, "certificate_not_found", 404, 20444, 0, RECORD_DURABLE,
     "the CA does not know this certificate"},
    {REFUSED_CLIENT_GONE, "client_gone", 499, 20499, 0, RECORD_DURABLE,
     "the client left before the CA was asked"},
    {REFUSED_RATE_LIMITED, "rate_limited", 429, 20429, 0, RECORD_COUNTED,
     "the rule does not allow it this often"},
    {REFUSED_TOO_MANY_ACTIVE, "too_many_active", 429, 20430, 0, RECORD_COUNTED,
     "the rule allows no more valid certificates at a time"},
    {REFUSED_TOO_OFTEN, "refused_too_often", 429, 20431, 0, RECORD_COUNTED,
     "too many refused requests a minute"},
    {REFUSED_BUSY, "busy", 503, 20503, 2, RECORD_NOTED, "too many requests are waiting for the CA"},
    {REFUSED_QUEUE_TIMEOUT, "queue_timeout", 503, 20504, 2, RECORD_NOTED,
     "waited too long for the CA"},
    {REFUSED_AUDIT_UNAVAILABLE, "audit_unavailable", 503, 20505, 5, RECORD_NOT,
     "the audit log cannot be written, so nothing is done"},
    {REFUSED_AUDIT_CONTESTED, "audit_contested", 503, 20507, 60, RECORD_DURABLE,
     "a witness contradicts the audit log, so nothing is issued"},
    {REFUSED_INDEX_UNAVAILABLE, "index_unavailable", 503, 20506, 5, RECORD_DURABLE,
     "the index of issued certificates cannot be read"},
    {REFUSED_CA_UNAVAILABLE, "ca_unavailable", 503, 20510, 5, RECORD_DURABLE,
     "the CA cannot be reached; nothing was done"},
    {REFUSED_CA_TEMPORARY, "ca_temporary", 503, 20511, 2, RECORD_DURABLE,
     "the CA could not do it right now; nothing was done"},
    {REFUSED_CA_REFUSED, "ca_refused", 502, 20512, 0, RECORD_DURABLE, "the CA refused the request"},
    {REFUSED_CA_UNKNOWN, "ca_unknown", 502, 20513, 0, RECORD_DURABLE,
     "the CA's answer was lost; whether it acted is not known and is recorded as such"},
    {REFUSED_CA_MISMATCH, "ca_mismatch", 502, 20514, 0, RECORD_DURABLE,
     "the CA's certificate is not what was authorised; it is being revoked"},
    {REFUSED_INTERNAL, "internal", 500, 20500, 0, RECORD_DURABLE, "internal error"},
};

const struct reason *reason_of(enum reason_id id)
{
    CB_CHECK((unsigned)id < REASON_ID_COUNT && reasons[id].id == id);
    return &reasons[id];
}

const struct reason *reason_of_status(int status)
{
    for (size_t i = 0; i < REASON_ID_COUNT; i++) {
        if (reasons[i].status == status) {
            return &reasons[i];
        }
    }
    return &reasons[REFUSED_BAD_REQUEST];
}
