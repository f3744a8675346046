"""The CA is not to be trusted either: whatever it does, the client gets a certificate that is what
was authorised, or a clear answer that says what is known; never a second POST, never the CA's text.
"""
import base64
import socket
import ssl
import threading
import time

import pytest

import certs
import fake_ca
from assertions import assert_issued, assert_refused
from broker import Broker
from fake_ca import FakeCA
from pki import write
from waiting import wait_until

SHORT = {"timeout": "1s", "connect_timeout": "1s"}


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    fake = FakeCA(tmp_path_factory.mktemp("faults") / "ca")
    yield fake
    fake.stop()


@pytest.fixture(scope="module")
def broker(tmp_path_factory, pki, ca):
    with Broker(tmp_path_factory.mktemp("faults"), pki, ca, config={"ca": SHORT}) as one:
        yield one


def ask(broker, ca, fault, **how):
    """One newcert under one fault: the reply, and how many newcerts the CA received."""
    before = len(ca.requests())
    ca.fail(fault)
    with broker.client() as client:
        reply = client.newcert("ms1.acme.internal", "ms2.acme.internal", **how)
    return reply, len(ca.requests()) - before


# ---------------------------------------------------------------- the certificate is wrong
MISMATCH = {  # fault -> the field the record must name (any one of them)
    "wrong_san": {"names"}, "extra_san": {"names"}, "missing_san": {"names"}, "no_san": {"names"},
    "uri_san": {"names"}, "san_as_other_type": {"names"}, "nul_in_san": {"names"},
    "ca_true": {"ca"}, "too_long": {"validity"}, "expired": {"not_after"},
    "from_tomorrow": {"not_before"}, "wrong_eku": {"ext_key_usage"},
    "extra_eku": {"ext_key_usage"}, "no_eku": {"ext_key_usage"}, "wrong_ku": {"key_usage"},
    "other_issuer": {"signature", "aki", "issuer"}, "other_issuer_name": {"issuer"},
    "forged_signature": {"signature"}, "wrong_cn": {"common_name"}, "extra_subject": {"subject"},
    "version_1": {"version"}, "repeated_san": {"extensions", "names"},
    "unknown_critical": {"extensions"}, "weak_key": {"key"}, "other_key_type": {"key"},
    "other_key": {"key_pair"},
    "endless_cn": {"common_name", "subject"},  # more than a record can hold: its serial must do
}


@pytest.mark.parametrize("fault", MISMATCH)
def test_certificate_that_is_not_what_was_authorised(broker, ca, fault):
    reply, received = ask(broker, ca, fault)
    assert_refused(reply, "ca_mismatch")
    assert received == 1
    record = broker.audit().of_request(reply.request_id)[-1]
    assert record["type"] == "issue.fail"
    assert MISMATCH[fault] & set(record["mismatch"]), record["mismatch"]
    serial = ca.issued[-1].serial
    wait_until(lambda: ca.revocations(serial), 5, "the certificate to be revoked")
    broker_follows = [r for r in broker.audit().of_type("revoke.attempt")
                      if r.get("follows") == reply.request_id]
    assert len(broker_follows) == 1


def test_every_certificate_fault_is_tested():
    assert set(MISMATCH) == set(fake_ca.CERTIFICATE_FAULTS) | {"other_key"}


# ---------------------------------------------------------------- no answer that can be understood
UNKNOWN = ["hang", "drip", "reset_after_reading", "close_after_reading", "garbage", "empty_body",
           "half_json", "html_500", "html_503", "html_200", "huge_body", "endless_body",
           "huge_headers", "short_length", "duplicate_members", "nul_in_answer", "gzip",
           "redirect_301", "redirect_302", "redirect_307", "no_certificate", "empty_certificate",
           "no_key", "certificate_is_number", "success_false_200", "internal_0"]


@pytest.mark.parametrize("fault", UNKNOWN)
def test_answer_that_cannot_be_understood(broker, ca, fault):
    """Whether the CA acted is not known: said so, recorded so, and not tried again."""
    begun = time.monotonic()
    reply, received = ask(broker, ca, fault)
    assert_refused(reply, {"ca_unknown", "ca_mismatch", "ca_refused", "ca_temporary"})
    assert received == 1, "the CA was asked more than once"
    assert time.monotonic() - begun < 5
    kinds = [r["type"] for r in broker.audit().of_request(reply.request_id)]
    assert kinds in (["issue.attempt", "issue.unknown"], ["issue.attempt", "issue.fail"])
    if fault not in ("internal_0", "success_false_200", "html_503"):
        assert reply.reason in ("ca_unknown", "ca_mismatch")
    assert not ca.requests("redirected"), "a redirect was followed"


@pytest.mark.parametrize("fault", ["garbage_certificate", "two_certificates"])
def test_pem_that_is_not_one_certificate(broker, ca, fault):
    reply, received = ask(broker, ca, fault)
    assert_refused(reply, {"ca_mismatch", "ca_unknown"})
    assert received == 1


def test_reset_before_the_request_was_read(tmp_path, pki, ca):
    """Bytes were sent, so the CA may have acted as far as the broker can know."""
    with Broker(tmp_path, pki, ca, config={"ca": SHORT}) as one:
        reply, received = ask(one, ca, "reset_before_reading")
        assert_refused(reply, {"ca_unknown", "ca_unavailable"})
        assert received == 0


# ---------------------------------------------------------------- the CA says no
def test_temporary_error_may_be_tried_again(broker, ca):
    reply, received = ask(broker, ca, "database_locked")
    assert_refused(reply, "ca_temporary")
    assert received == 1
    assert broker.outcome(reply)["type"] == "issue.fail"
    assert broker.outcome(reply)["effect"] == "none"
    assert int(reply.headers["retry-after"]) >= 1


@pytest.mark.parametrize("fault", ["bad_request_1002", "weak_2400"])
def test_refusal_of_the_ca(broker, ca, fault):
    reply, received = ask(broker, ca, fault)
    assert_refused(reply, "ca_refused")
    assert received == 1
    assert broker.outcome(reply)["effect"] == "none"


def test_text_of_the_ca_is_recorded_but_not_relayed(broker, ca):
    reply, _ = ask(broker, ca, "bad_request_1002")
    assert b"CANARY" not in reply.body and b"script" not in reply.body
    assert "CANARY" in broker.outcome(reply)["upstream"]["message"]


# ---------------------------------------------------------------- good answers of another shape
@pytest.mark.parametrize("fault", ["http10", "chunked", "close_idle"])
def test_answers_of_another_shape(broker, ca, fault):
    reply, received = ask(broker, ca, fault)
    assert_issued(reply, "ms1.acme.internal", "ms2.acme.internal")
    assert received == 1
    with broker.client() as client:
        assert_issued(client.newcert())


def test_bytes_after_the_answer(broker, ca):
    """A second answer nobody asked for must not become the answer to the next request."""
    reply, received = ask(broker, ca, "two_answers")
    assert received == 1
    assert_issued(broker.client().newcert("a.pods.acme.internal"), "a.pods.acme.internal")
    assert reply.status in (200, 502)


# ---------------------------------------------------------------- never twice
def test_reused_connection_that_dies_is_not_asked_again(tmp_path, pki):
    """libcurl would silently send the POST a second time on a fresh connection."""
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": SHORT, "workers": 1}) as one:
        ca.always("close_reused")
        lost = issued = 0
        for _ in range(12):
            before = len(ca.requests())
            reply = one.client().newcert()
            assert len(ca.requests()) == before + 1, "the request was sent twice"
            if reply.status == 200:
                issued += 1
            else:
                assert_refused(reply, "ca_unknown")
                lost += 1
        attempts = one.audit().of_type("issue.attempt")
        assert len(attempts) == len(ca.requests()) == 12
        assert issued >= 1
    ca.stop()


def test_idle_connections_closed_by_the_ca(tmp_path, pki):
    """A pooled connection that is gone before anything was sent costs nothing."""
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": SHORT, "workers": 1}) as one:
        for _ in range(5):
            assert_issued(one.client().newcert())
            ca.close_idle_connections()
            wait_until(lambda: not ca._open, 5, "the fake CA to have closed")
        assert len(ca.requests()) == 5
    ca.stop()


# ---------------------------------------------------------------- the CA is not there
def test_refused_connection(tmp_path, pki):
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": SHORT}) as one:
        ca.stop_listening()
        reply = one.client().newcert()
        assert_refused(reply, "ca_unavailable")
        assert one.outcome(reply)["effect"] == "none"
        assert one.outcome(reply)["type"] == "issue.fail"
        ca.listen_again()
        wait_until(lambda: one.client().newcert().status == 200, 10, "the CA to be used again")
    ca.stop()


def test_failover_only_where_nothing_can_have_been_received(tmp_path, pki):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    ca = FakeCA(tmp_path / "ca")
    config = {"ca": {**SHORT, "upstreams": [{"url": dead}, {"url": ca.url}]}}
    with Broker(tmp_path, pki, ca, config=config) as one:
        assert_issued(one.client().newcert())  # the first cannot be connected: the second serves
    other = FakeCA(tmp_path / "other", root=ca.root)
    config["ca"]["upstreams"] = [{"url": ca.url}, {"url": other.url}]
    with Broker(tmp_path / "2", pki, ca, config=config) as one:
        ca.fail("reset_after_reading")
        assert_refused(one.client().newcert(), "ca_unknown")
        ca.fail("hang")
        assert_refused(one.client().newcert(), "ca_unknown")
        ca.fail("database_locked")
        assert_refused(one.client().newcert(), "ca_temporary")
        assert not other.received, "the second CA was asked although the first may have acted"
    ca.stop()
    other.stop()


# ---------------------------------------------------------------- the queue in front of it
def in_parallel(count, work):
    results = [None] * count
    threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, work(i)))
               for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def test_calls_in_flight_are_capped(tmp_path, pki):
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": {"max_in_flight": 3}}) as one:
        with ca.hold() as held:
            threads, replies = in_parallel(10, lambda i: one.client().newcert())
            held.wait(3)
            # A whole request that needs no CA shows that the broker has had its turn.
            for _ in range(3):
                assert one.client().whoami().status == 200
            assert held.count == 3
        for thread in threads:
            thread.join(20)
        assert [reply.status for reply in replies] == [200] * 10
        assert len(ca.requests()) == 10
    ca.stop()


def test_full_queue_is_answered_at_once(tmp_path, pki):
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": {"max_in_flight": 1, "queue": 4}}) as one:
        with ca.hold() as held:
            threads, replies = in_parallel(20, lambda i: one.client().newcert())
            held.wait(1)
            wait_until(lambda: sum(r is not None for r in replies) >= 10, 10,
                       "the surplus to be turned away")
        for thread in threads:
            thread.join(20)
        statuses = [reply.status for reply in replies]
        assert statuses.count(200) + statuses.count(503) == 20 and statuses.count(200) >= 5
        for reply in replies:
            if reply.status == 503:
                assert_refused(reply, "busy")
        assert len(ca.requests()) == statuses.count(200)
    ca.stop()


def test_queue_timeout(tmp_path, pki):
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca,
                config={"ca": {"max_in_flight": 1, "queue_timeout": "500ms"}}) as one:
        with ca.hold() as held:
            threads, replies = in_parallel(4, lambda i: one.client().newcert())
            held.wait(1)
            wait_until(lambda: sum(r is not None for r in replies) >= 1, 10)
        for thread in threads:
            thread.join(20)
        assert {reply.status for reply in replies} == {200, 503}
        assert_refused(next(r for r in replies if r.status == 503), "queue_timeout")
        assert len(ca.requests()) == sum(reply.status == 200 for reply in replies)
    ca.stop()


def test_one_client_cannot_starve_another(tmp_path, pki):
    """Alice fills the queue; Bob's one request is served among the first."""
    ca = FakeCA(tmp_path / "ca")
    with Broker(tmp_path, pki, ca, config={"ca": {"max_in_flight": 1, "queue": 64}}) as one:
        with ca.hold() as held:
            threads, _ = in_parallel(30, lambda i: one.client("alice").newcert())
            held.wait(1)
            wait_until(lambda: one.metrics()["certbroker_ca_queue"] >= 20, 10, "the queue to fill")
            bobs, replies = in_parallel(1, lambda i: one.client("bob").newcert("ms2.acme.internal"))
            before = one.metrics()["certbroker_ca_queue"]
            wait_until(lambda: one.metrics()["certbroker_requests_in_progress"] >= 31, 10)
            assert before >= 20
        for thread in threads + bobs:
            thread.join(30)
        assert replies[0].status == 200
        order = [received.json["request"]["CN"] for received in ca.requests()]
        assert order.index("ms2.acme.internal") < 12, order
    ca.stop()


# ---------------------------------------------------------------- TLS to the CA
@pytest.fixture
def tls_ca(tmp_path, pki):
    """A fake CA that wants a client certificate; (ca, config, server credential)."""
    server = pki.make_server("ca-server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.pem, server.key)
    context.load_verify_locations(pki.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    fake = FakeCA(tmp_path / "tls-ca", tls=context)
    config = {"ca": {**SHORT, "allow_http": None,
                     "tls": {"ca": str(pki.server_ca), "certificate": str(pki.alice.pem),
                             "key": str(pki.alice.key)}}}
    yield fake, config, server
    fake.stop()


def pin_of(credential):
    return "sha256//" + base64.b64encode(bytes.fromhex(credential.spki_sha256)).decode()


def test_tls_to_the_ca_with_pin(tls_ca, tmp_path, pki):
    ca, config, server = tls_ca
    config["ca"]["tls"]["pin"] = pin_of(server)
    with Broker(tmp_path, pki, ca, config=config) as one:
        assert_issued(one.client().newcert())
        assert ca.requests()[0].peer_sha256 == certs.read(pki.alice.pem.read_text()).sha256


def test_wrong_pin_of_the_ca(tls_ca, tmp_path, pki):
    ca, config, _ = tls_ca
    config["ca"]["tls"]["pin"] = pin_of(pki.server)
    with Broker(tmp_path, pki, ca, config=config) as one:
        assert_refused(one.client().newcert(), "ca_unavailable")
        assert not ca.received


def test_ca_with_a_certificate_of_somebody_else(tls_ca, tmp_path, pki):
    ca, config, _ = tls_ca
    config["ca"]["tls"]["ca"] = str(pki.client_ca)
    with Broker(tmp_path, pki, ca, config=config) as one:
        assert_refused(one.client().newcert(), "ca_unavailable")
        assert not ca.received


def test_rotated_client_certificate_is_shown_from_the_next_call_on(tls_ca, tmp_path, pki):
    """Idle connections made with the old one are not used any more."""
    ca, config, _ = tls_ca
    pem, key = tmp_path / "to-ca.pem", tmp_path / "to-ca.key"

    def show(who):
        write(pem, who.pem.read_text())
        write(key, who.key.read_text(), 0o600)

    show(pki.alice)
    config["ca"]["tls"].update(certificate=str(pem), key=str(key))
    config["workers"] = 1
    with Broker(tmp_path, pki, ca, config=config) as one:
        for _ in range(3):
            assert_issued(one.client().newcert())
        show(pki.bob)
        one.reload()
        assert_issued(one.client().newcert())
        seen = [received.peer_sha256 for received in ca.requests()]
        assert seen[-1] == certs.read(pki.bob.pem.read_text()).sha256
        assert set(seen[:3]) == {certs.read(pki.alice.pem.read_text()).sha256}


def test_certificate_that_was_issued_before_is_withheld(start, ca):
    """A CA that answers twice with one certificate would give two callers one key."""
    broker = start()
    first = broker.client("alice").newcert("ms1.acme.internal")
    assert_issued(first)
    serial = ca.issued[-1].serial
    ca.replay()
    again = broker.client("alice").newcert("ms1.acme.internal")
    assert_refused(again, "ca_mismatch")
    assert "private_key" not in again.body.decode()
    assert broker.audit().of_request(again.request_id)[-1]["mismatch"] == ["serial"]
    assert not ca.revocations(serial), "the one who has it keeps it"
