"""certbroker audit doctor: says in words what a start would do and what is damaged, and a loss can be accepted
where nothing that was signed is given up - never without the log saying so."""
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from assertions import assert_issued
from auditlog import AuditLog
from broker import BINARY
from faults import newest_segment
from test_audit_keep import audit, deny, verify
from waiting import wait_until


@pytest.fixture
def broker(start):
    one = start()
    for _ in range(2):
        assert_issued(one.client().newcert())
        one.stop()
        one.start()
    assert_issued(one.client().newcert())
    return one


def doctor(broker, *args, ok=0):
    return audit(broker, "doctor", *args, ok=ok).stdout


def flip(path, find):
    data = bytearray(path.read_bytes())
    data[data.rindex(find) + len(find)] ^= 1
    path.write_bytes(bytes(data))


def refuses_to_start(broker):
    broker.start(wait=False)
    assert broker.process.wait(10) != 0, "it started"
    broker.process = None


def test_all_is_well(broker):
    said = doctor(broker)
    assert "a broker writes it now" in said and "nothing to be done" in said
    assert "is the log's key" in said and "3 closed segments are whole" in said
    broker.stop()
    assert "the last run ended properly" in doctor(broker)
    assert json.loads(doctor(broker, "--json"))["problems"] == 0


def test_torn_tail_is_no_problem(broker):
    broker.kill()
    with open(newest_segment(broker), "ab") as out:
        out.write(b'{"v":1,"seq":99')
    said = doctor(broker)
    assert "did not end properly" in said and "15 bytes that were being written" in said
    broker.start()
    verify(broker)


def test_missing_and_damaged_segments_come_back_from_the_archive(broker, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    audit(broker, "archive", "--older-than", "never", "--to", to)
    for harm in ("damage", "remove"):
        segment = broker.audit_dir / "seg" / "00000002.jsonl"
        whole = segment.read_bytes()
        if harm == "damage":
            flip(segment, b'"type":"issue.ok"')
        else:
            segment.unlink()
        said = doctor(broker, "--archive", to, ok=1)
        assert "seg" in said and ("segment 2 is damaged" in said or "segment 2 is missing" in said)
        if harm == "damage":
            assert f"{to}/seg/00000002.jsonl.zst is whole: move {segment} out of seg/" in said
            segment.unlink()
        shutil.copy2(to / "seg" / "00000002.jsonl.zst", segment.parent)
        assert "nothing to be done" in doctor(broker)
        verify(broker)
        segment.write_bytes(whole)
        (segment.parent / "00000002.jsonl.zst").unlink()


def test_what_was_signed_is_not_given_up(broker):
    broker.stop()  # the last checkpoint covers everything
    flip(newest_segment(broker), b'"type":"issue.attempt"')
    refuses_to_start(broker)
    said = doctor(broker, ok=1)
    assert "it does not open" in said and "damaged" in said and "begin a new log under another" in said
    done = audit(broker, "doctor", "--accept-loss", "SEC-9", ok=1)
    assert "was not accepted" in done.stderr and "signed checkpoint" in done.stderr
    refuses_to_start(broker)


def test_unsigned_end_is_given_up_and_said(broker, tmp_path):
    state = broker.audit_dir / "state"
    wait_until(lambda: (state / "checkpoint").read_text().split("\n")[1] ==
               str(len(AuditLog(broker.audit_dir).records)), 10, "all to be signed for")
    signed = {name: (state / name).read_bytes() for name in ("checkpoint", "checkpoints.log")}
    first = len(AuditLog(broker.audit_dir).records)
    deny(broker, 8)
    broker.kill()
    # As if the power had gone before the next checkpoint.
    for name, data in signed.items():
        (state / name).write_bytes(data)
    segment = newest_segment(broker)
    records = len(AuditLog(broker.audit_dir).records)
    flip(segment, f'"seq":{records - 4},"d":'.encode())
    refuses_to_start(broker)
    assert "--accept-loss" in doctor(broker, ok=1)
    assert audit(broker, "doctor", "--accept-loss", "", ok=2)
    said = doctor(broker, "--accept-loss", "SEC-9: one sector of the disk")
    assert f"given up: what was numbered {records - 4} to {records - 1}" in said
    broker.start()
    assert_issued(broker.client().newcert())
    text = verify(broker).stdout
    assert f"{records - 4} to {records - 1} were damaged or lost, and that was accepted" in text
    (loss,) = AuditLog(broker.audit_dir).of_type("audit.loss")
    assert loss["note"] == "SEC-9: one sector of the disk" and loss["first_seq"] == records - 4
    assert loss["tree_size"] == first
    assert f"{records - 4} to {records - 1} were damaged or lost" in doctor(broker)


def test_a_copy_is_no_patient(broker, tmp_path):
    """An archive is whole, though no broker could go on with it."""
    to = tmp_path / "archive"
    to.mkdir()
    audit(broker, "archive", "--older-than", "never", "--to", to)
    said = audit(broker, "doctor", "--audit", to, config=False).stdout
    assert "it is a copy" in said and "not to be written" in said and "nothing to be done" in said
    assert "does not open" not in said and "begin a new log" not in said
    newest = max((to / "seg").iterdir())
    newest.write_bytes(newest.read_bytes()[:-9])
    said = audit(broker, "doctor", "--audit", to, config=False, ok=1).stdout
    assert f"{newest}: damaged archive" in said
    # In the broker's own place it is another matter.
    broker.stop()
    shutil.rmtree(broker.audit_dir)
    shutil.copytree(to, broker.audit_dir)
    assert "! it does not open: the newest segment" in doctor(broker, ok=1)


@pytest.mark.root
def test_not_allowed_to_look(broker):
    """Who may not read the log is told so, and not that it is damaged."""
    with tempfile.TemporaryDirectory() as away:
        binary = shutil.copy2(BINARY, away)
        log = shutil.copytree(broker.audit_dir, Path(away, "log"))
        os.chmod(away, 0o755)

        def ask():
            return subprocess.run([binary, "audit", "doctor", "--audit", log], user="nobody",
                                  capture_output=True, text=True, check=False)

        for path in (log, log / "seg" / "00000002.jsonl", log / "state"):
            for each in [log, *log.rglob("*")]:
                each.chmod(0o755 if each.is_dir() else 0o644)
            path.chmod(0)
            done = ask()
            assert done.returncode == 2 and "run it as the broker's user" in done.stderr, done
            assert "backup" not in done.stdout + done.stderr
