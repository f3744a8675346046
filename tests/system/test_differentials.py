"""Request bodies on which a naive broker and CFSSL disagree (tests/data/differentials.json).

For each: refused with a clear 4xx and not one call to the CA, or issued exactly as authorised. The
policy here is as open as a policy can reasonably be, so that it is the strictness of the parser
that is tested and not the narrowness of a rule.
"""
import base64
import copy
import json
import re

import pytest

import certs
import cfssl
from assertions import assert_envelope
from broker import ROOT, Broker, standard_policy

DATA = ROOT / "tests/data/differentials.json"
CASES = {case["id"]: case for case in json.loads(DATA.read_text())} if DATA.exists() else {}
ALLOWED_DNS = re.compile(r"[a-z0-9-]+\.acme\.internal\Z")
ALLOWED_IP = re.compile(r"10\.0\.0\.\d+\Z")


def open_policy(pki):
    policy = copy.deepcopy(standard_policy(pki))
    policy["rules"] = [{
        "id": "open", "clients": ["alice"], "actions": ["newcert", "revoke", "info"],
        "names": {"dns": ["*.acme.internal"], "ip": ["10.0.0.0/24"]},
        "common_name": "in_names", "subject": {"O": ["ACME"], "C": ["NL"]},
        "keys": {"ecdsa": [256, 384, 521], "rsa": {"min": 2048, "max": 4096}},
        "profiles": ["default"], "max_names": 5, "max_validity": "unlimited",
        "revoke": "own"}]
    return policy


@pytest.fixture(scope="module")
def fake(tmp_path_factory, pki, shared_ca):
    with Broker(tmp_path_factory.mktemp("diff"), pki, shared_ca, policy=open_policy(pki)) as one:
        yield one


@pytest.fixture(scope="module")
def real(tmp_path_factory, pki):
    if not cfssl.is_installed():
        pytest.skip("cfssl is not installed")
    ca = cfssl.Cfssl(tmp_path_factory.mktemp("cfssl"))
    try:
        with Broker(tmp_path_factory.mktemp("diff-real"), pki, ca, policy=open_policy(pki)) as one:
            yield one
    finally:
        ca.stop()


def request_of(case, own="1", other="2", aki=""):
    """Method, path and body bytes of a case."""
    endpoint = case["endpoint"]
    method, path = ("POST", f"/api/v1/cfssl/{endpoint}")
    if " " in endpoint:
        method, path = endpoint.split(" ", 1)
    if "body_b64" in case:
        return method, path, base64.b64decode(case["body_b64"])
    body = case["body"] if isinstance(case["body"], str) else json.dumps(case["body"])
    if "placeholders" in case:
        body = body.replace('"SERIAL"', f'"{own}"').replace('"OTHER"', f'"{other}"')
        body = body.replace('"AKI"', f'"{aki}"')
    return method, path, body.encode("utf-8", "surrogatepass")


def assert_exactly_authorised(pem, key_pem):
    """Nothing in the certificate goes beyond what the open policy allows."""
    facts = certs.read(pem)
    assert facts.sans, "a certificate without names"
    for kind, text in facts.sans:
        assert kind in ("dns", "ip"), (kind, text)
        assert (ALLOWED_DNS if kind == "dns" else ALLOWED_IP).match(text), (kind, text)
    assert not facts.is_ca and facts.ext_usages == {"server auth"} and facts.key_usages == 0xA0
    assert facts.common_name is None or ("dns", facts.common_name) in facts.sans \
        or ("ip", facts.common_name) in facts.sans
    assert set(facts.subject) - {("CN", facts.common_name)} <= {("O", "ACME"), ("C", "NL")}
    assert facts.key in ("ec-256", "ec-384", "ec-521", "rsa-2048", "rsa-4096"), facts.key
    assert facts.validity_s <= 720 * 3600
    assert set(facts.extension_oids) == {"2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19",
                                         "2.5.29.35", "2.5.29.37"}
    assert certs.public_of_key(key_pem) == facts.spki


NEWCERT = [name for name, case in CASES.items() if case["endpoint"] != "revoke"]
REVOKE = [name for name, case in CASES.items() if case["endpoint"] == "revoke"]


def test_the_cases_are_there():
    assert len(CASES) >= 130


@pytest.mark.parametrize("name", NEWCERT)
def test_newcert_and_paths(fake, shared_ca, name):
    calls, issued = len(shared_ca.received), len(shared_ca.issued)
    method, path, body = request_of(CASES[name])
    with fake.client() as client:
        reply = assert_envelope(client.ask(method, path, body))
    if reply.status == 200:
        assert CASES[name]["endpoint"] == "newcert"
        assert len(shared_ca.received) == calls + 1 and len(shared_ca.issued) == issued + 1
        assert_exactly_authorised(reply.result["certificate"], reply.result["private_key"])
    else:
        assert 400 <= reply.status < 500, reply
        assert len(shared_ca.received) == calls, "an unauthorised call to the CA"
    assert not shared_ca.revocations(), "the CA made something that had to be revoked"


@pytest.mark.parametrize("name", [name for name in NEWCERT
                                  if CASES[name]["endpoint"] == "newcert"
                                  and (CASES[name]["old_result"] or {}).get("status") == 200])
def test_newcert_with_the_real_ca(real, name):
    """Those that the real CFSSL would have granted."""
    before = set(real.ca.rows())
    method, path, body = request_of(CASES[name])
    with real.client() as client:
        reply = assert_envelope(client.ask(method, path, body))
    made = set(real.ca.rows()) - before
    if reply.status == 200:
        assert made == {certs.read(reply.result["certificate"]).serial}
        assert_exactly_authorised(reply.result["certificate"], reply.result["private_key"])
    else:
        assert 400 <= reply.status < 500, reply
        assert made == set()


@pytest.mark.parametrize("name", REVOKE)
def test_revoke(fake, shared_ca, name):
    """Only the certificate that was named, for a reason that exists, or nothing at all."""
    with fake.client() as client:
        own, other = (certs.read(client.newcert().result["certificate"]).serial for _ in "12")
        before = len(shared_ca.revoked)
        method, path, body = request_of(CASES[name], own, other, "")
        reply = assert_envelope(client.ask(method, path, body))
        made = shared_ca.revoked[before:]
        assert all(one.serial == own for one in made), "somebody else's certificate was revoked"
        if reply.status == 200:
            assert len(made) == 1 and made[0].reason == "superseded"
        else:
            assert 400 <= reply.status < 500 and not made, reply
        del shared_ca.revoked[before:]


def test_a_locked_database_is_temporary(fake, shared_ca):
    """CFSSL says 400 for it; to our client it is a 503 that may be tried again."""
    shared_ca.fail("database_locked")
    with fake.client() as client:
        reply = client.newcert()
    assert reply.status == 503 and "retry-after" in reply.headers


def test_no_client_sent_what_the_ca_received(fake, shared_ca):
    """Every body that reached the CA in this module has our own shape."""
    for received in shared_ca.requests():
        assert set(received.json) <= {"request", "profile"}
        assert set(received.json["request"]) <= {"CN", "hosts", "names", "key", "serialnumber"}
        assert set(received.json["request"]["key"]) == {"algo", "size"}
