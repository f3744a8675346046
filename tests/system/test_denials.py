"""Default deny: everything a rule does not allow is refused, said why, recorded, and never reaches
the CA."""
import copy

import pytest

from assertions import assert_issued, assert_refused
from broker import standard_policy
from client import newcert_body

GOOD = "ms1.acme.internal"
BAD = "evil.example"
CASES = {  # name -> (hosts, other members of the ask, reason)
    "name outside the rule": ([BAD], {}, "name_not_allowed"),
    "one bad name among good ones": ([GOOD, BAD], {}, "name_not_allowed"),
    "parent of an allowed name": (["acme.internal"], {}, {"deny_rule", "name_not_allowed"}),
    "suffix trick": (["ms1.acme.internal.evil.example"], {}, "name_not_allowed"),
    "prefix trick": (["evil-ms1.acme.internal"], {}, "name_not_allowed"),
    "two labels under one wildcard": (["a.b.pods.acme.internal"], {}, "name_not_allowed"),
    "bare wildcard base": (["pods.acme.internal"], {}, "name_not_allowed"),
    "wildcard certificate": (["*.acme.internal"], {}, "name_not_allowed"),
    "address outside": (["10.21.0.1"], {}, "name_not_allowed"),
    "IPv6 address outside": (["fd00:21::1"], {}, "name_not_allowed"),
    "uri": ([GOOD, "spiffe://acme.internal/ns/x"], {}, "name_not_allowed"),
    "uri and no host": (["spiffe://acme.internal/ns/x"], {"cn": GOOD},
                        {"no_names", "name_not_allowed"}),
    "email": ([GOOD, "root@acme.internal"], {}, "name_not_allowed"),
    "denied name under an allowed wildcard": (["admin.pods.acme.internal"], {}, "deny_rule"),
    "denied name among good ones": ([GOOD, "admin.pods.acme.internal"], {}, "deny_rule"),
    "no names": ([], {"cn": GOOD}, "no_names"),
    "too many names": ([f"p{i}.pods.acme.internal" for i in range(6)], {}, "too_many_names"),
    "CN that is not among the names": ([GOOD], {"cn": "ms2.acme.internal"},
                                       "common_name_not_allowed"),
    "free-text CN": ([GOOD], {"cn": "system:admin"}, "common_name_not_allowed"),
    "foreign organisation": ([GOOD], {"names": [{"O": "system:masters"}]}, "subject_not_allowed"),
    "second organisation": ([GOOD], {"names": [{"O": "ACME"}, {"O": "system:masters"}]},
                            "subject_not_allowed"),
    "attribute no rule names": ([GOOD], {"names": [{"OU": "payments"}]}, "subject_not_allowed"),
    "key too small for the rule": ([GOOD], {"key": {"algo": "ecdsa", "size": 521}},
                                   "key_not_allowed"),
    "rsa beyond the rule": ([GOOD], {"key": {"algo": "rsa", "size": 4096}}, "key_not_allowed"),
    "profile of the CA that no rule names": ([GOOD], {"profile": "client"}, "profile_not_allowed"),
    "profile unknown to anybody": ([GOOD], {"profile": "no-such"}, "profile_not_allowed"),
    "profile in another case": ([GOOD], {"profile": "SERVER"}, "profile_not_allowed"),
}


def body_of(hosts, ask):
    body = newcert_body(*(hosts or ["x"]), **ask)
    body["request"]["hosts"] = hosts
    return body


@pytest.mark.parametrize("case", CASES)
def test_denied(shared, shared_ca, case):
    hosts, ask, reason = CASES[case]
    before = len(shared_ca.received)
    reply = shared.client().post("/api/v1/cfssl/newcert", body_of(hosts, ask))
    assert_refused(reply, reason)
    assert len(shared_ca.received) == before
    (record,) = shared.audit().of_request(reply.request_id)
    assert record["type"] == "authz.deny" and record["decision"] == "deny"
    assert record["reason"] == reply.reason and record.client == "alice"
    wanted = record.get("want", {})
    assert len(hosts) == sum(len(wanted.get(kind, [])) for kind in ("dns", "ip", "uri", "email"))


@pytest.mark.parametrize("position", range(5))
def test_one_denied_name_at_any_position(shared, shared_ca, position):
    hosts = [f"p{i}.pods.acme.internal" for i in range(4)]
    hosts.insert(position, BAD)
    before = len(shared_ca.received)
    assert_refused(shared.client().newcert(*hosts), "name_not_allowed")
    assert len(shared_ca.received) == before


def test_denial_says_what_failed_in_the_callers_own_request(shared):
    reply = shared.client().newcert(GOOD, BAD)
    assert BAD in reply.message and "pods.acme.internal" not in reply.message


def test_denial_does_not_disturb_the_connection(shared):
    client = shared.client()
    with client.connect() as conn:
        for host in (BAD, GOOD, BAD, GOOD):
            conn.request("POST", "/api/v1/cfssl/newcert", newcert_body(host))
            assert conn.read_reply().status == (403 if host == BAD else 200)


def test_other_clients_rule_is_not_mine(shared):
    assert_refused(shared.client("bob").newcert(GOOD), "name_not_allowed")
    assert_issued(shared.client("bob").newcert("a.shop.acme.internal"), "a.shop.acme.internal")


def change(pki, edit):
    policy = copy.deepcopy(standard_policy(pki))
    edit(policy["rules"][0])
    return policy


def test_expired_rule(start, pki, ca):
    broker = start(policy=change(pki, lambda rule: rule.update(until="2020-01-01")))
    assert_refused(broker.client().newcert(), "rule_expired")
    assert not ca.requests()


def test_action_that_no_rule_allows(start, pki, ca):
    broker = start(policy=change(pki, lambda rule: rule.update(actions=["info"])))
    assert_refused(broker.client().newcert(), "no_rule")
    assert_refused(broker.client().revoke(1), {"no_rule", "unknown_cert"})
    assert broker.client().info().status == 200
    assert not ca.requests() and not ca.requests("revoke")


def test_profile_that_issues_a_ca_is_never_reached(shared, shared_ca):
    before = len(shared_ca.received)
    assert_refused(shared.client().newcert(profile="intermediate"), "profile_not_allowed")
    assert len(shared_ca.received) == before


def test_info_of_an_unknown_profile(shared, shared_ca):
    before = len(shared_ca.received)
    assert_refused(shared.client().info(profile="no-such"), "profile_not_allowed")
    assert len(shared_ca.received) == before


# ---------------------------------------------------------------- what does not exist here
@pytest.mark.parametrize("endpoint", [
    "sign", "authsign", "newkey", "init_ca", "gencrl", "crl", "bundle", "scan", "scaninfo",
    "certinfo", "certadd", "ocspsign", "authinfo", "", "newcert/", "NEWCERT", "newcert%00",
    "%6eewcert", "newcert?x=1", "newcert;x", "./newcert", "../cfssl/newcert", "newcert#"])
def test_rest_of_the_ca_does_not_exist(shared, shared_ca, endpoint):
    before = len(shared_ca.received)
    with shared.connect() as conn:
        conn.request("POST", f"/api/v1/cfssl/{endpoint}", newcert_body())
        reply = conn.read_reply()
    assert_refused(reply, {"not_found", "bad_request"})
    assert len(shared_ca.received) == before
    (record,) = shared.audit().of_request(reply.request_id)
    assert record["type"] == "request.refused"


@pytest.mark.parametrize("path", ["/", "/api/v1/cfssl", "//api/v1/cfssl/newcert", "/metrics",
                                  "/readyz", "/healthz", "/api/v1/cfssl//newcert"])
def test_paths_that_do_not_exist_on_the_public_listener(shared, path):
    assert_refused(shared.client().get(path), "not_found")


@pytest.mark.parametrize("method,path,allow", [
    ("GET", "/api/v1/cfssl/newcert", "POST"), ("GET", "/api/v1/cfssl/revoke", "POST"),
    ("GET", "/api/v1/cfssl/info", "POST"), ("PUT", "/api/v1/cfssl/newcert", "POST"),
    ("DELETE", "/api/v1/cfssl/newcert", "POST"), ("POST", "/v1/whoami", "GET"),
    ("post", "/api/v1/cfssl/newcert", "POST"), ("HEAD", "/v1/whoami", "GET")])
def test_wrong_method(shared, method, path, allow):
    with shared.connect() as conn:
        conn.request(method, path, b"{}" if method not in ("GET", "HEAD") else None)
        reply = conn.read_reply(head_only=method == "HEAD")
    assert reply.status == 405 and reply.headers["allow"] == allow


def test_malformed_body_is_refused_and_recorded(shared, shared_ca):
    before = len(shared_ca.received)
    reply = shared.client().post("/api/v1/cfssl/newcert", b"{not json")
    assert_refused(reply, "bad_request")
    assert len(shared_ca.received) == before
    assert shared.outcome(reply)["type"] == "request.refused"


def test_too_many_names_for_any_rule(shared):
    reply = shared.client().newcert(*[f"p{i}.pods.acme.internal" for i in range(101)])
    assert_refused(reply, {"too_large", "bad_request", "too_many_names"})


def test_body_over_the_cap(shared, shared_ca):
    before = len(shared_ca.received)
    with shared.connect() as conn:
        conn.send(b"POST /api/v1/cfssl/newcert HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Length: 65537\r\n\r\n")
        assert_refused(conn.read_reply(), "too_large")
        assert conn.is_closed()
    assert len(shared_ca.received) == before
