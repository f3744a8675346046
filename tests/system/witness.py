"""witness.py - one `certbroker witness serve` process with its own directory and configuration.

    with Witness(tmp_path, {"test/log": [vkey]}) as witness:
        status, headers, body = witness.post(body)
"""
import hashlib
import http.client
import os
import re
import signal
import ssl
import subprocess
from pathlib import Path

import broker as broker_module
from broker import SANITIZER, yaml
from notes import Note, NoteKey, b64
from pki import write
from waiting import wait_until

NOBODY = NoteKey("nobody", seed=bytes(32)).vkey
LISTEN = re.compile(r"\blisten: (?:tls|plain) (\S+):(\d+)")


def add_body(old, proof, checkpoint):
    return f"old {old}\n" + "".join(b64(node) + "\n" for node in proof) + "\n" + checkpoint


class Witness:
    """pki: with TLS under its server CA. wrap: a command to put in front (strace). port: the same as
    before, for one that comes back."""

    def __init__(self, directory, logs=None, name="witness.test/w1", pki=None, wrap=(), env=None,
                 start=True):
        self.dir = Path(directory) / ("witness-" + name.replace("/", "-"))
        self.dir.mkdir(parents=True)
        self.logs, self.name, self.pki = dict(logs or {}), name, pki
        self.wrap, self.env = list(wrap), dict(env or {})
        self.state = self.dir / "state"
        self.file = self.dir / "certbroker-witness.yaml"
        self.stderr_file = self.dir / "stderr.log"
        self.process, self.port, self._asked_port, self._log_from = None, 0, 0, 0
        done = self.command("init", "--dir", self.state, "--name", name)
        assert done.returncode == 0, done.stderr
        self.vkey = done.stdout.strip()
        if start:
            self.start()

    def command(self, *args):
        return subprocess.run([str(broker_module.BINARY), "witness", *map(str, args)],
                              capture_output=True, text=True, check=False, timeout=30)

    # ---- running it
    def write_config(self):
        kind = "tls" if self.pki else "plain"
        config = {"version": 1, "listen": {kind: f"127.0.0.1:{self._asked_port}"},
                  "directory": "state", "log": {"level": "debug"},
                  "logs": [{"origin": origin, "keys": keys} for origin, keys in
                           (self.logs or {"nobody": [NOBODY]}).items()]}
        if self.pki:
            config["tls"] = {"certificate": str(self.pki.server.pem),
                             "key": str(self.pki.server.key)}
        write(self.file, yaml(config).lstrip("\n"), 0o600)

    def start(self, wait=True):
        self._asked_port = self.port  # the one it had, if it ran before
        self.write_config()
        with open(self.stderr_file, "ab") as log:
            self._log_from = log.tell()
            self.process = subprocess.Popen(
                [*self.wrap, str(broker_module.BINARY), "witness", "serve", "-c", str(self.file)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                env={**os.environ, **self.env})
        if wait:
            wait_until(self._is_up, 20, lambda: f"the witness to be ready:\n{self.log()}")
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the witness ended with {self.process.returncode}:\n{self.log()}")
        found = LISTEN.search(self.log(this_run=True))
        if found:
            self.port = int(found.group(2))
        return found and "ready:" in self.log(this_run=True)

    def stop(self):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(15)
        self.process = None
        return code

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def allow(self, origin, *vkeys):
        """Know this log by these keys from now on, by SIGHUP if it runs."""
        self.logs[origin] = list(vkeys)
        if self.process is None:
            return
        told = self.log().count("reload.done")
        self.write_config()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count("reload.done") > told, 10, self.log)

    def log(self, this_run=False):
        data = self.stderr_file.read_bytes() if self.stderr_file.exists() else b""
        return data[self._log_from if this_run else 0:].decode(errors="replace")

    # ---- talking to it
    @property
    def url(self):
        return f"{'https' if self.pki else 'http'}://127.0.0.1:{self.port}"

    def request(self, method, path, body=None):
        if self.pki:
            conn = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=20,
                context=ssl.create_default_context(cafile=str(self.pki.server_ca)))
        else:
            conn = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            conn.request(method, path, body)
            reply = conn.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read().decode()
        finally:
            conn.close()

    def post(self, body):
        return self.request("POST", "/add-checkpoint", body.encode())

    def seen(self, origin):
        """The newest note of this log; None: there is none."""
        path = "/" + hashlib.sha256(origin.encode()).hexdigest() + "/checkpoint"
        status, _, body = self.request("GET", path)
        assert status in (200, 404), (status, body)
        return Note(body) if status == 200 else None

    # ---- in a broker's configuration
    def entry(self, **more):
        made = {"url": self.url, "key": self.vkey, **more}
        if self.pki:
            made["ca"] = str(self.pki.server_ca)
        return made

    def __enter__(self):
        return self

    def __exit__(self, *_):
        code = self.stop()
        assert code in (0, None), self.log()
        assert not SANITIZER.search(self.log()), self.log()
