"""TLS at the front door: what is spoken, who is let in, what is never resumed."""
import socket
import ssl
import subprocess
import time

import pytest

import certs
from assertions import assert_issued
from client import Closed
from ec import EcKey


def handshake(broker, who="alice", change=None):
    """Version and cipher; a request goes through too, since TLS 1.3 refuses client certificates
    only after the client believes to be done."""
    with broker.client(who, change=change).connect() as conn:
        conn.ask("GET", "/v1/whoami")
        return conn.socket.version(), conn.socket.cipher()[0]


def only(version, ciphers=None):
    def change(context):
        context.minimum_version = context.maximum_version = version
        if ciphers:
            context.set_ciphers(ciphers)
    return change


@pytest.mark.parametrize("version,word", [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"),
                                          (ssl.TLSVersion.TLSv1_3, "TLSv1.3")])
def test_versions_spoken(shared, version, word):
    assert handshake(shared, change=only(version))[0] == word


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(shared, version):
    with pytest.raises((ssl.SSLError, Closed, OSError)):
        handshake(shared, change=only(version, "ALL:@SECLEVEL=0"))


@pytest.mark.parametrize("ciphers", [
    "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", "ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0",
    "ECDHE-RSA-AES128-SHA:@SECLEVEL=0", "AES128-GCM-SHA256:@SECLEVEL=0", "AES256-SHA:@SECLEVEL=0",
    "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", "aNULL:@SECLEVEL=0", "PSK:@SECLEVEL=0"])
def test_ciphers_without_aead_or_forward_secrecy_are_refused(shared, ciphers):
    with pytest.raises((ssl.SSLError, Closed, OSError)):
        handshake(shared, change=only(ssl.TLSVersion.TLSv1_2, ciphers))


@pytest.mark.parametrize("ciphers", ["ECDHE-ECDSA-AES128-GCM-SHA256",
                                     "ECDHE-ECDSA-AES256-GCM-SHA384",
                                     "ECDHE-ECDSA-CHACHA20-POLY1305"])
def test_good_ciphers(shared, ciphers):
    assert handshake(shared, change=only(ssl.TLSVersion.TLSv1_2, ciphers))[1] == ciphers


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(shared, version):
    context = shared.tls("alice", only(version))
    sessions = []
    for _ in range(2):
        raw = socket.create_connection(shared.addresses["tls"], timeout=10)
        with context.wrap_socket(raw, server_hostname="localhost",
                                 session=sessions[0] if sessions else None) as tls:
            tls.sendall(b"GET /v1/whoami HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200" in tls.recv(4096)[:16]
            assert not tls.session_reused
            assert tls.session is None or not tls.session.has_ticket
            if tls.session is not None:
                sessions.append(tls.session)


def test_no_renegotiation(shared, pki):
    """openssl s_client's "R" asks for one."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % shared.addresses["tls"][1],
         "-tls1_2", "-cert", str(pki.alice.pem), "-key", str(pki.alice.key),
         "-CAfile", str(pki.server_ca)], input=b"R\n", capture_output=True, timeout=20,
        check=False)
    assert b"no renegotiation" in done.stderr + done.stdout or done.returncode != 0


def test_server_certificate_is_the_configured_one(shared, pki):
    with shared.connect() as conn:
        shown = conn.socket.getpeercert(binary_form=True)
    assert shown == pki.server.certificate.der


def test_no_http2_is_offered(shared):
    def change(context):
        context.set_alpn_protocols(["h2", "http/1.1"])
    with shared.client(change=change).connect() as conn:
        assert conn.socket.selected_alpn_protocol() in (None, "http/1.1")
        assert conn.ask("GET", "/v1/whoami").status == 200


# ---------------------------------------------------------------- client certificates
BAD = ["expired", "not-yet-valid", "server-auth-only", "version-1", "other-ca-same-name",
       "self-signed", "forged-signature", "issued-by-a-leaf"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", BAD)
def test_bad_client_certificate_never_reaches_a_request(shared, shared_ca, pki, kind, version):
    before = len(shared_ca.received)
    with pytest.raises((ssl.SSLError, Closed, OSError)):
        with shared.client(pki.bad[kind], change=only(version)).connect() as conn:
            reply = conn.ask("GET", "/v1/whoami")
            pytest.fail(f"answered: {reply!r}")
    assert len(shared_ca.received) == before


def test_certificate_that_expires_on_an_open_connection(broker, pki):
    """Keep-alive does not outlive the certificate."""
    end = certs.now() + certs.datetime.timedelta(seconds=3)
    brief = pki.make_client("brief", [("uri", "spiffe://acme.internal/ns/pay/sa/api")],
                            not_before=end - certs.datetime.timedelta(hours=1), not_after=end)
    with broker.client(brief).connect() as conn:
        assert conn.ask("GET", "/v1/whoami").status == 200
        deadline = time.monotonic() + 15
        while True:
            try:
                status = conn.ask("GET", "/v1/whoami").status
            except Closed:
                break
            if status == 401:
                break
            assert status == 200
            assert time.monotonic() < deadline, "an expired certificate still works"


def test_huge_client_certificate(shared, pki):
    """A certificate with 3,000 names: refused or served, in bounded time, and the broker lives."""
    names = [("dns", f"n{i}.clients.acme.internal") for i in range(3000)]
    big = pki.make_client("big", names)
    begun = time.monotonic()
    try:
        with shared.client(big).connect() as conn:
            assert conn.ask("GET", "/v1/whoami").status == 401
    except (ssl.SSLError, Closed, OSError):
        pass
    assert time.monotonic() - begun < 5
    assert_issued(shared.client().newcert())


def test_certificate_with_a_nul_in_its_name(shared, pki):
    odd = pki.make_client("nul", [("uri", b"spiffe://acme.internal/ns/pay/sa/api\0.evil")])
    try:
        with shared.client(odd).connect() as conn:
            assert conn.ask("GET", "/v1/whoami").status == 401
    except (ssl.SSLError, Closed, OSError):
        pass


def test_repeated_san_extension(shared, pki):
    extra = certs.extension("2.5.29.17", certs.der.seq(
        certs.general_name(("uri", "spiffe://acme.internal/ns/pay/sa/api"))))
    odd = pki.make_client("repeated", [("uri", "spiffe://acme.internal/ns/x/sa/y")],
                          extra=[extra])
    try:
        with shared.client(odd).connect() as conn:
            assert conn.ask("GET", "/v1/whoami").status == 401
    except (ssl.SSLError, Closed, OSError):
        pass


def test_garbage_instead_of_a_handshake(shared):
    for garbage in (b"\0" * 100, b"\x16\x03\x01\xff\xff" + b"A" * 500, b"SSH-2.0-x\r\n"):
        with socket.create_connection(shared.addresses["tls"], timeout=10) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            try:
                while raw.recv(4096):
                    pass
            except OSError:
                pass
    assert_issued(shared.client().newcert())


def test_handshake_abandoned_half_way(shared):
    for _ in range(20):
        raw = socket.create_connection(shared.addresses["tls"], timeout=10)
        context = shared.tls("alice")
        tls = context.wrap_socket(raw, server_hostname="localhost", do_handshake_on_connect=False)
        tls.setblocking(False)
        try:
            tls.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass
        tls.close()
    assert_issued(shared.client().newcert())


def test_key_that_is_not_the_certificates(start, pki):
    broker = start(start=False)
    from pki import write
    wrong = write(pki.dir / "wrong.key", certs.key_pem(EcKey()), 0o600)
    broker.write_config({"tls": {"key": str(wrong)}})
    done = broker.check()
    assert done.returncode == 1 and "wrong.key" in done.stderr


def test_key_that_others_may_read(start, pki):
    broker = start(start=False)
    from pki import write
    loose = write(pki.dir / "loose.key", pki.server.key.read_text(), 0o644)
    broker.write_config({"tls": {"key": str(loose)}})
    done = broker.check()
    assert "loose.key" in done.stderr
