"""The client leaves. Before the CA was asked: nothing happens. After: it is finished, recorded, and
what nobody can have received is revoked."""
import socket

import pytest

from assertions import assert_issued
from client import newcert_body
from waiting import wait_until

NEWCERT = "/api/v1/cfssl/newcert"
ONE = {"workers": 1, "ca": {"max_in_flight": 1}}


def leave(conn, how):
    if how == "reset":
        conn.reset()
    else:
        conn.close()


def settle(broker):
    """With one worker, two whole requests later the loop has seen whatever arrived before."""
    for _ in range(2):
        assert broker.client().whoami().status == 200


def waiting(broker):
    return broker.metrics()["certbroker_ca_queue"]


@pytest.mark.parametrize("how", ["close", "reset"])
def test_gone_while_the_ca_works(start, ca, how):
    broker = start(config=ONE)
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", NEWCERT, newcert_body())
        held.wait(1)
        leave(conn, how)
        settle(broker)
    wait_until(lambda: ca.revoked, 10, "the orphan to be revoked")
    assert ca.revoked[0].serial == ca.issued[0].serial
    broker.wait_for("issue.undelivered")
    broker.wait_for("revoke.ok")
    log = broker.audit()
    assert [r["type"] for r in log.records if r["type"].startswith("issue.")] == [
        "issue.attempt", "issue.ok", "issue.undelivered"]
    assert log.of_type("issue.undelivered")[0].serial_number == ca.issued[0].serial
    assert log.of_type("revoke.attempt")[0]["follows"] == log.of_type("issue.ok")[0]["req"]


def test_gone_while_waiting_in_the_queue(start, ca):
    """Max one call: the second request waits, its client leaves, and the CA never hears of it."""
    broker = start(config=ONE)
    with ca.hold() as held:
        first, second = broker.connect(), broker.connect()
        first.request("POST", NEWCERT, newcert_body("ms1.acme.internal"))
        held.wait(1)
        # Enough of them that some stand in the queue proper and not in the places that may
        # already write their intent.
        others = [broker.connect() for _ in range(6)]
        for conn in others:
            conn.request("POST", NEWCERT, newcert_body("ms2.acme.internal"))
        wait_until(lambda: waiting(broker) >= 3, 10, "the queue to fill")
        before = waiting(broker)
        second.request("POST", NEWCERT, newcert_body("gone.pods.acme.internal"))
        wait_until(lambda: waiting(broker) == before + 1, 10, "the last one to queue")
        second.reset()
        wait_until(lambda: waiting(broker) == before, 10, "it to be forgotten")
    assert_issued(first.read_reply(), "ms1.acme.internal")
    for conn in others:
        assert_issued(conn.read_reply(), "ms2.acme.internal")
    assert_issued(broker.client().newcert())
    asked = [received.json["request"]["CN"] for received in ca.requests()]
    assert "gone.pods.acme.internal" not in asked
    assert not ca.revoked


def test_gone_before_the_body_was_complete(start, ca):
    broker = start(config=ONE)
    conn = broker.connect()
    conn.send(b"POST " + NEWCERT.encode() + b" HTTP/1.1\r\nHost: localhost\r\n"
              b"Content-Length: 100\r\n\r\n{\"request\"")
    conn.reset()
    settle(broker)
    assert_issued(broker.client().newcert())
    assert len(ca.requests()) == 1


def test_undelivered_is_kept_when_so_configured(start, ca):
    broker = start(config={**ONE, "undelivered": "keep"})
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", NEWCERT, newcert_body())
        held.wait(1)
        conn.reset()
        settle(broker)
    broker.wait_for("issue.undelivered")
    assert_issued(broker.client().newcert())
    assert not ca.requests("revoke")


def test_half_closed_client_still_gets_its_answer_or_is_revoked(start, ca):
    """A client that only shuts down its writing side is either served or counted as gone; what it
    did not get does not stay valid."""
    broker = start(config=ONE)
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", NEWCERT, newcert_body())
        held.wait(1)
        conn.socket.shutdown(socket.SHUT_WR)
        settle(broker)
    try:
        served = conn.read_reply().status == 200
    except Exception:  # noqa: BLE001 - any way of not being served
        served = False
    if not served:
        wait_until(lambda: ca.issued and ca.revocations(ca.issued[0].serial), 10,
                   "the orphan to be revoked")


def test_orphan_is_revoked_after_a_restart(start, ca):
    """The revocation itself fails at first: it is not forgotten."""
    broker = start(config=ONE)
    ca.always("close_after_reading", endpoint="revoke")
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", NEWCERT, newcert_body())
        held.wait(1)
        conn.reset()
        settle(broker)
    wait_until(lambda: ca.requests("revoke"), 10, "the revocation to be tried")
    broker.stop()
    ca.always(None, endpoint="revoke")
    broker.start()
    wait_until(lambda: ca.revocations(ca.issued[0].serial), 10,
               "the orphan to be revoked after the restart")


def test_many_clients_that_leave(start, ca):
    """Nothing leaks: the certificates of all who left are revoked, the others are not."""
    broker = start(config={"workers": 2})
    with ca.hold() as held:
        staying = [broker.connect() for _ in range(8)]
        leaving = [broker.connect() for _ in range(8)]
        for conn in staying + leaving:
            conn.request("POST", NEWCERT, newcert_body())
        held.wait(4)
        for conn in leaving:
            conn.reset()
        for _ in range(4):
            settle(broker)
    kept = {assert_issued(conn.read_reply()).serial for conn in staying}
    orphans = lambda: {one.serial for one in ca.issued} - kept  # noqa: E731
    wait_until(lambda: {one.serial for one in ca.revoked} >= orphans(), 10,
               lambda: f"{len(orphans())} orphans to be revoked, {len(ca.revoked)} are")
    assert not {one.serial for one in ca.revoked} & kept
    for conn in staying:
        conn.close()
