"""rsyslog.py - a real rsyslogd that writes what it gets into a file, a line each:

    with Rsyslog(directory, tls=pki) as receiver:
        receiver.url, receiver.lines()
"""
import contextlib
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from waiting import wait_until

# %timestamp% is the record's own time.
TEMPLATE = ('template(name="flat" type="string" '
            'string="%pri%|%timegenerated:::date-rfc3339%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|'
            '%msgid%|%structured-data%|%msg%\\n")\n')


class Message:
    """One line of the receiver's file."""

    def __init__(self, line):
        fields = line.split("|", 7)
        self.pri, _, self.time, self.host, self.app, self.msgid, self.sd, self.text = fields


class Rsyslog:
    """kind: tcp, tls or unix. A second start uses the same port or path, like a service that is
    restarted."""

    def __init__(self, directory, kind="tcp", pki=None, client_ca=None, credential=None):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.kind, self.pki, self.client_ca, self.credential = kind, pki, client_ca, credential
        self.out = self.dir / "out"
        self.port_file = self.dir / "port"
        self.port = 0
        # A socket's path is short.
        self.socket_dir = tempfile.TemporaryDirectory(prefix="rsyslog-")
        self.socket = Path(self.socket_dir.name) / "log"
        self.process = None

    @property
    def url(self):
        if self.kind == "unix":
            return f"unix:{self.socket}"
        return f"{self.kind}://127.0.0.1:{self.port}"

    def _config(self):
        lines = [f'global(workDirectory="{self.dir}" maxMessageSize="64k"']
        if self.kind == "tls":
            credential = self.credential or self.pki.server
            lines.append(f'defaultNetstreamDriverCAFile="{self.client_ca or self.pki.client_ca}" '
                         f'defaultNetstreamDriverCertFile="{credential.pem}" '
                         f'defaultNetstreamDriverKeyFile="{credential.key}"')
        lines.append(")")
        if self.kind == "unix":
            lines.append('module(load="imuxsock" SysSock.Use="off")')
            lines.append(f'input(type="imuxsock" Socket="{self.socket}" UseSpecialParser="off" '
                         'ParseHostname="on" CreatePath="on" RateLimit.Interval="0")')
        else:
            tls = ""
            if self.kind == "tls":
                mode = "x509/certvalid" if self.client_ca else "anon"
                tls = f'StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{mode}"'
            lines.append(f'module(load="imtcp" {tls})')
            lines.append(f'input(type="imtcp" address="127.0.0.1" port="{self.port}" '
                         f'listenPortFileName="{self.port_file}")')
        lines.append(TEMPLATE)
        lines.append(f'action(type="omfile" file="{self.out}" template="flat" '
                     'flushOnTXEnd="on" asyncWriting="off")')
        return "\n".join(lines) + "\n"

    def start(self):
        if self.process is not None:
            return self
        config = self.dir / "rsyslog.conf"
        config.write_text(self._config())
        self.port_file.unlink(missing_ok=True)
        (self.dir / "pid").unlink(missing_ok=True)  # of one that was killed
        with open(self.dir / "rsyslogd.log", "ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/rsyslogd", "-n", "-f", str(config), "-i", str(self.dir / "pid")],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._is_up, 20, lambda: (self.dir / "rsyslogd.log").read_text())
        return self

    def _is_up(self):
        assert self.process.poll() is None, (self.dir / "rsyslogd.log").read_text()
        if self.kind == "unix":
            return self.socket.exists()
        if self.port:  # the file is written for ports that the kernel chose alone
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return True
            return False
        if self.port_file.exists() and self.port_file.read_text().strip():
            self.port = int(self.port_file.read_text())
            return True
        return False

    def kill(self):
        """As a power cut: what it had not written is lost."""
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def _end(self, how):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(20)
            self.process = None

    def lines(self):
        """Every message it has written, in order."""
        try:
            text = self.out.read_text()
        except FileNotFoundError:
            return []
        return [Message(line) for line in text.splitlines() if line.count("|") >= 7]

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()
        self.socket_dir.cleanup()
