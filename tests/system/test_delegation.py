"""on_behalf_of: one client asks for another. Both must be allowed it, the certificate belongs to the
party for whom it was asked, and the records say who, for whom, and by which rules."""
import copy

import pytest

from assertions import assert_issued, assert_refused
from broker import standard_policy
from pki import ALICE_URI
from waiting import wait_until

HOST = "ms2.acme.internal"
DEPLOY = {"id": "deploy", "owner": "platform@acme.example", "clients": ["bob"],
          "actions": ["newcert", "revoke"], "names": {"dns": ["*.acme.internal"]},
          "profiles": ["default", "short"], "max_validity": "720h",
          "delegate": {"for": ["alice", "workloads"]}}


def policy_with(pki, deploy=None, **more):
    policy = copy.deepcopy(standard_policy(pki))
    policy["groups"] = {"workloads": ["carol", "dave"]}
    policy["rules"].append({**DEPLOY, **(deploy or {})})
    policy.update(more)
    return policy


@pytest.fixture(scope="module")
def acting(tmp_path_factory, pki, shared_ca):
    from broker import Broker
    with Broker(tmp_path_factory.mktemp("acting"), pki, shared_ca, policy=policy_with(pki)) as one:
        yield one


def behalf(broker, who, party, *hosts, **ask):
    return broker.client(who).newcert(*(hosts or [HOST]), on_behalf_of=party, **ask)


# ---------------------------------------------------------------- who may ask for whom
@pytest.mark.parametrize("who,party,host,reason", [
    ("bob", "alice", HOST, None),
    ("bob", "carol", HOST, None),                       # a member of the group
    ("bob", "erin", HOST, "not_delegated"),             # no member
    ("bob", "bob", HOST, "not_delegated"),
    ("bob", "nobody", HOST, "unknown_party"),
    ("bob", "ALICE", HOST, "unknown_party"),
    ("bob", "alice:x", HOST, "unknown_party"),          # alice is one identity
    ("bob", ALICE_URI, HOST, "unknown_party"),
    ("alice", "bob", HOST, "not_delegated"),            # it goes one way
    ("carol", "alice", HOST, "not_delegated"),
    ("bob", "carol", "ms1.acme.internal", "name_not_allowed"),  # carol may not have it
    ("bob", "alice", "x.pods.acme.internal", "name_not_allowed"),  # bob may not ask for it
    ("bob", "alice", "evil.example", "name_not_allowed"),
])
def test_who_may_ask_for_whom(acting, shared_ca, who, party, host, reason):
    before = len(shared_ca.received)
    reply = behalf(acting, who, party, host)
    if reason is None:
        assert_issued(reply, host)
        return
    assert_refused(reply, reason)
    assert len(shared_ca.received) == before
    (denied,) = acting.audit().of_request(reply.request_id)
    assert denied["type"] == "authz.deny" and denied["reason"] == reason
    assert denied.client == who and denied["on_behalf_of"] == party


def test_delegating_rule_gives_its_holder_nothing(acting):
    assert_refused(acting.client("bob").newcert("ms1.acme.internal"), "name_not_allowed")


@pytest.mark.parametrize("refused", ["alice", "bob"])
def test_deny_rules_of_either_count(start, pki, refused):
    policy = policy_with(pki)
    policy["rules"].append({"id": "not-this", "effect": "deny", "clients": [refused],
                            "names": {"dns": [HOST]}})
    broker = start(policy=policy)
    reply = assert_refused(behalf(broker, "bob", "alice"), "deny_rule")
    assert reply.json["rule"] == "not-this"
    assert_issued(behalf(broker, "bob", "alice", "ms1.acme.internal"))


def test_shorter_of_the_two_validities_counts(start, pki):
    broker = start(policy=policy_with(pki, {"max_validity": "2h"}))
    assert_refused(behalf(broker, "bob", "alice"), "ca_mismatch")
    assert_issued(behalf(broker, "bob", "alice", profile="short"))


# ---------------------------------------------------------------- what is recorded, whose it is
def test_records(acting):
    reply = behalf(acting, "bob", "alice")
    facts = assert_issued(reply, HOST)
    attempt, done = acting.audit().of_request(reply.request_id)
    assert (attempt["type"], done["type"]) == ("issue.attempt", "issue.ok")
    for record in (attempt, done):
        assert record.client == "bob" and record.via == "mtls.uri"
        assert record["on_behalf_of"] == "alice"
        assert record["rule"] == "alice-server" and record["delegate_rule"] == "deploy"
        assert record["owner"] == "payments-team@acme.example"
    assert done.serial_number == facts.serial


def test_party_may_revoke_it(acting, shared_ca):
    serial = assert_issued(behalf(acting, "bob", "alice")).serial
    reply = acting.client("alice").revoke(serial)
    assert reply.status == 200 and shared_ca.revocations(serial)
    assert acting.outcome(reply)["cert_owner"] == "alice"


def test_delegate_may_revoke_it_on_behalf_only(acting, shared_ca):
    serial = assert_issued(behalf(acting, "bob", "alice")).serial
    assert_refused(acting.client("bob").revoke(serial), "not_owner")
    assert_refused(acting.client("bob").revoke(serial, on_behalf_of="carol"), "not_owner")
    assert_refused(acting.client("carol").revoke(serial, on_behalf_of="alice"), "not_delegated")
    assert not shared_ca.revocations(serial)
    reply = acting.client("bob").revoke(serial, on_behalf_of="alice")
    assert reply.status == 200 and shared_ca.revocations(serial)
    attempt, done = acting.audit().of_request(reply.request_id)
    for record in (attempt, done):
        assert record.client == "bob" and record["on_behalf_of"] == "alice"
        assert record["cert_owner"] == "alice" and record["delegate_rule"] == "deploy"


def test_delegate_may_revoke_what_the_party_got_itself(acting, shared_ca):
    serial = assert_issued(acting.client("alice").newcert(HOST)).serial
    assert acting.client("bob").revoke(serial, on_behalf_of="alice").status == 200
    assert shared_ca.revocations(serial)


def test_ownership_is_in_the_log(start, pki, ca):
    broker = start(policy=policy_with(pki))
    serial = assert_issued(behalf(broker, "bob", "alice")).serial
    broker.stop()
    for path in broker.dir.glob("issued.sqlite*"):
        path.unlink()
    broker.start()
    assert_refused(broker.client("bob").revoke(serial), "not_owner")
    assert broker.client("alice").revoke(serial).status == 200


def test_delegation_needs_the_action(start, pki):
    broker = start(policy=policy_with(pki, {"actions": ["newcert"]}))
    serial = assert_issued(behalf(broker, "bob", "alice")).serial
    assert_refused(broker.client("bob").revoke(serial, on_behalf_of="alice"), "not_delegated")


def test_what_never_arrives_is_revoked(start, pki, ca):
    """It is the party's certificate, although it was asked for by somebody else."""
    broker = start(policy=policy_with(pki))
    ca.fail("extra_san")
    reply = assert_refused(behalf(broker, "bob", "alice"), "ca_mismatch")
    serial = broker.outcome(reply).serial_number
    wait_until(lambda: ca.revocations(serial), 5, "it to be revoked")


# ---------------------------------------------------------------- keys and limits
def key(text):
    return {"Idempotency-Key": text}


def test_key_belongs_to_who_asked(acting, shared_ca):
    first = assert_issued(behalf(acting, "bob", "alice", headers=key("d-1"))).serial
    own = assert_issued(acting.client("alice").newcert(HOST, headers=key("d-1"))).serial
    assert_refused(behalf(acting, "bob", "carol", headers=key("d-1")), "idempotency_mismatch")
    assert_refused(acting.client("bob").newcert(HOST, headers=key("d-1")), "idempotency_mismatch")
    second = assert_issued(behalf(acting, "bob", "alice", headers=key("d-1"))).serial
    wait_until(lambda: shared_ca.revocations(first), 5, "the first to be revoked")
    assert not shared_ca.revocations(own) and not shared_ca.revocations(second)


def test_limits_of_both_count(start, pki):
    policy = policy_with(pki, {"max_active": 2})
    policy["rules"][0]["max_active"] = 2
    broker = start(policy=policy)
    assert_issued(behalf(broker, "bob", "alice"))
    assert_issued(broker.client("alice").newcert(HOST))
    # alice has her two, however she got them.
    reply = assert_refused(behalf(broker, "bob", "alice"), "too_many_active")
    assert "alice-server" in reply.message
    assert reply.json["rule"] == "alice-server"
    assert 'quota of "alice", on whose behalf it is asked' in reply.message
    assert_refused(broker.client("alice").newcert(HOST), "too_many_active")
    # bob has one left, and then asked for two.
    assert_issued(behalf(broker, "bob", "carol"))
    reply = assert_refused(behalf(broker, "bob", "carol"), "too_many_active")
    assert "deploy" in reply.message
    assert reply.json["rule"] == "deploy" and 'quota of "bob"' in reply.message
    assert_issued(broker.client("carol").newcert(HOST))
    assert_issued(broker.client("bob").newcert(HOST))


def test_rates_of_both_count(start, pki):
    policy = policy_with(pki, {"rate": {"count": 2, "per": "1h"}})
    policy["rules"][0]["rate"] = {"count": 1, "per": "1h"}
    broker = start(policy=policy)
    assert_issued(behalf(broker, "bob", "alice"))
    reply = assert_refused(behalf(broker, "bob", "alice"), "rate_limited")
    assert "alice-server" in reply.message
    # That refusal has not cost bob's token: there is one left.
    assert_issued(behalf(broker, "bob", "carol"))
    reply = assert_refused(behalf(broker, "bob", "carol"), "rate_limited")
    assert "deploy" in reply.message
    (one, two) = broker.audit().of_type("request.refused")
    assert one["on_behalf_of"] == "alice" and two["on_behalf_of"] == "carol"


def test_oldest_is_never_another_partys(start, pki, ca):
    broker = start(policy=policy_with(pki, {"max_active": 2, "auto_revoke_oldest": True}))
    carols = assert_issued(behalf(broker, "bob", "carol")).serial
    alices = [assert_issued(behalf(broker, "bob", "alice")).serial for _ in range(2)]
    wait_until(lambda: ca.revocations(alices[0]), 5, "alice's first to be revoked")
    assert not ca.revocations(carols) and not ca.revocations(alices[1])
    assert_refused(behalf(broker, "bob", "dave"), "too_many_active")


# ---------------------------------------------------------------- explain
def test_explain_on_behalf(acting):
    result = acting.client("bob").explain(HOST, on_behalf_of="alice").result
    assert result["allowed"] and result["rule"] == "alice-server"
    assert result["delegate_rule"] == "deploy" and result["on_behalf_of"] == "alice"
    assert result["principal"] == "bob"


def test_explain_tells_nothing_of_a_party_one_may_not_act_for(acting):
    reply = acting.client("carol").explain(HOST, on_behalf_of="alice")
    assert not reply.result["allowed"] and reply.result["reason"] == "not_delegated"
    assert reply.result["tried"] == [] and b"alice-server" not in reply.body
