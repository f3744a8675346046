"""Limits of a rule: how often, and how many valid certificates at a time. Refusals say honestly when to
come back, cost a caller in a loop one record, and hold across restarts and under any number of
requests at once."""
import copy
import threading
import time

import pytest

import cfssl
import certs
from assertions import assert_issued, assert_refused
from broker import standard_policy
from waiting import wait_until


def limited(pki, rule=0, **limits):
    """The standard policy with more in one rule (0: alice's, 1: everybody else's)."""
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][rule].update(limits)
    return policy


def retry_after(reply):
    return int(reply.headers["retry-after"])


def wait_for_clock(seconds):
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, seconds + 5, "the time to pass")


def at_once(num, ask):
    """The replies of num callers who ask at the same time."""
    replies, ready = [], threading.Barrier(num)

    def run():
        ready.wait(20)
        replies.append(ask())
    threads = [threading.Thread(target=run) for _ in range(num)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(replies) == num
    return replies


def drops(broker, reason):
    return [one for one in broker.audit().of_type("limit.drop") if one.reason == reason]


# ---------------------------------------------------------------- how often
def test_rate_and_honest_retry_after(start, pki):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "2s", "burst": 2}))
    client = broker.client()
    assert_issued(client.newcert())
    assert_issued(client.newcert())
    reply = assert_refused(client.newcert(), "rate_limited")
    assert retry_after(reply) in (1, 2) and reply.json["errors"][0]["code"] == 20429
    assert "alice-server" in reply.message
    wait_for_clock(retry_after(reply))
    assert_issued(client.newcert())
    assert_refused(client.newcert(), "rate_limited")


def test_rate_is_of_each_principal(start, pki):
    broker = start(policy=limited(pki, rule=1, rate={"count": 1, "per": "1h"}))
    for who in ("bob", "carol", "erin"):
        assert_issued(broker.client(who).newcert("ms2.acme.internal"))
        reply = broker.client(who).newcert("ms2.acme.internal")
        assert_refused(reply, "rate_limited")
        assert 3590 <= retry_after(reply) <= 3600
    assert_issued(broker.client("alice").newcert())


def test_rate_counts_what_the_policy_allows(start, pki):
    """Not what it denies, not what is asked of /v1/explain, not info, and not
    revoking one's own."""
    broker = start(policy=limited(pki, rate={"count": 1, "per": "1h"}))
    client = broker.client()
    for _ in range(3):
        assert_refused(client.newcert("evil.example"), "name_not_allowed")
        assert client.explain().result["allowed"]
        assert client.info().status == 200
    serial = assert_issued(client.newcert()).serial
    assert_refused(client.newcert(), "rate_limited")
    assert client.revoke(serial).status == 200
    assert client.info().status == 200


def test_rate_of_revoking_what_is_anothers(start, pki):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "1h"}, revoke="names"))
    serials = [assert_issued(broker.client("bob").newcert("ms2.acme.internal")).serial
               for _ in range(2)]
    own = assert_issued(broker.client().newcert()).serial
    refused = assert_refused(broker.client().revoke(serials[0]), "rate_limited")
    assert refused.json["rule"] == "alice-server"
    assert broker.client().revoke(own).status == 200
    assert broker.client("bob").revoke(serials[1]).status == 200


def test_rate_across_all_workers(start, pki):
    broker = start(policy=limited(pki, rate={"count": 7, "per": "1h"}), config={"workers": 4})
    replies = at_once(32, lambda: broker.client().newcert())
    assert sorted(reply.status for reply in replies) == 7 * [200] + 25 * [429]


def test_reload_does_not_fill_a_bucket(start, pki):
    policy = limited(pki, rate={"count": 1, "per": "1h", "burst": 2})
    broker = start(policy=policy, config={"workers": 1})
    assert_issued(broker.client().newcert())
    assert_issued(broker.client().newcert())
    policy["rules"][0]["rate"]["burst"] = 50
    broker.write_policy(policy)
    broker.reload()
    assert_refused(broker.client().newcert(), "rate_limited")


# ---------------------------------------------------------------- what a loop leaves in the log
def test_first_refusal_is_recorded_and_the_rest_counted(start, pki):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "2s"}))
    client = broker.client()
    assert_issued(client.newcert())
    replies = [assert_refused(client.newcert(), "rate_limited") for _ in range(20)]
    (recorded,) = [one for one in broker.audit().of_type("request.refused")]
    assert recorded["reason"] == "rate_limited" and recorded["req"] == replies[0].request_id
    assert recorded.client == "alice" and recorded["rule"] == "alice-server"
    assert "decision" not in recorded and replies[0].json["rule"] == "alice-server"
    assert recorded["status"] == 429 and recorded["want"]["dns"] == ["ms1.acme.internal"]
    assert not drops(broker, "rate_limited")
    wait_for_clock(retry_after(replies[0]))
    assert_issued(client.newcert())
    broker.wait_for("limit.drop")
    (drop,) = drops(broker, "rate_limited")
    assert drop["count"] == 19 and drop.client == "alice" and drop["rule"] == "alice-server"
    assert recorded["ts"] <= drop["first_ts"] <= drop["last_ts"] <= drop["ts"]
    metrics = broker.metrics()
    assert metrics['certbroker_quota_refused_total{reason="rate_limited"}'] == 20
    assert metrics['certbroker_quota_refused_total{reason="too_many_active"}'] == 0


def test_counts_are_told_before_the_end(start, pki):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "1h"}))
    client = broker.client()
    assert_issued(client.newcert())
    for _ in range(5):
        assert_refused(client.newcert(), "rate_limited")
    assert broker.stop() == 0
    (drop,) = drops(broker, "rate_limited")
    assert drop["count"] == 4


def test_a_loop_costs_no_syncs(start, pki):
    broker = start(policy=limited(pki, rate={"count": 1, "per": "1h"}, max_active=1))
    client = broker.client()
    assert_issued(client.newcert())
    assert_refused(client.newcert(), "rate_limited")
    before = broker.metrics()["certbroker_audit_records_total"]
    for _ in range(50):
        assert_refused(client.newcert(), "rate_limited")
    assert broker.metrics()["certbroker_audit_records_total"] - before <= 1


# ---------------------------------------------------------------- how many
def test_max_active_and_when_there_is_room(start, pki):
    broker = start(policy=limited(pki, max_active=3))
    client = broker.client()
    issued = [assert_issued(client.newcert(profile=profile))
              for profile in ("default", "short", "default")]
    reply = assert_refused(client.newcert(), "too_many_active")
    assert reply.json["errors"][0]["code"] == 20430 and "alice-server" in reply.message
    assert reply.json["rule"] == "alice-server" and "; revoke one, or wait until 20" in reply.message
    (limit,) = client.explain().result["limits"]
    assert (limit["active"], limit["would_wait"]) == (3, "too_many_active")
    left = (issued[1].not_after - certs.now()).total_seconds()  # the short one ends first
    assert left - 5 <= retry_after(reply) <= left + 5
    # Whoever revokes one has room again.
    assert client.revoke(issued[0].serial).status == 200
    (limit,) = client.explain().result["limits"]
    assert (limit["active"], limit["would_wait"]) == (2, None)
    assert_issued(client.newcert())
    assert_refused(client.newcert(), "too_many_active")
    assert_issued(broker.client("bob").newcert("ms2.acme.internal"))


def test_64_at_once_do_not_pass_it(start, pki, ca):
    broker = start(policy=limited(pki, max_active=5))
    replies = at_once(64, lambda: broker.client().newcert())
    assert sum(reply.status == 200 for reply in replies) == 5
    for reply in replies:
        if reply.status != 200:
            assert_refused(reply, "too_many_active")
    assert len(ca.issued) == 5
    assert broker.metrics()['certbroker_quota_refused_total{reason="too_many_active"}'] == 59


def test_room_of_a_request_that_fails_is_given_back(start, pki, ca):
    broker = start(policy=limited(pki, max_active=1))
    client = broker.client()
    for fault in ("database_locked", "bad_request_1002", "wrong_san"):
        ca.fail(fault)
        assert client.newcert().status in (502, 503)
    assert_issued(client.newcert())
    assert_refused(client.newcert(), "too_many_active")


@pytest.mark.parametrize("how", ["stop", "kill", "no index"])
def test_max_active_across_a_restart(start, pki, how):
    broker = start(policy=limited(pki, max_active=2))
    assert_issued(broker.client().newcert())
    assert_issued(broker.client().newcert())
    (broker.kill if how == "kill" else broker.stop)()
    if how == "no index":
        for path in broker.dir.glob("issued.sqlite*"):
            path.unlink()
    broker.start()
    assert_refused(broker.client().newcert(), "too_many_active")


def test_max_active_is_of_the_rule(start, pki):
    """Another rule, another count: certificates of one do not use up the other."""
    policy = limited(pki, max_active=1)
    policy["rules"].insert(1, {**policy["rules"][0], "id": "alice-pods", "max_active": 2,
                               "names": {"dns": ["*.more.acme.internal"]}})
    broker = start(policy=policy)
    client = broker.client()
    for host, room in (("ms1.acme.internal", 1), ("a.more.acme.internal", 2)):
        for _ in range(room):
            assert_issued(client.newcert(host))
        assert_refused(client.newcert(host), "too_many_active")


def test_repeat_needs_no_room(start, pki, ca):
    broker = start(policy=limited(pki, max_active=1))
    client = broker.client()
    key = {"Idempotency-Key": "boot"}
    first = assert_issued(client.newcert(headers=key)).serial
    second = assert_issued(client.newcert(headers=key)).serial
    wait_until(lambda: ca.revocations(first), 5, "the first to be revoked")
    assert_refused(client.newcert(), "too_many_active")
    assert_issued(client.newcert(headers=key))
    wait_until(lambda: ca.revocations(second), 5, "the second to be revoked")


# ---------------------------------------------------------------- the oldest makes room
def test_oldest_makes_room(start, pki, ca):
    broker = start(policy=limited(pki, max_active=2, auto_revoke_oldest=True))
    client = broker.client()
    serials = [assert_issued(client.newcert()).serial for _ in range(5)]
    for serial in serials[:3]:
        wait_until(lambda s=serial: ca.revocations(s), 5, "it to be revoked")
        assert ca.revocations(serial)[0].reason == "superseded"
    assert not ca.revocations(serials[3]) and not ca.revocations(serials[4])
    issued = broker.audit().issued()
    assert [int(issued[serial]["supersedes"], 16) for serial in serials[2:]] == serials[:3]


def test_oldest_stays_when_the_new_one_is_not_issued(start, pki, ca):
    broker = start(policy=limited(pki, max_active=1, auto_revoke_oldest=True))
    client = broker.client()
    first = assert_issued(client.newcert()).serial
    for fault in ("bad_request_1002", "reset_after_reading"):
        ca.fail(fault)
        assert client.newcert().status == 502
    assert not ca.revocations(first)
    assert_issued(client.newcert())
    wait_until(lambda: ca.revocations(first), 5, "the first to be revoked")


def test_nothing_is_replaced_while_the_ca_revokes_nothing(start, pki, ca):
    """A limit would be none if certificates could be replaced that stay valid."""
    broker = start(policy=limited(pki, max_active=2, auto_revoke_oldest=True))
    ca.always("not_found", endpoint="revoke")
    client = broker.client()
    replies = [client.newcert() for _ in range(20)]
    assert sum(reply.status == 200 for reply in replies) <= 2 + 2 + 8
    assert retry_after(assert_refused(replies[-1], "too_many_active")) == 1
    repeats = [client.newcert(headers={"Idempotency-Key": "one"}) for _ in range(5)]
    assert all(reply.status == 429 for reply in repeats)


def test_repeats_are_bounded_while_the_ca_revokes_nothing(start, pki, ca):
    broker = start(policy=limited(pki, max_active=2))
    ca.always("not_found", endpoint="revoke")
    client = broker.client()
    replies = [client.newcert(headers={"Idempotency-Key": "one"}) for _ in range(30)]
    assert sum(reply.status == 200 for reply in replies) <= 1 + 2 + 8
    assert replies[-1].status == 429


def test_oldest_makes_room_for_many_at_once(start, pki, ca):
    broker = start(policy=limited(pki, max_active=4, auto_revoke_oldest=True))
    replies = at_once(16, lambda: broker.client().newcert())
    for reply in replies:
        if reply.status != 200:
            assert retry_after(assert_refused(reply, "too_many_active")) == 1
    num = len(ca.issued)
    assert num >= 4
    wait_until(lambda: len(ca.revoked) >= num - 4, 10, "the old ones to be revoked")
    revoked = [one.serial for one in ca.revoked]
    assert len(revoked) == len(set(revoked)) == num - 4


# ---------------------------------------------------------------- attributes that the rule sets
def test_fixed_attribute_reaches_the_real_ca(start, pki, tmp_path):
    if not cfssl.is_installed():
        pytest.skip("cfssl is not installed")
    real = cfssl.Cfssl(tmp_path / "cfssl")
    try:
        policy = limited(pki, subject={"C": {"fixed": "NL"}, "O": ["ACME Inc."],
                                       "OU": {"fixed": "Payments"}})
        broker = start(ca=real, policy=policy)
        reply = broker.client().newcert(names=[{"O": "ACME Inc."}])
        subject = assert_issued(reply, "ms1.acme.internal", ca=real).subject
        assert dict(subject) == {"C": "NL", "O": "ACME Inc.", "OU": "Payments",
                                 "CN": "ms1.acme.internal"}
        attempt, _ = broker.audit().of_request(reply.request_id)
        assert attempt["want"]["subject"] == [["O", "ACME Inc."]]
        assert attempt["want"]["fixed"] == [["C", "NL"], ["OU", "Payments"]]
        # Who asks for it gets it once.
        reply = broker.client().newcert(names=[{"OU": "Payments"}])
        assert dict(assert_issued(reply).subject)["OU"] == "Payments"
        assert_refused(broker.client().newcert(names=[{"OU": "Sales"}]), "subject_not_allowed")
    finally:
        real.stop()


def test_certificate_without_the_fixed_attribute_is_withheld(start, pki, ca):
    broker = start(policy=limited(pki, subject={"OU": {"fixed": "Payments"}}))
    assert_issued(broker.client().newcert())
    ca.fail("wrong_cn")  # its subject is the common name alone
    assert_refused(broker.client().newcert(), "ca_mismatch")
