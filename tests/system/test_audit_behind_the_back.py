"""What somebody does to the directory while no broker runs: the next start does not sign for it."""
import json
import shutil

import pytest

from assertions import assert_issued
from auditlog import AuditLog, crc32c
from faults import newest_segment
from test_audit_doctor import doctor, refuses_to_start
from test_audit_keep import audit, verify
from test_syslog import receiver, syslog, wait_for_all  # noqa: F401
from waiting import wait_until


def sealed(broker):
    return int((broker.audit_dir / "state/checkpoint").read_text().split("\n")[1])


def frame(seq, body):
    line = f'{{"v":1,"seq":{seq},"d":{seq},"ts":"2026-07-22T16:23:02.123456Z",{body}'.encode()
    return line + b',"crc":"%08x"}\n' % crc32c(line)


def test_an_older_copy_is_put_back(start, tmp_path):
    broker = start()
    broker.stop()
    shutil.copytree(broker.audit_dir, tmp_path / "older")
    had = sealed(broker)
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    has = sealed(broker)
    whole = broker.audit_dir.rename(tmp_path / "whole")
    shutil.copytree(tmp_path / "older", broker.audit_dir)
    files = sorted(path.name for path in (broker.audit_dir / "seg").iterdir())
    refuses_to_start(broker)
    assert f"holds {had} records, but " in broker.log() and f"was made from {has}:" in broker.log()
    assert sorted(path.name for path in (broker.audit_dir / "seg").iterdir()) == files  # nothing was added
    shutil.rmtree(broker.audit_dir)
    whole.rename(broker.audit_dir)  # as the message says
    broker.start()
    broker.stop()
    shutil.rmtree(broker.audit_dir)
    shutil.copytree(tmp_path / "older", broker.audit_dir)
    refuses_to_start(broker)
    for path in broker.dir.glob("issued.sqlite*"):
        path.unlink()
    broker.start()
    assert_issued(broker.client().newcert())


def test_a_segment_is_added(start):
    broker = start()
    assert_issued(broker.client().newcert())
    broker.stop()
    size = sealed(broker)
    old = newest_segment(broker)
    broker.start()
    new = newest_segment(broker)
    broker.kill()
    # What the next start would write by itself, and a record of somebody's own making. The checkpoints are as
    # they were.
    opening = new.read_bytes().split(b"\n")[0] + b"\n"
    notes = (broker.audit_dir / "state/checkpoints.log").read_text().split("test/broker\n")
    kept = [note for note in notes if note and int(note.split("\n")[0]) <= size]
    (broker.audit_dir / "state/checkpoint").write_text("test/broker\n" + kept[-1])
    (broker.audit_dir / "state/checkpoints.log").write_text("".join("test/broker\n" + note for note in kept))
    new.write_bytes(opening + frame(size + 1, '"type":"log.heartbeat","idle_us":60000000'))
    for path in broker.dir.glob("issued.sqlite*"):
        path.unlink()
    refuses_to_start(broker)
    assert f"records {size} to {size + 1} are not signed" in broker.log() and "nothing may follow such an end" in broker.log()
    said = doctor(broker, ok=1)
    assert "somebody put them there" in said and "--accept-loss" in said
    assert f"given up: what was numbered {size} to {size + 1}" in doctor(broker, "--accept-loss", "SEC-10")
    assert old.exists() and new.exists()
    broker.start()
    broker.client().newcert()
    broker.stop()
    loss = json.loads(audit(broker, "search", "--raw", "--json", "--type", "audit.loss").stdout)
    assert (loss["reason"], loss["first_seq"], loss["last_seq"]) == ("unsigned", size, size + 1)
    assert "that was accepted" in verify(broker).stdout


def test_what_a_crash_leaves_is_said(start):
    broker = start()
    client = broker.client()
    assert_issued(client.newcert())
    broker.kill()
    size, count = sealed(broker), len(AuditLog(broker.audit_dir).records)
    if size == count:
        pytest.skip("all was signed when it was killed")
    assert f"records {size} to {count - 1} are not signed yet" in doctor(broker)
    broker.start()
    assert f"records {size} to {count - 1} were not signed when the last run ended" in broker.log()
    (told,) = AuditLog(broker.audit_dir).of_type("audit.unsigned")
    assert (told["seq"], told["first_seq"], told["last_seq"]) == (count + 1, size, count - 1)


def change(path, seq, old, new):
    data = path.read_bytes()
    for line in data.split(b"\n"):
        if line.startswith(b'{"v":1,"seq":%d,' % seq):
            changed = line.replace(old, new)[:line.rindex(b',"crc"')]
            changed += b',"crc":"%08x"}' % crc32c(changed)
            assert len(changed) == len(line) and changed != line
            with open(path, "r+b") as out:
                out.seek(data.index(line))
                out.write(changed)
            return
    raise AssertionError(f"no record {seq}")


def test_an_alarm_outlives_a_kill(start):
    broker = start()
    client = broker.client()
    wait_until(lambda: sealed(broker) == len(AuditLog(broker.audit_dir).records), 10, "all to be signed for")
    assert_issued(client.newcert())
    ok = broker.audit().of_type("issue.ok")[-1]
    change(newest_segment(broker), ok["seq"], b'"alice"', b'"bobby"')
    if sealed(broker) > ok["seq"]:
        pytest.skip("it was signed for before it could be changed")
    broker.wait_for("audit.fault")
    broker.kill()
    refuses_to_start(broker)
    assert "(audit.fault) says that the disk did not hold what was acknowledged" in broker.log()
    assert "--accept-loss" in doctor(broker, ok=1)
    doctor(broker, "--accept-loss", "SEC-11")
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    verify(broker)
    assert not [one for one in AuditLog(broker.audit_dir).records if "bobby" in json.dumps(one.get("who", {}))]


def test_a_cursor_beyond_the_end(start, receiver):  # noqa: F811
    broker = start(config=syslog(receiver, name="siem"))
    broker.stop()
    (broker.audit_dir / "state/cursor.siem").write_text("123456\n")
    broker.start()
    wait_until(lambda: "state/cursor.siem is beyond the end of the log (record 123456)" in broker.log(), 10, "a warning")
    wait_for_all(receiver, broker)
    broker.stop()
    assert int((broker.audit_dir / "state/cursor.siem").read_text()) == len(AuditLog(broker.audit_dir).records)
