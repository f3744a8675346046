"""Something that is no regular file in place of one of the log's: whoever reads the log comes to an end and says so;
nothing waits for a pipe that nobody writes to, and nothing reads a device or a file without end."""
import os
import shutil
import subprocess

import pytest

import broker as broker_module
from assertions import assert_issued
from test_audit_keep import deny

PATIENCE_S = 20  # a hang never ends; under a sanitizer and a busy machine everything else does
# What a log has, and whether it is intact without it.
FILES = {"seg/00000001.jsonl": False, "seg/00000002.jsonl": False, "seg/00000003.jsonl": False, "seg/00000002.jsonl.zst": True,
         "state/origin": False, "state/checkpoint": False, "state/checkpoints.log": False, "state/vkeys": True,
         "state/pruned": True, "state/rotations": True, "state/cosigned": True, "state/LOCK": True,
         "state/cursor.siem": True, "tile/0/000": False, "POLICY": False}


@pytest.fixture
def log(start, tmp_path):
    broker = start()
    assert_issued(broker.client().newcert())
    deny(broker, 300)
    broker.stop()
    broker.start()
    broker.stop()
    return broker


def put(path, kind):
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with open(path, "wb") as out:
            out.truncate(1 << 42)


def run(*args):
    done = subprocess.run([broker_module.BINARY, "audit", *map(str, args)], capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode in (0, 1, 2, 3), (done.returncode, done.stderr)
    return done


@pytest.mark.parametrize("kind", ["pipe", "device", "huge"])
def test_readers_come_to_an_end(log, tmp_path, kind):
    key = tmp_path / "key"
    key.write_text(log.vkey + "\n")
    for name, is_intact in FILES.items():
        copy = tmp_path / "copy"
        shutil.copytree(log.audit_dir, copy, symlinks=True)
        path = next((copy / "policy").iterdir()) if name == "POLICY" else copy / name
        put(path, kind)
        done = run("verify", "--audit", copy, "--key", log.vkey)
        assert is_intact or done.returncode != 0, (name, done.stdout)
        run("search", "--audit", copy, "type=issue.ok")
        run("show", "--audit", copy, "2")
        run("doctor", "--audit", copy)
        run("prove", "--audit", copy, "5")
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["state/checkpoint", "state/checkpoints.log", "state/.checkpoint.part", "state/LOCK",
                                  "seg/00000003.jsonl"])
def test_a_start_comes_to_an_end(log, name):
    put(log.audit_dir / name, "pipe")
    log.start(wait=False)
    if name == "state/LOCK":  # nothing is in it
        log.wait_for("broker.start")
        log.stop()
        return
    assert log.process.wait(PATIENCE_S) != 0
    log.process = None
