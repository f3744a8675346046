"""certbroker audit verify against logs of the real broker: beside it while it writes, after kill -9,
and on copies that somebody had a hand in."""
import json
import shutil
import threading

import pytest
from auditlog import crc32c
from broker import Broker
from client import Client, Closed, newcert_body
from fake_ca import FakeCA
from notes import NoteKey
from waiting import wait_until
from witness import Witness

INTACT, TAMPERED, USAGE, UNKNOWN = 0, 1, 2, 3


@pytest.fixture(scope="module")
def kept(tmp_path_factory, pki):
    """A stopped broker whose log has three segments, and its key."""
    ca = FakeCA(tmp_path_factory.mktemp("ca"))
    broker = Broker(tmp_path_factory.mktemp("kept"), pki, ca, start=False)
    broker.init_audit()
    for _ in range(2):
        broker.start()
        client = broker.client()
        for number in range(6):
            assert client.newcert(f"c{number}.pods.acme.internal").status == 200
        broker.stop()
    yield broker, broker.vkey
    ca.stop()


def verify(broker, *args, audit=None):
    done = broker.command("audit", "verify", "--audit", audit or broker.audit_dir, *args)
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done


@pytest.fixture
def copy(kept, tmp_path):
    broker, _ = kept
    return shutil.copytree(broker.audit_dir, tmp_path / "copy")


def segment(directory, number):
    return directory / f"seg/{number:08}.jsonl"


def lines_of(path):
    return path.read_bytes().splitlines(keepends=True)


# ---------------------------------------------------------------- what is whole
def test_whole(kept):
    broker, key = kept
    done = verify(broker, "--key", key)
    assert done.returncode == INTACT, done.stdout
    assert done.stdout.startswith("test/broker: intact\n")
    assert "not pinned" not in done.stdout and done.stderr == ""
    report = json.loads(verify(broker, "--key", key, "--json").stdout)
    records = sum(len(lines_of(path)) for path in (broker.audit_dir / "seg").iterdir())
    assert report["verdict"] == "intact" and report["records"] == records
    assert report["segments"] == 3 and report["key_pinned"] and report["findings"] == []
    assert verify(broker, "--key", key, "--quiet").stdout == ""


def test_key_in_a_file_and_none(kept, tmp_path):
    broker, key = kept
    (tmp_path / "key").write_text(key + "\n")
    assert verify(broker, "--key", f"file:{tmp_path / 'key'}").returncode == INTACT
    unpinned = verify(broker)
    assert unpinned.returncode == INTACT and "not pinned" in unpinned.stdout


def test_by_the_configuration(kept):
    broker, _ = kept
    done = broker.command("audit", "verify", "-c", broker.file)
    assert done.returncode == INTACT, done.stderr


# ---------------------------------------------------------------- beside a writer
def test_beside_a_writer(start, ca):
    """Records, segments and checkpoints come while it reads: never an alarm."""
    broker = start(config={"ca": {"max_in_flight": 8}}, audit_dir=None)
    stopping = threading.Event()
    answered = []

    def work(number):
        client = Client(broker.addresses["tls"], tls)
        while not stopping.is_set():
            try:
                answered.append(client.post("/api/v1/cfssl/newcert",
                                            newcert_body(f"c{number}.pods.acme.internal")).status)
            except (Closed, OSError):
                return

    tls = broker.tls("alice")
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        for round_ in range(12):
            wait_until(lambda n=len(answered): len(answered) > n + 10, 30, "answers")
            done = verify(broker, "--threads", "2")
            assert done.returncode == INTACT, (round_, done.stdout, done.stderr)
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)
    assert set(answered) == {200}
    broker.stop()
    assert verify(broker).returncode == INTACT


def test_after_kill_nine(start):
    broker = start()
    for _ in range(4):
        client = broker.client()
        for number in range(5):
            assert client.newcert(f"c{number}.pods.acme.internal").status == 200
        broker.kill()
        done = verify(broker)
        assert done.returncode == INTACT, done.stdout
        broker.start()
        done = verify(broker)
        assert done.returncode == INTACT, done.stdout


def test_torn_tail_is_no_alarm(start):
    broker = start()
    assert broker.client().newcert().status == 200
    broker.kill()
    newest = max((broker.audit_dir / "seg").iterdir())
    with newest.open("ab") as file:
        file.write(b'{"v":1,"seq":9')
    report = json.loads(verify(broker, "--json").stdout)
    assert report["verdict"] == "intact" and report["torn_bytes"] == 14
    broker.start()
    report = json.loads(verify(broker, "--json").stdout)
    assert report["verdict"] == "intact" and report["void_bytes"] == 14


# ---------------------------------------------------------------- what is not
def flip(directory):
    path = segment(directory, 2)
    data = bytearray(path.read_bytes())
    data[data.index(b'"who":{"id":"alice"') + 14] ^= 1
    path.write_bytes(data)


def delete_line(directory):
    path = segment(directory, 2)
    lines = lines_of(path)
    del lines[3]
    path.write_bytes(b"".join(lines))


def forge(directory):
    path = segment(directory, 2)
    lines = lines_of(path)
    body = lines[3][:-19].replace(b"alice", b"mable")
    lines[3] = body + b',"crc":"%08x"}\n' % crc32c(body)
    path.write_bytes(b"".join(lines))


def remove_segment(directory):
    segment(directory, 2).unlink()


def cut(directory):
    path = segment(directory, 2)
    path.write_bytes(path.read_bytes()[:-300])


def forget_checkpoints(directory):
    (directory / "state/checkpoint").unlink()
    (directory / "state/checkpoints.log").unlink()


@pytest.mark.parametrize("change, file, line", [
    (flip, "seg/00000002.jsonl", None),
    (delete_line, "seg/00000002.jsonl", 4),
    (forge, "seg/00000002.jsonl", None),
    (remove_segment, None, None),
    (cut, "seg/00000002.jsonl", None),
    (forget_checkpoints, "state/checkpoint", None),
])
def test_tampered_with(kept, copy, change, file, line):
    broker, key = kept
    change(copy)
    done = verify(broker, "--key", key, "--json", audit=copy)
    assert done.returncode == TAMPERED, done.stdout
    report = json.loads(done.stdout)
    assert report["verdict"] == "tampered"
    first = report["findings"][0]
    assert file is None or first["file"] == file
    assert line is None or first["line"] == line
    text = verify(broker, "--key", key, audit=copy)
    assert text.returncode == TAMPERED and "TAMPERED WITH" in text.stdout
    quiet = verify(broker, "--key", key, "-q", audit=copy)
    assert quiet.returncode == TAMPERED and len(quiet.stdout.splitlines()) == 1


def test_an_older_volume(kept, copy, tmp_path):
    """Everything as it was before the last run: only a checkpoint from outside tells."""
    broker, key = kept
    saved = tmp_path / "saved"
    shutil.copy(copy / "state/checkpoint", saved)
    older = tmp_path / "older"
    assert broker.command("audit", "init", "--dir", older, "--origin", "test/broker", "--key",
                          tmp_path / "k").returncode == 0
    shutil.copy(copy / "state/vkeys", older / "state/vkeys")
    for name in (older / "seg").iterdir():
        shutil.copy(copy / "seg" / name.name, name)
    # What was signed when there was nothing but the first segment.
    notes = (copy / "state/checkpoints.log").read_bytes()
    first = b"test/broker\n" + notes.split(b"test/broker\n")[1]
    (older / "state/checkpoint").write_bytes(first)
    (older / "state/checkpoints.log").write_bytes(first)
    assert verify(broker, "--key", key, audit=older).returncode == INTACT
    assert verify(broker, "--key", key, "--checkpoint", saved, audit=copy).returncode == INTACT
    if saved.read_bytes() != first:
        done = verify(broker, "--key", key, "--checkpoint", saved, audit=older)
        assert done.returncode == TAMPERED and "cut off" in done.stdout, done.stdout


def test_hostile_text_is_escaped(kept, copy):
    broker, key = kept
    (copy / "state/checkpoint").write_bytes("evil\u202e\u001b[31m\n1\nAAAA\n".encode())
    done = verify(broker, "--key", key, audit=copy)
    assert done.returncode == TAMPERED
    assert "\u202e" not in done.stdout and "\x1b" not in done.stdout


# ---------------------------------------------------------------- witnesses
@pytest.mark.parametrize("tls", [False, True])
def test_witness(tmp_path, pki, ca, tls):
    """What a witness has seen: a copy from before, whole in itself, is found to be cut off."""
    with Witness(tmp_path, pki=pki if tls else None) as witness, \
            Broker(tmp_path, pki, ca, start=False) as broker:
        broker.init_audit()
        witness.allow("test/broker", broker.vkey)
        broker.write_config({"audit": {"witnesses": [witness.entry()],
                                       "witness_interval": "200ms"}})
        broker.start()
        before = tmp_path / "before"

        def seen():
            note = witness.seen("test/broker")
            return note.size if note else 0

        def wait_seen():
            size = len(broker.audit().records)
            wait_until(lambda: seen() >= size, 20, broker.log)

        assert broker.client().newcert().status == 200
        wait_seen()
        asked = ["--key", broker.vkey, "--witness", witness.url, "--witness-key", witness.vkey]
        asked += ["--witness-ca", pki.server_ca] if tls else []
        done = verify(broker, *asked)
        assert done.returncode == INTACT and "1 witness: the log continues all" in done.stdout, done
        shutil.copytree(broker.audit_dir, before)
        assert verify(broker, *asked, audit=before).returncode == INTACT
        assert broker.client().newcert().status == 200
        wait_seen()
        done = verify(broker, "--key", broker.vkey, audit=before)
        assert done.returncode == INTACT, done.stdout
        done = verify(broker, *asked, audit=before)
        name = witness.vkey.split("+")[0]
        assert done.returncode == TAMPERED, done.stdout
        assert f"and what the witness {name} cosigned ({witness.url}) was signed" in done.stdout
        if tls:
            done = verify(broker, *asked[:-2])
            assert done.returncode == USAGE and "needs --witness-ca FILE" in done.stderr
            assert done.stderr.count(witness.url) == 1, done.stderr
        assert broker.stop() == 0
        assert verify(broker, *asked).returncode == INTACT
        other = NoteKey("witness.test/w1", kind=4).vkey
        done = verify(broker, "--witness", witness.url, "--witness-key", other,
                      *(["--witness-ca", pki.server_ca] if tls else []))
        assert done.returncode == UNKNOWN and "not cosigned" in done.stderr, done.stderr
        witness.stop()
        done = verify(broker, *asked)
        assert done.returncode == UNKNOWN and done.stderr.count(witness.url) == 1, done.stderr


def test_a_kept_policy(kept, copy):
    broker, key = kept
    policies = list((copy / "policy").iterdir())
    report = json.loads(verify(broker, "--key", key, "--json", audit=copy).stdout)
    assert policies and report["policies"] == len(policies)
    policies[0].write_bytes(policies[0].read_bytes().replace(b"alice", b"mable"))
    done = verify(broker, "--key", key, audit=copy)
    assert done.returncode == TAMPERED and f"policy/{policies[0].name}: was changed" in done.stdout


def test_a_missing_policy(kept, copy):
    """Whoever takes away what was in force takes away what decisions are judged by."""
    broker, key = kept
    for policy in (copy / "policy").iterdir():
        policy.unlink()
    done = verify(broker, "--key", key, audit=copy)
    assert done.returncode == TAMPERED, done.stdout
    assert f"policy/{policy.name}: is missing: the policy that record 3 put in force" in done.stdout


def test_what_could_not_be_read(kept, copy):
    """The summary claims no more than was done."""
    broker, key = kept
    done = broker.command("audit", "archive", "--audit", copy, "--older-than", "0s")
    assert done.returncode == 0, done.stderr
    packed = copy / "seg/00000001.jsonl.zst"
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    packed.write_bytes(data)
    done = verify(broker, "--key", key, audit=copy)
    assert done.returncode == TAMPERED and "cover every record" not in done.stdout, done.stdout
    assert "seg/00000001.jsonl.zst: " in done.stdout and ".jsonl:" not in done.stdout, done.stdout
    packed.unlink()
    done = verify(broker, "--key", key, audit=copy)
    assert done.returncode == TAMPERED and "cover every record" not in done.stdout, done.stdout
    assert "none was read" in done.stdout and "segment 1 is missing" in done.stdout


# ---------------------------------------------------------------- neither
def test_cannot_tell(kept, copy, tmp_path):
    broker, key = kept
    assert verify(broker, audit=tmp_path / "nothing").returncode == UNKNOWN
    assert verify(broker, "--checkpoint", tmp_path / "nothing").returncode == UNKNOWN
    witness = "witness.test+12345678+BAAA"
    assert verify(broker, "--witness", "http://127.0.0.1:1").returncode == USAGE
    assert verify(broker, "--witness", "http://127.0.0.1:1", "--witness-key",
                  witness).returncode == USAGE
    (tmp_path / "broker1.vkey").write_text(key + "\n")
    for name in ("broker1.vkey", tmp_path / "broker1.vkey"):
        done = verify(broker, "--key", name)
        assert done.returncode == USAGE and f"for a file write file:{name}" in done.stderr
    assert verify(broker, "--threads", "0").returncode == USAGE
    assert verify(broker, "--no-such-option").returncode == USAGE
    (copy / "state/vkeys").unlink()
    done = verify(broker, audit=copy)
    assert done.returncode == UNKNOWN and "--key" in done.stderr, done.stderr
    assert verify(broker, "--key", key, audit=copy).returncode == INTACT


def test_another_key(kept, tmp_path):
    broker, _ = kept
    made = broker.command("audit", "init", "--dir", tmp_path / "other", "--origin", "test/broker",
                          "--key", tmp_path / "other.key")
    other = made.stdout.splitlines()[-1]
    done = verify(broker, "--key", other)
    assert done.returncode == TAMPERED and "state/checkpoint" in done.stdout, done.stdout
