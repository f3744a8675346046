"""Keeping the log: packed and copied beside a running broker, pruned when its time is over; what is left
is verified, read, proven, and opened again like any log. chattr +a where the file system knows it."""
import json
import os
import subprocess
import threading
import time

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog
from broker import ROOT
from control import Control
from faults import Callers, Ext4, newest_segment
from waiting import wait_until

INTACT = 0
PER_RUN = 140


def deny(broker, count):
    """So many records of what was refused: nothing of them lives on."""
    def work():
        client = broker.client()
        for _ in range(count // 4):
            assert_refused(client.newcert("evil.example"), "name_not_allowed")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def keeper(start, tmp_path):
    """A broker whose log has four segments of old records, and in the fifth a certificate."""
    broker = start(config={"control": str(tmp_path / "control.sock")})
    for _ in range(3):
        deny(broker, PER_RUN)
        broker.stop()
        broker.start()
    deny(broker, PER_RUN)  # so that the hash tile over the third one's end becomes full
    broker.serial = assert_issued(broker.client().newcert()).serial
    return broker


def audit(broker, verb, *args, ok=0, config=True):
    source = ["-c", broker.file] if config else []
    done = broker.command("audit", verb, *source, *args)
    assert done.returncode == ok, (done.returncode, done.stdout, done.stderr)
    return done


def verify(broker, directory=None):
    return audit(broker, "verify", "--audit", directory or broker.audit_dir, "--key", broker.vkey,
                 config=False, ok=INTACT)


def names(directory):
    return sorted(path.name for path in (directory / "seg").iterdir())


def test_packed_beside_a_running_broker(keeper, tmp_path):
    whole = AuditLog(keeper.audit_dir).raw()
    to = tmp_path / "archive"
    to.mkdir()
    dry = audit(keeper, "archive", "--older-than", "0s", "--to", to, "--dry-run").stdout
    assert "would pack segment 1" in dry and "would copy segment 2" in dry and not list(to.iterdir())
    out = audit(keeper, "archive", "--older-than", "0s", "--to", to).stdout
    assert "packed segment 3" in out and "copied segment 1" in out
    assert names(keeper.audit_dir) == [f"0000000{no}.jsonl{'.zst' if no < 4 else ''}"
                                       for no in range(1, 6)]
    assert "nothing to do" in audit(keeper, "archive", "--older-than", "0s").stdout
    verify(keeper)
    verify(keeper, to)
    unpacked = b"".join(
        subprocess.run(["zstd", "-dcq", keeper.audit_dir / "seg" / f"{no:08d}.jsonl.zst"], check=True,
                       capture_output=True).stdout for no in range(1, 4))
    assert whole.startswith(unpacked) and len(unpacked) > 100_000
    found = audit(keeper, "search", "type=authz.deny", "--count").stdout
    assert str(4 * PER_RUN) in found
    # It goes on, and stops and starts.
    assert_issued(keeper.client().newcert())
    keeper.stop()
    keeper.start()
    assert_issued(keeper.client().newcert())
    verify(keeper)


def test_second_place_must_be_there(keeper, tmp_path):
    """A volume that is not mounted is not taken for an empty place, and nobody's files for copies."""
    away = tmp_path / "not-mounted"
    for args in (["--dry-run"], []):
        done = audit(keeper, "archive", "--older-than", "never", "--to", away, *args, ok=2)
        assert f"{away} is not there, and is never created" in done.stderr and not done.stdout
    assert not away.exists()
    assert "is not there" in audit(keeper, "prune", "--archive", away, ok=2).stderr
    said = audit(keeper, "doctor", "--archive", away, ok=1).stdout
    assert f"! {away} is not there" in said
    keeper.write_config({"audit": {"archive_to": str(away)}})
    done = keeper.command("check", "-c", keeper.file)
    assert done.returncode == 1 and "audit.archive_to: " in done.stderr, done.stderr
    away.mkdir()
    assert keeper.command("check", "-c", keeper.file).returncode == 0
    (away / "state").mkdir()
    (away / "state" / "origin").write_text("somebody/else\n")
    done = audit(keeper, "archive", "--older-than", "never", "--to", away, ok=2)
    assert "the second place of another log, somebody/else" in done.stderr
    assert not (away / "seg").exists()


def test_what_the_second_place_has_is_compared(keeper, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    archive = ["--older-than", "0s", "--to", to]
    audit(keeper, "archive", *archive)
    assert "of 3 it had before, the lengths were compared" in audit(keeper, "archive", *archive).stdout
    assert "every byte was compared" in audit(keeper, "archive", *archive, "--check").stdout
    copy = to / "seg" / "00000002.jsonl.zst"
    whole = copy.read_bytes()
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 1
    for data, how in ((whole + b"x", []), (whole[:-1], []), (bytes(middle), ["--check"])):
        copy.write_bytes(data)
        done = audit(keeper, "archive", *archive, *how, ok=1)
        assert str(copy) in done.stderr and "differs segment 2" in done.stdout, done
        assert copy.read_bytes() == data
    # The others are copied all the same.
    (to / "seg" / "00000003.jsonl.zst").unlink()
    done = audit(keeper, "archive", *archive, "--check", ok=1)
    assert "copied segment 3" in done.stdout and str(copy) in done.stderr


def test_pruned_with_everything_still_true(keeper, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    audit(keeper, "archive", "--older-than", "0s", "--to", to)
    prune = ["--keep", "0s", "--archive", to]
    wait_until(lambda: "would prune segments 1 to 3" in audit(keeper, "prune", *prune).stdout, 10,
               "the tiles to be written")
    # The default is two years: nothing is that old.
    assert "nothing may be pruned" in audit(keeper, "prune", "--archive", to).stdout
    audit(keeper, "prune", "--keep", "0s", ok=2)  # neither archive nor a reason
    dry = audit(keeper, "prune", *prune).stdout
    assert "would prune segments 1 to 3" in dry and "nothing was changed" in dry
    before = names(keeper.audit_dir)
    assert before == names(keeper.audit_dir)
    done = json.loads(audit(keeper, "prune", *prune, "--yes", "--json", "--reason", "SEC-7").stdout)
    assert done["done"] and done["files_removed"] == 3 and done["first_seq"] == 0
    assert names(keeper.audit_dir) == before[3:]
    text = (keeper.audit_dir / "seg" / "00000005.jsonl").read_text()
    (record,) = [json.loads(line) for line in text.splitlines() if '"segment.prune"' in line]
    assert record["note"] == "SEC-7" and "via control" in record["by"]
    assert record["last_seq"] == done["last_seq"] and record["root"] == done["root"]
    assert record["archive_sha256"] == done["archive_sha256"]
    verify(keeper)
    verify(keeper, to)
    proof = tmp_path / "proof"
    wait_until(lambda: keeper.command("audit", "prove", "-c", keeper.file, str(record["seq"]), "-o",
                                      proof).returncode == 0, 10, "the record to be signed for")
    # Started again, with an index made anew from what is left.
    keeper.stop()
    (keeper.dir / "issued.sqlite").unlink()
    keeper.start()
    assert keeper.client().revoke(keeper.serial).status == 200
    # The certificate's segment is old by now, and stays: it has not expired.
    for _ in range(2):
        deny(keeper, PER_RUN)
        keeper.stop()
        keeper.start()
    text = audit(keeper, "prune", "--keep", "0s", "--without-archive", "a test").stdout
    assert "is still valid" in text
    # Stopped, the command writes the log itself.
    keeper.stop()
    text = audit(keeper, "prune", "--keep", "0s", "--without-archive", "a test", "--yes").stdout
    assert "pruned segment 4" in text or "nothing may be pruned" in text, text
    keeper.start()
    assert_issued(keeper.client().newcert())
    verify(keeper)


def test_the_broker_plans_a_prune_itself(keeper, tmp_path):
    """Whoever may use the socket cannot have the log's key sign away what the rules keep."""
    attempt = keeper.audit().of_type("issue.attempt")[0]["seq"]
    to = tmp_path / "archive"
    to.mkdir()
    audit(keeper, "archive", "--older-than", "0s", "--to", to)
    prune = ["--keep", "0s", "--archive", to]
    wait_until(lambda: "would prune segments 1 to 3" in audit(keeper, "prune", *prune).stdout, 10,
               "the tiles to be written")
    plan = json.loads(audit(keeper, "prune", *prune, "--json").stdout)
    right = {"last_segment": str(plan["last_segment"]), "tree_size": str(plan["last_seq"] + 1),
             "root": plan["root"], "keep_s": "0", "archive": str(to), "note": "SEC-7"}
    control = Control(tmp_path / "control.sock")
    (tmp_path / "empty").mkdir()
    for wrong, said in (
            ({"last_segment": "4"}, "segment 4 stays: it is one of the newest two"),
            ({"last_segment": "99"}, "may not be pruned"),
            ({"keep_s": "63158400"}, "segment 1 stays: its records have not been kept long enough"),
            ({"keep_s": "9007199254740991"}, "100 years at most"),
            ({"root": "0" * 64}, "the broker finds"),
            ({"tree_size": "5"}, "the broker finds"),
            ({"archive": str(tmp_path / "empty")}, "as the broker sees it"),
            ({"archive": str(keeper.audit_dir)}, "as the broker sees it"),
            ({"archive": "archive"}, "must be an absolute path"),
            ({"archive_sha256": "ab" * 32}, "do not have")):
        answer = control.ask(command="record", type="segment.prune", **{**right, **wrong})
        assert answer["ok"] is False, (wrong, answer)
        assert said in answer.get("why", answer.get("error", "")), (wrong, answer)
    newest = keeper.audit_dir / "seg" / "00000005.jsonl"
    assert '"segment.prune"' not in newest.read_text()
    for wrong, said in (
            ({"ref": "0"}, "ref: record 0 is segment.open, not an issue.attempt"),
            ({"ref": "999999"}, "ref: the log has no record 999999"),
            ({"serial": "ab", "cert_ref": "0"}, "cert_ref: record 0 is segment.open")):
        answer = control.ask(command="record", type="reconcile.resolved", why_word="lapsed", **wrong)
        assert answer["ok"] is False and said in answer["why"], (wrong, answer)
    answer = control.ask(command="record", type="reconcile.resolved", why_word="lapsed", ref=str(attempt))
    assert answer["ok"] is True, answer
    answer = control.ask(command="record", type="segment.prune", **right)
    assert answer["ok"] is True, answer
    record = json.loads(next(line for line in newest.read_text().splitlines()
                             if '"segment.prune"' in line))
    assert record["archive_sha256"] == plan["archive_sha256"] and record["root"] == plan["root"]
    assert record["detail"].startswith("kept for 0 s") and "via control" in record["by"]


def test_what_is_configured_must_have_it(start, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    broker = start(config={"control": str(tmp_path / "control.sock"),
                           "audit": {"archive_after": "1h", "archive_to": str(to)}})
    answer = Control(tmp_path / "control.sock").ask(
        command="record", type="segment.prune", last_segment="1", tree_size="1", root="0" * 64,
        keep_s="0", note="there is none")
    assert answer["ok"] is False and "audit.archive_to" in answer["why"], answer
    assert broker.count("segment.prune") == 0


def test_the_broker_packs_by_itself(start, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    broker = start(config={"audit": {"archive_after": "1s", "archive_to": str(to)}})
    deny(broker, 40)
    first = (broker.audit_dir / "seg" / "00000002.jsonl").stat()
    for _ in range(3):
        broker.stop()
        if names(broker.audit_dir)[-1] == "00000004.jsonl":
            wait_until(lambda: time.time() - first.st_mtime > 1.5, 5, "the first to be old enough")
        broker.start()
    wait_until(lambda: (to / "seg").is_dir() and names(to) == [f"0000000{no}.jsonl.zst" for no in range(1, 4)], 10,
               "the copies")
    wait_until(lambda: "00000001.jsonl.zst" in names(broker.audit_dir), 10, "the first to be packed")
    wait_until(lambda: "audit.archive" in broker.log(this_run=True), 10, "it to be told")
    broker.stop()
    verify(broker)
    verify(broker, to)


# ---------------------------------------------------------------- chattr
@pytest.fixture
def ext4(tmp_path):
    try:
        made = Ext4(tmp_path / "ext4", 64)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("no ext4 can be mounted here")
    yield made
    made.unmount()


def append_only(broker):
    subprocess.run([ROOT / "examples/certbroker-append-only.sh", broker.audit_dir], check=True)


def sealed_all(broker):
    numbers = broker.metrics()
    return numbers["certbroker_audit_sealed_size"] == numbers["certbroker_audit_next_seq"]


def forbidden(action, *args):
    with pytest.raises(PermissionError):
        action(*args)


@pytest.mark.root
def test_append_only_attributes(start, ext4, tmp_path):
    """With the attributes that examples/certbroker-append-only.sh sets the broker works, starts, dies and
    starts again as ever; even root cannot shorten or replace the log without taking them back."""
    to = tmp_path / "archive"
    to.mkdir()
    broker = start(audit_dir=ext4.path / "audit", config={"audit": {
        "low_space_soft": "64KiB", "low_space_hard": "64KiB"}})
    deny(broker, 300)  # enough for a hash tile
    wait_until(lambda: sealed_all(broker), 10, "a checkpoint")
    append_only(broker)
    deny(broker, 300)  # and for the next one, under the attributes
    wait_until(lambda: sealed_all(broker), 10, lambda: f"a checkpoint:\n{broker.log()[-2000:]}")
    assert len(list((broker.audit_dir / "tile").rglob("00[0-9]"))) >= 2
    forbidden((broker.audit_dir / "tile/0/000").unlink)
    callers = Callers(broker)
    callers.wait_for(20)
    live = newest_segment(broker)
    forbidden(os.truncate, live, 10)
    forbidden(live.unlink)
    forbidden(live.rename, live.with_suffix(".away"))
    forbidden(open, live, "r+b")
    forbidden(open, broker.audit_dir / "seg" / "00000001.jsonl", "ab")
    callers.wait_for(20)
    acked = callers.stop()
    assert broker.metrics()["certbroker_audit_faults_total"] == 0
    for how in (broker.kill, broker.stop):
        how()
        broker.start()
        append_only(broker)
        acked.add(assert_issued(broker.client().newcert()).serial)
    verify(broker)
    # Packing in place wants what is forbidden, and says so before it leaves anything behind.
    before = names(broker.audit_dir)
    done = broker.command("audit", "archive", "--audit", broker.audit_dir, "--older-than", "0s")
    assert done.returncode == 2 and "chattr" in done.stderr, done.stderr
    assert names(broker.audit_dir) == before
    done = broker.command("audit", "archive", "--audit", broker.audit_dir, "--older-than", "never",
                          "--to", to)
    assert done.returncode == 0, done.stderr
    verify(broker, to)
    broker.stop()
    assert acked <= set(AuditLog(broker.audit_dir, may_be_torn=False).issued())


def test_damaged_archive_stops_pruning(keeper, tmp_path):
    to = tmp_path / "archive"
    to.mkdir()
    audit(keeper, "archive", "--older-than", "0s", "--to", to)
    damaged = to / "seg" / "00000002.jsonl.zst"
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(bytes(data))
    done = audit(keeper, "prune", "--keep", "0s", "--archive", to, "--yes", ok=1)
    assert "00000002.jsonl.zst" in done.stderr
    assert len(names(keeper.audit_dir)) == 5
