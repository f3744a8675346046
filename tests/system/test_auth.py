"""Who is it: exactly one client of the policy, or nobody."""
import hashlib

import pytest

from assertions import assert_issued, assert_refused
from broker import OLD_TOKEN, ROBOT_TOKEN


@pytest.mark.parametrize("who,via", [("alice", "mtls.uri"), ("bob", "mtls.uri"),
                                     ("carol", "mtls.dns"), ("dave", "mtls.cn"),
                                     ("erin", "mtls.spki")])
def test_mtls_identities(shared, who, via):
    reply = shared.client(who).whoami()
    assert reply.status == 200, reply
    assert (reply.result["client"], reply.result["via"]) == (who, via)


def test_bearer(shared):
    reply = shared.bearer().whoami()
    assert (reply.result["client"], reply.result["via"]) == ("robot", "bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_bearer_scheme_in_any_case(shared, scheme):
    reply = shared.client(None).whoami({"Authorization": f"{scheme} {ROBOT_TOKEN}"})
    assert reply.status == 200


NOBODY = {
    "no credential": (None, {}),
    "verified certificate nobody knows": ("stranger", {}),
    "certificate without names": ("nameless", {}),
    "a URI in the CN": ("cn_only", {}),
    "certificate of two clients": ("both", {}),
    "wrong token": (None, {"Authorization": "Bearer wrong"}),
    "expired token": (None, {"Authorization": f"Bearer {OLD_TOKEN}"}),
    "the stored hash as token": (None, {
        "Authorization": "Bearer " + hashlib.sha256(ROBOT_TOKEN.encode()).hexdigest()}),
    "token with something before": (None, {"Authorization": f"Bearer x{ROBOT_TOKEN}"}),
    "token with something after": (None, {"Authorization": f"Bearer {ROBOT_TOKEN}x"}),
    "prefix of the token": (None, {"Authorization": f"Bearer {ROBOT_TOKEN[:-1]}"}),
    "two tokens": (None, {"Authorization": f"Bearer {ROBOT_TOKEN} {ROBOT_TOKEN}"}),
    "empty token": (None, {"Authorization": "Bearer "}),
    "empty header": (None, {"Authorization": ""}),
    "basic": (None, {"Authorization": "Basic cm9ib3Q6cm9ib3Q="}),
    "token of another scheme": (None, {"Authorization": f"Token {ROBOT_TOKEN}"}),
    "token in other headers": (None, {"X-Authorization": f"Bearer {ROBOT_TOKEN}",
                                      "X-Auth-Token": ROBOT_TOKEN,
                                      "Cookie": f"token={ROBOT_TOKEN}"}),
    "certificate of one, token of another": ("alice", {"Authorization": f"Bearer {ROBOT_TOKEN}"}),
    "good certificate, wrong token": ("alice", {"Authorization": "Bearer wrong"}),
    "good certificate, expired token": ("alice", {"Authorization": f"Bearer {OLD_TOKEN}"}),
}


@pytest.mark.parametrize("name", NOBODY)
def test_nobody(shared, shared_ca, name):
    who, headers = NOBODY[name]
    before = len(shared_ca.received)
    for reply in (shared.client(who, headers).whoami(), shared.client(who, headers).newcert()):
        assert_refused(reply, "unauthenticated")
        assert "www-authenticate" in reply.headers
    assert len(shared_ca.received) == before


def test_failures_look_alike_from_outside(shared):
    bodies = set()
    for who, headers in NOBODY.values():
        reply = shared.client(who, headers).whoami()
        bodies.add((reply.status, reply.reason, reply.message, tuple(sorted(reply.headers))))
    assert len(bodies) == 1, bodies


@pytest.mark.parametrize("headers", [
    {"X-Forwarded-Client-Cert": 'URI=spiffe://acme.internal/ns/pay/sa/api'},
    {"X-Client-Cert": "alice"}, {"X-SSL-Client-S-DN": "CN=alice"}, {"X-SSL-Client-Verify": "SUCCESS"},
    {"SSL-Client-Cert": "alice"}, {"X-Remote-User": "alice"}, {"X-Forwarded-User": "alice"},
    {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1;by=alice"},
    {"From": "alice"}, {"X-Real-IP": "127.0.0.1"}, {"Client-Cert": ":alice:"}])
def test_headers_make_nobody_somebody(shared, headers):
    assert_refused(shared.client(None, headers).whoami(), "unauthenticated")
    assert shared.client("bob", headers).whoami().result["client"] == "bob"


def test_certificate_and_token_of_the_same_client(start, pki, ca):
    from broker import sha256, standard_policy
    policy = standard_policy(pki)
    policy["clients"]["alice"]["auth"].append(
        {"bearer": {"sha256": sha256("alice-token-0123456789"), "expires": "2099-01-01"}})
    broker = start(policy=policy)
    reply = broker.client("alice", {"Authorization": "Bearer alice-token-0123456789"}).newcert()
    assert_issued(reply, "ms1.acme.internal")


def test_failed_authentication_is_recorded_without_the_secret(broker):
    broker.client(None, {"Authorization": "Bearer wrong-CANARY-token"}).whoami()
    broker.client("stranger").whoami()
    broker.wait_for("authn.fail")
    raw = broker.audit().raw() + broker.stderr_file.read_bytes()
    assert b"CANARY" not in raw
    assert hashlib.sha256(b"wrong-CANARY-token").hexdigest().encode() not in raw


def test_refused_before_the_body_is_looked_at(shared):
    reply = shared.client(None).post("/api/v1/cfssl/newcert", b"{broken")
    assert_refused(reply, "unauthenticated")
