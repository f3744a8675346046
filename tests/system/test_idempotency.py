"""Idempotency-Key: the defined answer to a retry. A key that the CA made is never stored, so the
retry gets a fresh certificate and the first one is revoked as superseded."""
import threading

import pytest

from assertions import assert_issued, assert_refused
from waiting import wait_until


def key(text):
    return {"Idempotency-Key": text}


def test_retry_gets_a_fresh_certificate_and_the_first_is_superseded(shared, shared_ca):
    client = shared.client()
    first = assert_issued(client.newcert(headers=key("start-1"))).serial
    second = assert_issued(client.newcert(headers=key("start-1"))).serial
    assert first != second
    wait_until(lambda: shared_ca.revocations(first), 5, "the first to be revoked")
    assert shared_ca.revocations(first)[0].reason == "superseded"
    assert not shared_ca.revocations(second)


def test_third_attempt_supersedes_the_second(shared, shared_ca):
    client = shared.client()
    serials = [assert_issued(client.newcert(headers=key("start-2"))).serial for _ in range(3)]
    for serial in serials[:2]:
        wait_until(lambda s=serial: len(shared_ca.revocations(s)) == 1, 5, "it to be revoked")
    assert not shared_ca.revocations(serials[2])


def test_key_with_another_request_is_refused(shared, shared_ca):
    client = shared.client()
    assert_issued(client.newcert("ms1.acme.internal", headers=key("start-3")))
    before = len(shared_ca.requests())
    reply = client.newcert("ms2.acme.internal", headers=key("start-3"))
    assert_refused(reply, "idempotency_mismatch")
    assert len(shared_ca.requests()) == before


def test_same_request_written_differently_is_the_same(shared, shared_ca):
    client = shared.client()
    assert_issued(client.newcert("ms1.acme.internal", "ms2.acme.internal", headers=key("start-4")))
    reply = client.newcert("MS2.acme.internal", "ms1.acme.internal", cn="ms1.acme.internal",
                           headers=key("start-4"))
    assert_issued(reply, "ms1.acme.internal", "ms2.acme.internal")


def test_while_the_first_is_under_way(shared, shared_ca):
    replies = []
    with shared_ca.hold() as held:
        thread = threading.Thread(
            target=lambda: replies.append(shared.client().newcert(headers=key("start-5"))))
        thread.start()
        held.wait(1)
        assert_refused(shared.client().newcert(headers=key("start-5")), "idempotency_in_flight")
    thread.join(20)
    assert_issued(replies[0])
    assert_issued(shared.client().newcert(headers=key("start-5")))


def test_keys_of_two_clients_do_not_meet(shared, shared_ca):
    first = assert_issued(shared.client("alice").newcert("ms2.acme.internal", headers=key("k")))
    second = assert_issued(shared.client("bob").newcert("ms2.acme.internal", headers=key("k")))
    assert not shared_ca.revocations(first.serial) and not shared_ca.revocations(second.serial)


def test_key_of_a_request_that_failed_is_free_again(shared, shared_ca):
    shared_ca.fail("database_locked")
    assert_refused(shared.client().newcert(headers=key("start-6")), "ca_temporary")
    assert_issued(shared.client().newcert(headers=key("start-6")))


def test_key_of_a_denied_request_is_free_again(shared):
    assert_refused(shared.client().newcert("evil.example", headers=key("start-7")),
                   "name_not_allowed")
    assert_issued(shared.client().newcert(headers=key("start-7")))


def test_key_survives_a_restart(start, ca):
    broker = start()
    first = assert_issued(broker.client().newcert(headers=key("boot"))).serial
    broker.stop()
    broker.start()
    assert_issued(broker.client().newcert(headers=key("boot")))
    wait_until(lambda: ca.revocations(first), 5, "the first to be revoked")


def test_key_survives_a_kill(start, ca):
    broker = start()
    first = assert_issued(broker.client().newcert(headers=key("boot"))).serial
    broker.kill()
    broker.start()
    assert_issued(broker.client().newcert(headers=key("boot")))
    wait_until(lambda: ca.revocations(first), 5, "the first to be revoked")


@pytest.mark.parametrize("text", ["x" * 65, "a b", "a/b", "a\"b", "<a>", ""])
def test_keys_that_are_refused(shared, shared_ca, text):
    before = len(shared_ca.requests())
    reply = shared.client().newcert(headers=key(text))
    assert_refused(reply, "bad_request")
    assert len(shared_ca.requests()) == before


def test_key_is_recorded(shared):
    reply = shared.client().newcert(headers=key("start-8"))
    assert all(record["idem"] == "start-8"
               for record in shared.audit().of_request(reply.request_id))


def test_repeat_that_fails_leaves_the_first_certificate_alone(start, ca):
    """A pod that runs its hook again while the CA is away must not lose what it has."""
    broker = start()
    client = broker.client()
    first = assert_issued(client.newcert(headers=key("again-1"))).serial
    for fault in ("bad_request_1002", "database_locked", "reset_after_reading"):
        ca.fail(fault)
        assert client.newcert(headers=key("again-1")).status in (502, 503)
    assert not ca.revocations(first)
    second = assert_issued(client.newcert(headers=key("again-1"))).serial
    wait_until(lambda: ca.revocations(first), 5, "the first to be revoked")
    assert not ca.revocations(second)
