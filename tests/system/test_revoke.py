"""Revocation: one's own certificates, for a reason that exists, once."""
import copy
import threading

import pytest

import certs
from assertions import assert_envelope, assert_issued, assert_refused
from broker import standard_policy


def issue(broker, who="alice", *hosts):
    return assert_issued(broker.client(who).newcert(*(hosts or ["ms2.acme.internal"]))).serial


def with_scope(pki, scope, rule=1):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][rule]["revoke"] = scope
    return policy


def test_own_certificate_by_serial_alone(shared, shared_ca):
    serial = issue(shared)
    reply = assert_envelope(shared.client().revoke(serial, "superseded"))
    assert reply.status == 200 and reply.result == {}
    (done,) = shared_ca.revocations(serial)
    assert done.reason == "superseded"
    attempt, outcome = shared.audit().of_request(reply.request_id)
    assert (attempt["type"], outcome["type"]) == ("revoke.attempt", "revoke.ok")
    assert outcome.serial_number == serial and outcome["cert_owner"] == "alice"


def test_right_after_it_was_issued(shared, shared_ca):
    """The index is never behind what the caller has been told."""
    client = shared.client()
    for _ in range(20):
        serial = assert_issued(client.newcert()).serial
        assert client.revoke(serial).status == 200


@pytest.mark.parametrize("reason,received", [
    ("keyCompromise", "keycompromise"), ("KEYCOMPROMISE", "keycompromise"),
    ("cACompromise", "cacompromise"), ("affiliationChanged", "affiliationchanged"),
    ("superseded", "superseded"), ("cessationOfOperation", "cessationofoperation"),
    ("privilegeWithdrawn", "privilegewithdrawn"), ("unspecified", "unspecified")])
def test_reasons(shared, shared_ca, reason, received):
    serial = issue(shared)
    assert shared.client().revoke(serial, reason).status == 200
    assert shared_ca.revocations(serial)[0].reason == received


@pytest.mark.parametrize("reason", ["certificateHold", "removeFromCRL", "bogus", "7", "1", "-1",
                                    " superseded", "super\u017feded", "key compromise"])
def test_reasons_that_are_refused(shared, shared_ca, reason):
    serial, before = issue(shared), len(shared_ca.requests("revoke"))
    assert_refused(shared.client().revoke(serial, reason), "bad_request")
    assert len(shared_ca.requests("revoke")) == before


@pytest.mark.parametrize("spell", [
    lambda n: f"0{n}", lambda n: f" {n}", lambda n: f"{n} ", lambda n: f"+{n}", lambda n: f"-{n}",
    lambda n: hex(n), lambda n: f"{n:x}", lambda n: f"{n}.0", lambda n: f"{n}e0", lambda n: "",
    lambda n: "0", lambda n: f"{n}%", lambda n: f"{n}' OR 1=1", lambda n: "9" * 60,
    lambda n: f"{n}\0"])
def test_serials_that_are_not_canonical(shared, shared_ca, spell):
    serial, before = issue(shared), len(shared_ca.requests("revoke"))
    reply = shared.client().revoke(spell(serial))
    assert_refused(reply, {"bad_request", "unknown_cert"})
    assert len(shared_ca.requests("revoke")) == before


def test_serial_as_number(shared, shared_ca):
    before = len(shared_ca.requests("revoke"))
    reply = shared.client().post("/api/v1/cfssl/revoke", {"serial": issue(shared)})
    assert_refused(reply, "bad_request")
    assert len(shared_ca.requests("revoke")) == before


@pytest.mark.parametrize("spell", [
    lambda aki: aki, lambda aki: aki.upper(), lambda aki: "",
    lambda aki: ":".join(aki[i:i + 2] for i in range(0, len(aki), 2)).upper()])
def test_spellings_of_the_right_aki(shared, shared_ca, spell):
    serial = issue(shared)
    reply = shared.client().revoke(serial, authority_key_id=spell(shared_ca.root.aki))
    assert reply.status == 200, reply
    assert shared_ca.revocations(serial)


@pytest.mark.parametrize("aki", ["zz", "not hex", "ab" * 40])
def test_aki_that_is_none(shared, shared_ca, aki):
    serial = issue(shared)
    assert shared.client().revoke(serial, authority_key_id=aki).status in (400, 413)
    assert not shared_ca.revocations(serial)


# ---------------------------------------------------------------- whose certificate
def test_somebody_elses_certificate(shared, shared_ca):
    serial = issue(shared, "bob")
    assert_refused(shared.client("alice").revoke(serial), "not_owner")
    assert not shared_ca.revocations(serial)
    assert shared.client("bob").revoke(serial).status == 200


def test_certificate_nobody_knows(shared, shared_ca):
    before = len(shared_ca.requests("revoke"))
    assert_refused(shared.client().revoke(123456789), "unknown_cert")
    assert len(shared_ca.requests("revoke")) == before


def test_scope_names_covers_others_certificates_with_my_names(start, pki, ca):
    broker = start(policy=with_scope(pki, "names"))
    mine, not_mine = issue(broker, "alice", "ms2.acme.internal"), issue(broker, "alice",
                                                                        "ms1.acme.internal")
    assert broker.client("bob").revoke(mine).status == 200
    reply = broker.client("bob").revoke(not_mine)
    assert reply.status == 403 and not ca.revocations(not_mine)


def test_scope_any_covers_everything(start, pki, ca):
    broker = start(policy=with_scope(pki, "any"))
    assert broker.client("bob").revoke(issue(broker, "alice", "ms1.acme.internal")).status == 200


def test_scope_any_covers_what_was_not_issued_through_us(start, pki, ca):
    """Issued before the broker came: not in the index, known to the CA."""
    broker = start(policy=with_scope(pki, "any"))
    _, body = ca._newcert({"request": {"hosts": ["old.acme.internal"]}}, None)
    assert body
    serial = ca.issued[-1].serial
    assert broker.client("bob").revoke(serial).status == 200
    assert ca.revocations(serial)
    assert_refused(broker.client("bob").revoke(987654321), "certificate_not_found")


def test_client_without_the_action(start, pki, ca):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["actions"] = ["newcert"]
    broker = start(policy=policy)
    serial = issue(broker)
    assert broker.client().revoke(serial).status == 403
    assert not ca.requests("revoke")


# ---------------------------------------------------------------- once
def messages(reply):
    return [message["message"] for message in reply.json["messages"]]


def test_repeat_is_answered_without_touching_the_ca(shared, shared_ca):
    serial = issue(shared)
    assert shared.client().revoke(serial, "superseded").status == 200
    for reason in ("superseded", "cessationOfOperation", "unspecified"):
        reply = assert_envelope(shared.client().revoke(serial, reason))
        assert reply.status == 200 and "already_revoked" in messages(reply)
    assert len(shared_ca.revocations(serial)) == 1


def test_upgrade_to_key_compromise_passes_once(shared, shared_ca):
    serial = issue(shared)
    shared.client().revoke(serial, "superseded")
    assert shared.client().revoke(serial, "keyCompromise").status == 200
    assert [one.reason for one in shared_ca.revocations(serial)] == ["superseded", "keycompromise"]
    reply = shared.client().revoke(serial, "keyCompromise")
    assert reply.status == 200 and "already_revoked" in messages(reply)
    assert shared.client().revoke(serial, "superseded").status == 200
    assert len(shared_ca.revocations(serial)) == 2


def test_ten_at_once_are_one(shared, shared_ca):
    serial = issue(shared)
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(shared.client().revoke(serial)))
               for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {reply.status for reply in replies} <= {200, 409}
    assert any(reply.status == 200 for reply in replies)
    assert len(shared_ca.revocations(serial)) == 1


# ---------------------------------------------------------------- what the CA does
def test_lost_answer_is_unknown_and_may_be_tried_again(start, ca):
    broker = start(config={"ca": {"timeout": "1s"}})
    serial = issue(broker)
    ca.fail("close_after_reading", endpoint="revoke")
    reply = broker.client().revoke(serial)
    assert_refused(reply, "ca_unknown")
    assert broker.outcome(reply)["type"] == "revoke.unknown"
    assert len(ca.requests("revoke")) == 1
    assert broker.client().revoke(serial).status == 200


def test_ca_that_does_not_know_it(start, ca):
    broker = start(config={"ca": {"aki": "empty"}})
    serial = issue(broker)
    ca.fail("not_found", endpoint="revoke")
    reply = broker.client().revoke(serial)
    assert_refused(reply, "certificate_not_found")
    assert broker.outcome(reply)["type"] == "revoke.fail"


@pytest.mark.parametrize("mode,build", [("auto", "empty"), ("auto", "hex"), ("hex", "hex"),
                                        ("empty", "empty")])
def test_aki_modes(tmp_path, start, mode, build):
    from fake_ca import FakeCA
    ca = FakeCA(tmp_path / "aki", aki=build)
    broker = start(ca=ca, config={"ca": {"aki": mode}})
    client = broker.client()
    first, second = (assert_issued(client.newcert()).serial for _ in "12")
    assert client.revoke(first).status == 200
    asked = len(ca.requests("revoke"))
    assert client.revoke(second).status == 200
    assert len(ca.requests("revoke")) == asked + 1, "the spelling that worked was not remembered"
    ca.stop()


# ---------------------------------------------------------------- the index
def test_index_is_rebuilt_from_the_log(start, ca):
    broker = start()
    kept, revoked, other = issue(broker), issue(broker), issue(broker, "bob")
    broker.client().revoke(revoked)
    broker.stop()
    for path in broker.dir.glob("issued.sqlite*"):
        path.unlink()
    broker.start()
    assert broker.client().revoke(kept).status == 200
    assert "already_revoked" in messages(broker.client().revoke(revoked))
    assert_refused(broker.client().revoke(other), "not_owner")


def test_damaged_index_is_moved_aside_and_rebuilt(start, ca):
    broker = start()
    serial = issue(broker)
    broker.stop()
    for path in broker.dir.glob("issued.sqlite-*"):
        path.unlink()
    (broker.dir / "issued.sqlite").write_bytes(b"this is no database" * 1000)
    broker.start()
    assert broker.client().revoke(serial).status == 200
    assert list(broker.dir.glob("issued.sqlite*damaged*"))


def test_serial_in_the_record_is_the_certificates(shared):
    reply = shared.client().newcert()
    facts = certs.read(reply.result["certificate"])
    record = shared.outcome(reply)
    assert int(record["serial"], 16) == int(record["serial_dec"]) == facts.serial
