"""Who asks, and from where: clients that stand for many identities, source networks, and what a
caller may learn of its own standing."""
import base64
import copy
import json
import time

import pytest

from assertions import assert_issued, assert_refused
from broker import standard_policy
from ec import EcKey
from waiting import wait_until

HOST = "web.pods.acme.internal"
BASE = "spiffe://acme.internal/ns/pods/sa/"


@pytest.fixture(scope="module")
def pods(pki):
    """Three instances of one client."""
    return [pki.make_client(f"pod-{name}", [("uri", BASE + name)]) for name in ("a", "b", "c")]


def pod_policy(pki, **limits):
    policy = copy.deepcopy(standard_policy(pki))
    policy["clients"]["pods"] = {"auth": [{"mtls": {"uri": BASE + "*"}}]}
    policy["clients"]["special"] = {"auth": [{"mtls": {"uri": BASE + "c"}}]}
    policy["rules"].append({"id": "pods", "clients": ["pods"], "actions": ["newcert", "revoke"],
                            "names": {"dns": ["*.pods.acme.internal"]},
                            "profiles": ["default"], "max_validity": "720h", **limits})
    return policy


@pytest.fixture(scope="module")
def many(tmp_path_factory, pki, shared_ca):
    from broker import Broker
    with Broker(tmp_path_factory.mktemp("many"), pki, shared_ca, policy=pod_policy(pki)) as one:
        yield one


# ---------------------------------------------------------------- one client, many identities
def test_whoami_of_an_instance(many, pods):
    result = many.client(pods[0]).whoami().result
    assert result["client"] == "pods" and result["principal"] == f"pods:{BASE}a"
    assert result["credential"] == f"{BASE}a" and result["via"] == "mtls.uri"
    result = many.client("alice").whoami().result
    assert result["client"] == result["principal"] == "alice"


def test_exact_credential_beats_the_pattern(many, pods):
    result = many.client(pods[2]).whoami().result
    assert result["client"] == result["principal"] == "special"


def test_more_segments_are_somebody_else(many, pki):
    deeper = pki.make_client("pod-deeper", [("uri", BASE + "a/b")])
    assert_refused(many.client(deeper).newcert(HOST), "unauthenticated")


def test_instance_is_in_the_records(many, pods):
    reply = many.client(pods[0]).newcert(HOST)
    assert_issued(reply, HOST)
    attempt, done = many.audit().of_request(reply.request_id)
    assert attempt.client == done.client == f"pods:{BASE}a"
    assert attempt["who"]["credential"] == f"{BASE}a"


def test_instances_do_not_own_each_others_certificates(many, pods, shared_ca):
    serial = assert_issued(many.client(pods[0]).newcert(HOST)).serial
    assert_refused(many.client(pods[1]).revoke(serial), "not_owner")
    assert not shared_ca.revocations(serial)
    reply = many.client(pods[0]).revoke(serial)
    assert reply.status == 200 and many.outcome(reply)["cert_owner"] == f"pods:{BASE}a"


def test_keys_of_two_instances_do_not_meet(many, pods, shared_ca):
    key = {"Idempotency-Key": "boot"}
    first = assert_issued(many.client(pods[0]).newcert(HOST, headers=key)).serial
    second = assert_issued(many.client(pods[1]).newcert(HOST, headers=key)).serial
    third = assert_issued(many.client(pods[0]).newcert(HOST, headers=key)).serial
    wait_until(lambda: shared_ca.revocations(first), 5, "the first to be revoked")
    assert not shared_ca.revocations(second) and not shared_ca.revocations(third)


def test_limits_are_of_each_instance(start, pki, pods):
    broker = start(policy=pod_policy(pki, max_active=1, rate={"count": 3, "per": "1h"}))
    for pod in pods[:2]:
        assert_issued(broker.client(pod).newcert(HOST))
        assert_refused(broker.client(pod).newcert(HOST), "too_many_active")
        assert_refused(broker.client(pod).newcert(HOST), "too_many_active")
        assert_refused(broker.client(pod).newcert(HOST), "rate_limited")


def test_certificate_of_an_instance_is_revoked_after_a_restart(start, pki, pods, ca):
    """What is doomed is told by its owner, which is longer than a client's id."""
    broker = start(policy=pod_policy(pki), config={"ca": {"timeout": "2s"}})
    client, key = broker.client(pods[0]), {"Idempotency-Key": "boot"}
    first = assert_issued(client.newcert(HOST, headers=key)).serial
    ca.always("database_locked", endpoint="revoke")
    assert_issued(client.newcert(HOST, headers=key))
    wait_until(lambda: broker.count("revoke.fail") > 0, 10, "a revocation to fail")
    broker.kill()
    ca.always(None, endpoint="revoke")
    broker.start()
    wait_until(lambda: ca.revocations(first), 10, "the first to be revoked")


# ---------------------------------------------------------------- from where
@pytest.mark.parametrize("networks,allowed", [
    (["127.0.0.0/8"], True), (["127.0.0.1"], True), (["10.0.0.0/8", "127.0.0.1/32"], True),
    (["10.0.0.0/8"], False), (["::/0"], False), (["2001:db8::/32"], False)])
def test_source_networks(start, pki, networks, allowed):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["from"] = networks
    reply = start(policy=policy).client().newcert()
    if allowed:
        assert_issued(reply)
    else:
        assert "127.0.0.1" in assert_refused(reply, "source_not_allowed").message


def test_forwarding_headers_change_nothing(start, pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["from"] = ["10.0.0.0/8"]
    broker = start(policy=policy)
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        reply = broker.client().newcert(headers={header: "for=10.0.0.1" if header == "Forwarded"
                                                 else "10.0.0.1"})
        assert_refused(reply, "source_not_allowed")


# ---------------------------------------------------------------- claims of a token
def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(key, **claims):
    """A JWT signed with ES256."""
    now = int(time.time())
    claims = {"iss": "https://tokens.acme.test", "aud": "certbroker", "iat": now, "exp": now + 600,
              **claims}
    signed = ".".join(b64(json.dumps(part).encode())
                      for part in ({"alg": "ES256", "kid": "k1"}, claims))
    r, s = key.sign(signed.encode())
    return f"{signed}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@pytest.fixture
def tokens(start, pki, tmp_path):
    """A broker that takes tokens, and the key they are signed with."""
    key = EcKey()
    x, y = (b64(part.to_bytes(32, "big")) for part in key.q)
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256",
                                          "use": "sig", "x": x, "y": y}]}))
    policy = copy.deepcopy(standard_policy(pki))
    policy["clients"]["jobs"] = {"auth": [{"jwt": {"issuer": "ci", "subject": "job:*"}}]}
    policy["rules"].append({"id": "jobs", "clients": ["jobs"], "actions": ["newcert", "revoke"],
                            "names": {"dns": ["${jwt.team}.pods.acme.internal"]},
                            "profiles": ["default"], "max_validity": "720h"})
    issuers = {"ci": {"issuer": "https://tokens.acme.test", "audience": "certbroker",
                      "jwks": str(jwks)}}
    return start(policy=policy, config={"jwt": {"issuers": issuers}}), key


def test_claims_that_rules_look_at_are_recorded(tokens):
    """And no others: they are nobody's business here."""
    broker, key = tokens
    token = make_token(key, sub="job:7", team="web", email="someone@CANARY.example", nonce="n")
    client = broker.bearer(token)
    assert client.whoami().result["principal"] == "jobs:ci job:7"
    reply = client.newcert("web.pods.acme.internal")
    assert_issued(reply, "web.pods.acme.internal")
    attempt, done = broker.audit().of_request(reply.request_id)
    assert attempt.client == done.client == "jobs:ci job:7" and attempt.via == "jwt"
    assert attempt["who"]["claims"] == [["team", "web"]]
    reply = assert_refused(client.newcert("db.pods.acme.internal"), "name_not_allowed")
    (denied,) = broker.audit().of_request(reply.request_id)
    assert denied["who"]["claims"] == [["team", "web"]]
    assert b"CANARY" not in broker.audit().raw()


def test_two_jobs_are_two_principals(tokens):
    broker, key = tokens
    first = broker.bearer(make_token(key, sub="job:7", team="web"))
    serial = assert_issued(first.newcert("web.pods.acme.internal")).serial
    second = broker.bearer(make_token(key, sub="job:8", team="web"))
    assert_refused(second.revoke(serial), "not_owner")
    assert first.revoke(serial).status == 200


# ---------------------------------------------------------------- explain
def test_explain_lists_the_rules_that_were_tried(start, pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"].insert(1, {**policy["rules"][0], "id": "alice-far",
                               "names": {"dns": ["*.far.acme.internal"]}, "profiles": ["client"]})
    broker = start(policy=policy)
    reply = broker.client().explain("x.far.acme.internal", "ms1.acme.internal")
    result = reply.result
    assert not result["allowed"] and result["reason"] == "name_not_allowed"
    assert [one["rule"] for one in result["tried"]] == ["alice-server", "alice-far"]
    for one in result["tried"]:
        assert one["reason"] == "name_not_allowed" and one["rule"] in one["detail"]
    text = reply.body.decode()
    assert "others-server" not in text and "bob" not in text and "policy.yaml" not in text


def test_explain_does_nothing(start, pki, ca):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0].update(rate={"count": 5, "per": "1m", "burst": 9}, max_active=7,
                              subject={"OU": {"fixed": "Payments"}})
    broker = start(policy=policy)
    before = len(broker.audit().records)
    for _ in range(20):
        result = broker.client().explain().result
        assert result["allowed"] and result["rule"] == "alice-server"
    assert result["limits"] == [{"rule": "alice-server", "principal": "alice",
                                 "rate": {"count": 5, "per_ms": 60000, "burst": 9, "left": 9},
                                 "max_active": 7, "auto_revoke_oldest": False, "active": 0,
                                 "would_wait": None}]
    assert result["fixed"] == [{"OU": "Payments"}]
    assert len(broker.audit().records) == before and not ca.received


def test_explain_of_a_revocation(shared):
    serial = assert_issued(shared.client("bob").newcert("ms2.acme.internal")).serial
    body = {"serial": str(serial), "reason": "superseded"}
    assert shared.client("bob").post("/v1/explain", body).result["allowed"]
    result = shared.client("alice").post("/v1/explain", body).result
    assert not result["allowed"] and result["reason"] == "not_owner"
