"""fake_ca.py - a CA that speaks CFSSL's HTTP API, really signs, and misbehaves on request.

It runs in threads of the test process, so a test sets a fault, sends a request to the broker, and
then reads here what the CA received, issued and revoked. Every request that arrived completely is
recorded, whatever the answer was: that is how tests prove that nothing was sent twice, or at all.

    ca.fail("hang")                  the next newcert hangs
    ca.fail("wrong_san", times=3)    the next three get a certificate for somebody else
    ca.fail("hang", endpoint="revoke")
    ca.always("close_reused")        until ca.always(None)
    with ca.hold() as held: ...      newcerts arrive and wait until the block ends

See FAULTS for the list.
"""
import contextlib
import datetime
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field

import certs
from ec import CURVES, EcKey
from waiting import wait_until

API = "/api/v1/cfssl/"
PROFILES = {
    "default": (["signing", "key encipherment", "server auth"], 720),
    "server": (["signing", "key encipherment", "server auth"], 720),
    "client": (["signing", "client auth"], 24),
    "short": (["signing", "key encipherment", "server auth"], 1),
}
# CFSSL's order of the subject; the common name comes before the serial number.
SUBJECT_ORDER = ["C", "ST", "L", "O", "OU"]


# ---------------------------------------------------------------- what a fault does
# Faults of the certificate: keywords that replace what would have been given to certs.issue.
def _other_root(ca):
    return certs.issue(ca.root.subject, ca=True, usages=["cert sign", "crl sign"], days=3650)


CERTIFICATE_FAULTS = {
    "wrong_san": lambda ca, how: {"sans": ["evil.acme.internal"]},
    "extra_san": lambda ca, how: {"sans": how["sans"] + ["evil.acme.internal"]},
    "missing_san": lambda ca, how: {"sans": how["sans"][1:]},
    "no_san": lambda ca, how: {"sans": []},
    "uri_san": lambda ca, how: {"sans": how["sans"] + ["spiffe://acme.internal/admin"]},
    "san_as_other_type": lambda ca, how: {"sans": [("uri", text) for text in how["sans"]]},
    "nul_in_san": lambda ca, how: {"sans": [("dns", how["sans"][0].encode() + b"\0.evil")]},
    "ca_true": lambda ca, how: {"ca": True},
    "too_long": lambda ca, how: {"hours": 24 * 3650},
    "expired": lambda ca, how: {"not_before": certs.now() - datetime.timedelta(days=3),
                                "not_after": certs.now() - datetime.timedelta(days=2)},
    "from_tomorrow": lambda ca, how: {"not_before": certs.now() + datetime.timedelta(days=1)},
    "wrong_eku": lambda ca, how: {"usages": ["signing", "key encipherment", "client auth"]},
    "extra_eku": lambda ca, how: {"usages": how["usages"] + ["client auth"]},
    "no_eku": lambda ca, how: {"usages": ["signing", "key encipherment"]},
    "wrong_ku": lambda ca, how: {"usages": how["usages"] + ["cert sign"]},
    "other_issuer": lambda ca, how: {"issuer": _other_root(ca)},
    "other_issuer_name": lambda ca, how: {"claimed_issuer": certs.name(("CN", "Evil CA"))},
    "forged_signature": lambda ca, how: {"signer": EcKey()},
    "wrong_cn": lambda ca, how: {"subject": [("CN", "evil.acme.internal")]},
    "endless_cn": lambda ca, how: {"subject": [("CN", "\u00e9" * 3000)]},
    "extra_subject": lambda ca, how: {"subject": how["subject"] + [("O", "system:masters")]},
    "version_1": lambda ca, how: {"version": 1, "exts": []},
    "repeated_san": lambda ca, how: {"extra": [certs.extension(
        "2.5.29.17", certs.der.seq(certs.general_name("evil.acme.internal")))]},
    "unknown_critical": lambda ca, how: {"extra": [certs.extension(
        "1.3.6.1.4.1.99999.1", b"\x05\x00", True)]},
    "weak_key": lambda ca, how: {"key": certs.RsaKey(1024)},
    "other_key_type": lambda ca, how: {"key": EcKey(CURVES[384])},
}
# Faults of the result member, the certificate being sound.
RESULT_FAULTS = {
    "other_key": lambda r: r.update(private_key=certs.key_pem(EcKey())),
    "no_key": lambda r: r.update(private_key=""),
    "no_certificate": lambda r: r.pop("certificate"),
    "empty_certificate": lambda r: r.update(certificate=""),
    "garbage_certificate": lambda r: r.update(
        certificate="-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    "two_certificates": lambda r: r.update(certificate=r["certificate"] * 2),
    "certificate_is_number": lambda r: r.update(certificate=7),
}
# Errors of CFSSL: HTTP status, code, message.
ERROR_FAULTS = {
    "database_locked": (400, 11000, "database is locked"),
    "not_found": (400, 11200, "failed to revoke the certificate: certificate not found"),
    "bad_request_1002": (400, 1002, "<script>evil</script> CANARY-CA-TEXT"),
    "weak_2400": (400, 2400, "RSA key is too weak"),
    "internal_0": (500, 0, "CANARY-CA-TEXT"),
}
# Faults of the connection or of HTTP; see _misbehave.
WIRE_FAULTS = ["hang", "drip", "reset_before_reading", "reset_after_reading", "close_after_reading",
               "close_reused", "close_idle", "garbage", "empty_body", "half_json", "html_500",
               "html_503", "html_200", "huge_body", "endless_body", "huge_headers", "redirect_301",
               "redirect_302", "redirect_307", "http10", "chunked", "short_length", "two_answers",
               "duplicate_members", "nul_in_answer", "success_false_200", "gzip"]
FAULTS = sorted([*CERTIFICATE_FAULTS, *RESULT_FAULTS, *ERROR_FAULTS, *WIRE_FAULTS])


# ---------------------------------------------------------------- what is remembered
@dataclass
class Received:
    """One request that arrived completely."""
    endpoint: str
    method: str
    path: str
    headers: dict
    body: bytes
    connection: int        # which connection, from 1
    nth: int               # which request on it, from 1
    peer_sha256: str       # of the TLS client certificate, "" without
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Issued:
    serial: int
    pem: str
    key_pem: str
    wanted: dict
    fault: str


@dataclass
class Revoked:
    serial: int
    reason: str
    aki: str


class Gone(Exception):
    """The connection is finished."""


class Held:
    """Requests that have arrived and wait."""

    def __init__(self):
        self.count = 0
        self.released = threading.Event()

    def wait(self, count=1, timeout=10):
        wait_until(lambda: self.count >= count, timeout, lambda: f"{count} held, {self.count} are")

    def release(self):
        self.released.set()


class FakeCA:
    """See the top of this file. aki: "hex" as today's CFSSL stores it, "empty" as Debian's."""

    def __init__(self, directory, aki="empty", tls=None, profiles=None, root=None, drip_s=0.2):
        directory.mkdir(parents=True, exist_ok=True)
        self.root = root or certs.issue([("O", "ACME Inc."), ("CN", "Issuing CA")], ca=True,
                                        usages=["cert sign", "crl sign"], days=3650)
        self.file = directory / "issuer.pem"
        self.file.write_text(self.root.pem)
        self.aki_mode = aki
        self.profiles = dict(profiles or PROFILES)
        self.drip_s = drip_s
        self.received, self.issued, self.revoked = [], [], []
        self.connections_opened = 0
        self.extra_latency_s = 0.0
        self._rsa = {}
        self._replayed = self._last_result = None
        self._queue = {}      # endpoint -> faults to come
        self._standing = {}   # endpoint -> fault until further notice
        self._held = {}
        self._lock = threading.Lock()
        self._open = set()
        self._tls = tls
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- for tests
    def fail(self, fault, times=1, endpoint="newcert"):
        assert fault in FAULTS, fault
        with self._lock:
            self._queue.setdefault(endpoint, []).extend([fault] * times)

    def replay(self):
        """From now on every newcert gets the last certificate once more."""
        self._replayed = self._last_result

    def always(self, fault, endpoint="newcert"):
        assert fault is None or fault in FAULTS, fault
        with self._lock:
            self._standing[endpoint] = fault

    @contextlib.contextmanager
    def hold(self, endpoint="newcert"):
        held = self._held[endpoint] = Held()
        try:
            yield held
        finally:
            self._held.pop(endpoint, None)
            held.release()

    def requests(self, endpoint="newcert"):
        with self._lock:
            return [r for r in self.received if r.endpoint == endpoint]

    def revocations(self, serial=None):
        with self._lock:
            return [r for r in self.revoked if serial in (None, r.serial)]

    def knows(self, serial):
        return any(one.serial == serial for one in list(self.issued))

    def close_idle_connections(self):
        with self._lock:
            for conn in self._open:
                with contextlib.suppress(OSError):
                    conn.shutdown(socket.SHUT_RDWR)

    def stop_listening(self):
        """From now on a connection is refused; open ones are cut."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_idle_connections()

    def listen_again(self):
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=256)
        self._stopping = False
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        for held in list(self._held.values()):
            held.release()
        if not self._stopping:
            self.stop_listening()

    # ---- connections
    def _accept(self):
        listener = self._listener
        while not self._stopping:
            try:
                conn, _ = listener.accept()
            except OSError:
                return
            self.connections_opened += 1
            number = self.connections_opened
            threading.Thread(target=self._serve, args=(conn, number), daemon=True).start()

    def _serve(self, conn, number):
        conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(conn)
        try:
            if self._peek_fault("newcert") == "reset_before_reading":
                conn.recv(1, socket.MSG_PEEK)  # the request is there, and stays unread
                self._take_fault("newcert")
                self._reset(conn)
                return
            peer = ""
            if self._tls:
                with self._lock:
                    self._open.discard(conn)
                conn = self._tls.wrap_socket(conn, server_side=True)
                with self._lock:
                    self._open.add(conn)
                shown = conn.getpeercert(binary_form=True)
                peer = hashlib.sha256(shown).hexdigest() if shown else ""
            self._serve_requests(conn, number, peer)
        except (OSError, Gone, ssl.SSLError):
            pass
        finally:
            with self._lock:
                self._open.discard(conn)
            conn.close()

    def _serve_requests(self, conn, number, peer):
        reader = conn.makefile("rb")
        nth = 0
        while True:
            nth += 1
            request = self._read(reader, number, nth, peer)
            with self._lock:
                self.received.append(request)
            self._answer(conn, request)

    @staticmethod
    def _read(reader, number, nth, peer):
        line = reader.readline(65536).decode("latin-1").rstrip("\r\n")
        if not line:
            raise Gone
        method, path, _ = line.split(" ")
        headers = {}
        while True:
            header = reader.readline(65536).decode("latin-1").rstrip("\r\n")
            if not header:
                break
            key, _, value = header.partition(":")
            headers[key.lower()] = value.strip()
        size = int(headers.get("content-length", "0"))
        body = reader.read(size)
        if len(body) != size:
            raise Gone
        endpoint = path[len(API):] if path.startswith(API) else path
        return Received(endpoint, method, path, headers, body, number, nth, peer)

    @staticmethod
    def _reset(conn):
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
        raise Gone

    # ---- faults
    def _peek_fault(self, endpoint):
        with self._lock:
            queue = self._queue.get(endpoint)
            return queue[0] if queue else self._standing.get(endpoint)

    def _take_fault(self, endpoint):
        with self._lock:
            queue = self._queue.get(endpoint)
            return queue.pop(0) if queue else self._standing.get(endpoint)

    def _answer(self, conn, request):
        held = self._held.get(request.endpoint)
        if held:
            with self._lock:
                held.count += 1
            held.released.wait(60)
        fault = self._take_fault(request.endpoint)
        if self.extra_latency_s:
            time.sleep(self.extra_latency_s)
        if fault in WIRE_FAULTS:
            self._misbehave(conn, request, fault)
        else:
            conn.sendall(http_answer(*self._result(request, fault)))

    def _misbehave(self, conn, request, fault):
        if fault == "close_reused":
            if request.nth > 1:
                raise Gone
            conn.sendall(http_answer(*self._result(request, None)))
            return
        if fault == "reset_after_reading":
            self._reset(conn)
        if fault in ("close_after_reading", "reset_before_reading"):
            raise Gone
        if fault == "hang":
            with contextlib.suppress(OSError):
                conn.recv(1)  # until the broker has had enough
            raise Gone
        if fault.startswith("redirect"):
            where = f"http://127.0.0.1:{self.port}{API}redirected"
            conn.sendall(http_answer(int(fault[-3:]), "", extra=[f"Location: {where}"]))
            return
        status, body = self._result(request, None)
        answer = http_answer(status, body)
        if fault == "drip":
            for at in range(len(answer)):
                conn.sendall(answer[at:at + 1])
                time.sleep(self.drip_s)
            return
        if fault == "endless_body":
            conn.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                conn.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        conn.sendall(broken_answer(fault, body, answer))
        if fault not in ("chunked",):
            raise Gone

    # ---- the CA itself
    def _result(self, request, fault):
        """HTTP status and body for a request, with the certificate's faults built in."""
        if fault in ERROR_FAULTS:
            status, code, message = ERROR_FAULTS[fault]
            return error(status, code, message)
        if request.endpoint == "newcert" and request.method == "POST":
            return self._newcert(request.json, fault)
        if request.endpoint == "revoke" and request.method == "POST":
            return self._revoke(request.json)
        if request.endpoint == "info" and request.method == "POST":
            usages, hours = self.profiles.get(request.json.get("profile") or "default")
            return success({"certificate": self.root.pem.strip(), "usages": usages,
                            "expiry": f"{hours}h"})
        if request.endpoint == "certinfo" and request.method == "POST":
            return self._certinfo(request.json)
        return 404, "404 page not found\n"

    def _key(self, wanted):
        size = wanted.get("size", 256)
        if wanted.get("algo", "ecdsa") == "ecdsa":
            return EcKey(CURVES[size])
        with self._lock:
            if size not in self._rsa:  # slow to make: one of each size
                self._rsa[size] = certs.RsaKey(size)
            return self._rsa[size]

    def _newcert(self, body, fault):
        wanted = body["request"]
        # As CFSSL: an unknown profile is silently the default one.
        usages, hours = self.profiles.get(body.get("profile") or "default",
                                          self.profiles["default"])
        subject = [(word, entry[word]) for word in SUBJECT_ORDER
                   for entry in wanted.get("names") or [] if entry.get(word)]
        if wanted.get("CN"):
            subject.append(("CN", wanted["CN"]))
        if wanted.get("serialnumber"):
            subject.append(("serialNumber", wanted["serialnumber"]))
        how = {"subject": subject, "key": self._key(wanted.get("key") or {}), "issuer": self.root,
               "usages": usages, "sans": list(wanted.get("hosts") or []), "hours": hours}
        if fault in CERTIFICATE_FAULTS:
            how.update(CERTIFICATE_FAULTS[fault](self, how))
        made = certs.issue(**how)
        result = {"private_key": made.key_pem, "certificate": made.pem,
                  "certificate_request": certs.request_pem(made.subject, made.key, how["sans"]),
                  "sums": {}}
        with self._lock:
            self.issued.append(Issued(made.serial, made.pem, made.key_pem, body, fault or ""))
        if fault in RESULT_FAULTS:
            RESULT_FAULTS[fault](result)
        if self._replayed:
            return success(self._replayed)
        self._last_result = result
        return success(result)

    def _certinfo(self, body):
        """By serial number and key id, as builds of today can."""
        expected = self.root.aki if self.aki_mode == "hex" else ""
        for one in list(self.issued):
            if str(one.serial) == body["serial"] and body["authority_key_id"] == expected:
                return success({"serial_number": str(one.serial), "pem": one.pem, "sans": []})
        return error(500, 0, "no certificate found")

    def _revoke(self, body):
        serial, aki = body.get("serial", ""), body.get("authority_key_id", "")
        expected = self.root.aki if self.aki_mode == "hex" else ""
        if aki != expected or not serial.isdigit() or not self.knows(int(serial)):
            return error(*ERROR_FAULTS["not_found"])
        with self._lock:
            self.revoked.append(Revoked(int(serial), body.get("reason", ""), aki))
        return success({})


# ---------------------------------------------------------------- answers
def success(result):
    return 200, json.dumps({"success": True, "result": result, "errors": [], "messages": []})


def error(status, code, message):
    return status, json.dumps({"success": False, "result": None,
                               "errors": [{"code": code, "message": message}], "messages": []})


def http_answer(status, body, extra=(), version="1.1"):
    body = body if isinstance(body, bytes) else body.encode()
    kind = "application/json" if status == 200 else "text/plain; charset=utf-8"
    head = [f"HTTP/{version} {status} Whatever", f"Content-Type: {kind}",
            f"Content-Length: {len(body)}", *extra]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def broken_answer(fault, body, answer):
    """The bytes of an answer that is wrong in one way; body is a sound one, answer all of it."""
    if fault == "garbage":
        return b"\x16\x03\x01\x02\x00\x01" * 40
    if fault == "empty_body":
        return http_answer(200, "")
    if fault == "half_json":
        return http_answer(200, body[:len(body) // 2])
    if fault.startswith("html_"):
        return http_answer(int(fault[5:]), "<html><body>CANARY-CA-TEXT</body></html>")
    if fault == "huge_body":
        return http_answer(200, body[:-1] + ', "padding": "' + "x" * (4 << 20) + '"}')
    if fault == "huge_headers":
        return http_answer(200, body, [f"X-Padding-{i}: {'x' * 1000}" for i in range(2000)])
    if fault == "http10":
        return http_answer(200, body, version="1.0")
    if fault == "chunked":
        raw = body.encode()
        half = len(raw) // 2
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (raw[:half], raw[half:], b""))
        return (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
    if fault == "short_length":  # promises more than comes
        return answer.replace(b"Content-Length: ", b"Content-Length: 9", 1)
    if fault == "two_answers":
        return answer + answer
    if fault == "duplicate_members":
        return http_answer(200, body[:-1] + ', "success": false}')
    if fault == "nul_in_answer":
        return http_answer(200, body.replace("-----BEGIN CERT", "\\u0000-----BEGIN CERT", 1))
    if fault == "success_false_200":
        return http_answer(200, body.replace('"success": true', '"success": false', 1))
    if fault == "close_idle":
        return answer
    if fault == "gzip":
        return http_answer(200, b"\x1f\x8b\x08\x00CANARY-CA-TEXT", ["Content-Encoding: gzip"])
    raise ValueError(fault)
