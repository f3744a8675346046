"""faults.py - ways to break the disk under a broker's audit log, and callers who keep asking meanwhile.

    Volume, Ext4           file systems of their own, that fill up, turn read-only, know chattr
    Injection              strace on a running broker: a system call that fails or waits
    Callers                what they were given, and how long every answer took
"""
import contextlib
import functools
import os
import re
import signal
import subprocess
import threading
import time

import certs
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


class Ext4:
    """A real ext4 in a file. It has no journal, so that nothing of it outlives the test."""

    def __init__(self, path, size_mib):
        self.path, self.image = path, path.with_suffix(".img")
        path.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(size_mib * MIB)
        subprocess.run(["mkfs.ext4", "-q", "-O", "^has_journal", self.image], check=True)
        self.mount()

    def mount(self):
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.image, self.path], check=True,
                       capture_output=True)

    def break_it(self):
        """What a metadata error does: from now on it is read-only."""
        device = subprocess.run(["findmnt", "-no", "SOURCE", self.path], check=True, text=True,
                                capture_output=True).stdout.strip()
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as trigger:
            trigger.write("1")

    def repair(self):
        """Nobody may have anything open on it."""
        subprocess.run(["umount", self.path], check=True)
        subprocess.run(["fsck.ext4", "-p", "-f", self.image], check=False, capture_output=True)
        self.mount()

    def unmount(self):
        subprocess.run(["chattr", "-R", "-a", "-i", self.path], check=False, capture_output=True)
        subprocess.run(["umount", "-l", self.path], check=False)


def newest_segment(broker):
    return max((path for path in (broker.audit_dir / "seg").glob("*.jsonl")
                if path.stat().st_size), key=lambda path: path.name)


class Injection:
    """strace on a running broker, making one system call fail on files of the audit log. Attached when
    the constructor returns; Refused if strace may not."""

    class Refused(Exception):
        pass

    def __init__(self, broker, spec, calls=None, directories=False):
        paths = []
        newest = int(newest_segment(broker).stem)
        for number in range(newest, newest + 40):
            paths += ["-P", str(broker.audit_dir / "seg" / f"{number:08d}.jsonl")]
        if directories:
            paths += ["-P", str(broker.audit_dir / "seg")]
        calls = calls or [spec.partition(":")[0]]
        self.process = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(broker.pid), *paths, "-e",
             f"trace={','.join(calls)}", "-e", f"inject={spec}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.is_attached(broker.pid), 10, "strace to be attached")

    def is_attached(self, pid):
        if self.process.poll() is not None:
            raise self.Refused
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status") as status:
                if not re.search(rf"TracerPid:\t{self.process.pid}\b", status.read()):
                    return False
        return True

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


class Callers:
    """Clients that ask for certificates as fast as they can, until told to stop."""

    def __init__(self, broker, num=4, patience_s=20):
        self.broker, self.patience_s = broker, patience_s
        self.acked, self.refused = set(), []
        self.slowest_refusal_s = self.slowest_s = 0.0
        self.wrong = []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(number,)) for number in range(num)]
        for thread in self.threads:
            thread.start()

    def _work(self, number):
        client = self.broker.client()
        client.connect = functools.partial(client.connect, self.patience_s)
        while not self.stopping.is_set():
            start = time.monotonic()
            try:
                reply = client.newcert(f"c{number}.pods.acme.internal")
            except OSError as why:
                self.wrong.append(why)
                return
            took = time.monotonic() - start
            self.slowest_s = max(self.slowest_s, took)
            if reply.status == 200:
                self.acked.add(certs.read(reply.result["certificate"]).serial)
            else:
                self.slowest_refusal_s = max(self.slowest_refusal_s, took)
                self.refused.append(reply.reason)
                if reply.reason not in ("audit_unavailable", "busy"):
                    self.wrong.append(reply)
                self.stopping.wait(0.02)  # a caller that is refused does not come back at once

    def wait_for(self, more, timeout=20):
        """So many certificates more."""
        goal = len(self.acked) + more
        wait_until(lambda: len(self.acked) >= goal or self.wrong, timeout, "certificates")

    def wait_for_refusal(self, timeout=20):
        before = len(self.refused)
        wait_until(lambda: len(self.refused) > before or self.wrong, timeout, "a refusal")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(self.patience_s + 20)
            assert not thread.is_alive(), "a caller hangs"
        assert not self.wrong, self.wrong[:3]
        return self.acked
