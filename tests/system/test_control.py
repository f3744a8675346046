"""The control socket: who may use it, where it may be, what it takes, what it answers; and
certbroker reload, which is its caller."""
import json
import os
import pwd
import socket
import stat
import subprocess
import time

import pytest

from broker import BINARY
from control import Control
from test_reload import narrowed
from waiting import wait_until

CONTROL = {"control": "control.sock"}


@pytest.fixture
def controlled(start):
    broker = start(config=CONTROL)
    return broker, Control(broker.dir / "control.sock")


def run(broker, *args):
    return broker.command("reload", "-c", broker.file, *args)


# ---------------------------------------------------------------- the protocol
def test_status(controlled):
    broker, control = controlled
    answer = control.status()
    assert answer["ok"] is True
    assert answer["policy_sha256"] == broker.client().whoami().result["policy_sha256"]
    assert answer["policy_stale"] is False and answer["reloading"] is False
    assert (answer["rules"], answer["clients"]) == (3, 6)
    assert "last_reload" not in answer


def test_reload_loads_and_says_what_changed(controlled, pki):
    broker, control = controlled
    before = control.status()["policy_sha256"]
    broker.write_policy(narrowed(pki))
    answer = control.reload()
    assert answer["ok"] and answer["result"] == "loaded"
    assert answer["policy_old_sha256"] == before != answer["policy_sha256"]
    assert control.status()["last_reload"]["result"] == "loaded"
    record = broker.audit().of_type("policy.load")[-1]
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert record["by"] == f"uid {os.geteuid()} ({name}), pid {os.getpid()} via control"
    assert "note" not in record and "reason" not in record
    assert record["num_lost"] == 0 and "forced" not in record
    assert record["policy_sha256"] == answer["policy_sha256"]


def test_same_policy_is_unchanged(controlled):
    broker, control = controlled
    answer = control.reload()
    assert answer["ok"] and answer["result"] == "unchanged"
    record = broker.audit().of_type("policy.load")[-1]
    assert record["reason"] == "unchanged"
    assert record["policy_sha256"] == record["policy_old_sha256"]
    assert broker.metrics()['certbroker_reloads_total{result="unchanged"}'] == 1


def test_bad_policy_gives_every_error(controlled):
    broker, control = controlled
    broker.write_policy("version: 1\nclients: {}\nrules: []\nsurprise: 1\n")
    answer = control.reload()
    assert not answer["ok"] and answer["result"] == "policy"
    assert any("surprise" in error and ":4:1: error" in error for error in answer["errors"])
    record = broker.audit().of_type("policy.reject")[-1]
    assert record["reason"] == "policy" and "policy_sha256" not in record  # it is none
    status = control.status()
    assert status["policy_stale"] and status["stale_since"].endswith("Z") and status["stale_why"]


GARBAGE = {
    "nothing": b"\n",
    "no JSON": b"reload\n",
    "half": b'{"command":"status"\n',
    "an array": b'["status"]\n',
    "a number": b"7\n",
    "null": b"null\n",
    "no command": b"{}\n",
    "unknown command": b'{"command":"stop"}\n',
    "command of another type": b'{"command":1}\n',
    "unknown member": b'{"command":"status","x":"y"}\n',
    "twice": b'{"command":"status","command":"reload"}\n',
    "in another case": b'{"Command":"status"}\n',
    "NUL": b'{"command":"status\\u0000"}\n',
    "raw NUL": b'{"command":"status"\x00}\n',
    "not UTF-8": b'{"command":"reload","force":"\xff"}\n',
    "force null": b'{"command":"reload","force":null}\n',
    "force true": b'{"command":"reload","force":true}\n',
    "force without a reason": b'{"command":"reload","force":" "}\n',
    "force with a newline": b'{"command":"reload","force":"a\\nb"}\n',
    "force too long": b'{"command":"reload","force":"' + b"x" * 201 + b'"}\n',
    "status forced": b'{"command":"status","force":"x"}\n',
    "status with a reason": b'{"command":"status","reason":"x"}\n',
    "two reasons": b'{"command":"reload","force":"x","reason":"y"}\n',
    "sudo_user that ends its quotes": b'{"command":"reload","sudo_user":"x\\", pid 1"}\n',
    "sudo_user too long": b'{"command":"reload","sudo_user":"' + b"x" * 65 + b'"}\n',
    "trailing": b'{"command":"status"} x\n',
    "too long": b'{"command":"status"' + b" " * 5000 + b"}\n",
    "endless": b"x" * 100000,
    "deep": b"[" * 1000 + b"\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_with_a_sentence(controlled, name):
    broker, control = controlled
    before = broker.count("policy.load")
    answer = json.loads(control.raw(GARBAGE[name]))
    assert answer["ok"] is False and answer["error"], answer
    assert "result" not in answer
    assert broker.count("policy.load") == before
    assert control.status()["ok"]


def test_silence_is_cut_off(controlled):
    """A connection without a request ends by itself, and keeps nobody else out."""
    _, control = controlled
    with control.connect() as silent:
        silent.sendall(b'{"comm')
        assert control.status()["ok"]
        began = time.monotonic()
        assert control.read_line(silent) == b""
        assert time.monotonic() - began < 15


def test_many_connections_are_turned_away_and_come_back(controlled):
    _, control = controlled
    held = []
    for _ in range(40):
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(10)
        sock.connect(control.path)
        held.append(sock)
    for sock in held:
        sock.close()

    def answers():
        try:
            return control.status()["ok"]
        except (AssertionError, OSError):
            return False
    wait_until(answers, 10, "the socket to be free again")


def test_caller_that_leaves_does_not_matter(controlled, pki):
    broker, control = controlled
    broker.write_policy(narrowed(pki))
    with control.connect() as sock:
        sock.sendall(b'{"command":"reload"}\n')
    broker.wait_for("policy.load")
    wait_until(lambda: control.status().get("last_reload"), 10, "the reload to be over")


def test_half_closed_caller_gets_its_answer(controlled):
    """As `printf ... | socat - UNIX-CONNECT:...` does it."""
    _, control = controlled
    with control.connect() as sock:
        sock.sendall(b'{"command":"reload"}\n')
        sock.shutdown(socket.SHUT_WR)
        assert json.loads(control.read_line(sock))["result"] == "unchanged"


# ---------------------------------------------------------------- the file
def test_socket_is_private_and_goes_with_the_broker(controlled):
    broker, control = controlled
    mode = os.stat(control.path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    assert broker.stop() == 0
    assert not os.path.exists(control.path)


def test_stale_socket_is_replaced(controlled):
    broker, control = controlled
    broker.kill()
    assert os.path.exists(control.path)
    broker.start()
    assert control.status()["ok"]


def fails_to_start(broker):
    broker.init_audit()
    broker.start(wait=False)
    code = broker.process.wait(20)
    broker.process = None
    return code, broker.log()


def test_socket_of_somebody_who_answers_is_left_alone(start):
    broker = start(start=False, config=CONTROL)
    path = broker.dir / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen()
        code, log = fails_to_start(broker)
    assert code == 2 and "another process answers on" in log
    assert path.exists()


def test_other_files_are_left_alone(start):
    broker = start(start=False, config=CONTROL)
    path = broker.dir / "control.sock"
    path.write_text("precious")
    code, log = fails_to_start(broker)
    assert code == 2 and "is no socket" in log
    assert path.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_folder_that_others_may_write_to(start, mode):
    broker = start(start=False, config={"control": "run/control.sock"})
    folder = broker.dir / "run"
    folder.mkdir()
    folder.chmod(mode)
    code, log = fails_to_start(broker)
    assert code == 2 and "others may write to the folder" in log


def test_too_long_a_path_is_a_complaint_with_its_place(start):
    broker = start(start=False, config={"control": "/run/" + "x" * 120})
    done = broker.check()
    assert done.returncode == 1 and "the path of a socket has at most 107 bytes" in done.stderr


@pytest.mark.root
def test_other_users_are_turned_away(controlled):
    """Even if the socket's mode let them."""
    broker, control = controlled
    os.chmod(control.path, 0o666)
    for folder in [broker.dir, *broker.dir.parents]:
        if folder.stat().st_uid == os.geteuid() and str(folder).startswith("/tmp/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    code = ("import contextlib, socket\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "s.settimeout(10)\n"
            f"s.connect({control.path!r})\n"
            "with contextlib.suppress(BrokenPipeError):\n"
            "    s.sendall(b'{\"command\":\"reload\"}\\n')\n"
            "print(s.recv(4096).decode())\n")
    done = subprocess.run(["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                           "/usr/bin/python3", "-c", code], capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.stdout, done
    answer = json.loads(done.stdout)
    assert answer["ok"] is False and "only root" in answer["error"], done
    assert broker.count("policy.load") == 0


# ---------------------------------------------------------------- certbroker reload
def test_command_says_what_changed(controlled, pki):
    broker, _ = controlled
    broker.write_policy(narrowed(pki))
    done = run(broker)
    assert done.returncode == 0, done
    assert done.stdout.startswith("policy loaded: 3 rules, 6 clients\n")
    assert broker.client().whoami().result["policy_sha256"] in done.stdout
    again = run(broker)
    assert again.returncode == 0 and again.stdout.startswith("policy unchanged: ")


def test_command_as_json(controlled):
    broker, _ = controlled
    done = run(broker, "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["result"] == "unchanged"


def test_command_shows_errors_as_check_does(controlled):
    broker, _ = controlled
    broker.write_policy("version: 1\nclients: {}\nrules: []\nsurprise: 1\n")
    done = run(broker)
    assert done.returncode == 1
    shown = [line for line in broker.check().stderr.splitlines() if ": error: " in line]
    assert shown and all(line in done.stderr for line in shown)
    assert "reload refused (policy)" in done.stderr


def test_command_without_control(start):
    broker = start()
    done = run(broker)
    assert done.returncode == 2 and "names no control socket" in done.stderr


def test_command_without_broker(start):
    broker = start(start=False, config=CONTROL)
    done = run(broker)
    assert done.returncode == 2 and "no broker listens on" in done.stderr


def test_command_with_an_empty_reason(controlled):
    broker, _ = controlled
    for reason in ("", " ", "two\nlines"):
        done = run(broker, "--force", reason)
        assert done.returncode == 2 and "reason" in done.stderr.lower(), done
    assert broker.count("policy.load") == 0


def test_command_with_a_reason(controlled, monkeypatch):
    broker, _ = controlled
    monkeypatch.setenv("SUDO_USER", "anna")
    done = run(broker, "--reason", "SEC-1042: a new certificate")
    assert done.returncode == 0, done
    record = broker.audit().of_type("policy.load")[-1]
    assert record["note"] == "SEC-1042: a new certificate" and "forced" not in record
    name = pwd.getpwuid(os.geteuid()).pw_name
    assert record["by"].startswith(f'uid {os.geteuid()} ({name}), sudo from "anna", pid ')
    monkeypatch.setenv("SUDO_USER", 'x", pid 1 via control')  # not sent
    assert run(broker, "--reason", "again").returncode == 0
    assert "sudo" not in broker.audit().of_type("policy.load")[-1]["by"]


def test_command_with_two_reasons(controlled):
    broker, _ = controlled
    done = run(broker, "--reason", "x", "--force", "y")
    assert done.returncode == 2 and "no --reason beside it" in done.stderr
    assert broker.count("policy.load") == 0


def test_relative_paths_are_the_configuration_s(controlled):
    broker, _ = controlled
    done = subprocess.run([str(BINARY), "reload", "-c", str(broker.file)], cwd="/",
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done


