"""test_tlog_oracle.py - the log's checkpoints, hash tiles and proofs are those of Go's checksum database
(golang.org/x/mod/sumdb), and what that makes is taken here."""
import json

import pytest

from broker import Broker
from oracle import Oracle
from waiting import wait_until


@pytest.fixture(scope="module")
def oracle():
    return Oracle()


class Sealed:
    """A log that a broker wrote in two runs, more than a tile long; closed."""

    def __init__(self, broker):
        self.broker = broker
        self.dir, self.vkey = broker.audit_dir, broker.vkey
        with broker.client("alice") as alice:
            for number in range(20):
                self.issued = alice.newcert(f"a{number}.pods.acme.internal")
                assert self.issued.status == 200, self.issued
            self.revoked = alice.newcert("ms1.acme.internal")
            for _ in range(250):
                assert alice.info().status == 200
            broker.stop()
            self.early = self.ok("checkpoint")
        broker.start()
        with broker.client("alice") as alice:
            serial = self.record_of(self.revoked, "issue.ok")["serial_dec"]
            assert alice.revoke(serial).status == 200
        broker.stop()
        self.log = broker.audit(may_be_torn=False)
        self.lines = b"".join(record.line + b"\n" for record in self.log.records)

    def run(self, verb, *args):
        where = () if verb == "check-proof" else ("--audit", self.dir)
        return self.broker.command("audit", verb, *args, *where)

    def ok(self, verb, *args):
        done = self.run(verb, *args)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def record_of(self, reply, kind):
        found = [r for r in self.broker.audit().of_request(reply.request_id) if r["type"] == kind]
        return found[-1]

    def prove(self, what, *more):
        path = self.broker.dir / f"{what}.tlog-proof".replace(":", "")
        done = self.run("prove", what, "-o", path, *more)
        assert done.returncode == 0, done.stderr
        return path


@pytest.fixture(scope="module")
def sealed(tmp_path_factory, pki, shared_ca):
    return Sealed(Broker(tmp_path_factory.mktemp("oracle"), pki, shared_ca))


def test_checkpoint_and_tiles(sealed, oracle):
    size = len(sealed.log.records)
    assert size > 300
    told = oracle("log", sealed.vkey, sealed.dir, stdin=sealed.lines)
    assert told == f"{size} records, {size // 256} tiles\n"
    newest = json.loads(sealed.ok("checkpoint", "--json"))
    assert (newest["signed"]["size"], newest["records"]) == (size, size)


def test_oracle_can_fail(sealed, oracle, tmp_path):
    """What the oracle says is worth something: with one byte of one line changed it is another."""
    changed = sealed.lines.replace(b"a7.pods", b"a8.pods", 1)
    assert b"another root" in oracle.run("log", sealed.vkey, sealed.dir, stdin=changed).stderr
    path = sealed.prove("5")
    moved = tmp_path / "moved"
    moved.write_text(path.read_text().replace("index 5", "index 6"))
    assert oracle.run("proof", sealed.vkey, moved, stdin=sealed.lines).returncode == 1


def test_proofs(sealed, oracle):
    size = len(sealed.log.records)
    numbers = [0, 1, 2, 100, 255, 256, 257, size // 2, size - 2, size - 1]
    paths = [sealed.prove(str(number)) for number in numbers]
    oracle("proof", sealed.vkey, *paths, stdin=sealed.lines)
    for number, path in zip(numbers, paths):
        told = json.loads(sealed.ok("check-proof", path, "--key", sealed.vkey, "--json"))
        assert told["good"] and told["index"] == number and told["size"] == size
        assert told["record"] == dict(sealed.log.records[number])


def test_consistency(sealed, oracle, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text(sealed.early)
    new.write_text(sealed.ok("checkpoint"))
    sealed.ok("consistency", old, new, "-o", tmp_path / "proof")
    oracle("consistency", sealed.vkey, old, tmp_path / "proof")
    assert sealed.run("consistency", new, old).returncode == 2
    other, key = tmp_path / "other", oracle("genkey", "test/broker").splitlines()[0]
    other.write_text(oracle("sign", key, stdin=sealed.early.split("\n\n")[0].encode() + b"\n"))
    assert "no signature" in sealed.run("consistency", other, new).stderr


def test_found_by_serial_and_request(sealed, oracle, tmp_path):
    """What people have in hand is a serial or a request id; what they want to show is what came of it."""
    issued = sealed.record_of(sealed.revoked, "issue.ok")
    revoked = sealed.log.of_type("revoke.ok")[-1]
    serial = issued["serial"]
    spelled = ":".join(("0" * (len(serial) % 2) + serial.upper())[i:i + 2]
                       for i in range(0, len(serial), 2))
    paths = [sealed.prove(what) for what in (serial, spelled, issued["serial_dec"], issued["req"])]
    oracle("proof", sealed.vkey, *paths, stdin=sealed.lines)
    for path in paths:
        told = json.loads(sealed.ok("check-proof", path, "--key", sealed.vkey, "--json"))
        assert told["index"] == issued["seq"]
    told = json.loads(sealed.ok("check-proof", sealed.prove(revoked["req"]), "--key", sealed.vkey,
                                "--json"))
    assert told["index"] == revoked["seq"]
    done = sealed.run("prove", serial, "--all", "-o", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "all").iterdir())
    assert f"{issued['seq']}-issue.ok.tlog-proof" in files
    assert f"{revoked['seq']}-revoke.ok.tlog-proof" in files
    oracle("proof", sealed.vkey, *(tmp_path / "all").iterdir(), stdin=sealed.lines)


def test_not_good(sealed, tmp_path):
    path = sealed.prove("42")
    text = path.read_text()
    lines = text.split("\n")
    empty = lines.index("")
    broken = {
        "record": text.replace(lines[1], lines[1][:-9] + "AAAA" + lines[1][-5:]),
        "index": text.replace("index 42", "index 43"),
        "path": "\n".join([*lines[:3], lines[4], lines[3], *lines[5:]]),
        "short path": "\n".join([*lines[:3], *lines[4:]]),
        "size": text.replace(f"\n{lines[empty + 2]}\n", f"\n{int(lines[empty + 2]) + 1}\n"),
        "cut": text[:-20],
        "not a proof": "hello\n",
        "empty": "",
    }
    for name, wrong in broken.items():
        assert wrong != text, name
        file = tmp_path / "wrong"
        file.write_text(wrong)
        done = sealed.run("check-proof", file, "--key", sealed.vkey)
        assert done.returncode == 1 and done.stdout.startswith("NOT GOOD"), (name, done.stdout)
        done = sealed.run("check-proof", file, "--key", sealed.vkey, "--json")
        assert done.returncode == 1 and json.loads(done.stdout)["good"] is False, name
    assert sealed.run("check-proof", path, "--key", "nonsense").returncode == 2
    assert sealed.run("check-proof", path).returncode == 2
    assert sealed.run("check-proof", tmp_path / "missing", "--key", sealed.vkey).returncode == 2


def test_goes_own_proofs(sealed, oracle, tmp_path):
    """A log that Go made, with a key that Go made, and with the key that certbroker made."""
    skey, vkey = oracle("genkey", "go.example/log").splitlines()
    ours = sealed.broker.audit_key.read_text().strip()
    for secret, public in ((skey, vkey), (ours, sealed.vkey)):
        (tmp_path / "vkey").write_text(public + "\n")
        for size, index in ((1, 0), (2, 1), (300, 255), (300, 299), (1000, 512)):
            file = tmp_path / "proof"
            file.write_text(oracle("prove", secret, size, index))
            told = json.loads(sealed.ok("check-proof", file, "--key", f"file:{tmp_path / 'vkey'}",
                                        "--json"))
            assert told["line"] == f"record {index}"
    other = sealed.run("check-proof", file, "--key", vkey)
    assert other.returncode == 1 and "no signature by the key go.example/log" in other.stdout


def test_cosigned(sealed, oracle, tmp_path):
    """A witness's word, by Go's Ed25519 over what C2SP tlog-cosignature says."""
    witness, witness_key = oracle("genwitness", "witness.example/w1").splitlines()
    _, stranger_key = oracle("genwitness", "witness.example/w2").splitlines()
    cosigned = sealed.dir / "state/cosigned"
    cosigned.write_text(oracle("cosign", witness, 1784737382, stdin=sealed.early.encode()))
    try:
        path = sealed.prove("7")
        assert "2026-07-22T16:23:02Z" in sealed.run("checkpoint").stderr
        assert sealed.ok("checkpoint", "--cosigned") == cosigned.read_text()
    finally:
        cosigned.unlink()
    oracle("proof", sealed.vkey, path, stdin=sealed.lines)
    told = sealed.ok("check-proof", path, "--key", sealed.vkey, "--witness", witness_key)
    assert "witness.example/w1" in told and "2026-07-22T16:23:02Z" in told
    for wrong in (["--witness", stranger_key], ["--witness", witness_key, "-w", stranger_key]):
        done = sealed.run("check-proof", path, "--key", sealed.vkey, *wrong)
        assert done.returncode == 1 and "has not cosigned" in done.stdout
    file = tmp_path / "late"
    file.write_text(path.read_text().replace("witness.example/w1 ", "witness.example/w2 "))
    done = sealed.run("check-proof", file, "--key", sealed.vkey, "--witness", witness_key)
    assert done.returncode == 1
    assert sealed.run("check-proof", path, "--key", witness_key).returncode == 2


def test_beside_a_running_broker(start, tmp_path):
    """A certificate is proven while others are issued: as soon as its record is sealed, within seconds."""
    broker = start()
    proofs = []
    with broker.client("alice") as alice:
        for number in range(40):
            reply = alice.newcert(f"b{number}.pods.acme.internal")
            assert reply.status == 200
            if number % 10 == 0:
                path = tmp_path / f"{number}.tlog-proof"
                prove = ["audit", "prove", reply.request_id, "--audit", broker.audit_dir, "-o", path]
                wait_until(lambda: alice.info().status == 200  # the log grows meanwhile
                           and broker.command(*prove).returncode == 0, 10, "the record to be sealed")
                proofs.append((reply.request_id, path))
    for request, path in proofs:
        done = broker.command("audit", "check-proof", path, "--key", broker.vkey, "--json")
        told = json.loads(done.stdout)
        assert told["good"] and told["record"]["req"] == request
        assert told["record"]["type"] == "issue.ok"


def test_nothing_to_prove_with(broker, tmp_path):
    for wrong in (tmp_path / "missing", tmp_path):
        for verb, *what in (("prove", "1"), ("checkpoint",), ("consistency", "/dev/null", "/dev/null")):
            done = broker.command("audit", verb, *what, "--audit", wrong)
            assert done.returncode == 2 and str(wrong) in done.stderr, done
    assert broker.command("audit", "prove", "1", "--all", "--audit", broker.audit_dir).returncode == 2
