"""A secret planted in every input comes out nowhere: not in the log, its checkpoints or the index, not on stderr
at debug level, not in metrics, not at a syslog receiver, not in reports, searches or exports, and no core file
is left behind by a crash."""
import json
import signal
import socket
import threading

import pytest

from assertions import assert_issued, assert_refused
from broker import ROBOT_TOKEN
from client import newcert_body
from test_jwt import Issuer, config as jwt_config, policy as jwt_policy
from test_secrets import pieces_of
from waiting import wait_until

CANARY = "CANARY7f3a"


class Collector:
    """A syslog receiver that keeps every byte."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.data = bytearray()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"

    def _run(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            with conn:
                while piece := conn.recv(65536):
                    self.data += piece

    def close(self):
        self.listener.close()


@pytest.fixture
def collector():
    one = Collector()
    yield one
    one.close()



def plant(broker, issuer):
    """One canary a place; {letter: where}."""
    path = "/api/v1/cfssl/newcert"
    base = newcert_body()
    where = {}

    def put(letter, what, send):
        where[letter] = what
        send(f"{CANARY}-{letter}")

    put("a", "a wrong bearer token",
        lambda c: broker.client(None, {"Authorization": f"Bearer {c}"}).newcert())
    put("b", "basic credentials",
        lambda c: broker.client("alice", {"Authorization": f"Basic {c}"}).newcert())
    put("c", "a cookie", lambda c: broker.client("alice", {"Cookie": c}).newcert())
    put("d", "a header of somebody else's", lambda c: broker.client("alice", {"X-Api-Key": c}).newcert())
    put("e", "the value of an unknown member",
        lambda c: broker.client().post(path, json.dumps({**base, "password": c}).encode()))
    put("f", "the value of an unknown member of the request",
        lambda c: broker.client().post(path, json.dumps(
            {**base, "request": {**base["request"], "private_key": c}}).encode()))
    put("g", "a body that is no JSON", lambda c: broker.client().post(path, f"key={c}".encode()))
    put("h", "a body that ends too soon",
        lambda c: broker.client().post(path, f'{{"request":{{"key":"{c}'.encode()))
    put("i", "a query string", lambda c: broker.client().get(f"/v1/whoami?token={c}"))
    put("j", "a malformed token", lambda c: broker.client(None, {"Authorization": f"Bearer x.{c}.y"})
        .newcert())
    put("k", "a claim that the policy does not look at",
        lambda c: assert_issued(broker.client(None, {"Authorization": "Bearer " + issuer.token(
            secret=c)}).newcert("api.pay.acme.internal")))
    put("l", "a token's id of a signature that is wrong",
        lambda c: broker.client(None, {"Authorization": "Bearer " + issuer.token(jti=c)[:-4] + "AAAA"})
        .newcert())
    put("m", "the password of a URL",
        lambda c: broker.client().get(f"http://user:{c}@localhost/v1/whoami"))
    put("n", "a proxy's header",
        lambda c: broker.client("alice", {"Proxy-Authorization": c, "X-Forwarded-For": c}).newcert())
    put("o", "a traceparent that is none", lambda c: broker.client("alice", {"traceparent": f"{c} x"})
        .newcert())
    return where


def outputs(broker):
    """What the tools print of this log."""
    audit = ("--audit", broker.audit_dir)
    texts = [broker.command("audit", "search", *audit, "--json"),
             broker.command("audit", "search", *audit, "--csv"),
             broker.command("audit", "report", *audit, "--json"),
             broker.command("audit", "report", *audit, "-o", broker.dir / "report.html"),
             broker.command("audit", "verify", *audit)]
    for one in texts:
        assert one.returncode == 0, (one.args, one.stderr)
    return "".join(one.stdout + one.stderr for one in texts).encode()


def test_canaries_in_every_input(start, pki, ca, tmp_path, collector):
    issuer = Issuer(tmp_path / "jwks.json")
    change = jwt_config(issuer)
    change["log"] = {"level": "debug"}
    change["audit"] = {"syslog": [{"url": collector.url}]}
    broker = start(config=change, policy=jwt_policy(pki))
    assert_issued(broker.bearer().newcert("ms2.acme.internal"))
    where = plant(broker, issuer)
    for _ in range(3):
        assert_issued(broker.client().newcert())
    ca.fail("wrong_san")
    assert broker.client().newcert().status == 502
    assert_refused(broker.client().newcert("evil.example"), "name_not_allowed")
    metrics = broker.operations("/metrics").body
    broker.stop()
    wait_until(lambda: b"broker.stop" in collector.data, 10, "the receiver to have everything")
    seen = {path: path.read_bytes() for path in broker.dir.rglob("*")
            if path.is_file() and path != broker.audit_key and path != broker.policy_file}
    seen["metrics"], seen["syslog"], seen["tools"] = metrics, bytes(collector.data), outputs(broker)
    seen["report"] = (broker.dir / "report.html").read_bytes()
    secrets = {f"{CANARY}-{letter}".encode(): what for letter, what in where.items()}
    secrets[ROBOT_TOKEN.encode()] = "the token of a client"
    for issued in ca.issued:
        secrets.update({piece: "the key of a certificate" for piece in pieces_of(issued.key_pem)})
    for credential in (pki.server, pki.alice):
        secrets.update({piece: "a key of TLS" for piece in pieces_of(credential.key.read_text())})
    secrets[broker.audit_key.read_text().strip().rsplit("+", 1)[1].encode()] = "the key of the log"
    assert len(ca.issued) >= 5 and len(where) == 15
    for secret, what in secrets.items():
        for place, data in seen.items():
            assert secret not in data, f"{what} stands in {place}"
    assert b"issue.ok" in seen["syslog"]  # it did see something


def test_crash_leaves_no_core(start):
    broker = start()
    with broker.bearer() as client:
        assert client.whoami().status == 200
    before = set(broker.dir.rglob("*"))
    broker.process.send_signal(signal.SIGABRT)
    assert broker.process.wait(10) == -signal.SIGABRT
    broker.process = None
    assert {path for path in set(broker.dir.rglob("*")) - before if "core" in path.name} == set()
