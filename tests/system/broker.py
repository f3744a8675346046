"""broker.py - one certbroker process with its own directory, configuration, policy and audit log.

    with Broker(tmp_path, pki, ca) as broker:
        reply = broker.client("alice").newcert("ms1.acme.internal")
        broker.audit().issued()

Ports come from the kernel (the configuration says port 0 and the log says which it became).
Nothing here sleeps for a length of time: every wait is for a condition, with a bound.
"""
import contextlib
import copy
import hashlib
import os
import re
import signal
import subprocess
from pathlib import Path

from auditlog import AuditLog
from client import Client, Closed, Connection, tls_context
from pki import ALICE_URI, BOB_URI, CAROL_DNS, DAVE_CN, write
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("CERTBROKER", ROOT / ".build/release/certbroker")).resolve()
ROBOT_TOKEN = "robot-token-CANARY-8c1f0e6a5b"
OLD_TOKEN = "old-token-CANARY-77aa01"
LISTEN = re.compile(r"\blisten: (tls|plain|operations) (\S+):(\d+)")
SANITIZER = re.compile(r"ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|"
                       r"ERROR: LeakSanitizer|check failed|SUMMARY: \w+Sanitizer")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


# ---------------------------------------------------------------- YAML
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*\Z")


def yaml(value, indent=0):
    """Block YAML of dicts, lists, strings, numbers and booleans, in the strict subset."""
    pad = "  " * indent
    if isinstance(value, dict):
        if not value:
            return " {}\n"
        return "\n" + "".join(f"{pad}{key}:{yaml(item, indent + 1)}"
                              for key, item in value.items() if item is not None)
    if isinstance(value, list):
        if not value:
            return " []\n"
        out = "\n"
        for item in value:
            text = yaml(item, indent + 1)
            out += f"{pad}- {text.lstrip()}" if not text.startswith(" {") else f"{pad}-{text}"
        return out
    return f" {scalar(value)}\n"


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if isinstance(value, int) or PLAIN.match(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# ---------------------------------------------------------------- what tests start from
def standard_policy(pki):
    """Five clients, each known in another way, and rules that tests change as they need."""
    server = {
        "names": {"dns": ["ms1.acme.internal", "ms2.acme.internal", "*.pods.acme.internal"],
                  "ip": ["10.20.0.0/16", "fd00:20::/32"]},
        "common_name": "in_names",
        "subject": {"C": ["NL"], "ST": ["North-Holland"], "L": ["Amsterdam"],
                    "O": ["ACME Inc.", "ACME"]},
        "keys": {"ecdsa": [256, 384], "rsa": {"min": 2048, "max": 3072}},
        "profiles": ["default", "server", "short"],
        "max_names": 5, "max_validity": "720h", "revoke": "own"}
    return {
        "version": 1,
        "clients": {
            "alice": {"description": "Payments", "auth": [{"mtls": {"uri": ALICE_URI}}]},
            "bob": {"auth": [{"mtls": {"uri": BOB_URI}}]},
            "carol": {"auth": [{"mtls": {"dns": CAROL_DNS}}]},
            "dave": {"auth": [{"mtls": {"cn": DAVE_CN}}]},
            "erin": {"auth": [{"mtls": {"spki": pki.erin.spki_sha256}}]},
            "robot": {"auth": [{"bearer": {"sha256": sha256(ROBOT_TOKEN),
                                           "expires": "2099-12-31"}},
                               {"bearer": {"sha256": sha256(OLD_TOKEN),
                                           "expires": "2020-01-01"}}]},
        },
        "rules": [
            {"id": "alice-server", "owner": "payments-team@acme.example", "ticket": "SEC-1042",
             "clients": ["alice"], "actions": ["newcert", "revoke", "info"], **server},
            {"id": "others-server", "clients": ["bob", "carol", "dave", "erin", "robot"],
             "actions": ["newcert", "revoke", "info"],
             **{**server, "names": {"dns": ["ms2.acme.internal", "*.shop.acme.internal"]}}},
            {"id": "never-admin", "effect": "deny",
             "names": {"dns": ["admin.pods.acme.internal", "acme.internal"]}},
        ],
    }


def standard_config(pki, ca):
    usages = {"usages": ["signing", "key encipherment", "server auth"]}
    return {
        "version": 1,
        "listen": [{"tls": "127.0.0.1:0"}],
        "operations": "127.0.0.1:0",
        "tls": {"certificate": str(pki.server.pem), "key": str(pki.server.key),
                "client_ca": str(pki.client_ca)},
        "policy": "policy.yaml",
        "audit": {"directory": "audit", "key": "audit.key"},
        "index": "issued.sqlite",
        "ca": {
            "upstreams": [{"url": ca.url}],
            "allow_http": True,
            "issuer": str(ca.file),
            "aki": "auto",
            "timeout": "25s",
            "connect_timeout": "3s",
            "max_in_flight": 4,
            "queue": 512,
            "queue_timeout": "10s",
            "profiles": {"default": usages, "server": usages, "short": usages,
                         "client": {"usages": ["signing", "client auth"]}},
        },
        "undelivered": "revoke",
        "limits": {"refused_per_minute": 1000000},
        "workers": 2,
        "log": {"format": "text", "level": "info"},
    }


def merge(base, change):
    """base with change laid over it; None removes a key."""
    out = copy.copy(base)
    for key, value in (change or {}).items():
        if isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merge(out[key], value)
        else:
            out[key] = value
    return out


# ---------------------------------------------------------------- the process
class Broker:
    """See the top of this file. config: laid over the standard one. policy: replaces the standard
    one (a dict or YAML text). wrap: a command to put in front (strace, prlimit)."""

    def __init__(self, directory, pki, ca, config=None, policy=None, wrap=(), env=None,
                 audit_dir=None, start=True):
        self.dir = Path(directory) / "broker"
        self.dir.mkdir(parents=True, exist_ok=True)
        self.pki, self.ca = pki, ca
        self.config = merge(standard_config(pki, ca), config)
        if audit_dir:
            self.config["audit"] = {**self.config["audit"], "directory": str(audit_dir),
                                    "key": str(Path(audit_dir).parent / "audit.key")}
        self.audit_dir = self.dir / self.config["audit"]["directory"]
        self.audit_key = self.dir / self.config["audit"]["key"]
        self.file = self.dir / "certbroker.yaml"
        self.policy_file = self.dir / "policy.yaml"
        self.stderr_file = self.dir / "stderr.log"
        self.wrap, self.env = list(wrap), dict(env or {})
        self.process = None
        self.addresses = {}
        self._log_from = 0
        self.write_config()
        self.write_policy(policy or standard_policy(pki))
        if start:
            self.init_audit()
            self.start()

    # ---- files
    def write_config(self, change=None):
        self.config = merge(self.config, change)
        write(self.file, yaml(self.config).lstrip("\n"), 0o600)

    def write_policy(self, policy):
        self.policy = policy
        text = policy if isinstance(policy, str) else yaml(policy).lstrip("\n")
        write(self.policy_file, text, 0o600)

    # ---- running it
    def command(self, *args, **how):
        """Run another verb of the same binary; the finished process."""
        how.setdefault("timeout", 30)
        return subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True,
                              cwd=self.dir, check=False, **how)

    def check(self):
        return self.command("check", "-c", self.file)

    def init_audit(self):
        """Create log and key; what it printed, whose last line is the verifier key."""
        done = self.command("audit", "init", "--dir", self.audit_dir, "--origin", "test/broker",
                            "--key", self.audit_key)
        assert done.returncode == 0, done.stderr
        self.vkey = done.stdout.splitlines()[-1]
        return done.stdout

    def start(self, wait=True):
        self.addresses = {}
        with open(self.stderr_file, "ab") as log:
            self._log_from = log.tell()
            self.process = subprocess.Popen(
                [*self.wrap, str(BINARY), "serve", "-c", str(self.file)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, cwd=self.dir, env={**os.environ, **self.env})
        if wait:
            wait_until(self._is_up, 20, lambda: f"the broker to be ready:\n{self.log()}")
        return self

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the broker ended with {self.process.returncode}:\n{self.log()}")
        self.find_addresses()
        return "operations" in self.addresses and self.is_ready()

    def find_addresses(self):
        for kind, host, port in LISTEN.findall(self.log(this_run=True)):
            self.addresses[kind] = (host.strip("[]"), int(port))
        return self.addresses

    @property
    def pid(self):
        return self.process.pid

    def stop(self, timeout=15):
        """SIGTERM, and the exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM did not end the broker:\n{self.log()}") from None
        self.process = None
        return code

    def kill(self):
        """SIGKILL: what a power cut is to a process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def hup(self):
        self.process.send_signal(signal.SIGHUP)

    def reload(self, wanted="policy.load"):
        """SIGHUP, and wait until the audit log and then the log say how it went (policy.load or
        policy.reject) and the workers have taken it over. With one worker that is certain when one
        more request was answered; with more of them it takes a moment longer."""
        before, told = self.count(wanted), self.reloads_told()
        self.hup()
        wait_until(lambda: self.count(wanted) > before, 10,
                   lambda: f"{wanted} after SIGHUP:\n{self.log()}")
        wait_until(lambda: self.reloads_told() > told, 10, "the log to speak of it")
        with contextlib.suppress(Closed, OSError):
            self.client(None).get("/api/v1/cfssl/health")

    def reloads_told(self):
        return len(re.findall(r"\breload\.(?:done|refused)\b", self.log(this_run=True)))

    # ---- what it says
    def log(self, this_run=False):
        try:
            data = self.stderr_file.read_bytes()
        except FileNotFoundError:
            return ""
        return data[self._log_from if this_run else 0:].decode(errors="replace")

    def audit(self, **how):
        return AuditLog(self.audit_dir, **how)

    def count(self, kind):
        """How often this record type stands in the log, without verifying it: for polling."""
        needle = f'"type":"{kind}"'.encode()
        return sum(path.read_bytes().count(needle)
                   for path in (self.audit_dir / "seg").glob("*.jsonl"))

    def wait_for(self, kind, count=1, timeout=10):
        wait_until(lambda: self.count(kind) >= count, timeout,
                   lambda: f"{count} x {kind}, there are {self.count(kind)}:\n{self.log()[-3000:]}")

    def outcome(self, reply):
        """The last record of the request that got this reply."""
        records = self.audit().of_request(reply.request_id)
        assert records, f"no record of {reply!r}"
        return records[-1]

    # ---- talking to it
    def operations(self, path):
        with Connection(self.addresses["operations"], timeout=5) as conn:
            conn.request("GET", path, headers={"Connection": "close"})
            return conn.read_reply()

    def is_ready(self):
        try:
            return self.operations("/readyz").status == 200
        except OSError:
            return False

    def metrics(self):
        """{'name{labels}': value}"""
        reply = self.operations("/metrics")
        assert reply.status == 200, reply
        found = {}
        for line in reply.body.decode().splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.rpartition(" ")
                found[key] = float(value)
        return found

    def tls(self, who="alice", change=None):
        credential = getattr(self.pki, who) if isinstance(who, str) else who
        return tls_context(self.pki.server_ca, credential, change)

    def client(self, who="alice", headers=None, change=None):
        """A caller with this client certificate (None: without one)."""
        return Client(self.addresses["tls"], self.tls(who, change), headers)

    def bearer(self, token=ROBOT_TOKEN, who=None):
        return self.client(who, {"Authorization": f"Bearer {token}"})

    def connect(self, who="alice"):
        return self.client(who).connect()

    # ---- with
    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        try:
            code = self.stop() if self.process is not None else 0
            if kind is None:
                assert code in (0, None), f"exit code {code}:\n{self.log()[-4000:]}"
        finally:
            self.kill()
        found = SANITIZER.search(self.log())
        assert not found, f"{found.group(0)}:\n{self.log()[-6000:]}"
