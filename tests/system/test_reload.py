"""SIGHUP is all or nothing; SIGTERM drains; a reload loses no request."""
import copy
import signal
import threading

import pytest

import certs
from assertions import assert_issued, assert_refused
from auditlog import AuditLog
from broker import standard_policy
from client import Closed, newcert_body
from pki import Credential, write
from waiting import wait_until


ONE = {"workers": 1}  # so that what one request shows is true for all
UNGUARDED = {"reload": {"guard": {"window": 0}}}  # what takes something away may be loaded


def narrowed(pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"][0]["names"] = {"dns": ["ms2.acme.internal"]}
    return policy


def test_new_policy_takes_effect(start, pki):
    broker = start(config={**ONE, **UNGUARDED})
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    broker.reload()
    assert_refused(broker.client().newcert("ms1.acme.internal"), "name_not_allowed")
    assert_issued(broker.client().newcert("ms2.acme.internal"))
    record = broker.audit().of_type("policy.load")[-1]
    assert record["policy_sha256"] != record["policy_old_sha256"]


def test_new_policy_holds_on_connections_that_were_open(start, pki):
    broker = start(config={**ONE, **UNGUARDED})
    client = broker.client()
    assert_issued(client.newcert("ms1.acme.internal"))
    broker.write_policy(narrowed(pki))
    broker.reload()
    assert_refused(client.newcert("ms1.acme.internal"), "name_not_allowed")


def test_removed_client_is_out_on_open_connections(start, pki):
    broker = start(config=ONE)
    client = broker.client("bob")
    assert client.whoami().status == 200
    policy = copy.deepcopy(standard_policy(pki))
    del policy["clients"]["bob"]
    policy["rules"][1]["clients"].remove("bob")
    broker.write_policy(policy)
    broker.reload()
    assert_refused(client.whoami(), "unauthenticated")


BAD_POLICIES = {
    "no YAML": "version: 1\nclients: [\n",
    "empty": "",
    "unknown key": "version: 1\nclients: {}\nrules: []\nsurprise: 1\n",
    "rule about an unknown client": "version: 1\nclients: {}\nrules:\n  - id: x\n"
                                    "    clients: [ghost]\n    actions: [newcert]\n",
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_bad_policy_keeps_the_old_one(start, pki, name):
    broker = start(config=ONE)
    before = broker.client().whoami().result["policy_sha256"]
    broker.write_policy(BAD_POLICIES[name])
    broker.reload("policy.reject")
    assert_issued(broker.client().newcert("ms1.acme.internal"))
    assert broker.client().whoami().result["policy_sha256"] == before
    assert broker.metrics()["certbroker_policy_stale"] == 1
    broker.write_policy(standard_policy(pki))
    broker.reload()
    assert broker.metrics()["certbroker_policy_stale"] == 0


def own_server(broker, pki, stem):
    """Server certificate files of this broker alone, to be replaced."""
    made = Credential(broker.dir, stem, certs.issue(
        [("CN", stem)], issuer=pki.server_root, days=30, sans=["127.0.0.1", "localhost"],
        usages=["digital signature", "server auth"]))
    return made


def test_new_server_certificate_and_bad_one(start, pki):
    broker = start(start=False, config=ONE)
    first = own_server(broker, pki, "server")
    broker.write_config({"tls": {"certificate": str(first.pem), "key": str(first.key)}})
    broker.init_audit()
    broker.start()

    def shown():
        with broker.connect() as conn:
            return conn.socket.getpeercert(binary_form=True)

    assert shown() == first.certificate.der
    second = own_server(broker, pki, "server")
    broker.reload()
    assert shown() == second.certificate.der
    # A key that does not belong to it: nothing of this reload is used, the policy neither.
    third = own_server(broker, pki, "server")
    write(first.key, second.certificate.key_pem, 0o600)
    broker.write_policy(narrowed(pki))
    broker.reload("policy.reject")
    assert shown() == second.certificate.der != third.certificate.der
    assert_issued(broker.client().newcert("ms1.acme.internal"))


def test_changed_client_ca_locks_the_old_clients_out(start, pki, tmp_path):
    broker = start(start=False, config=ONE)
    ca_file = write(broker.dir / "clients.pem", pki.client_root.pem)
    broker.write_config({"tls": {"client_ca": str(ca_file)}})
    broker.init_audit()
    broker.start()
    assert broker.client().whoami().status == 200
    write(ca_file, pki.other_root.pem)
    broker.reload()
    with pytest.raises((Closed, OSError)):
        broker.client().whoami()


def test_reload_storm_under_load_loses_nothing_and_mixes_nothing(start, pki):
    """One policy a request: the record's policy hash always agrees with what was decided."""
    broker = start(config=UNGUARDED)
    wide, narrow = standard_policy(pki), narrowed(pki)
    failures, replies, stop = [], [], threading.Event()

    def work():
        client = broker.client()
        while not stop.is_set():
            try:
                replies.append(client.newcert("ms1.acme.internal"))
            except (Closed, OSError) as why:
                failures.append(why)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(10):
        broker.write_policy(narrow if turn % 2 == 0 else wide)
        broker.reload()
    wait_until(lambda: len(replies) > 20, 20, "answers")
    stop.set()
    for thread in threads:
        thread.join(20)
    assert not failures
    assert {reply.status for reply in replies} <= {200, 403}
    hashes = {}
    for record in broker.audit().of_type("issue.attempt", "authz.deny"):
        hashes.setdefault(record["policy_sha256"], set()).add(record["type"])
    assert all(len(kinds) == 1 for kinds in hashes.values()), hashes


# ---------------------------------------------------------------- the end
def test_sigterm_ends_with_zero_and_closes_the_log(start):
    broker = start()
    assert_issued(broker.client().newcert())
    assert broker.stop() == 0
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert log.types()[-1] == "segment.close" and "broker.stop" in log.types()


def test_sigterm_finishes_what_is_under_way(start, ca):
    broker = start()
    replies = []
    with ca.hold() as held:
        thread = threading.Thread(target=lambda: replies.append(broker.client().newcert()))
        thread.start()
        held.wait(1)
        broker.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(broker), 10, "the listeners to close")
    thread.join(20)
    assert_issued(replies[0])
    assert broker.stop() == 0
    assert not AuditLog(broker.audit_dir, may_be_torn=False).open_attempts


def test_drain_deadline_with_requests_in_every_place(start, ca):
    """Some call the CA, some hold their intent, some queue: the deadline ends them all in order."""
    broker = start(config={"drain": "500ms", "ca": {"max_in_flight": 2}})
    with ca.hold() as held:
        conns = [broker.connect() for _ in range(10)]
        for conn in conns:
            conn.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        wait_until(lambda: broker.metrics()["certbroker_ca_queue"] >= 4, 10, "the queue to fill")
        assert broker.stop() == 1
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert log.of_type("broker.stop")[-1]["reason"] == "drain_deadline"
    assert len(log.of_type("issue.unknown")) >= 1


def accepts(broker):
    try:
        with broker.client().connect(timeout=2) as conn:
            return conn.ask("GET", "/v1/whoami").status == 200
    except (Closed, OSError):
        return False


def test_sigterm_closes_idle_connections(start):
    broker = start()
    idle = [broker.connect() for _ in range(5)]
    for conn in idle:
        assert conn.ask("GET", "/v1/whoami").status == 200
    assert broker.stop() == 0
    assert all(conn.is_closed() for conn in idle)


def test_second_sigterm_stops_at_once(start, ca):
    broker = start(config={"drain": "60s"})
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        broker.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not accepts(broker), 10, "the listeners to close")
        broker.process.send_signal(signal.SIGTERM)
        broker.process.wait(10)
        broker.process = None
    AuditLog(broker.audit_dir)


def test_drain_has_an_end(start, ca):
    """A CA that never answers cannot keep the broker alive for ever."""
    broker = start(config={"drain": "500ms", "ca": {"timeout": "60s"}})
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        broker.process.send_signal(signal.SIGTERM)
        broker.process.wait(10)
        broker.process = None
    assert AuditLog(broker.audit_dir).attempts


def test_readiness_is_gone_while_draining(start, ca):
    broker = start()
    with ca.hold() as held:
        conn = broker.connect()
        conn.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        broker.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not broker.is_ready(), 10, "readiness to be gone")
    assert_issued(conn.read_reply())
    broker.process.wait(10)


def test_systemd_is_told(start, tmp_path):
    import socket
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(10)
        broker = start(env={"NOTIFY_SOCKET": str(path)})
        assert b"READY=1" in notify.recv(4096)
        broker.stop()
        messages = b""
        while b"STOPPING=1" not in messages:
            messages += notify.recv(4096)
