"""A broker and its witnesses: cosigned within seconds, and whatever is done to the log behind their
backs is found - at the next start, or as a split view while it runs."""
import http.server
import shutil
import threading
from pathlib import Path

import pytest

from assertions import assert_issued, assert_refused
from broker import Broker
from notes import Note, NoteKey, Tree, b64
from waiting import wait_until
from witness import Witness

ORIGIN = "test/broker"


@pytest.fixture
def witnesses(tmp_path, pki):
    """A function that makes witnesses, which do not know the log yet."""
    made = []

    def run(name="witness.test/w1", **how):
        made.append(Witness(tmp_path, name=name, **how))
        return made[-1]

    yield run
    for one in made:
        one.__exit__(None, None, None)


@pytest.fixture
def brokers(tmp_path, pki, ca):
    """A function that makes brokers that have not started; copy_of: with its log and key."""
    made = []

    def run(*witnesses, copy_of=None, entry=None, **audit):
        one = Broker(tmp_path / str(len(made)), pki, ca, start=False)
        if copy_of:
            shutil.copytree(copy_of.audit_dir, one.audit_dir)
            shutil.copy2(copy_of.audit_key, one.audit_key)
        else:
            one.init_audit()
            for witness in witnesses:
                witness.allow(ORIGIN, one.vkey)
        one.write_config({"audit": {"witnesses": [w.entry(**(entry or {})) for w in witnesses],
                                    "witness_interval": "200ms", **audit}})
        made.append(one)
        return one

    yield run
    for one in made:
        one.__exit__(None, None, None)


def records(broker):
    return broker.audit().records


def tree(broker):
    return Tree([record.line for record in records(broker)])


def status(broker, name="witness.test/w1"):
    return next(w for w in broker.operations("/readyz").json["witnesses"] if w["name"] == name)


def wait_cosigned(broker, witness):
    """Until the witness has seen all that is in the log now."""
    size = len(records(broker))
    wait_until(lambda: (witness.seen(ORIGIN) or Note("-\n0\n\n\n")).size >= size, 15,
               lambda: f"{size} records to be cosigned:\n{broker.log()[-2000:]}")
    return witness.seen(ORIGIN)


def refused_to_start(broker):
    broker.start(wait=False)
    assert broker.process.wait(20) == 2, broker.log()
    broker.process = None
    return broker.log(this_run=True)


# ---------------------------------------------------------------- the ordinary way
@pytest.mark.parametrize("is_tls", [False, True], ids=["plain", "tls"])
def test_cosigned_within_seconds(witnesses, brokers, pki, is_tls):
    one = witnesses(pki=pki if is_tls else None)
    two = witnesses("witness.test/w2")
    broker = brokers(one, two).start()
    assert_issued(broker.client().newcert())
    for witness in (one, two):
        note = wait_cosigned(broker, witness)
        assert note.root == tree(broker).root(note.size)
        assert note.verify(broker.vkey) and note.verify(witness.vkey)
    kept = broker.audit_dir / "state/cosigned"
    wait_until(lambda: len(Note(kept.read_bytes()).lines) == 3, 10, "both signatures to be kept")
    kept = Note(kept.read_bytes())
    assert kept.verify(broker.vkey) and kept.verify(one.vkey) and kept.verify(two.vkey)
    assert status(broker)["up"] and status(broker)["age_s"] < 30
    found = broker.metrics()
    assert found['certbroker_witness_up{witness="witness.test/w1"}'] == 1
    assert found['certbroker_witness_size{witness="witness.test/w1"}'] >= note.size
    assert found['certbroker_witness_split_view{witness="witness.test/w2"}'] == 0
    assert broker.stop() == 0
    assert_last_is_cosigned(broker, one, two)


def assert_last_is_cosigned(broker, *witnesses):
    """The stop itself is in the log, and under the witnesses' signatures."""
    whole = records(broker)
    assert whole[-1]["type"] == "segment.close" and whole[-2]["type"] == "broker.stop"
    for witness in witnesses:
        assert witness.seen(ORIGIN).size == len(whole)
        assert witness.seen(ORIGIN).root == tree(broker).root()
    assert Note((broker.audit_dir / "state/cosigned").read_bytes()).size == len(whole)


def test_sigterm_shows_the_last_checkpoint(witnesses, brokers):
    witness = witnesses()
    broker = brokers(witness, witness_interval="1h").start()
    wait_until(lambda: witness.seen(ORIGIN), 10, "the first checkpoint")
    assert_issued(broker.client().newcert())
    assert broker.stop() == 0
    assert_last_is_cosigned(broker, witness)
    broker.start()  # and is what the next start is held against
    assert broker.stop() == 0


def test_down_and_up_again(witnesses, brokers):
    witness = witnesses()
    broker = brokers(witness).start()
    wait_cosigned(broker, witness)
    witness.kill()
    wait_until(lambda: status(broker)["failures"] > 0, 10, "the witness to be missed")
    assert_issued(broker.client().newcert())  # nothing waits for it
    assert not status(broker)["up"] and status(broker)["error"]
    witness.start()
    wait_cosigned(broker, witness)
    wait_until(lambda: status(broker)["up"], 10, "the witness to be back")
    log = broker.log()
    assert log.count("witness.down") == 1 and log.count("witness.up") == 2
    assert "split_view" not in log


def test_a_wrong_key(witnesses, brokers):
    witness, other = witnesses(), witnesses("witness.test/w1x")
    broker = brokers(witness, entry={"key": other.vkey}).start()
    wait_until(lambda: "not signed by the key of witness.test/w1x" in broker.log(), 10, broker.log)
    assert not (broker.audit_dir / "state/cosigned").exists()
    assert not status(broker, "witness.test/w1x")["up"]
    broker.stop()
    broker.write_config({"audit": {"witnesses": [witness.entry(key=other.vkey, required=True)]}})
    assert "which is required" in refused_to_start(broker)


def test_required(witnesses, brokers):
    witness = witnesses()
    broker = brokers(witness)
    witness.stop()
    broker.start()
    assert "does not say what it has seen" in broker.log()
    broker.stop()
    broker.write_config({"audit": {"witnesses": [witness.entry(required=True)]}})
    assert "witness.test/w1, which is required, does not say" in refused_to_start(broker)
    witness.start()
    broker.start()
    assert broker.stop() == 0


# ---------------------------------------------------------------- what the witness is for
def with_a_past(witnesses, brokers, **audit):
    """A broker that has stopped, and a copy of its log from before its last certificates."""
    witness = witnesses()
    broker = brokers(witness, **audit).start()
    assert_issued(broker.client().newcert())
    broker.stop()
    old = Path(str(broker.audit_dir) + ".old")
    shutil.copytree(broker.audit_dir, old)
    broker.start()
    for _ in range(3):
        assert_issued(broker.client().newcert())
    broker.stop()
    assert witness.seen(ORIGIN).size == len(records(broker))
    return witness, broker, old


def restore(broker, old):
    shutil.rmtree(broker.audit_dir)
    shutil.copytree(old, broker.audit_dir)
    for path in broker.dir.glob("issued.sqlite*"):  # which knows, too
        path.unlink()


def test_a_volume_restored_from_an_old_copy(witnesses, brokers):
    witness, broker, old = with_a_past(witnesses, brokers)
    seen = witness.seen(ORIGIN).size
    restore(broker, old)
    had = len(records(broker))
    before = sorted((p, p.stat().st_size) for p in broker.audit_dir.rglob("*"))
    said = refused_to_start(broker)
    assert f"records {had} to {seen - 1} are missing" in said, said
    assert before == sorted((p, p.stat().st_size) for p in broker.audit_dir.rglob("*"))


def test_a_log_that_was_cut(witnesses, brokers):
    """The newest file loses its end, as after a crash: nothing in the log itself contradicts that."""
    witness, broker, _ = with_a_past(witnesses, brokers)
    newest = max((broker.audit_dir / "seg").glob("*.jsonl"))
    lines = newest.read_bytes().rstrip(b"\0").splitlines(keepends=True)
    newest.write_bytes(b"".join(lines[:-2]))
    said = refused_to_start(broker)
    seen = witness.seen(ORIGIN).size
    assert f"records {seen - 2} to {seen - 1} are missing" in said, said


def rewrite(broker, old, num):
    """Another history from the old copy on, with the log's own key, as whoever holds it can make: valid
    in itself, and as long as wanted."""
    restore(broker, old)
    kept = broker.config["audit"]["witnesses"]
    broker.write_config({"audit": {"witnesses": None}})
    broker.start()
    for _ in range(num):
        assert_issued(broker.client("bob").newcert("ms2.acme.internal"))
    assert broker.stop() == 0
    broker.write_config({"audit": {"witnesses": kept}})


def test_a_log_rewritten_with_its_own_key(witnesses, brokers):
    witness, broker, old = with_a_past(witnesses, brokers)
    seen = witness.seen(ORIGIN).size
    rewrite(broker, old, 8)
    assert len(records(broker)) > seen
    said = refused_to_start(broker)
    assert f"of the records 0 to {seen - 1} some were changed" in said, said
    # While the witness could not be asked it starts, and is found out when it is back.
    witness.stop()
    broker.start()
    assert "does not say what it has seen" in broker.log(this_run=True)
    witness.start()
    broker.wait_for("witness.alarm", timeout=30)
    alarm = broker.audit().of_type("witness.alarm")[0]
    assert alarm["reason"] == "split_view" and alarm["witness"] == witness.name
    assert alarm["witness_size"] == seen and alarm["tree_size"] > seen
    assert "SPLIT VIEW" in broker.log()
    assert status(broker)["split_view"] is True
    assert broker.metrics()['certbroker_witness_split_view{witness="witness.test/w1"}'] == 1
    assert_issued(broker.client().newcert())  # not enforced
    assert broker.count("witness.alarm") == 1  # said once
    assert witness.seen(ORIGIN).size == seen
    assert list((witness.state / "evidence").iterdir())
    assert "witness.alarm" in witness.log()


def test_enforced(witnesses, brokers):
    witness, broker, old = with_a_past(witnesses, brokers, witness_enforce=True)
    rewrite(broker, old, 1)
    witness.stop()
    broker.start()
    serial = assert_issued(broker.client().newcert()).serial
    witness.start()
    broker.wait_for("witness.alarm", timeout=30)
    wait_until(lambda: status(broker)["split_view"], 10, "the split view to show")
    reply = broker.client().newcert()
    assert_refused(reply, "audit_contested")
    assert broker.outcome(reply)["reason"] == "audit_contested"
    assert broker.client().revoke(serial).status == 200


class Liar(http.server.BaseHTTPRequestHandler):
    """A witness that says it has seen more, and shows a note that it made up alone."""

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(409, b"99999999\n")

    def do_GET(self):
        text = f"{ORIGIN}\n99999999\n{b64(bytes(32))}\n"
        self.answer(200, f"{text}\n{NoteKey(ORIGIN).sign(text)}{self.server.key.sign(text)}".encode())


def test_one_hostile_witness_stops_nothing(brokers):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, daemon=True).start()
        liar.key = NoteKey("witness.test/liar", kind=4)
        entry = {"url": f"http://127.0.0.1:{liar.server_port}", "key": liar.key.vkey}
        broker = brokers(witnesses=[entry], witness_enforce=True).start()
        assert "this log's key did not sign" in broker.log(), broker.log()  # at the start
        wait_until(lambda: "more records than this log has, so it says, without proof" in broker.log(),
                   15, broker.log)
        assert_issued(broker.client().newcert())
        assert status(broker, liar.key.name)["split_view"] is False
        assert broker.count("witness.alarm") == 0
        assert broker.stop() == 0
        broker.write_config({"audit": {"witnesses": [{**entry, "required": True}]}})
        said = refused_to_start(broker)
        assert "which is required" in said and "this log's key did not sign" in said, said
        liar.shutdown()


def test_two_writers_with_copies_of_one_volume(witnesses, brokers):
    witness = witnesses()
    first = brokers(witness).start()
    wait_cosigned(first, witness)
    first.stop()
    second = brokers(witness, copy_of=first)
    first.start()
    wait_cosigned(first, witness)
    # The second has all that the witness had seen when it was copied, and no more.
    said = refused_to_start(second)
    assert "are missing" in said, said
    witness.stop()
    second.start()
    for _ in range(6):
        assert_issued(second.client().newcert())
    witness.start()
    second.wait_for("witness.alarm", timeout=30)
    wait_cosigned(first, witness)
    assert "split_view" not in first.log()


def test_each_log_by_itself(witnesses, brokers, tmp_path, pki, ca):
    witness = witnesses()
    one = brokers(witness).start()
    other = brokers()
    shutil.rmtree(other.audit_dir)
    other.audit_key.unlink()
    done = other.command("audit", "init", "--dir", other.audit_dir, "--origin", "test/other", "--key",
                         other.audit_key)
    witness.allow("test/other", done.stdout.splitlines()[-1])
    other.write_config({"audit": {"witnesses": [witness.entry()]}})
    other.start()
    wait_until(lambda: witness.seen("test/other"), 10, other.log)
    wait_cosigned(one, witness)
    assert witness.seen("test/other").root == tree(other).root(witness.seen("test/other").size)
    assert witness.seen(ORIGIN).root == tree(one).root(witness.seen(ORIGIN).size)


def test_configuration(brokers):
    broker = brokers()
    key = NoteKey("a/b", kind=4).vkey
    for entry, said in (
            ({"url": "https://w:1", "key": key}, "an https witness needs ca"),
            ({"url": "http://10.0.0.1:80", "key": key}, "plain http only to a loopback address"),
            ({"url": "ftp://w", "key": key}, "begins with https://"),
            ({"url": "https://w/x", "key": key, "ca": "x"}, "scheme, host and port only"),
            ({"url": "http://127.0.0.1:1", "key": "a+b"}, "certbroker witness init"),
            ({"url": "http://127.0.0.1:1", "key": broker.vkey}, "of a log, not of a witness"),
            ({"url": "http://127.0.0.1:1", "kee": key}, "witnesses[].key is missing"),
            ({"url": "http://127.0.0.1:1", "kee": key}, 'did you mean "key"')):
        broker.write_config({"audit": {"witnesses": [entry]}})
        done = broker.check()
        assert done.returncode == 1 and said in done.stderr, (entry, done.stderr)
        assert "certbroker.yaml:" in done.stderr
