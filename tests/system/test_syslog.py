"""Records reach a real rsyslogd byte for byte and at least once, and no append waits for it."""
import json
import re
import socket

import pytest

from assertions import assert_issued
from rsyslog import Rsyslog
from waiting import wait_until

SD = re.compile(r'\[audit@32473 origin="test/broker" seq="(\d+)"( cut="[a-z_]+")?\]$')


def syslog(receiver, **more):
    return {"audit": {"syslog": [{"url": receiver.url, **more}]}}


def records(messages):
    """{seq: text} of the records; copies must be equal."""
    found = {}
    for one in messages:
        if one.msgid != "checkpoint":
            seq = int(SD.match(one.sd)[1])
            assert found.setdefault(seq, one.text) == one.text
    return found


def log_lines(broker):
    """{seq: line} as the files have them."""
    return {one["seq"]: one.line.decode() for one in broker.audit().records}


def wait_for_all(receiver, broker, timeout=20):
    want = log_lines(broker)
    wait_until(lambda: set(records(receiver.lines())) >= set(want), timeout,
               lambda: f"{len(want)} records, there are {len(records(receiver.lines()))}:\n"
                       f"{broker.log()[-2000:]}")
    got = records(receiver.lines())
    assert {seq: got[seq] for seq in want} == want
    return got


@pytest.fixture
def receiver(tmp_path):
    with Rsyslog(tmp_path / "rsyslog") as one:
        yield one


def test_every_record_as_it_is_in_the_log(start, receiver):
    broker = start(config=syslog(receiver))
    assert_issued(broker.client().newcert())
    broker.client().newcert("evil.example")
    wait_for_all(receiver, broker)
    broker.stop()
    wait_for_all(receiver, broker)  # the last words, too
    messages = receiver.lines()
    by_type = {one.msgid: one for one in messages}
    assert {"broker.start", "issue.attempt", "issue.ok", "authz.deny", "segment.open",
            "segment.close", "broker.stop", "checkpoint"} <= set(by_type)
    assert by_type["issue.ok"].pri == str(13 * 8 + 5)
    assert by_type["authz.deny"].pri == str(13 * 8 + 4)
    assert by_type["issue.ok"].app == "certbroker"
    assert by_type["issue.ok"].time == json.loads(by_type["issue.ok"].text)["ts"].replace("Z", "+00:00") \
        or by_type["issue.ok"].time.startswith(json.loads(by_type["issue.ok"].text)["ts"][:19])
    order = [int(SD.match(one.sd)[1]) for one in messages if one.msgid != "checkpoint"]
    assert order == sorted(order)


def test_checkpoints_come_as_they_were_signed(start, receiver):
    broker = start(config=syslog(receiver))
    assert_issued(broker.client().newcert())
    broker.stop()
    note = (broker.audit_dir / "state/checkpoint").read_text()
    wait_until(lambda: any(json.loads(one.text)["note"] == note for one in receiver.lines()
                           if one.msgid == "checkpoint"), 20, "the last checkpoint")


def test_receiver_that_comes_later_gets_everything(start, tmp_path):
    receiver = Rsyslog(tmp_path / "rsyslog").start()
    receiver.kill()  # the port is known now, and nobody there
    broker = start(config=syslog(receiver))
    for _ in range(3):
        assert_issued(broker.client().newcert())
    wait_until(lambda: broker.metrics()['certbroker_syslog_failures_total{receiver="syslog"}'] > 0, 10,
               "a failure")
    assert broker.metrics()['certbroker_syslog_behind{receiver="syslog"}'] >= 6
    with receiver:
        wait_for_all(receiver, broker)
        wait_until(lambda: broker.metrics()['certbroker_syslog_behind{receiver="syslog"}'] == 0, 10,
                   "the cursor to follow")
        assert broker.metrics()['certbroker_syslog_connected{receiver="syslog"}'] == 1


def test_receiver_killed_again_and_again(start, tmp_path):
    receiver = Rsyslog(tmp_path / "rsyslog").start()
    broker = start(config=syslog(receiver))
    client = broker.client()
    for round_ in range(4):
        for _ in range(20):
            client.newcert("evil.example")
        if round_ % 2 == 0:
            wait_for_all(receiver, broker)
        receiver.kill()
        for _ in range(5):
            client.newcert("evil.example")
        receiver.start()
    with receiver:
        wait_for_all(receiver, broker, 40)


def test_restart_goes_on_where_it_was(start, receiver):
    broker = start(config=syslog(receiver, name="siem"))
    for _ in range(50):
        broker.client().newcert("evil.example")
    broker.stop()
    wait_for_all(receiver, broker)
    before = len(receiver.lines())
    assert int((broker.audit_dir / "state/cursor.siem").read_text()) == len(log_lines(broker))
    broker.start()
    broker.client().newcert("evil.example")
    broker.stop()
    wait_for_all(receiver, broker)
    assert len(receiver.lines()) - before < 20  # not the whole log again


def test_kill_of_the_broker_loses_nothing(start, receiver):
    broker = start(config=syslog(receiver))
    for _ in range(30):
        broker.client().newcert("evil.example")
    broker.kill()
    broker.start()
    wait_for_all(receiver, broker)


@pytest.mark.parametrize("client_certificate", [False, True])
def test_over_tls(start, pki, tmp_path, client_certificate):
    receiver = Rsyslog(tmp_path / "rsyslog", "tls", pki,
                       client_ca=pki.client_ca if client_certificate else None)
    more = {"ca": str(pki.server_ca)}
    if client_certificate:
        more.update(certificate=str(pki.alice.pem), key=str(pki.alice.key))
    with receiver:
        broker = start(config=syslog(receiver, **more))
        assert_issued(broker.client().newcert())
        wait_for_all(receiver, broker)
        broker.stop()
        wait_for_all(receiver, broker)


def test_receiver_that_cannot_prove_who_it_is_gets_nothing(start, pki, tmp_path):
    other = pki.make_server("elsewhere", sans=("elsewhere.example",))
    for number, (credential, ca) in enumerate([(pki.server, pki.client_ca), (other, pki.server_ca)]):
        with Rsyslog(tmp_path / str(number), "tls", pki, credential=credential) as receiver:
            broker = start(config=syslog(receiver, ca=str(ca)))
            assert_issued(broker.client().newcert())
            wait_until(lambda: "syslog: syslog: TLS" in broker.log(), 10, broker.log)
            assert not receiver.lines()
            broker.stop()


def test_over_a_unix_socket(start, tmp_path):
    receiver = Rsyslog(tmp_path / "rsyslog", "unix")
    with receiver:
        broker = start(config=syslog(receiver))
        assert_issued(broker.client().newcert())
        wait_for_all(receiver, broker)
        receiver.kill()
        assert_issued(broker.client().newcert())
        receiver.start()
        wait_for_all(receiver, broker)


def test_receiver_that_hangs_holds_up_nobody(start):
    with socket.create_server(("127.0.0.1", 0), backlog=1) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        broker = start(config={"audit": {"syslog": [{"url": url}]}})
        client = broker.client()
        for _ in range(300):
            assert client.newcert("evil.example").status == 403
        assert_issued(client.newcert())
        assert broker.is_ready()
        assert broker.stop(timeout=30) == 0


def test_long_records_go_without_their_certificate(start, receiver):
    broker = start(config=syslog(receiver, max_message="1500"))
    assert_issued(broker.client().newcert())
    broker.stop()
    wait_until(lambda: any(one.msgid == "broker.stop" for one in receiver.lines()), 20, "the end")
    (issued,) = [one for one in receiver.lines() if one.msgid == "issue.ok"]
    assert SD.match(issued.sd)[2] == ' cut="cert_der"'
    assert "cert_der" not in issued.text and json.loads(issued.text)["serial"]


@pytest.mark.parametrize("item,message", [
    ({"url": "udp://127.0.0.1:514"}, "is no syslog receiver: write tls://HOST:6514"),
    ({"url": "tcp://127.0.0.1"}, "is no syslog receiver"),
    ({"url": "unix:dev/log"}, "is no syslog receiver"),
    ({"url": "tls://127.0.0.1:6514"}, "audit.syslog[].ca is missing"),
    ({"url": "tcp://127.0.0.1:514", "ca": "x.pem"}, "go with a tls:// receiver only"),
    ({"url": "tcp://127.0.0.1:514", "name": "Not Good"}, "of a-z, 0-9 and hyphen"),
    ({"url": "tls://127.0.0.1:6514", "ca": "no-such.pem"}, "no-such.pem"),
    ({"name": "x"}, "audit.syslog[].url is missing"),
    ({"url": "tcp://127.0.0.1:514", "max_message": "100"}, "audit.syslog[].max_message")])
def test_mistakes_in_the_configuration(broker, item, message):
    broker.write_config({"audit": {"syslog": [item]}})
    done = broker.check()
    assert done.returncode == 1 and message in done.stderr, done.stderr
    assert "certbroker.yaml" in done.stderr


def test_two_receivers_need_two_names(broker):
    broker.write_config({"audit": {"syslog": [{"url": "tcp://127.0.0.1:514"},
                                              {"url": "tcp://127.0.0.1:515"}]}})
    done = broker.check()
    assert done.returncode == 1 and 'called "syslog"' in done.stderr
