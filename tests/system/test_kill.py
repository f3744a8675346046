"""kill -9 at any moment, again and again: no acknowledged certificate without its attempt and
outcome on disk, no call to the CA without its attempt, and the log always opens again, is whole and
continues everything that was signed.

CERTBROKER_KILL_CYCLES says how many (default 8; 1,000 for the long run). Every so many a new log is begun:
looking at all of it after each kill would else take ever longer.
"""
import os
import random
import threading

import certs
from auditlog import AuditLog
from client import Client, Closed, newcert_body
from fake_ca import FakeCA
from waiting import wait_until

CYCLES = int(os.environ.get("CERTBROKER_KILL_CYCLES", "8"))
CYCLES_A_LOG = 20
CLIENTS = 32


class Load:
    """Clients that ask as fast as they can until told to stop; what they were given."""

    def __init__(self, broker):
        self.broker = broker
        self.acked = []
        self.revoked = []
        self.refused = []
        self.stopping = threading.Event()
        tls = broker.tls("alice")
        self.threads = [threading.Thread(target=self._work, args=(tls, number))
                        for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def _work(self, tls, number):
        client = Client(self.broker.addresses["tls"], tls)
        body = newcert_body(f"c{number}.pods.acme.internal")
        while not self.stopping.is_set():
            try:
                reply = client.post("/api/v1/cfssl/newcert", body)
                if reply.status == 200:
                    serial = certs.read(reply.result["certificate"]).serial
                    self.acked.append((serial, reply.request_id))
                    if number % 8 == 0 and client.revoke(serial).status == 200:
                        self.revoked.append(serial)
                else:
                    self.refused.append(reply)
            except (Closed, OSError):
                if self.broker.process is None or self.broker.process.poll() is not None:
                    return

    def join(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


def check(broker, ca, acked, revoked):
    """The log against everything that the clients and the CA saw."""
    log = AuditLog(broker.audit_dir)
    issued = log.issued()
    for serial, request_id in acked:
        assert serial in issued, f"acknowledged certificate {serial} is not in the log"
        assert issued[serial]["req"] == request_id
    assert set(revoked) <= {record.serial_number for record in log.of_type("revoke.ok")}
    attempts = log.of_type("issue.attempt")
    assert len(ca.requests()) <= len(attempts), "the CA was called without an attempt on disk"
    assert len(ca.requests("revoke")) <= 2 * len(log.of_type("revoke.attempt"))
    wanted = {}
    for record in attempts:
        wanted[record["want"]["cn"]] = wanted.get(record["want"]["cn"], 0) + 1
    received = {}
    for request in ca.requests():
        name = request.json["request"]["CN"]
        received[name] = received.get(name, 0) + 1
    for name, count in received.items():
        assert count <= wanted.get(name, 0), name
    assert set(issued) <= {one.serial for one in ca.issued}
    return log


def verify(broker):
    """Beside the broker that has just started on it."""
    done = broker.command("audit", "verify", "--audit", broker.audit_dir, "--key", broker.vkey, "-q")
    assert done.returncode == 0, (done.stdout, done.stderr)


def test_kill_nine(start, tmp_path):
    seed = int(os.environ.get("CERTBROKER_KILL_SEED", "20260722"))
    for first in range(0, CYCLES, CYCLES_A_LOG):
        ca = FakeCA(tmp_path / f"ca-{first}")
        try:
            broker = start(ca=ca, config={"ca": {"max_in_flight": 8}})
            kill_again_and_again(broker, ca, random.Random(seed + first),
                                 min(CYCLES_A_LOG, CYCLES - first))
        finally:
            ca.stop()


def kill_again_and_again(broker, ca, rng, cycles):
    acked, revoked = [], []
    for _ in range(cycles):
        load = Load(broker)
        # The moment is an event, not a time: so many answers, or so many requests at the CA.
        if rng.random() < 0.5:
            goal = rng.randrange(1, 120)
            wait_until(lambda goal=goal, load=load: len(load.acked) >= goal, 30, "answers")
        else:
            goal = len(ca.received) + rng.randrange(1, 120)
            wait_until(lambda goal=goal: len(ca.received) >= goal, 30, "requests at the CA")
        broker.kill()
        load.join()
        assert not load.refused, load.refused[:3]
        acked += load.acked
        revoked += load.revoked
        open_before = len(check(broker, ca, acked, revoked).open_attempts)
        broker.start()  # it opens again
        verify(broker)
        unknown = broker.count("issue.unknown") + broker.count("revoke.unknown")
        assert unknown >= open_before, "attempts without an outcome must become unknown"
    assert acked
    broker.stop()
    log = check(broker, ca, acked, revoked)
    assert not log.open_attempts, "every attempt has its outcome after a clean stop"
    assert len(log.of_type("broker.start")) == cycles + 1


def test_kill_while_starting(start, ca):
    """Killed before it is ready, over and over: still one good log."""
    broker = start()
    broker.client().newcert()
    broker.kill()
    for cycle in range(5):
        before = broker.count("segment.open")
        broker.start(wait=False)
        if cycle % 2:
            wait_until(lambda before=before: broker.count("segment.open") > before
                       or broker.process.poll() is not None, 10, "a segment to be opened")
        broker.kill()
    broker.start()
    assert broker.client().newcert().status == 200
    broker.stop()
    assert len(AuditLog(broker.audit_dir).issued()) == 2


def test_attempt_without_outcome_becomes_unknown(start, ca):
    broker = start()
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        broker.kill()
    assert len(AuditLog(broker.audit_dir).open_attempts) == 1
    broker.start()
    broker.wait_for("issue.unknown")
    log = broker.audit()
    assert not log.open_attempts
    (unknown,) = log.of_type("issue.unknown")
    assert unknown["req"] == log.of_type("issue.attempt")[0]["req"]
    # Only once: the next start finds it closed.
    broker.stop()
    broker.start()
    assert broker.count("issue.unknown") == 1
