"""postgres.py - a PostgreSQL server of the test's own: Debian's binaries, a fresh cluster in a temporary
directory, on a Unix socket alone, as a user that is not root."""
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from waiting import wait_until

# CFSSL's migrations for PostgreSQL: the first, and what the second adds.
SCHEMA = """
CREATE TABLE certificates (
  serial_number            bytea NOT NULL,
  authority_key_identifier bytea NOT NULL,
  ca_label                 bytea,
  status                   bytea NOT NULL,
  reason                   int,
  expiry                   timestamptz,
  revoked_at               timestamptz,
  pem                      bytea NOT NULL,
  PRIMARY KEY(serial_number, authority_key_identifier)
);
"""
SCHEMA_2 = """
ALTER TABLE certificates ADD COLUMN issued_at timestamptz;
ALTER TABLE certificates ADD COLUMN not_before timestamptz;
ALTER TABLE certificates ADD COLUMN metadata jsonb;
ALTER TABLE certificates ADD COLUMN sans jsonb;
ALTER TABLE certificates ADD COLUMN common_name text;
"""
READER, PASSWORD = "cfssl_reader", "reader-CANARY-5d1f"


def programs():
    """Where initdb and postgres are; None: not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def user():
    """Somebody else than root to run as; None: we are nobody special already."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    return None


class Postgres:
    """One running server. url: for the superuser; reader_url: for one who may only read."""

    def __init__(self):
        self.user = user()
        self.dir = Path(tempfile.mkdtemp(prefix="cbpg-", dir="/tmp"))  # a socket's path is short
        if self.user:
            shutil.chown(self.dir, self.user)
        self.dir.chmod(0o755)
        self.bin = programs()
        self._run("initdb", "-D", self.dir / "data", "-U", "test", "-A", "scram-sha-256",
                  "--auth-local=scram-sha-256", "--no-sync", "--no-instructions",
                  "--pwfile", self._password_file())
        self.process = subprocess.Popen(
            self._as_user(self.bin / "postgres", "-D", self.dir / "data", "-k", self.dir,
                          "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=16MB"),
            stdout=subprocess.DEVNULL, stderr=open(self.dir / "log", "wb"), cwd="/")
        wait_until(self._answers, 20, lambda: (self.dir / "log").read_text(errors="replace"))
        self.sql("CREATE DATABASE cfssl", database="postgres")
        self.sql(SCHEMA)
        self.sql(f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'; "
                 f"GRANT SELECT ON certificates TO {READER}")

    def url(self, who=READER):
        return f"postgresql://{who}@/cfssl?host={self.dir}"

    def _password_file(self):
        path = self.dir / "password"
        path.write_text(PASSWORD + "\n")
        path.chmod(0o644)
        return path

    def _as_user(self, *command):
        words = [str(word) for word in command]
        return ["runuser", "-u", self.user, "--", *words] if self.user else words

    def _run(self, program, *args):
        done = subprocess.run(self._as_user(self.bin / program, *args), capture_output=True,
                              text=True, check=False, cwd="/", timeout=60)
        assert done.returncode == 0, done.stderr

    def _answers(self):
        assert self.process.poll() is None, (self.dir / "log").read_text(errors="replace")
        return subprocess.run(["pg_isready", "-q", "-h", str(self.dir)], check=False).returncode == 0

    def sql(self, text, database="cfssl"):
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-U", "test",
                               "-h", str(self.dir), "-d", database], input=text, text=True,
                              capture_output=True, check=False, timeout=60,
                              env={**os.environ, "PGPASSWORD": PASSWORD})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def dump(self, path):
        self.sql(f"\\copy certificates to '{path}' csv header")

    def fill(self, rows):
        """rows: of CFSSL's table in SQLite, in the order of SCHEMA's columns."""
        def literal(value):
            text = value.decode() if isinstance(value, bytes) else value
            return "NULL" if text is None else str(text) if isinstance(text, int) else \
                "'" + str(text).replace("'", "''") + "'"
        self.sql("TRUNCATE certificates;\n" + "\n".join(
            f"INSERT INTO certificates VALUES ({', '.join(map(literal, row))});" for row in rows))

    def stop(self):
        if self.process.poll() is None:
            # runuser passes a signal on to the server, which then ends its sessions.
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
