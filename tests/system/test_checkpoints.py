"""Signed checkpoints of the running broker: how soon, what they cover, what is refused at a start, and a
change of the key. Signatures and roots are checked here in Python and with openssl, not by the broker."""
import base64
import hashlib
import shutil
import subprocess

import pytest

from assertions import assert_issued, assert_refused
from waiting import wait_until


def root_of(leaves):
    """RFC 6962, level by level."""
    nodes = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
    while len(nodes) > 1:
        pairs = [hashlib.sha256(b"\1" + nodes[i] + nodes[i + 1]).digest()
                 for i in range(0, len(nodes) - 1, 2)]
        nodes = pairs + ([nodes[-1]] if len(nodes) % 2 else [])
    return nodes[0]


def public_key(vkey):
    """name, key id and the 32 bytes of a verifier key."""
    name, key_id, data = vkey.split("+", 2)
    raw = base64.b64decode(data)
    assert raw[0] == 1
    assert hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == key_id
    return name, bytes.fromhex(key_id), raw[1:]


def is_signed(note, vkey, tmp):
    """By openssl: is there a good signature of this key?"""
    name, key_id, key = public_key(vkey)
    text, _, signatures = note.partition("\n\n")
    (tmp / "text").write_bytes((text + "\n").encode())
    der = bytes.fromhex("302a300506032b6570032100") + key
    (tmp / "key.pem").write_text("-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(der).decode() +
                                 "\n-----END PUBLIC KEY-----\n")
    for line in signatures.splitlines():
        dash, signer, data = line.split(" ")
        raw = base64.b64decode(data)
        if dash == "\u2014" and signer == name and raw[:4] == key_id:
            (tmp / "sig").write_bytes(raw[4:])
            done = subprocess.run(
                ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(tmp / "key.pem"), "-rawin",
                 "-in", str(tmp / "text"), "-sigfile", str(tmp / "sig")],
                capture_output=True, check=False, timeout=10)
            assert done.returncode == 0, done.stderr
            return True
    return False


class Checkpoint:
    def __init__(self, broker):
        self.note = (broker.audit_dir / "state/checkpoint").read_text(encoding="utf-8")
        self.origin, size, root = self.note.split("\n")[:3]
        self.size, self.root = int(size), base64.b64decode(root)


def assert_whole(broker, tmp, vkey=None):
    """The newest checkpoint is signed, and its root is that of the records."""
    seal = Checkpoint(broker)
    records = broker.audit().records
    assert seal.origin == "test/broker"
    assert seal.size <= len(records)
    assert seal.root == root_of([record.line for record in records[:seal.size]])
    assert is_signed(seal.note, vkey or broker.vkey, tmp)
    return seal


def test_signed_within_a_second_or_so(broker, tmp_path):
    assert_issued(broker.client().newcert())
    wanted = broker.metrics()["certbroker_audit_next_seq"]
    wait_until(lambda: broker.metrics()["certbroker_audit_sealed_size"] >= wanted, 3, "a checkpoint")
    assert assert_whole(broker, tmp_path).size >= wanted
    metrics = broker.metrics()
    assert metrics["certbroker_audit_checkpoints_total"] >= 1
    assert metrics["certbroker_audit_seal_failures_total"] == 0
    assert metrics["certbroker_audit_seal_lag_seconds"] < 3
    assert (broker.audit_dir / "state/vkeys").read_text() == f"0 {broker.vkey}\n"


def test_stop_signs_for_everything(start, tmp_path):
    broker = start()
    for _ in range(2):
        assert_issued(broker.client().newcert())
        broker.stop()
        assert assert_whole(broker, tmp_path).size == len(broker.audit().records)
        broker.start()
    history = (broker.audit_dir / "state/checkpoints.log").read_text(encoding="utf-8")
    sizes = [int(part.split("\n")[0]) for part in history.split("test/broker\n")[1:]]
    assert sizes == sorted(set(sizes)) and len(sizes) >= 3


def test_killed_broker_goes_on(start, tmp_path):
    broker = start()
    assert_issued(broker.client().newcert())
    broker.kill()
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    assert assert_whole(broker, tmp_path).size == len(broker.audit().records)


def refused(broker, why):
    broker.start(wait=False)
    code = broker.process.wait(10)
    broker.process = None
    assert code == 2, broker.log()
    assert why in broker.log(this_run=True), broker.log(this_run=True)


def test_another_key_is_refused(start, tmp_path):
    broker = start()
    broker.stop()
    done = broker.command("audit", "init", "--dir", tmp_path / "other", "--origin", "test/broker",
                          "--key", tmp_path / "other.key")
    assert done.returncode == 0
    broker.write_config({"audit": {"key": str(tmp_path / "other.key")}})
    refused(broker, "not the current one of the audit log")


def test_older_copy_is_refused(start, tmp_path):
    """Segments of yesterday are put back, and what the log has signed today is still there."""
    broker = start()
    broker.stop()
    shutil.copytree(broker.audit_dir / "seg", tmp_path / "yesterday")
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    shutil.rmtree(broker.audit_dir / "seg")
    shutil.copytree(tmp_path / "yesterday", broker.audit_dir / "seg")
    refused(broker, "an older copy of the log was put back")


def test_changed_on_the_disk_behind_its_back(start):
    """What is read back is not what was acknowledged: nothing more is signed, nothing issued."""
    broker = start()
    wait_until(lambda: broker.metrics()["certbroker_audit_sealed_size"] ==
               broker.metrics()["certbroker_audit_next_seq"], 5, "a checkpoint")
    signed = Checkpoint(broker).size
    segment = max((broker.audit_dir / "seg").glob("*.jsonl"))
    cert = assert_issued(broker.client().newcert())
    with open(segment, "r+b") as file:
        data = file.read()
        file.seek(data.rindex(b'"type":"issue.attempt"') + 9)
        file.write(b"I")
    wait_until(lambda: "audit_corrupt" in broker.operations("/readyz").body.decode(), 5,
               "the state to show")
    assert_refused(broker.client().newcert(), "audit_unavailable")
    assert broker.client().revoke(cert.serial).status == 200
    wait_until(lambda: "audit.state" in broker.log(), 5, "a line on stderr")
    broker.wait_for("audit.fault")
    assert broker.metrics()['certbroker_audit_state{state="corrupt"}'] == 1
    broker.stop()
    assert Checkpoint(broker).size == signed
    refused(broker, "record")


# ---------------------------------------------------------------- no key yet
def test_a_log_from_before_there_were_keys(start, tmp_path):
    """Such a log has its records and nothing else; certbroker says what to do, and it goes on."""
    broker = start()
    assert_issued(broker.client().newcert())
    broker.stop()
    old_key = broker.audit_key.read_text()
    state = broker.audit_dir / "state"
    for name in ("vkeys", "checkpoint", "checkpoints.log"):
        (state / name).unlink()
    refused(broker, f"audit init --dir {broker.audit_dir} --origin test/broker --key NEW-FILE")
    broker.audit_key.unlink()
    init = f"audit init --dir {broker.audit_dir} --origin test/broker --key THIS-FILE gives"
    checked = broker.command("check", "-c", broker.file)
    assert checked.returncode == 1 and "has no key yet: " in checked.stderr, checked.stderr
    assert init in checked.stderr, checked.stderr
    refused(broker, "has no key yet: ")

    def give(key="audit.key", name="test/broker"):
        return broker.command("audit", "init", "--dir", broker.audit_dir, "--origin", name,
                              "--key", broker.dir / key)

    done = give(name="test/another")
    assert done.returncode == 1 and "holds the audit log test/broker already" in done.stderr
    done = give()
    assert done.returncode == 0 and "vouches for records 0 to " in done.stdout, done
    vkey = done.stdout.splitlines()[-1]
    assert broker.audit_key.read_text() != old_key
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    assert_whole(broker, tmp_path, vkey)
    done = give("another.key")
    assert done.returncode == 1 and "rotate-key" in done.stderr
    assert not (broker.dir / "another.key").exists()
    # With a key that is only mislaid nobody is led to another.
    broker.audit_key.unlink()
    checked = broker.command("check", "-c", broker.file)
    assert checked.returncode == 1 and "has a key: put its file back" in checked.stderr


# ---------------------------------------------------------------- a new key
def rotate(broker, name="next.key"):
    return broker.command("audit", "rotate-key", "-c", broker.file, "--new", broker.dir / name)


def test_rotation(start, tmp_path):
    broker = start()
    assert_issued(broker.client().newcert())
    done = rotate(broker)
    assert done.returncode == 1 and "stop the broker first" in done.stderr
    assert not (broker.dir / "next.key").exists()
    broker.stop()
    done = rotate(broker)
    assert done.returncode == 0, done.stderr
    vkey = done.stdout.splitlines()[-1]
    assert (broker.dir / "next.key").stat().st_mode & 0o777 == 0o400
    refused(broker, "not the current one of the audit log")
    assert is_signed(Checkpoint(broker).note, vkey, tmp_path)
    broker.write_config({"audit": {"key": "next.key"}})
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    seal = assert_whole(broker, tmp_path, vkey)
    assert not is_signed(seal.note, broker.vkey, tmp_path)
    (record,) = broker.audit().of_type("key.rotate")
    assert record["old_vkey"] == broker.vkey and record["new_vkey"] == vkey
    for key in (broker.vkey, vkey):
        assert is_signed(record["statement"], key, tmp_path)
    history = (broker.audit_dir / "state/checkpoints.log").read_text(encoding="utf-8")
    first = next("test/broker\n" + part for part in history.split("test/broker\n")[1:]
                 if part.split("\n")[0].isdigit() and int(part.split("\n")[0]) > record["seq"])
    assert is_signed(first, broker.vkey, tmp_path) and is_signed(first, vkey, tmp_path)


@pytest.mark.parametrize("option", ["--audit", "--dir"])
def test_rotation_without_configuration(start, option):
    broker = start()
    broker.stop()
    done = broker.command("audit", "rotate-key", option, broker.audit_dir, "--key",
                          broker.dir / "audit.key", "--new", broker.dir / "next.key")
    assert done.returncode == 0 and done.stdout.splitlines()[-1].startswith("test/broker+"), done


def test_rotation_overwrites_nothing(start):
    broker = start()
    broker.stop()
    (broker.dir / "next.key").write_text("precious")
    done = rotate(broker)
    assert done.returncode == 1 and "exists already" in done.stderr
    assert (broker.dir / "next.key").read_text() == "precious"
    broker.start()


@pytest.mark.parametrize("args", [[], ["--new", "x", "--dir", "y"], ["--new", "x", "--audit", "y"],
                                  ["--new", "x", "--audit", "y", "--dir", "y", "--key", "z"], ["--new", "x", "--key", "y"]])
def test_rotation_usage(start, args):
    broker = start(start=False)
    assert broker.command("audit", "rotate-key", *args).returncode == 2
