"""A witness by itself: what it answers, what it remembers, and that no crash makes it sign two
histories of one log. The log is made in Python here, and lies where it should."""
import http.client
import shutil
import signal
import socket
import time

import pytest

from notes import Note, NoteKey, Tree
from waiting import wait_until
from witness import Witness, add_body

ORIGIN = "test/log"


class Log:
    def __init__(self, origin=ORIGIN, key=None, records=200, fork_at=None):
        self.key = key or NoteKey(origin)
        self.tree = Tree([(b"x" if fork_at is not None and i >= fork_at else b"") + str(i).encode()
                          for i in range(records)])

    def body(self, old, size):
        return add_body(old, self.tree.consistency(old, size) if old <= size else [],
                        self.key.checkpoint(size, self.tree.root(size)))

    def fork(self, at):
        return Log(key=self.key, fork_at=at)


@pytest.fixture
def log():
    return Log()


@pytest.fixture(params=["plain", "tls"])
def witness(request, tmp_path, pki, log):
    with Witness(tmp_path, {ORIGIN: [log.key.vkey]},
                 pki=pki if request.param == "tls" else None) as one:
        yield one


@pytest.fixture
def make(tmp_path, log):
    made = []

    def run(**how):
        made.append(Witness(tmp_path, {ORIGIN: [log.key.vkey]}, **how))
        return made[-1]

    yield run
    for one in made:
        one.kill()


def cosigned(witness, log, old, size):
    """Show it, and check what comes back the way a stranger would."""
    body = log.body(old, size)
    status, headers, lines = witness.post(body)
    assert status == 200, lines
    assert headers["Content-Type"].startswith("text/plain")
    note = Note(body.partition("\n\n")[2] + lines)
    assert note.verify(witness.vkey) is True
    assert abs(note.time_s - time.time()) < 60
    return note


def test_every_status(witness, log):
    assert witness.request("GET", "/healthz")[0] == 200
    assert witness.seen(ORIGIN) is None
    assert witness.post("old 0\n")[0] == 400
    assert witness.post(Log("test/other").body(0, 5))[0] == 404
    assert witness.post(Log().body(0, 5))[0] == 403
    cosigned(witness, log, 0, 5)
    cosigned(witness, log, 5, 100)
    cosigned(witness, log, 100, 100)
    assert witness.post(log.body(101, 100))[0] == 400
    status, headers, body = witness.post(log.body(5, 120))
    assert (status, headers["Content-Type"], body) == (409, "text/x.tlog.size", "100\n")
    assert witness.post(log.fork(50).body(100, 120))[0] == 422
    status, _, body = witness.post(log.fork(50).body(100, 100))
    assert (status, body) == (409, "100\n")
    note = witness.seen(ORIGIN)
    assert (note.size, note.root) == (100, log.tree.root(100))
    assert note.verify(witness.vkey) and note.verify(log.key.vkey)
    assert witness.log().count("witness.alarm") == 2
    assert len(list((witness.state / "evidence").iterdir())) == 2


def test_a_bad_proof_is_no_alarm(witness, log):
    """Anybody can put one to a genuine checkpoint; the log has done nothing wrong."""
    cosigned(witness, log, 0, 100)
    genuine = log.key.checkpoint(120, log.tree.root(120))
    for proof in ([], [b"x" * 32], log.tree.consistency(100, 120)[:-1]):
        assert witness.post(add_body(100, proof, genuine))[0] == 422
    assert "witness.alarm" not in witness.log()
    assert witness.log().count("witness.unproven") == 1
    assert not list((witness.state / "evidence").iterdir())
    cosigned(witness, log, 100, 120)


def test_http(witness, log):
    for method, path, status in (("GET", "/add-checkpoint", 405), ("PUT", "/add-checkpoint", 405),
                                 ("POST", "/healthz", 405), ("GET", "/", 404),
                                 ("GET", "/" + "0" * 64 + "/checkpoint", 404)):
        got, headers, body = witness.request(method, path)
        assert got == status, (method, path, got)
        assert body.endswith("\n") and len(body.splitlines()) == 1
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert witness.request("POST", "/add-checkpoint", b"x" * 65537)[0] == 413
    if not witness.pki:  # many on one connection
        conn = http.client.HTTPConnection("127.0.0.1", witness.port, timeout=20)
        for old, size in ((0, 1), (1, 2), (2, 3)):
            conn.request("POST", "/add-checkpoint", log.body(old, size).encode())
            reply = conn.getresponse()
            assert reply.status == 200 and reply.read()
        conn.close()


def test_a_key_is_rotated_by_sighup(make, log):
    witness = make()
    cosigned(witness, log, 0, 10)
    fresh = Log(key=NoteKey(ORIGIN))
    assert witness.post(fresh.body(10, 20))[0] == 403
    witness.allow(ORIGIN, log.key.vkey, fresh.key.vkey)
    assert witness.seen(ORIGIN).size == 10
    cosigned(witness, fresh, 10, 20)
    # The old one is retired now, listed or not, and stays so.
    status, _, said = witness.post(log.body(20, 25))
    assert status == 403 and "retired key" in said, said
    assert witness.stop() == 0
    witness.start()
    assert witness.post(log.body(20, 25))[0] == 403
    # A file that is wrong changes nothing, and says where.
    witness.file.write_text(witness.file.read_text().replace(ORIGIN + "+", "test/lag+"))
    witness.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "reload.refused" in witness.log(), 10, witness.log)
    assert "certbroker-witness.yaml:" in witness.log()
    cosigned(witness, fresh, 20, 30)


def test_it_remembers_and_is_alone(make, log):
    witness = make()
    cosigned(witness, log, 0, 10)
    second = witness.command("serve", "-c", witness.file)
    assert second.returncode == 2 and "another witness" in second.stderr, second.stderr
    assert witness.stop() == 0
    witness.start()
    assert witness.seen(ORIGIN).size == 10
    assert witness.post(log.fork(3).body(0, 12))[0] == 409
    cosigned(witness, log, 10, 12)
    witness.stop()
    # A state that was changed, or is gone with its volume, is no fresh start.
    note = next(witness.state.glob("state/*.note"))
    note.write_bytes(note.read_bytes().replace(b"\n12\n", b"\n11\n"))
    failed = witness.command("serve", "-c", witness.file)
    assert failed.returncode == 2 and note.name in failed.stderr, failed.stderr
    shutil.rmtree(witness.state)
    failed = witness.command("serve", "-c", witness.file)
    assert failed.returncode == 2 and "witness init" in failed.stderr, failed.stderr


@pytest.mark.release
@pytest.mark.parametrize("calls, when, is_kept", [
    ("fsync", 1, False),           # written, not yet in its place
    ("rename", 1, False),          # just before
    ("fsync", 2, True),            # in its place, the directory not synced
    ("writev,sendmsg", 1, True),   # kept, and nothing said
])
def test_killed_while_it_keeps(make, log, calls, when, is_kept):
    """Whatever was kept, the other history gets no signature any more once this one may have."""
    witness = make()
    cosigned(witness, log, 0, 10)
    witness.stop()
    witness.wrap = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}",
                    "-e", f"inject={calls}:signal=SIGKILL:when={when}"]
    witness.start()
    with pytest.raises((OSError, http.client.HTTPException)):
        witness.post(log.body(10, 20))
    witness.process.wait(10)
    witness.process, witness.wrap = None, []
    witness.start()
    assert witness.seen(ORIGIN).size == (20 if is_kept else 10)
    assert witness.post(log.fork(5).body(10, 25))[0] == (409 if is_kept else 422)
    assert witness.post(log.fork(5).body(20, 25))[0] == (422 if is_kept else 409)
    # The log asks as before, is told, and goes on.
    status, _, body = witness.post(log.body(10, 30))
    assert (status, body) == (409, "20\n") if is_kept else status == 200
    cosigned(witness, log, 20 if is_kept else 30, 31)


def test_systemd_is_told(make, tmp_path):
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(10)
        witness = make(env={"NOTIFY_SOCKET": str(path)})
        assert notify.recv(100) == b"READY=1"
        assert witness.stop() == 0
        assert notify.recv(100) == b"STOPPING=1"


def test_commands(make, tmp_path):
    witness = make(start=False)
    assert (witness.state / "key").stat().st_mode & 0o777 == 0o400
    assert NoteKey.from_file(witness.state / "key").vkey == witness.vkey
    again = witness.command("init", "--dir", witness.state, "--name", "other")
    assert again.returncode == 1 and again.stdout == ""
    assert witness.command("init", "--dir", tmp_path / "x", "--name", "a b").returncode == 2
    witness.write_config()
    assert witness.command("check", "-c", witness.file).returncode == 0
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\nlisten: { plain: \"0.0.0.0:1\" }\nlogs:\n"
                   f"  - origin: a\n    keys: [ \"{witness.vkey}\" ]\n  - {{ origin: b, kees: x }}\n")
    done = witness.command("check", "-c", bad)
    assert done.returncode == 1
    for line in (":1:1: error: directory is missing", ":2:18: error: plain HTTP",
                 ":5:13: error: this is the key of a witness", "did you mean \"keys\""):
        assert line in done.stderr, (line, done.stderr)
