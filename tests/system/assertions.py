"""assertions.py - what an answer must look like, said once."""
import certs

WORDS = {  # reason word -> HTTP status, the broker's public table
    "bad_request": 400, "tls_required": 400, "unauthenticated": 401, "not_found": 404,
    "method_not_allowed": 405, "timeout": 408, "length_required": 411, "too_large": 413,
    "uri_too_long": 414, "expectation_failed": 417, "headers_too_large": 431,
    "idempotency_in_flight": 409, "revocation_in_flight": 409, "idempotency_mismatch": 422,
    "rate_limited": 429, "refused_too_often": 429, "too_many_active": 429,
    "certificate_not_found": 404, "busy": 503, "queue_timeout": 503, "audit_unavailable": 503, "audit_contested": 503,
    "draining": 503, "ca_unavailable": 503, "ca_temporary": 503, "ca_refused": 502,
    "ca_unknown": 502, "ca_mismatch": 502,
    "deny_rule": 403, "no_rule": 403, "rule_expired": 403, "name_not_allowed": 403,
    "no_names": 403, "too_many_names": 403, "common_name_not_allowed": 403,
    "subject_not_allowed": 403, "key_not_allowed": 403, "profile_not_allowed": 403,
    "not_owner": 403, "unknown_cert": 403, "unknown_party": 403, "not_delegated": 403,
    "source_not_allowed": 403, "time_not_allowed": 403, "out_of_scope": 403,
}
RETRY_LATER = {word for word, status in WORDS.items() if status == 503}


def assert_envelope(reply):
    """CFSSL's envelope and ours around it, whatever the answer."""
    body = reply.json
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers.get("x-content-type-options") == "nosniff"
    assert "no-store" in reply.headers.get("cache-control", "")
    assert isinstance(body["success"], bool) and isinstance(body["messages"], list)
    assert isinstance(body["errors"], list) and "result" in body
    assert len(body["request_id"]) >= 16
    if body["success"]:
        assert reply.status == 200 and body["errors"] == [], reply
    else:
        assert reply.status >= 400 and body["result"] is None, reply
        (failure,) = body["errors"]
        assert failure["code"] >= 20000 and failure["message"]
        assert body["reason"]
    return reply


def assert_refused(reply, reason):
    assert_envelope(reply)
    wanted = {reason} if isinstance(reason, str) else set(reason)
    assert reply.reason in wanted, reply
    assert reply.status == WORDS[reply.reason], reply
    assert (reply.reason in RETRY_LATER) <= ("retry-after" in reply.headers), reply
    assert "PRIVATE KEY" not in reply.body.decode() and "CANARY" not in reply.body.decode()
    return reply


def assert_issued(reply, *names, ca=None):
    """A certificate for exactly these names, with its own key; its Facts."""
    assert_envelope(reply)
    assert reply.status == 200, reply
    assert certs.count_pem(reply.result["certificate"]) == 1
    facts = certs.read(reply.result["certificate"])
    if names:
        wanted = {certs_name(name) for name in names}
        assert facts.sans == wanted, (facts.sans, wanted)
    assert not facts.is_ca
    assert certs.public_of_key(reply.result["private_key"]) == facts.spki
    if ca is not None:
        assert certs.verifies(reply.result["certificate"], ca.file)
    return facts


def certs_name(text):
    """("dns", "x") of a bare text."""
    tag = certs.general_name(text)[0]
    return {0x87: "ip", 0x82: "dns", 0x86: "uri", 0x81: "email"}[tag], text
