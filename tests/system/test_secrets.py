"""Secrets stay secret: in no log, audit record, error, metric, file or, once the answer is out,
memory."""
import base64
import os
import re
import resource

import pytest

import certs
from assertions import assert_issued
from broker import ROBOT_TOKEN
from client import newcert_body
from waiting import wait_until


def everything_written(broker):
    """All bytes of all files the broker made, and its metrics."""
    data = b""
    for path in broker.dir.rglob("*"):
        if path.is_file():
            data += path.read_bytes()
    return data + broker.operations("/metrics").body


def pieces_of(key_pem):
    """A private key as it could show up: PEM lines, DER, the bare number."""
    raw = certs.der.unpem(key_pem)
    pieces = [line.encode() for line in key_pem.splitlines()[1:-1] if len(line) > 30]
    if "EC PRIVATE" in key_pem:
        number = certs.der.read_one(raw)[0][1].body
        pieces += [number, number.hex().encode(), base64.b64encode(number)[:-4]]
    else:
        fields = [node.body.lstrip(b"\0") for node in certs.der.read_one(raw)[0]]
        pieces += fields[3:6]  # d, p, q
    return pieces


def memory_of(pid):
    """All readable memory of a process that is its own."""
    out = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line)
            first, last = int(match.group(1), 16), int(match.group(2), 16)
            if "w" not in match.group(3) or match.group(4).startswith("[v"):
                continue
            try:
                mem.seek(first)
                out.append(mem.read(last - first))
            except (OSError, ValueError):
                continue
    return b"".join(out)


def test_canaries_are_nowhere(start, ca):
    """A secret in every place where a client can put one."""
    broker = start(config={"log": {"level": "debug"}})
    canary = "CANARY-4f1d"
    broker.bearer().newcert("ms2.acme.internal")
    broker.client(None, {"Authorization": f"Bearer {canary}-a"}).newcert()
    broker.client("alice", {"Authorization": f"Basic {canary}-b"}).newcert()
    broker.client("alice", {"Cookie": f"{canary}-c", "X-Secret": f"{canary}-d"}).newcert()
    broker.client().post("/api/v1/cfssl/newcert", f'{{"request": "{canary}-e"}}'.encode())
    broker.client().post("/api/v1/cfssl/newcert", f'{{"{canary}-f": 1}}'.encode())
    with broker.connect() as conn:
        conn.send(f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {canary}-g\r\nBad Header: "
                  f"x\r\n\r\n".encode())
        conn.read_reply()
    broker.client().newcert()
    broker.stop()
    data = b"".join(path.read_bytes() for path in broker.dir.rglob("*")
                    if path.is_file() and path.name != "policy.yaml")
    for letter in "abcdg":
        assert f"{canary}-{letter}".encode() not in data, letter
    assert ROBOT_TOKEN.encode() not in data


def test_private_keys_are_in_no_file(start, ca):
    broker = start(config={"log": {"level": "debug"}})
    client = broker.client()
    for i in range(10):
        assert_issued(client.newcert())
    for fault in ("wrong_san", "other_key", "half_json", "success_false_200", "two_certificates"):
        ca.fail(fault)
        assert client.newcert().status == 502
    data = everything_written(broker)
    assert b"PRIVATE KEY" not in data
    for issued in ca.issued:
        for piece in pieces_of(issued.key_pem):
            assert piece not in data


@pytest.mark.root
@pytest.mark.release
def test_private_keys_are_gone_from_memory_after_the_answer(start, ca):
    broker = start()
    client = broker.client()
    keys = [client.newcert().result["private_key"] for _ in range(8)]
    rsa = client.newcert(key={"algo": "rsa", "size": 2048}).result["private_key"]
    ca.fail("wrong_san")
    assert client.newcert().status == 502
    with ca.hold() as held:  # and of one that nobody took
        gone = broker.connect()
        gone.request("POST", "/api/v1/cfssl/newcert", newcert_body())
        held.wait(1)
        gone.reset()
    wait_until(lambda: len(ca.revoked) >= 2, 10, "the unwanted to be revoked")
    client.close()

    def leftovers():
        memory = memory_of(broker.pid)
        pieces = [piece for key in [*keys, rsa, *(one.key_pem for one in ca.issued)]
                  for piece in pieces_of(key)]
        return sum(piece in memory for piece in pieces)

    wait_until(lambda: leftovers() == 0, 4, lambda: f"memory to be wiped, {leftovers()} pieces "
               "of keys are left")


@pytest.mark.root
@pytest.mark.release
def test_tokens_are_gone_from_memory(start):
    broker = start()
    with broker.bearer() as client:
        assert client.whoami().status == 200
    broker.client(None).get("/api/v1/cfssl/health")
    wait_until(lambda: ROBOT_TOKEN.encode() not in memory_of(broker.pid), 4,
               "the token to be wiped")


def test_query_strings_are_not_recorded(shared):
    """People put secrets into them."""
    reply = shared.client().ask("GET", "/v1/whoami?access_token=SECRET-CANARY-IN-QUERY")
    assert reply.status == 404
    text = "".join(path.read_text() for path in shared.audit_dir.glob("seg/*"))
    assert "/v1/whoami?" in text and "CANARY-IN-QUERY" not in text


def test_no_core_files(broker):
    limits = resource.prlimit(broker.pid, resource.RLIMIT_CORE)
    assert limits == (0, 0)


def test_not_dumpable(broker):
    """PR_SET_DUMPABLE 0: /proc/PID belongs to root and others of the same user cannot attach."""
    broker_uid = os.stat(f"/proc/{broker.pid}").st_uid
    assert os.stat(f"/proc/{broker.pid}/mem").st_uid == 0 or broker_uid != 0


def test_answers_are_not_cached(shared):
    reply = shared.client().newcert()
    assert "no-store" in reply.headers["cache-control"]


def test_core_dumpable_flag_is_off(broker):
    """A process that is not dumpable has a root-owned, unreadable /proc/PID/environ for others."""
    with open(f"/proc/{broker.pid}/status") as status:
        text = status.read()
    if "CoreDumping" in text:
        assert "CoreDumping:\t0" in text


def test_every_file_that_is_made_is_for_the_owner_alone(start):
    broker = start()
    assert_issued(broker.client().newcert())
    for path in broker.dir.glob("issued.sqlite*"):
        assert path.stat().st_mode & 0o077 == 0, path
