"""The main job: a certificate for who may have it, from the real CFSSL and from the fake CA."""
import hashlib

import pytest

import cfssl
import certs
from assertions import assert_envelope, assert_issued
from broker import Broker
from client import newcert_body

ACME = [{"C": "NL", "ST": "North-Holland", "L": "Amsterdam", "O": "ACME Inc."}]


@pytest.fixture(scope="module")
def real_ca(tmp_path_factory):
    if not cfssl.is_installed():
        pytest.skip("cfssl is not installed")
    one = cfssl.Cfssl(tmp_path_factory.mktemp("cfssl"))
    yield one
    one.stop()


@pytest.fixture(scope="module")
def real(tmp_path_factory, pki, real_ca):
    with Broker(tmp_path_factory.mktemp("real"), pki, real_ca) as one:
        yield one


# ---------------------------------------------------------------- in front of the real CFSSL
def test_real_ca_issues_what_was_asked(real, real_ca):
    reply = real.client().newcert("ms1.acme.internal", "10.20.1.2", names=ACME)
    facts = assert_issued(reply, "ms1.acme.internal", "10.20.1.2", ca=real_ca)
    assert facts.subject[-1] == ("CN", "ms1.acme.internal")
    assert dict(facts.subject)["O"] == "ACME Inc." and dict(facts.subject)["C"] == "NL"
    assert facts.ext_usages == {"server auth"}
    assert facts.serial in real_ca.rows()


def test_real_ca_issues_rsa_2048(real, real_ca):
    reply = real.client().newcert("ms1.acme.internal", names=ACME, key={"algo": "rsa", "size": 2048})
    assert assert_issued(reply, "ms1.acme.internal", ca=real_ca).key == "rsa-2048"


def test_real_ca_issues_ecdsa_384(real, real_ca):
    reply = real.client().newcert("ms1.acme.internal", key={"algo": "ecdsa", "size": 384})
    assert assert_issued(reply, "ms1.acme.internal", ca=real_ca).key == "ec-384"


def test_real_ca_short_profile(real, real_ca):
    facts = assert_issued(real.client().newcert("ms1.acme.internal", profile="short"), ca=real_ca)
    assert facts.validity_s == 3600


def test_real_ca_wildcard_name(real, real_ca):
    reply = real.client().newcert("web.pods.acme.internal")
    assert_issued(reply, "web.pods.acme.internal", ca=real_ca)


def test_real_ca_audit_trail_names_everything(real, real_ca):
    reply = real.client().newcert("ms2.acme.internal", names=ACME)
    facts = assert_issued(reply, "ms2.acme.internal")
    attempt, done = real.audit().of_request(reply.request_id)
    assert (attempt["type"], done["type"]) == ("issue.attempt", "issue.ok")
    assert done["ref"] == attempt["seq"]
    assert attempt.client == "alice" and attempt.via == "mtls.uri"
    assert (attempt["rule"], attempt["owner"], attempt["ticket"]) == (
        "alice-server", "payments-team@acme.example", "SEC-1042")
    policy = hashlib.sha256(real.policy_file.read_bytes()).hexdigest()
    assert attempt["policy_sha256"] == policy
    assert (real.audit_dir / "policy" / f"{policy}.yaml").read_bytes() == \
        real.policy_file.read_bytes()
    assert attempt["want"]["dns"] == ["ms2.acme.internal"]
    assert attempt["want"]["cn"] == "ms2.acme.internal" and attempt["want"]["key"] == "ecdsa-256"
    assert done.serial_number == facts.serial and int(done["serial"], 16) == facts.serial
    assert done["cert_sha256"] == facts.sha256 and done["aki"] == facts.aki
    assert done["granted"]["dns"] == ["ms2.acme.internal"]
    assert done["not_after"] == facts.not_after.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_real_ca_revocation_reaches_the_certdb(real, real_ca):
    client = real.client()
    serial = assert_issued(client.newcert("ms1.acme.internal")).serial
    reply = client.revoke(serial, "cessationOfOperation")
    assert_envelope(reply)
    assert reply.status == 200 and reply.result == {}, reply
    status, reason, _, _ = real_ca.rows()[serial]
    assert (status, reason) == ("revoked", 5)


def test_real_ca_info(real, real_ca):
    reply = assert_envelope(real.client().info(label="", profile=""))
    assert certs.read(reply.result["certificate"]).serial == real_ca.root.serial
    assert "server auth" in reply.result["usages"] and reply.result["expiry"] == "720h"


# ---------------------------------------------------------------- what reaches the CA
def test_ca_receives_a_body_of_our_own(shared, shared_ca):
    """Canonical names, explicit key, nothing that was not understood."""
    before = len(shared_ca.requests())
    shared.client().newcert("MS1.Acme.Internal", "10.20.0.9", cn="ms1.acme.internal", names=ACME)
    (received,) = shared_ca.requests()[before:]
    asked = received.json
    assert set(asked) <= {"request", "profile"} and asked.get("profile") in (None, "default")
    assert set(asked["request"]) == {"CN", "hosts", "names", "key"}
    assert sorted(asked["request"]["hosts"]) == ["10.20.0.9", "ms1.acme.internal"]
    assert asked["request"]["CN"] == "ms1.acme.internal"
    assert asked["request"]["key"] == {"algo": "ecdsa", "size": 256}
    merged = {key: text for entry in asked["request"]["names"] for key, text in entry.items()}
    assert merged == ACME[0]


def test_ca_receives_no_header_of_the_client(shared, shared_ca):
    before = len(shared_ca.requests())
    shared.client().newcert(headers={
        "X-Evil": "CANARY-HEADER", "Cookie": "CANARY-COOKIE", "User-Agent": "CANARY-AGENT",
        "X-Forwarded-For": "CANARY-XFF", "Via": "CANARY-VIA"})
    (received,) = shared_ca.requests()[before:]
    assert "CANARY" not in str(received.headers) and "CANARY" not in received.path


def test_bearer_token_does_not_reach_the_ca(shared, shared_ca):
    before = len(shared_ca.requests())
    assert_issued(shared.bearer().newcert("ms2.acme.internal"))
    (received,) = shared_ca.requests()[before:]
    assert "authorization" not in received.headers and b"CANARY" not in received.body


def test_traceparent_is_passed_on(shared, shared_ca):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    before = len(shared_ca.requests())
    reply = shared.client().newcert(headers={"traceparent": trace})
    (received,) = shared_ca.requests()[before:]
    assert received.headers.get("traceparent") == trace
    assert shared.outcome(reply)["trace"] == trace


# ---------------------------------------------------------------- the answer
def test_answer_has_cfssl_members(shared):
    reply = assert_envelope(shared.client().newcert())
    assert {"private_key", "certificate", "certificate_request", "sums"} <= set(reply.result)
    raw = certs.der.unpem(reply.result["certificate"], "CERTIFICATE")
    sums = reply.result["sums"]["certificate"]
    assert sums["sha-1"] == hashlib.sha1(raw).hexdigest().upper()
    assert sums["md5"] == hashlib.md5(raw).hexdigest().upper()


def test_request_id_is_echoed(shared):
    reply = shared.client().newcert(headers={"X-Request-ID": "deploy-42.a"})
    assert reply.headers["x-request-id"] == "deploy-42.a"
    assert shared.outcome(reply)["client_req"] == "deploy-42.a"


def test_odd_request_id_is_not_echoed(shared):
    reply = shared.client().newcert(headers={"X-Request-ID": "a<b>\"c"})
    assert reply.status == 200 and "<" not in reply.headers["x-request-id"]


def test_as_many_names_as_a_record_holds(shared):
    """The cap on names is below what an attempt's record can hold: no request that is well-formed
    fails because it cannot be recorded."""
    names = [f"n{number:03}{'x' * 35}.pods.acme.internal" for number in range(100)]
    fits = shared.client().newcert(*names, cn=None)
    assert fits.status == 403 and fits.reason == "too_many_names"
    assert len(shared.outcome(fits)["want"]["dns"]) == 100
    over = shared.client().newcert(*("y" * 15 + name for name in names), cn=None)
    assert over.status == 413


def test_request_id_is_minted(shared):
    reply = shared.client().newcert()
    assert reply.headers["x-request-id"] == reply.request_id


def test_each_request_gets_its_own_key_and_serial(shared):
    client = shared.client()
    replies = [client.newcert() for _ in range(5)]
    assert len({assert_issued(reply).serial for reply in replies}) == 5
    assert len({reply.result["private_key"] for reply in replies}) == 5


def test_form_content_type_as_curl_sends_it(shared):
    reply = shared.client().ask("POST", "/api/v1/cfssl/newcert", None, {})
    assert reply.status == 411  # a POST without a length
    with shared.connect() as conn:
        body = b'{"request":{"CN":"ms1.acme.internal","hosts":["ms1.acme.internal"]}}'
        conn.send(b"POST /api/v1/cfssl/newcert HTTP/1.1\r\nHost: localhost\r\n"
                  b"Content-Type: application/x-www-form-urlencoded\r\n"
                  b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        assert_issued(conn.read_reply(), "ms1.acme.internal")


def test_pipelined_requests_are_answered_in_order(shared):
    with shared.connect() as conn:
        for host in ("ms1.acme.internal", "ms2.acme.internal", "ms1.acme.internal"):
            conn.request("POST", "/api/v1/cfssl/newcert", newcert_body(host))
        for host in ("ms1.acme.internal", "ms2.acme.internal", "ms1.acme.internal"):
            assert_issued(conn.read_reply(), host)


def test_bytes_that_trickle_in_make_one_request(shared):
    with shared.connect() as conn:
        body = b'{"request":{"CN":"ms1.acme.internal","hosts":["ms1.acme.internal"]}}'
        whole = (b"POST /api/v1/cfssl/newcert HTTP/1.1\r\nHost: localhost\r\n"
                 b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        for at in range(len(whole)):
            conn.send(whole[at:at + 1])
        assert_issued(conn.read_reply(), "ms1.acme.internal")


def test_repeated_hosts_are_one_name(shared):
    assert_issued(shared.client().newcert("ms1.acme.internal", "MS1.acme.internal"),
                  "ms1.acme.internal")


def test_ipv4_mapped_address_is_the_ipv4_address(shared):
    reply = shared.client().newcert("::ffff:10.20.0.5", cn=None)
    assert_issued(reply, "10.20.0.5")


def test_health_needs_no_credentials(shared):
    reply = assert_envelope(shared.client(None).get("/api/v1/cfssl/health"))
    assert reply.result == {"healthy": True}


def test_whoami(shared):
    reply = assert_envelope(shared.client("alice").whoami())
    assert reply.result["client"] == "alice"


@pytest.mark.parametrize("hosts,allowed,reason", [
    (["ms1.acme.internal"], True, "allowed"),
    (["evil.example"], False, "name_not_allowed"),
])
def test_explain_decides_without_asking_the_ca(shared, shared_ca, hosts, allowed, reason):
    before = len(shared_ca.received)
    reply = assert_envelope(shared.client().post("/v1/explain", newcert_body(*hosts)))
    assert (reply.result["allowed"], reply.result["reason"]) == (allowed, reason)
    assert len(shared_ca.received) == before


def test_hex_aki_build(tmp_path, pki, start):
    """Today's CFSSL stores the AKI in hex: `aki: auto` finds that out by itself."""
    from fake_ca import FakeCA
    ca = FakeCA(tmp_path / "hex", aki="hex")
    client = start(ca=ca).client()
    serial = assert_issued(client.newcert()).serial
    assert client.revoke(serial).status == 200
    assert ca.revocations(serial)[0].aki == ca.root.aki
    ca.stop()
