"""The log cannot be written: nothing is issued, the answer is 503, and it comes back by itself.

Ways to break it: a volume that is full or nearly so (tmpfs, resized while it is mounted), a file size
limit in the middle of a line, calls that fail or hang (injected by strace), an ext4 that turns
read-only, and the live file taken away from under the writer.
"""
import contextlib
import os
import resource
import shutil
import subprocess
import threading
import time

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog, Broken
from faults import Callers, Ext4, Injection, Volume, newest_segment
from waiting import wait_until

@pytest.fixture
def volume(tmp_path):
    made = []

    def make(size_mib):
        try:
            made.append(Volume(tmp_path / "volume", size_mib))
        except (subprocess.CalledProcessError, FileNotFoundError):
            pytest.skip("tmpfs cannot be mounted here")
        return made[0]

    yield make
    for one in made:
        one.unmount()


@pytest.fixture
def ext4(tmp_path):
    made = []

    def make(size_mib=64):
        try:
            made.append(Ext4(tmp_path / "ext4", size_mib))
        except (subprocess.CalledProcessError, FileNotFoundError):
            pytest.skip("no ext4 can be mounted here")
        return made[0]

    yield make
    for one in made:
        one.unmount()


def is_ready(broker):
    return broker.operations("/readyz").status == 200


def assert_nothing_issued(broker, ca, client=None):
    before = len(ca.received)
    reply = (client or broker.client()).newcert()
    assert_refused(reply, "audit_unavailable")
    assert len(ca.received) == before
    return reply


# ---------------------------------------------------------------- space
@pytest.mark.root
def test_low_space_refuses_certificates_and_still_revokes(start, ca, volume):
    disk = volume(2048)
    broker = start(audit_dir=disk.path / "audit")
    serial = assert_issued(broker.client().newcert()).serial
    disk.resize(600)  # under the soft mark of 1 GiB, over the hard one of 64 MiB
    wait_until(lambda: broker.client().newcert().status == 503, 10, "low space to be noticed")
    assert_nothing_issued(broker, ca)
    assert broker.client().revoke(serial).status == 200
    disk.resize(2048)
    wait_until(lambda: broker.client().newcert().status == 200, 10, "space to be noticed")


@pytest.mark.root
def test_no_space_refuses_everything_and_comes_back(start, ca, volume):
    disk = volume(2048)
    broker = start(audit_dir=disk.path / "audit")
    serial = assert_issued(broker.client().newcert()).serial
    disk.resize(128)
    disk.fill()
    wait_until(lambda: broker.client().newcert().status == 503, 10, "the full disk to be noticed")
    assert_nothing_issued(broker, ca)
    assert_refused(broker.client().revoke(serial), "audit_unavailable")
    assert not ca.requests("revoke")
    assert not is_ready(broker) and broker.operations("/healthz").status == 200
    (disk.path / "filler").unlink()
    disk.resize(2048)
    wait_until(lambda: is_ready(broker), 15, "readiness to come back")
    assert broker.client().revoke(serial).status == 200
    assert_issued(broker.client().newcert())
    broker.stop()
    assert set(AuditLog(broker.audit_dir).issued()) == {one.serial for one in ca.issued}


@pytest.mark.root
def test_disk_that_fills_up_under_load_loses_no_acknowledged_record(start, ca, volume):
    """Marks switched off as far as they go: ENOSPC is met in the middle of the work."""
    disk = volume(48)
    broker = start(audit_dir=disk.path / "audit", config={"audit": {
        "segment_size": "1MiB", "low_space_soft": "64KiB", "low_space_hard": "64KiB"}})
    acked, stop = set(), threading.Event()

    def work():
        client = broker.client()
        while not stop.is_set():
            with contextlib.suppress(OSError):
                reply = client.newcert()
                if reply.status == 200:
                    acked.add(assert_issued_quickly(reply))
                else:
                    assert reply.reason in ("audit_unavailable", "busy"), reply

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        seen = len(acked)
        wait_until(lambda seen=seen: len(acked) > seen + 10, 20, "certificates")
        disk.fill()
        wait_until(lambda: broker.client().newcert().status == 503, 15, "the disk to be full")
        (disk.path / "filler").unlink()
        wait_until(lambda: is_ready(broker), 15, "readiness to come back")
    stop.set()
    for thread in threads:
        thread.join(20)
    broker.stop()
    log = AuditLog(broker.audit_dir)
    assert acked <= set(log.issued())
    # What the CA made is in the log, as issued or as an attempt whose outcome came too late.
    assert len(ca.issued) <= len(log.of_type("issue.attempt"))


def assert_issued_quickly(reply):
    import certs
    return certs.read(reply.result["certificate"]).serial


# ---------------------------------------------------------------- file size limit
@pytest.mark.root
def test_short_write_in_the_middle_of_a_line(start, ca):
    """EFBIG after a partial write: the torn bytes are void and a new segment goes on."""
    broker = start()
    assert_issued(broker.client().newcert())
    size = newest_segment(broker).stat().st_size
    limit = (size + 200, resource.RLIM_INFINITY)
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, limit)
    replies = [broker.client().newcert() for _ in range(3)]
    assert {reply.status for reply in replies} <= {200, 503}
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    wait_until(lambda: broker.client().newcert().status == 200, 10, "the log to go on")
    broker.stop()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    acked = {assert_issued_quickly(reply) for reply in replies if reply.status == 200}
    assert acked <= set(log.issued())
    assert len(log.segments) >= 2


# ---------------------------------------------------------------- fdatasync fails
@pytest.fixture
def inject():
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    running = []

    def start_it(broker, spec, **how):
        try:
            running.append(Injection(broker, spec, **how))
        except Injection.Refused:
            pytest.skip("strace cannot attach here")
        return running[-1]

    yield start_it
    for one in running:
        if one.process.poll() is None:
            one.stop()


@pytest.mark.root
def test_one_failed_fdatasync(start, ca, inject):
    """The file is never synced again; a new segment carries on and nobody notices more than that."""
    broker = start()
    assert_issued(broker.client().newcert())
    injection = inject(broker, "fdatasync:error=EIO:when=1")
    replies = [broker.client().newcert() for _ in range(3)]
    injection.stop()
    assert {reply.status for reply in replies} <= {200, 503}
    wait_until(lambda: broker.client().newcert().status == 200, 10, "the log to go on")
    assert broker.metrics()["certbroker_audit_faults_total"] >= 1
    broker.stop()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    acked = {assert_issued_quickly(reply) for reply in replies if reply.status == 200}
    assert acked <= set(log.issued())
    assert len(log.segments) >= 2 and log.of_type("audit.fault")


@pytest.mark.root
def test_fdatasync_that_always_fails(start, ca, inject):
    broker = start()
    assert_issued(broker.client().newcert())
    injection = inject(broker, "fdatasync:error=EIO:when=1+")
    client = broker.client()
    assert_refused(client.newcert(), "audit_unavailable")
    for _ in range(5):
        assert_nothing_issued(broker, ca, client)
    wait_until(lambda: not is_ready(broker), 10, "readiness to be gone")
    injection.stop()
    wait_until(lambda: is_ready(broker), 15, "readiness to come back")
    assert_issued(broker.client().newcert())
    broker.stop()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert set(log.issued()) == {one.serial for one in ca.issued}
    assert log.of_type("audit.recovered")


@pytest.mark.root
def test_failure_after_the_ca_has_issued(start, ca, inject):
    """The outcome cannot be written: no certificate leaves, the record comes later, and what nobody
    received is revoked."""
    broker = start()
    assert_issued(broker.client().newcert())
    replies = []
    with ca.hold() as held:
        thread = threading.Thread(target=lambda: replies.append(broker.client().newcert()))
        thread.start()
        held.wait(1)
        injection = inject(broker, "fdatasync:error=EIO:when=1+")
    thread.join(20)
    assert_refused(replies[0], "audit_unavailable")
    serial = ca.issued[-1].serial
    injection.stop()
    wait_until(lambda: ca.revocations(serial), 20, "the orphan to be revoked")
    broker.wait_for("issue.undelivered")
    broker.stop()
    AuditLog(broker.audit_dir, may_be_torn=False)


HANG_S = int(os.environ.get("CERTBROKER_HANG_SECONDS", "3"))


@pytest.mark.root
def test_disk_that_hangs(start, ca, inject):
    """A blocked device: 503 at once instead of a queue that only grows, and no answer is lost."""
    broker = start(config={"audit": {"stall": "500ms"}})
    assert_issued(broker.client().newcert())
    injection = inject(broker, f"fdatasync:delay_enter={HANG_S * 1000000}:when=1")
    callers = Callers(broker, patience_s=HANG_S + 20)
    wait_until(lambda: not is_ready(broker), 10, "readiness to be gone")
    for _ in range(5):
        start_s = time.monotonic()
        assert_refused(broker.client().newcert(), "audit_unavailable")
        assert time.monotonic() - start_s < 1
    callers.wait_for(1, HANG_S + 20)
    injection.stop()
    callers.wait_for(20)
    acked = callers.stop()
    assert callers.slowest_refusal_s < 1.5
    wait_until(lambda: is_ready(broker), 15, "readiness to come back")
    broker.stop()
    assert acked <= set(AuditLog(broker.audit_dir, may_be_torn=False).issued())


# ---------------------------------------------------------------- read-only
@pytest.mark.root
def test_file_system_that_turns_read_only(start, ca, ext4):
    """As ext4 does after an error. It stays so until it is repaired; then everything is there."""
    disk = ext4()
    broker = start(audit_dir=disk.path / "audit", config={
        "audit": {"low_space_soft": "64KiB", "low_space_hard": "64KiB"}})
    callers = Callers(broker)
    callers.wait_for(10)
    disk.break_it()
    callers.wait_for_refusal()
    wait_until(lambda: not is_ready(broker), 10, "readiness to be gone")
    acked = callers.stop()
    assert callers.slowest_refusal_s < 2
    assert_nothing_issued(broker, ca)
    assert broker.operations("/healthz").status == 200
    broker.kill()  # it would wait for its last outcome to be written
    disk.repair()
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert acked <= set(log.issued())
    assert {one.serial for one in ca.issued} <= set(log.issued()) | unknown_serials(log, ca)


def unknown_serials(log, ca):
    """What the CA made while its outcome could not be written: at most one for each unknown."""
    missing = {one.serial for one in ca.issued} - set(log.issued())
    assert len(missing) <= len(log.of_type("issue.unknown"))
    return missing


@pytest.mark.root
def test_read_only_for_a_while(start, ca, inject):
    """EROFS from everything that writes, and then no more: it comes back by itself."""
    broker = start()
    callers = Callers(broker)
    callers.wait_for(10)
    calls = ["write", "fdatasync", "fsync", "openat", "fallocate"]
    injection = inject(broker, f"{','.join(calls)}:error=EROFS", calls=calls)
    callers.wait_for_refusal()
    assert_nothing_issued(broker, ca)
    wait_until(lambda: not is_ready(broker), 10, "readiness to be gone")
    injection.stop()
    callers.wait_for(20)
    acked = callers.stop()
    assert callers.slowest_refusal_s < 2
    broker.stop()
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert acked <= set(log.issued())
    assert log.of_type("audit.recovered")


# ---------------------------------------------------------------- the live file
def remove(path):
    path.unlink()


def rename(path):
    path.rename(path.with_suffix(".away"))


def replace(path):
    copy = path.with_suffix(".copy")
    shutil.copy2(path, copy)
    with open(copy, "ab") as out:
        out.write(b'{"v":1,"seq":1}\n')
    copy.rename(path)


def truncate(path):
    os.truncate(path, 100)


def append(path):
    with open(path, "ab") as out:
        out.write(b"somebody was here\n")


@pytest.mark.parametrize("tamper", [remove, rename, replace, append, truncate],
                         ids=lambda one: one.__name__)
def test_live_file_is_tampered_with(start, ca, tamper, record_property):
    """Noticed within a second or so, and said; the log goes on in another file. What was acknowledged is
    all there, unless the bytes themselves were destroyed: then the log says so at the next start.
    If the sealer reads somebody else's bytes before ours are back, nothing more is issued until then."""
    broker = start()
    callers = Callers(broker)
    callers.wait_for(10)
    segment = newest_segment(broker)
    tamper(segment)
    start_s = time.monotonic()
    wait_until(lambda: broker.metrics()["certbroker_audit_faults_total"] >= 1, 10,
               "it to be noticed")
    noticed_s = time.monotonic() - start_s
    record_property("noticed_s", round(noticed_s, 3))
    assert noticed_s < 2
    is_foreign = tamper in (replace, truncate)
    wanted = len(callers.acked) + 10
    wait_until(lambda: len(callers.acked) >= wanted or (is_foreign and callers.refused), 20,
               "the log to go on")
    acked = callers.stop()
    assert callers.slowest_s < 3 and (is_ready(broker) or is_foreign)
    broker.wait_for("audit.fault")
    broker.stop()
    if tamper is truncate:
        with pytest.raises(Broken):
            AuditLog(broker.audit_dir, may_be_torn=False)
        broker.start(wait=False)
        assert broker.process.wait(10) != 0
        assert segment.name in broker.log() and "lost records" in broker.log()
        broker.process = None
        return
    log = AuditLog(broker.audit_dir, may_be_torn=False)
    assert acked <= set(log.issued())
    assert set(log.issued()) == {one.serial for one in ca.issued}
    faults = [one for one in log.of_type("audit.fault") if one["reason"] == "file"]
    assert len(faults) == 1 and segment.name in faults[0]["detail"]
    broker.start()
    assert_issued(broker.client().newcert())


# ---------------------------------------------------------------- the directory
def test_log_is_never_made_by_accident(start):
    """A missing volume must not look like a fresh log."""
    broker = start(start=False)
    broker.init_audit()
    shutil.rmtree(broker.audit_dir)
    broker.start(wait=False)
    assert broker.process.wait(10) != 0
    assert "no audit log" in broker.log() and "init" in broker.log()
    broker.process = None


def test_second_writer_is_refused(start, broker):
    second = start(audit_dir=broker.audit_dir, start=False)
    second.start(wait=False)
    assert second.process.wait(10) != 0
    second.process = None
    assert_issued(broker.client().newcert())


def test_init_does_not_overwrite(broker):
    done = broker.command("audit", "init", "--dir", broker.audit_dir, "--origin", "again",
                          "--key", broker.dir / "again.key")
    assert done.returncode != 0


def test_damage_in_the_middle_refuses_to_start(start):
    broker = start()
    for _ in range(3):
        assert_issued(broker.client().newcert())
    broker.stop()
    segment = newest_segment(broker)
    data = bytearray(segment.read_bytes())
    middle = data.index(b'"type":"issue.attempt"') + 9
    data[middle] ^= 1
    segment.write_bytes(bytes(data))
    with pytest.raises(Broken):
        AuditLog(broker.audit_dir, may_be_torn=False)
    broker.start(wait=False)
    assert broker.process.wait(10) != 0, "it started on a damaged log"
    assert segment.name in broker.log()
    broker.process = None


def test_torn_tail_is_void_and_kept(start):
    broker = start()
    assert_issued(broker.client().newcert())
    broker.kill()
    segment = newest_segment(broker)
    torn = b'{"v":1,"seq":9999,"d":9'
    with open(segment, "ab") as out:
        out.write(torn)
    broker.start()
    assert_issued(broker.client().newcert())
    broker.stop()
    assert segment.read_bytes().rstrip(b"\0").endswith(torn), "the evidence was removed"
    assert AuditLog(broker.audit_dir, may_be_torn=False).void_bytes == len(torn)


def test_files_are_not_for_others(broker):
    for path in [broker.audit_dir / "seg", *(broker.audit_dir / "seg").iterdir()]:
        assert path.stat().st_mode & 0o007 == 0, path
