"""cfssl.py - the real thing: Debian's `cfssl serve` with a sqlite certificate database."""
import json
import shutil
import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request

import certs
from waiting import wait_until

# The tables as CFSSL's own sqlite migrations make them.
SCHEMA = """
CREATE TABLE certificates (
  serial_number            blob NOT NULL,
  authority_key_identifier blob NOT NULL,
  ca_label                 blob,
  status                   blob NOT NULL,
  reason                   int,
  expiry                   timestamp,
  revoked_at               timestamp,
  pem                      blob NOT NULL,
  PRIMARY KEY(serial_number, authority_key_identifier)
);
CREATE TABLE ocsp_responses (
  serial_number            blob NOT NULL,
  authority_key_identifier blob NOT NULL,
  body                     blob NOT NULL,
  expiry                   timestamp,
  PRIMARY KEY(serial_number, authority_key_identifier),
  FOREIGN KEY(serial_number, authority_key_identifier)
    REFERENCES certificates(serial_number, authority_key_identifier)
);
"""
SERVER_USAGES = ["signing", "key encipherment", "server auth"]
PROFILES = {
    "server": {"usages": SERVER_USAGES, "expiry": "720h"},
    "client": {"usages": ["signing", "client auth"], "expiry": "24h"},
    "short": {"usages": SERVER_USAGES, "expiry": "1h"},
    "intermediate": {"usages": ["cert sign", "crl sign"], "expiry": "8760h",
                     "ca_constraint": {"is_ca": True, "max_path_len": 0,
                                       "max_path_len_zero": True}},
}


def is_installed():
    return shutil.which("cfssl") is not None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Cfssl:
    """One running `cfssl serve`. Files: issuer.pem (the CA), certs.db, cfssl.log."""

    def __init__(self, directory):
        self.dir = directory
        self.dir.mkdir(parents=True, exist_ok=True)
        self.root = certs.issue([("C", "NL"), ("O", "ACME Inc."), ("CN", "CFSSL CA")], ca=True,
                                usages=["cert sign", "crl sign"], days=3650)
        self.file = self.dir / "issuer.pem"
        self.file.write_text(self.root.pem)
        (self.dir / "issuer.key").write_text(self.root.key_pem)
        config = {"signing": {"default": PROFILES["server"], "profiles": PROFILES}}
        (self.dir / "config.json").write_text(json.dumps(config))
        (self.dir / "db.json").write_text(json.dumps(
            {"driver": "sqlite3", "data_source": str(self.dir / "certs.db")}))
        with sqlite3.connect(self.dir / "certs.db") as db:
            db.executescript(SCHEMA)
        self.process = None
        self._start()

    def _start(self):
        for _ in range(3):  # somebody may take the port between looking and using it
            self.port = free_port()
            self.url = f"http://127.0.0.1:{self.port}"
            with open(self.dir / "cfssl.log", "ab") as log:
                self.process = subprocess.Popen(
                    ["cfssl", "serve", "-address=127.0.0.1", f"-port={self.port}",
                     "-ca=issuer.pem", "-ca-key=issuer.key", "-config=config.json",
                     "-db-config=db.json"], cwd=self.dir, stdout=log, stderr=log)
            wait_until(lambda: self._answers() or self.process.poll() is not None, 20,
                       "cfssl serve to answer")
            if self.process.poll() is None:
                return
        raise RuntimeError("cfssl serve does not start:\n" + self.log())

    def _answers(self):
        try:
            return self.post("info", {})["success"]
        except (OSError, urllib.error.URLError, ValueError):
            return False

    def post(self, endpoint, body):
        """Ask the CA directly, as nobody but the broker should be able to."""
        request = urllib.request.Request(f"{self.url}/api/v1/cfssl/{endpoint}",
                                         json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as failure:
            return json.load(failure)

    def log(self):
        return (self.dir / "cfssl.log").read_text(errors="replace")

    def rows(self):
        """{serial: (status, reason, revoked_at, pem)} of the certificate database."""
        with sqlite3.connect(self.dir / "certs.db", timeout=30) as db:
            found = db.execute(
                "SELECT serial_number, status, reason, revoked_at, pem FROM certificates")

            def text(value):
                return value.decode() if isinstance(value, bytes) else value
            return {int(text(row[0])): tuple(map(text, row[1:])) for row in found}

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
