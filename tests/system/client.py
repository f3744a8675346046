"""client.py - a small HTTP/1.1 client over TLS: strict about what comes back, free about what goes
out, so that tests can send any bytes."""
import json
import socket
import ssl
import struct

TIMEOUT_S = 20


class Closed(Exception):
    """The peer closed or reset the connection before a whole answer."""


class Reply:
    """One answer."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def reason(self):
        return self.json.get("reason")

    @property
    def result(self):
        return self.json["result"]

    @property
    def request_id(self):
        return self.json.get("request_id")

    @property
    def message(self):
        errors = self.json["errors"]
        return errors[0]["message"] if errors else ""

    def __repr__(self):
        return f"<Reply {self.status} {self.body[:300]!r}>"


def tls_context(ca_file, credential=None, change=None):
    """A client context: verifies the server, shows the credential. change(context): last word."""
    context = ssl.create_default_context(cafile=str(ca_file))
    if credential:
        context.load_cert_chain(credential.pem, credential.key)
    if change:
        change(context)
    return context


class Connection:
    """One connection; tls None for plain HTTP."""

    def __init__(self, address, tls=None, timeout=TIMEOUT_S):
        self.socket = socket.create_connection(address, timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            try:
                self.socket = tls.wrap_socket(self.socket, server_hostname="localhost",
                                              suppress_ragged_eofs=False)
            except BaseException:
                self.socket.close()
                raise
        self.buffer = b""

    # ---- raw
    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except socket.timeout:
            raise
        except (ConnectionError, ssl.SSLError) as why:
            raise Closed(str(why)) from why
        if not data:
            raise Closed("closed")
        self.buffer += data

    def read_reply(self, head_only=False):
        """One whole answer, held to the form that the broker promises."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode("ascii").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), lines[0]
        headers = {}
        for line in lines[1:]:
            key, _, value = line.partition(":")
            assert key.lower() not in headers, f"{key} is repeated"
            headers[key.lower()] = value.strip()
        size = 0 if head_only or int(status) == 100 else int(headers["content-length"])
        while len(self.buffer) < size:
            self._more()
        body, self.buffer = self.buffer[:size], self.buffer[size:]
        return Reply(int(status), headers, body)

    def is_closed_cleanly(self):
        """Nothing more comes and the peer says so: close_notify on TLS, FIN on TCP."""
        try:
            self._more()
        except Closed as why:
            return str(why) == "closed" and not self.buffer
        return False

    def is_closed(self):
        """Nothing more comes, however the connection ended."""
        try:
            while True:
                self._more()
        except Closed:
            return not self.buffer

    # ---- requests
    def request(self, method, path, body=None, headers=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def ask(self, method, path, body=None, headers=None):
        self.request(method, path, body, headers)
        return self.read_reply()

    def close(self):
        self.socket.close()

    def reset(self):
        """RST instead of FIN: the client is dead."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Client:
    """A caller: keeps one connection open and makes a new one when it was closed in between."""

    def __init__(self, address, tls=None, headers=None):
        self.address, self.tls, self.headers = address, tls, dict(headers or {})
        self._open = None

    def connect(self, timeout=TIMEOUT_S):
        return Connection(self.address, self.tls, timeout)

    def ask(self, method, path, body=None, headers=None):
        every = {**self.headers, **(headers or {})}
        if self._open is None:
            self._open = self.connect()
        try:
            reply = self._open.ask(method, path, body, every)
        except BaseException:
            self.close()
            raise
        if reply.headers.get("connection", "").lower() == "close":
            self.close()
        return reply

    def get(self, path, headers=None):
        return self.ask("GET", path, None, headers)

    def post(self, path, body, headers=None):
        return self.ask("POST", path, body, headers)

    def newcert(self, *hosts, headers=None, **ask):
        return self.post("/api/v1/cfssl/newcert", newcert_body(*hosts, **ask), headers)

    def revoke(self, serial, reason="superseded", headers=None, **more):
        body = {"serial": str(serial), "reason": reason, **more}
        return self.post("/api/v1/cfssl/revoke", body, headers)

    def explain(self, *hosts, **ask):
        return self.post("/v1/explain", newcert_body(*hosts, **ask))

    def info(self, **body):
        return self.post("/api/v1/cfssl/info", body)

    def whoami(self, headers=None):
        return self.get("/v1/whoami", headers)

    def close(self):
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def newcert_body(*hosts, cn="", names=None, key=None, profile=None, on_behalf_of=None):
    """CFSSL's newcert body. cn "": the first host; None: no CN member."""
    hosts = list(hosts or ["ms1.acme.internal"])
    request = {"hosts": hosts, "key": key or {"algo": "ecdsa", "size": 256}}
    if cn is not None:
        request["CN"] = cn or hosts[0]
    if names:
        request["names"] = names
    body = {"request": request}
    if profile:
        body["profile"] = profile
    if on_behalf_of:
        body["on_behalf_of"] = on_behalf_of
    return body
