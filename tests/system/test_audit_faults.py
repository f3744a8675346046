"""The log cannot be written: nothing is issued, the answer is 503, and it comes back by itself.

Three ways to break it: a volume that is full or nearly so (tmpfs, resized while it is mounted), a
file size limit in the middle of a line, and fdatasync that fails (injected by strace).
"""
import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import threading

import pytest

from assertions import assert_issued, assert_refused
from auditlog import AuditLog, Broken
from waiting import wait_until

MIB = 1 << 20


class Volume:
    """A tmpfs whose size can be changed while it is in use. Pages are taken only as written."""

    def __init__(self, path, size_mib):
        self.path = path
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "tmpfs", path],
                       check=True)

    def resize(self, size_mib):
        subprocess.run(["mount", "-o", f"remount,size={size_mib}m", self.path], check=True)

    def free_mib(self):
        stat = os.statvfs(self.path)
        return stat.f_bavail * stat.f_frsize // MIB

    def fill(self):
        """Leave nothing."""
        with open(self.path / "filler", "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"\0" * 65536)
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"\0")

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], check=False)


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
def newest_segment(broker):
    return max((path for path in (broker.audit_dir / "seg").glob("*.jsonl")
                if path.stat().st_size), key=lambda path: path.name)


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
class Injection:
    """strace on a running broker, making one system call fail on files of the audit log."""

    def __init__(self, broker, spec):
        paths = []
        newest = int(newest_segment(broker).stem)
        for number in range(newest, newest + 40):
            paths += ["-P", str(broker.audit_dir / "seg" / f"{number:08d}.jsonl")]
        call = spec.partition(":")[0]
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(broker.pid), *paths, "-e",
             f"trace={call}", "-e", f"inject={spec}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.is_attached(broker.pid), 10, "strace to be attached")

    def is_attached(self, pid):
        if self.process.poll() is not None:
            pytest.skip("strace cannot attach here")
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as status:
                if not re.search(rf"TracerPid:\t{self.process.pid}\b", status.read()):
                    return False
        return True

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


@pytest.fixture
def inject():
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    running = []

    def start_it(broker, spec):
        running.append(Injection(broker, spec))
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


@pytest.mark.root
def test_disk_that_hangs(start, ca, inject):
    """A blocked device: 503 at once instead of a queue that only grows."""
    broker = start(config={"audit": {"stall": "500ms"}})
    assert_issued(broker.client().newcert())
    injection = inject(broker, "fdatasync:delay_enter=4000000:when=1")
    threads = [threading.Thread(target=broker.client().newcert) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: not is_ready(broker), 10, "readiness to be gone")
    assert_refused(broker.client().newcert(), "audit_unavailable")
    for thread in threads:
        thread.join(20)
    injection.stop()
    wait_until(lambda: is_ready(broker), 15, "readiness to come back")
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


def test_segment_that_is_removed_is_noticed(start):
    broker = start()
    assert_issued(broker.client().newcert())
    newest_segment(broker).unlink()
    wait_until(lambda: (broker.client().newcert().status,
                        broker.metrics()["certbroker_audit_faults_total"])[1] >= 1, 10,
               "the removal to be noticed")


def test_files_are_not_for_others(broker):
    for path in [broker.audit_dir / "seg", *(broker.audit_dir / "seg").iterdir()]:
        assert path.stat().st_mode & 0o007 == 0, path
