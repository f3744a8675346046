"""Malformed HTTP: 4xx in our envelope and the connection closed, whatever came after it; and limits
in time and number that hold."""
import socket
import ssl
import time

import pytest

from assertions import assert_envelope, assert_issued, assert_refused
from client import Closed, Connection, newcert_body
from waiting import wait_until

BODY = b'{"request":{"CN":"ms1.acme.internal","hosts":["ms1.acme.internal"]}}'
LENGTH = b"%d" % len(BODY)
PATH = b"/api/v1/cfssl/newcert"


def head(*lines, start=b"POST " + PATH + b" HTTP/1.1", host=b"Host: localhost", end=b"\r\n"):
    wanted = [start] + ([host] if host else []) + list(lines)
    return end.join(wanted) + end + end


def post(*lines, body=BODY, **how):
    return head(*lines, **how) + body


CL = b"Content-Length: " + LENGTH
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
MALFORMED = {
    # framing
    "two different lengths": post(CL, b"Content-Length: 1"),
    "the same length twice": post(CL, CL),
    "length and chunked": post(CL, b"Transfer-Encoding: chunked", body=CHUNKED),
    "chunked and length": post(b"Transfer-Encoding: chunked", CL, body=CHUNKED),
    "chunked": post(b"Transfer-Encoding: chunked", body=CHUNKED),
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked", body=CHUNKED),
    "chunked;q=1": post(b"Transfer-Encoding: chunked;q=1", body=CHUNKED),
    "identity": post(b"Transfer-Encoding: identity", CL),
    "tab chunked": post(b"Transfer-Encoding:\tchunked", body=CHUNKED),
    "chunked with NUL": post(b"Transfer-Encoding: chunked\0", body=CHUNKED),
    "chunked in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=CHUNKED,
                                start=b"POST " + PATH + b" HTTP/1.0"),
    "length +n": post(b"Content-Length: +" + LENGTH),
    "length -1": post(b"Content-Length: -1"),
    "length 0x": post(b"Content-Length: 0x44"),
    "length with a comma": post(b"Content-Length: " + LENGTH + b"," + LENGTH),
    "length with a NUL": post(b"Content-Length: " + LENGTH + b"\0"),
    "length with letters": post(b"Content-Length: " + LENGTH + b"a"),
    "length of 30 digits": post(b"Content-Length: " + b"9" * 30),
    "length 2^64": post(b"Content-Length: 18446744073709551616"),
    "empty length": post(b"Content-Length:"),
    "no length": post(),
    "GET with a body": post(CL, start=b"GET /v1/whoami HTTP/1.1"),
    # line ends
    "bare LF everywhere": post(CL, end=b"\n"),
    "bare LF in a header": post(CL + b"\nX: y"),
    "bare CR in a header": post(CL + b"\rX: y"),
    "CR CR LF": post(CL + b"\r"),
    "folded header": post(b"X-A: b\r\n c", CL),
    "folded header with a tab": post(b"X-A: b\r\n\tc", CL),
    "header that begins with a space": post(b" X-A: b", CL),
    "LF before the request": b"\n" + post(CL),
    "CRLF before the request": b"\r\n\r\n" + post(CL),
    # header names and values
    "space before the colon": post(b"Content-Length : " + LENGTH),
    "tab before the colon": post(b"Content-Length\t: " + LENGTH),
    "space before colon of TE": post(b"Transfer-Encoding : chunked", CL),
    "empty name": post(b": x", CL),
    "no colon": post(b"Nonsense", CL),
    "parenthesis in a name": post(b"X(a): b", CL),
    "byte over 127 in a name": post(b"X-\xe9: b", CL),
    "NUL in a name": post(b"X-\0a: b", CL),
    "NUL in a value": post(b"X-A: b\0c", CL),
    "DEL in a value": post(b"X-A: b\x7fc", CL),
    "escape in a value": post(b"X-A: \x1b[31m", CL),
    "byte over 127 in a value": post(b"X-A: \xff", CL),
    "two authorizations": post(b"Authorization: Bearer a", b"Authorization: Bearer b", CL),
    "two idempotency keys": post(b"Idempotency-Key: a", b"Idempotency-Key: b", CL),
    # host
    "no host": post(CL, host=None),
    "two hosts": post(b"Host: other", CL),
    "host with NUL": post(CL, host=b"Host: local\0host"),
    "host with a space": post(CL, host=b"Host: local host"),
    "host with a slash": post(CL, host=b"Host: localhost/x"),
    "host with user info": post(CL, host=b"Host: a@localhost"),
    # request line
    "absolute form": post(CL, start=b"POST http://localhost" + PATH + b" HTTP/1.1"),
    "authority form": head(start=b"CONNECT localhost:443 HTTP/1.1"),
    "asterisk form": head(start=b"OPTIONS * HTTP/1.1"),
    "HTTP/0.9": b"GET /v1/whoami\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.10": post(CL, start=b"POST " + PATH + b" HTTP/1.10"),
    "HTTP/1.2": post(CL, start=b"POST " + PATH + b" HTTP/1.2"),
    "HTTP/01.1": post(CL, start=b"POST " + PATH + b" HTTP/01.1"),
    "HTTP/2.0": post(CL, start=b"POST " + PATH + b" HTTP/2.0"),
    "http/1.1": post(CL, start=b"POST " + PATH + b" http/1.1"),
    "huge version": post(CL, start=b"POST " + PATH + b" HTTP/4294967297.1"),
    "no version": post(CL, start=b"POST " + PATH),
    "two spaces": post(CL, start=b"POST  " + PATH + b" HTTP/1.1"),
    "tab as space": post(CL, start=b"POST\t" + PATH + b"\tHTTP/1.1"),
    "space after the version": post(CL, start=b"POST " + PATH + b" HTTP/1.1 "),
    "space in the path": post(CL, start=b"POST " + PATH + b" x HTTP/1.1"),
    "NUL in the path": post(CL, start=b"POST " + PATH + b"\0 HTTP/1.1"),
    "byte over 127 in the path": post(CL, start=b"POST " + PATH + b"\xff HTTP/1.1"),
    "fragment": post(CL, start=b"POST " + PATH + b"#x HTTP/1.1"),
    "empty method": post(CL, start=b" " + PATH + b" HTTP/1.1"),
    "odd method": post(CL, start=b"PO(ST " + PATH + b" HTTP/1.1"),
    "TLS inside": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60),
    "zeros": bytes(200),
    # sizes
    "request line over the cap": head(start=b"GET /" + b"a" * 20000 + b" HTTP/1.1"),
    "one header over the cap": post(b"X-A: " + b"a" * 20000, CL),
    "many headers": post(*[b"X-%d: a" % i for i in range(2000)], CL),
    "body over the cap": post(b"Content-Length: 65537", body=b""),
    "odd expectation": post(b"Expect: 200-ok", CL),
}


def smuggled(host=b"ms2.acme.internal"):
    """What must not be taken for a second request."""
    body = BODY.replace(b"ms1.acme.internal", host)
    return post(b"Content-Length: %d" % len(body), body=body)


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_request_is_refused_and_closes(shared, shared_ca, name):
    before = len(shared_ca.received)
    with shared.connect() as conn:
        try:
            conn.send(MALFORMED[name] + smuggled())
        except (ConnectionError, ssl.SSLError):
            pass  # it was refused before all of it was sent
        reply = assert_envelope(conn.read_reply())
        assert 400 <= reply.status < 500, reply
        assert reply.headers.get("connection", "").lower() == "close"
        assert conn.is_closed(), "another answer came: the rest was taken for a request"
    assert len(shared_ca.received) == before
    records = shared.audit().of_request(reply.request_id)
    assert all(record["type"] in ("request.refused", "authn.fail") for record in records)


def test_broker_still_works_after_all_that(shared):
    assert_issued(shared.client().newcert("ms1.acme.internal"), "ms1.acme.internal")


GOOD = {
    "lower-case header names": post(b"content-length: " + LENGTH, host=b"host: localhost"),
    "no space after the colon": post(b"Content-Length:" + LENGTH),
    "spaces around a value": post(b"Content-Length:  \t" + LENGTH + b" \t "),
    "leading zero in the length": post(b"Content-Length: 0" + LENGTH),
    "unknown headers": post(b"X-Anything: b", b"Accept: */*", b"X-Anything: c", CL),
    "HTTP/1.0": post(CL, start=b"POST " + PATH + b" HTTP/1.0", host=None),
    "host with a port": post(CL, host=b"Host: broker.acme.internal:8443"),
    "host that is an IPv6 address": post(CL, host=b"Host: [::1]:8443"),
}


@pytest.mark.parametrize("name", [name for name in GOOD if name != "leading zero in the length"])
def test_good_request(shared, name):
    with shared.connect() as conn:
        conn.send(GOOD[name])
        assert_issued(conn.read_reply(), "ms1.acme.internal")


def test_http10_closes(shared):
    with shared.connect() as conn:
        conn.send(GOOD["HTTP/1.0"])
        assert conn.read_reply().headers["connection"].lower() == "close"
        assert conn.is_closed_cleanly()


def test_connection_close_is_honoured_and_announced_by_tls(shared):
    with shared.connect() as conn:
        conn.send(head(b"Connection: close", start=b"GET /v1/whoami HTTP/1.1"))
        assert conn.read_reply().status == 200
        assert conn.is_closed_cleanly(), "no close_notify"


def test_expect_100_continue(shared):
    with shared.connect() as conn:
        conn.send(head(b"Expect: 100-continue", CL))
        assert conn.read_reply(head_only=True).status == 100
        conn.send(BODY)
        assert_issued(conn.read_reply(), "ms1.acme.internal")


def test_keep_alive_serves_many(shared):
    with shared.connect() as conn:
        for _ in range(50):
            assert conn.ask("GET", "/v1/whoami").status == 200


def test_head_of_a_malformed_request_in_pieces(shared):
    with shared.connect() as conn:
        for byte in b"GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\nBad Name: x":
            try:
                conn.send(bytes((byte,)))
            except (ConnectionError, ssl.SSLError):
                break
        assert_refused(conn.read_reply(), "bad_request")
        assert conn.is_closed()


# ---------------------------------------------------------------- time
@pytest.fixture
def hasty(start):
    return start(config={"limits": {"handshake": "1s", "head_time": "1s", "body_time": "1s",
                                    "request_time": "30s", "idle": "2s"}})


def trickle(conn, data, interval=0.05, most=6.0):
    """Send one byte at a time until the peer has had enough; how long that took."""
    begun = time.monotonic()
    try:
        for at in range(len(data)):
            conn.send(data[at:at + 1])
            conn.socket.settimeout(interval)
            try:
                conn._more()
                return time.monotonic() - begun
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            if time.monotonic() - begun > most:
                break
    except (Closed, OSError):
        return time.monotonic() - begun
    raise AssertionError("a slow client is served for ever")


def test_slow_head_is_cut_at_an_absolute_deadline(hasty):
    with hasty.connect() as conn:
        took = trickle(conn, head(b"X-Slow: " + b"a" * 2000))
    assert 0.8 < took < 4


def test_slow_body_is_cut_at_an_absolute_deadline(hasty):
    with hasty.connect() as conn:
        conn.send(head(b"Content-Length: 2000"))
        took = trickle(conn, b" " * 2000)
    assert 0.8 < took < 4


def test_silent_connections_are_cut(hasty):
    quiet = socket.create_connection(hasty.addresses["tls"], timeout=10)  # no handshake
    idle = hasty.connect()                                                # a handshake, no request
    begun = time.monotonic()
    assert quiet.recv(1) == b""
    assert time.monotonic() - begun < 5
    assert idle.is_closed()
    assert time.monotonic() - begun < 8
    assert_issued(hasty.client().newcert())


def test_idle_keep_alive_is_cut(hasty):
    with hasty.connect() as conn:
        assert conn.ask("GET", "/v1/whoami").status == 200
        begun = time.monotonic()
        assert conn.is_closed_cleanly()
        assert 1 < time.monotonic() - begun < 6


def test_client_that_does_not_read_is_cut(start):
    """Answers pile up for nobody: bounded, then closed."""
    broker = start(config={"limits": {"request_time": "2s", "idle": "2s"}})
    with broker.connect() as conn:
        conn.socket.settimeout(1)
        ask = head(start=b"GET /v1/whoami HTTP/1.1")
        begun = time.monotonic()
        with pytest.raises((OSError, ssl.SSLError)):
            while time.monotonic() - begun < 20:
                try:
                    conn.send(ask * 50)
                except (TimeoutError, ssl.SSLWantWriteError):
                    wait_until(lambda: time.monotonic() - begun > 20 or _is_dead(conn), 20,
                               "the connection to be cut")
                    raise ConnectionResetError from None
    assert_issued(broker.client().newcert())


def _is_dead(conn):
    try:
        conn.socket.send(b"")
        return conn.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or \
            _tcp_state(conn.socket) != 1
    except OSError:
        return True


def _tcp_state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


# ---------------------------------------------------------------- number
def test_connection_cap_per_peer(start):
    broker = start(config={"workers": 1, "limits": {"connections_per_peer": 4}})
    kept = [broker.connect() for _ in range(4)]
    for conn in kept:
        assert conn.ask("GET", "/v1/whoami").status == 200
    refused = 0
    try:
        with broker.connect() as conn:
            conn.ask("GET", "/v1/whoami")
    except (Closed, OSError):
        refused += 1
    assert refused == 1
    kept.pop().close()

    def served():
        try:
            with broker.connect() as conn:
                return conn.ask("GET", "/v1/whoami").status == 200
        except (Closed, OSError):
            return False
    wait_until(served, 5, "a place to be free again")


def test_requests_per_connection_cap(start):
    broker = start(config={"limits": {"requests_per_connection": 5}})
    with broker.connect() as conn:
        replies = [conn.ask("GET", "/v1/whoami") for _ in range(5)]
        assert [r.headers.get("connection", "") for r in replies[:4]].count("close") == 0
        assert replies[4].headers["connection"].lower() == "close"
        assert conn.is_closed_cleanly()


def test_descriptor_limit_does_not_spin(start):
    """At RLIMIT_NOFILE accept() fails: the broker waits instead of burning the processor."""
    broker = start(wrap=["prlimit", "--nofile=64:64"], config={"workers": 1})
    open_ones = []
    for _ in range(100):
        open_ones.append(socket.create_connection(broker.addresses["tls"], timeout=5))
    before, begun = cpu_seconds(broker.pid), time.monotonic()
    wait_until(lambda: time.monotonic() - begun > 1.0, 5)  # a second in which nothing should happen
    assert cpu_seconds(broker.pid) - before < 0.5
    for one in open_ones:
        one.close()

    def served():
        try:
            return broker.client().newcert().status == 200
        except (Closed, OSError):
            return False
    wait_until(served, 10, "the broker to serve again")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


# ---------------------------------------------------------------- plain HTTP on loopback
def test_plain_listener_serves_bearer_tokens(start):
    broker = start(config={"listen": [{"tls": "127.0.0.1:0"}, {"plain": "127.0.0.1:0"}]})
    from broker import ROBOT_TOKEN
    with Connection(broker.addresses["plain"]) as conn:
        reply = conn.ask("POST", "/api/v1/cfssl/newcert", newcert_body("ms2.acme.internal"),
                         {"Authorization": f"Bearer {ROBOT_TOKEN}"})
        assert_issued(reply, "ms2.acme.internal")
        assert_refused(conn.ask("GET", "/v1/whoami"), "unauthenticated")


def test_plain_listener_only_on_loopback(start):
    broker = start(start=False)
    broker.write_config({"listen": [{"plain": "0.0.0.0:0"}]})
    done = broker.check()
    assert done.returncode == 1 and "loopback" in done.stderr


def test_plain_http_on_the_tls_port_gets_no_answer(shared, shared_ca):
    before = len(shared_ca.received)
    with Connection(shared.addresses["tls"]) as conn:
        conn.send(post(CL))
        data = b""
        try:
            while True:
                more = conn.socket.recv(4096)
                if not more:
                    break
                data += more
        except OSError:
            pass
    assert b"200" not in data[:12] and b"PRIVATE" not in data
    assert len(shared_ca.received) == before
